using DeviceRegistry.Core;
using Npgsql;

namespace DeviceRegistry.Postgres.Tests;

/// <summary>The rule of two people that the database enforces: each statement runs as SQL under the service's own
/// role.</summary>
public sealed class FourEyesTests : OnDatabase
{
    private const string ApprovedLift =
        "UPDATE orders SET approved_by = 4, approved_at = now(), state = 5 WHERE number = 3; ";

    [SetUp]
    public Task People() => ExecuteAsync(Service, """
        INSERT INTO parties (id, name, kind, active, plmns) OVERRIDING SYSTEM VALUE
          VALUES (1, 'pta', 1, true, '{}'), (2, 'maker', 4, true, '{}');
        INSERT INTO actors (id, name, party_id, kind, active, key, revoked_keys, key_set_by) OVERRIDING SYSTEM VALUE
          SELECT n, 'regulator-' || n, 1, 1, true, '', '{}', '{}' FROM generate_series(1, 4) n;
        INSERT INTO authorizations (number, party_id, kind, valid_from, valid_until, legal_basis, state, quota_units)
          VALUES ('M', 2, 1, '2021-01-01', '2031-01-01', 'law', 1, 0);
        INSERT INTO batches (number, party_id, reference, dry_run, authorization_number, produced_on, origin, model,
          declared_units, digest, file_digest, units, imeis, content_hash, state,
            opened_by, opened_at, expires_at, chunks, chunk_bytes, sealed_by, stored_units, stored_imeis, withdrawing,
              reject_reason, reject_message, reject_field, reject_expected, line_errors, registered_at)
          OVERRIDING SYSTEM VALUE SELECT n, 2, 'B' || n, n = 3, 'M', '2026-01-01', 1, 'X', 1, '', '', 1, 1, '', s, 1,
            now(), CASE WHEN s IN (1, 3, 4) THEN now() END, 0, 0,
            CASE WHEN s > 1 THEN 1 END, 0, 0, false, '', '', '', '', 0, CASE WHEN s >= 5 THEN now() END
              FROM (VALUES (1, 5), (2, 1), (3, 4)) b (n, s);
        INSERT INTO changes (number, kind, body, state, proposed_by, proposed_at) OVERRIDING SYSTEM VALUE
          VALUES (1, 1, '', 1, 1, now());
        INSERT INTO policies (version, state, body, proposed_by) VALUES (1, 1, '', 1);
        INSERT INTO orders (number, action, order_class, state, reason, check_reason, basis, reference, drafted_by,
          drafted_at, evidence, end_reason, notice_waiver, notice_reference, notice_channel, notice_evidence)
          OVERRIDING SYSTEM VALUE SELECT n, 1, 3, 1, 'STOLEN', 6, 'FIR', 'C-' || n, 1, now(), '{}', '', '', '', '', ''
            FROM generate_series(1, 2) n;
        INSERT INTO orders (number, action, order_class, state, reason, check_reason, basis, reference, drafted_by,
          drafted_at, evidence, end_reason, notice_waiver, notice_reference, notice_channel, notice_evidence)
          OVERRIDING SYSTEM VALUE VALUES (4, 1, 4, 1, 'FINANCE_DEFAULT', 19, 'contract', 'C-4', 1, now(), '{}', '', '',
            '', '', '');
        UPDATE orders SET approved_by = 2, approved_at = now(), state = 3 WHERE number = 2;
        INSERT INTO orders (number, action, order_class, state, reason, check_reason, basis, reference, drafted_by,
          drafted_at, against, against_drafted_by, against_approved_by, evidence, end_reason, notice_waiver,
          notice_reference, notice_channel, notice_evidence)
          OVERRIDING SYSTEM VALUE VALUES (3, 2, 3, 1, 'STOLEN', 6, 'found', 'L-1', 3, now(), 2, 1, 2, '{}', '', '', '',
            '', ''),
            (5, 3, 3, 1, 'STOLEN', 6, 'tribunal', 'S-1', 3, now(), 2, 1, 2, '{}', '', '', '', '', '');
        """);

    [TestCase("UPDATE orders SET approved_by = 1, approved_at = now(), state = 3 WHERE number = 1", "order_four_eyes",
        TestName = "An_order_approved_by_its_drafter")]
    [TestCase("UPDATE orders SET state = 3 WHERE number = 1", "order_four_eyes",
        TestName = "An_order_armed_without_a_person")]
    [TestCase("UPDATE orders SET approved_by = 1, state = 5 WHERE number = 3", "order_six_eyes",
        TestName = "A_lift_approved_by_the_drafter_of_the_block")]
    [TestCase("UPDATE orders SET approved_by = 2, state = 5 WHERE number = 3", "order_six_eyes",
        TestName = "A_lift_approved_by_the_approver_of_the_block")]
    [TestCase("UPDATE orders SET approved_by = 3, state = 5 WHERE number = 3", "order_four_eyes",
        TestName = "A_lift_approved_by_its_own_drafter")]
    [TestCase("UPDATE orders SET against_approved_by = 4 WHERE number = 3", "order_lifts_approved_order",
        TestName = "A_lift_with_a_forged_approver_of_the_block")]
    [TestCase("UPDATE orders SET against_drafted_by = 4 WHERE number = 3",
        "FK_orders_orders_against_against_drafted_by", TestName = "A_lift_with_a_forged_drafter_of_the_block")]
    [TestCase("UPDATE orders SET order_class = 5, approved_by = 2, approved_at = now(), state = 5 WHERE number = 3",
        "order_class_of_measure", TestName = "A_lift_with_the_class_of_another_order")]
    [TestCase("UPDATE orders SET order_class = 5 WHERE number = 1", "order_class_of_measure",
        TestName = "An_order_that_changes_its_class")]
    [TestCase("UPDATE orders SET against = NULL WHERE number = 3", "order_class_of_measure",
        TestName = "A_lift_without_a_target_order")]
    [TestCase("UPDATE orders SET drafted_by = 4 WHERE number = 2", "FK_orders_orders_against_against_drafted_by",
        TestName = "A_block_whose_drafter_is_changed_while_a_lift_exists")]
    [TestCase("UPDATE orders SET approved_by = 2, approved_at = now(), state = 3 WHERE number = 4", "order_notice",
        TestName = "An_order_of_class_D_armed_without_notice")]
    [TestCase("UPDATE orders SET state = 4, ended_at = now() WHERE number = 2", "order_ended",
        TestName = "A_block_lifted_without_an_order")]
    [TestCase("UPDATE orders SET state = 4 WHERE number = 2", "order_ended",
        TestName = "A_block_lifted_without_a_time")]
    [TestCase("UPDATE orders SET state = 8 WHERE number = 2", "order_lifted_by_something",
        TestName = "A_block_stayed_without_an_order")]
    [TestCase("UPDATE orders SET state = 10 WHERE number = 2", "order_in_force",
        TestName = "A_block_in_force_without_a_time")]
    [TestCase("UPDATE orders SET state = 6, ended_by = 1, ended_at = now() WHERE number = 1", "order_rejected",
        TestName = "A_draft_rejected_by_its_drafter")]
    [TestCase("UPDATE orders SET state = 7, ended_at = now() WHERE number = 1", "order_rejected",
        TestName = "A_draft_withdrawn_without_a_person")]
    [TestCase("UPDATE orders SET state = 11, in_force_at = now(), enforced_at = now() WHERE number = 2",
        "order_transition", TestName = "An_armed_order_enforced_before_it_is_in_force")]
    [TestCase("UPDATE orders SET state = 1, approved_by = NULL, approved_at = NULL WHERE number = 2",
        "order_transition", TestName = "An_approved_order_changed_back_to_a_draft")]
    [TestCase("UPDATE orders SET approved_by = 4, approved_at = now(), state = 3 WHERE number = 3", "order_transition",
        TestName = "An_order_action_that_is_armed")]
    [TestCase(
        "INSERT INTO orders (action, order_class, state, reason, check_reason, basis, reference, drafted_by, " +
        "drafted_at, approved_by, approved_at, evidence, end_reason, notice_waiver, notice_reference, " +
        "notice_channel, notice_evidence) VALUES (1, 3, 3, 'STOLEN', 6, 'FIR', 'C-9', 1, now(), 2, now(), '{}', '', " +
        "'', '', '', '')", "order_transition", TestName = "An_order_that_begins_armed")]
    [TestCase("UPDATE orders SET state = 4, changed_by = 1, ended_at = now() WHERE number = 2",
        "order_lifted_by_its_lift", TestName = "A_block_lifted_by_an_order_that_is_not_a_lift_of_it")]
    [TestCase("UPDATE orders SET state = 4, changed_by = 3, ended_at = now() WHERE number = 2",
        "order_changed_by_approved", TestName = "A_block_lifted_by_a_lift_without_approval")]
    [TestCase(
        "UPDATE orders SET state = 6, ended_by = 4, ended_at = now() WHERE number = 3; UPDATE orders SET state = 4, " +
        "changed_by = 3, ended_at = now() WHERE number = 2", "order_changed_by_approved",
        TestName = "A_block_lifted_by_a_rejected_lift")]
    [TestCase("UPDATE orders SET state = 8, changed_by = 3 WHERE number = 2", "order_changed_by_approved",
        TestName = "A_block_stayed_by_an_order_without_approval")]
    [TestCase("UPDATE orders SET state = 9, changed_by = 3, ended_at = now() WHERE number = 2",
        "order_changed_by_approved", TestName = "A_block_annulled_by_an_order_without_approval")]
    [TestCase(ApprovedLift + "UPDATE orders SET state = 8, changed_by = 3 WHERE number = 2",
        "order_changed_by_approved", TestName = "A_block_stayed_by_a_lift_of_it")]
    [TestCase(ApprovedLift + "UPDATE orders SET state = 9, changed_by = 3, ended_at = now() WHERE number = 2",
        "order_changed_by_approved", TestName = "A_block_annulled_by_a_lift_of_it")]
    [TestCase("UPDATE batches SET proposed_by = 1, certified_by = 999, state = 7 WHERE number = 1",
        "FK_batches_actors_certified_by", TestName = "A_batch_certified_by_an_unknown_person")]
    [TestCase("UPDATE policies SET approved_by = 999, state = 2 WHERE version = 1", "FK_policies_actors_approved_by",
        TestName = "A_policy_approved_by_an_unknown_person")]
    [TestCase("UPDATE batches SET proposed_by = 1, certified_by = 1, state = 7 WHERE number = 1", "batch_four_eyes",
        TestName = "A_batch_certified_by_its_proposer")]
    [TestCase("UPDATE batches SET state = 8 WHERE number = 1", "batch_four_eyes",
        TestName = "A_batch_released_without_certification")]
    [TestCase("UPDATE batches SET state = 5, sealed_by = 1, expires_at = NULL WHERE number = 2", "batch_registered",
        TestName = "A_batch_registered_without_a_time")]
    [TestCase("UPDATE batches SET state = 5, registered_at = now(), expires_at = NULL WHERE number = 3",
        "batch_registered", TestName = "A_dry_run_registered")]
    [TestCase("UPDATE batches SET state = 2, expires_at = NULL WHERE number = 2", "batch_sealed",
        TestName = "A_batch_completed_without_a_person")]
    [TestCase("UPDATE batches SET expires_at = now() WHERE number = 1", "batch_expires",
        TestName = "A_registered_batch_that_expires")]
    [TestCase("UPDATE changes SET decided_by = 1, state = 2 WHERE number = 1", "change_four_eyes",
        TestName = "A_change_approved_by_its_proposer")]
    [TestCase("UPDATE changes SET state = 2 WHERE number = 1", "change_four_eyes",
        TestName = "A_change_approved_without_a_person")]
    [TestCase("UPDATE changes SET decided_by = 999, state = 2 WHERE number = 1", "FK_changes_actors_decided_by",
        TestName = "A_change_approved_by_an_unknown_person")]
    [TestCase("UPDATE policies SET approved_by = 1, state = 2 WHERE version = 1", "policy_four_eyes",
        TestName = "A_policy_approved_by_its_proposer")]
    public void A_statement_that_breaks_a_rule_violates_its_constraint(string statement, string constraint) =>
        Assert.That(
            async () => await ExecuteAsync(Service, statement),
            Throws.TypeOf<PostgresException>().With.Property(nameof(PostgresException.ConstraintName))
                .EqualTo(constraint));

    [TestCase("UPDATE orders SET approved_by = 2, approved_at = now(), state = 3 WHERE number = 1",
        TestName = "An_order_approved_by_another_person")]
    [TestCase("UPDATE orders SET approved_by = 4, approved_at = now(), state = 5 WHERE number = 3",
        TestName = "A_lift_approved_by_a_fourth_person")]
    [TestCase(ApprovedLift + "UPDATE orders SET state = 4, changed_by = 3, ended_at = now() WHERE number = 2",
        TestName = "A_block_lifted_by_its_lift")]
    [TestCase("UPDATE orders SET state = 4, changed_by = 3, ended_at = now() WHERE number = 2; " + ApprovedLift,
        TestName = "A_block_lifted_by_a_lift_that_is_approved_with_it")]
    [TestCase("UPDATE batches SET proposed_by = 1, certified_by = 2, state = 7 WHERE number = 1",
        TestName = "A_batch_certified_by_two_people")]
    [TestCase("UPDATE changes SET decided_by = 2, decided_at = now(), state = 2 WHERE number = 1",
        TestName = "A_change_approved_by_another_person")]
    [TestCase("UPDATE changes SET decided_by = 1, decided_at = now(), state = 3 WHERE number = 1",
        TestName = "A_change_withdrawn_by_its_proposer")]
    [TestCase("UPDATE policies SET approved_by = 2, state = 2, in_force_at = now() WHERE version = 1",
        TestName = "A_policy_approved_by_another_person")]
    [TestCase("UPDATE orders SET state = 6, ended_by = 2, ended_at = now() WHERE number = 1",
        TestName = "A_draft_rejected_by_another_person")]
    [TestCase(
        "UPDATE orders SET approved_by = 4, approved_at = now(), state = 5 WHERE number = 5; UPDATE orders SET state " +
        "= 8, changed_by = 5 WHERE number = 2", TestName = "A_block_stayed_by_its_stay")]
    public void A_statement_that_keeps_the_rules_is_accepted(string statement) =>
        Assert.That(async () => await ExecuteAsync(Service, statement), Throws.Nothing);

    [Test]
    public async Task The_database_has_the_same_order_transitions_as_the_code()
    {
        static IEnumerable<string> Words(bool isBlock, IEnumerable<OrderTransition> steps) =>
            steps.Select(t => $"{isBlock} {(int)t.From} {(int)t.To}");
        var code = Words(true, OrderLifeCycle.OfBlock).Concat(Words(false, OrderLifeCycle.OfMeasure)).Distinct();

        var rows = await ScalarAsync<string[]>(Service,
            "SELECT array_agg(concat_ws(' ', CASE WHEN is_block THEN 'True' ELSE 'False' END, from_state, to_state)) " +
            "FROM order_transitions");

        Assert.That(rows, Is.EquivalentTo(code));
    }
}
