using DeviceRegistry.Core;
using Npgsql;

namespace DeviceRegistry.Postgres.Tests;

/// <summary>Rules of appeals that the database enforces: each statement runs as SQL under the service's own
/// role.</summary>
public sealed class AppealRowTests : OnDatabase
{
    // Order 1 was drafted by 1 and approved by 2. Order 2 is its annulment, done; 3 is a lift of it, not yet approved;
    // 4 is a stay, done; 5 is another block order, and 6 its annulment, done. Appeal 1 was recorded by 3, 2 is under
    // review, 3 was remitted, 4 was upheld.
    [SetUp]
    public Task Orders() => ExecuteAsync(Service, """
        INSERT INTO parties (id, name, kind, active, plmns) OVERRIDING SYSTEM VALUE VALUES (1, 'pta', 1, true, '{}');
        INSERT INTO actors (id, name, party_id, kind, active, key, revoked_keys, key_set_by) OVERRIDING SYSTEM VALUE
          SELECT n, 'regulator-' || n, 1, 1, true, '', '{}', '{}' FROM generate_series(1, 5) n;
        INSERT INTO orders (number, action, order_class, state, reason, check_reason, basis, reference, drafted_by,
          drafted_at, evidence, end_reason, notice_waiver, notice_reference, notice_channel, notice_evidence)
          OVERRIDING SYSTEM VALUE SELECT n, 1, 3, 1, 'STOLEN', 6, 'FIR', 'C-' || n, 1, now(), '{}', '', '', '', '', ''
            FROM unnest('{1, 5}'::int[]) n;
        UPDATE orders SET approved_by = 2, approved_at = now(), state = 3;
        INSERT INTO orders (number, action, order_class, state, reason, check_reason, basis, reference, drafted_by,
          drafted_at, against, against_drafted_by, against_approved_by, evidence, end_reason, notice_waiver,
          notice_reference, notice_channel, notice_evidence)
          OVERRIDING SYSTEM VALUE SELECT n, a, 3, 1, 'STOLEN', 6, 'wrong', 'M-' || n, 3, now(), o, 1, 2, '{}', '', '',
            '', '', '' FROM (VALUES (2, 5, 1), (3, 2, 1), (4, 3, 1), (6, 5, 5)) m (n, a, o);
        UPDATE orders SET approved_by = 4, approved_at = now(), state = 5 WHERE number IN (2, 4, 6);
        INSERT INTO appeals (order_number, order_drafted_by, order_approved_by, forum, state, appellant, grounds,
          reference, evidence, filed_on, file_by, decide_by, recorded_by, recorded_at, findings, decision_evidence)
          SELECT 1, 1, 2, 1, 1, 'case', 'bought new', 'A-' || n, '{}', '2026-11-20', '2026-11-30', '2027-02-18', 3,
            now(), '', '{}' FROM generate_series(1, 4) n;
        UPDATE appeals SET state = 2, reviewed_by = 4, reviewed_at = now() WHERE number > 1;
        UPDATE appeals SET state = 5, remitted_at = now(), decided_by = 5, decided_at = now(), findings = 'heard'
          WHERE number = 3;
        UPDATE appeals SET state = 3, decided_by = 5, decided_at = now(), findings = 'heard' WHERE number = 4;
        """);

    private const string Decided = "decided_by = 5, decided_at = now(), findings = 'heard'";
    private const string Insert =
        "INSERT INTO appeals (order_number, order_drafted_by, order_approved_by, forum, state, appellant, grounds, " +
        "reference, evidence, filed_on, file_by, recorded_by, recorded_at, findings, decision_evidence, " +
        "after_appeal) VALUES ";

    [TestCase($"{Insert} (1, 1, 2, 1, 2, 'c', 'g', 'R', '{{}}', '2026-11-20', NULL, 3, now(), '', '{{}}', NULL)",
        "appeal_transition", TestName = "An_appeal_that_begins_under_review")]
    [TestCase(
        $"{Insert} (1, 1, 2, 1, 1, 'c', 'g', 'R', '{{}}', '2026-12-01', '2026-11-30', 3, now(), '', '{{}}', NULL)",
        "appeal_in_time", TestName = "An_appeal_filed_after_its_deadline")]
    [TestCase($"{Insert} (2, 3, 4, 1, 1, 'c', 'g', 'R', '{{}}', '2026-11-20', NULL, 3, now(), '', '{{}}', NULL)",
        "appeal_against_a_block", TestName = "An_appeal_against_an_order_action")]
    [TestCase($"{Insert} (1, 4, 2, 1, 1, 'c', 'g', 'R', '{{}}', '2026-11-20', NULL, 3, now(), '', '{{}}', NULL)",
        "FK_appeals_orders_order_number_order_drafted_by", TestName = "An_appeal_with_a_forged_drafter_of_the_order")]
    [TestCase($"{Insert} (1, 1, 4, 1, 1, 'c', 'g', 'R', '{{}}', '2026-11-20', NULL, 3, now(), '', '{{}}', NULL)",
        "appeal_of_approved_order", TestName = "An_appeal_with_a_forged_approver_of_the_order")]
    [TestCase($"{Insert} (1, 1, 2, 3, 1, 'c', 'g', 'R', '{{}}', '2026-11-20', NULL, 3, now(), '', '{{}}', NULL)",
        "appeal_to_the_court_of_last_resort", TestName = "An_appeal_to_the_court_without_a_decision")]
    [TestCase($"{Insert} (5, 1, 2, 2, 1, 'c', 'g', 'R', '{{}}', '2026-11-20', NULL, 3, now(), '', '{{}}', 4)",
        "FK_appeals_appeals_after_appeal_order_number", TestName = "An_appeal_after_one_against_another_order")]
    [TestCase(
        $"{Insert} (1, 1, 2, 2, 1, 'c', 'g', 'R', '{{}}', '2026-11-20', NULL, 3, now(), '', '{{}}', 4), (1, 1, 2, 2, " +
        $"1, 'c', 'g', 'S', '{{}}', '2026-11-20', NULL, 3, now(), '', '{{}}', 4)", "appeal_followed_once",
        TestName = "Two_appeals_against_one_decision")]
    [TestCase("UPDATE appeals SET state = 2, reviewed_by = 1, reviewed_at = now() WHERE number = 1",
        "appeal_other_people", TestName = "An_appeal_reviewed_by_the_drafter_of_the_order")]
    [TestCase("UPDATE appeals SET state = 2, reviewed_by = 2, reviewed_at = now() WHERE number = 1",
        "appeal_other_people", TestName = "An_appeal_reviewed_by_the_approver_of_the_order")]
    [TestCase("UPDATE appeals SET state = 2 WHERE number = 1", "appeal_reviewed",
        TestName = "An_appeal_reviewed_without_a_person")]
    [TestCase("UPDATE appeals SET state = 3, decided_by = 1, decided_at = now(), findings = 'heard' WHERE number = 2",
        "appeal_other_people", TestName = "An_appeal_decided_by_the_drafter_of_the_order")]
    [TestCase("UPDATE appeals SET state = 3, decided_by = 2, decided_at = now(), findings = 'heard' WHERE number = 2",
        "appeal_other_people", TestName = "An_appeal_decided_by_the_approver_of_the_order")]
    [TestCase("UPDATE appeals SET state = 3, decided_by = 3, decided_at = now(), findings = 'heard' WHERE number = 2",
        "appeal_other_people", TestName = "An_appeal_decided_by_its_recorder")]
    [TestCase("UPDATE appeals SET state = 6, decided_by = 1, decided_at = now(), findings = 'letter' WHERE number = 1",
        "appeal_other_people", TestName = "An_appeal_withdrawn_by_the_drafter_of_the_order")]
    [TestCase("UPDATE appeals SET state = 3 WHERE number = 2", "appeal_decided",
        TestName = "An_appeal_decided_without_a_person")]
    [TestCase($"UPDATE appeals SET state = 3, {Decided} WHERE number = 1", "appeal_transition",
        TestName = "An_appeal_decided_without_a_review")]
    [TestCase($"UPDATE appeals SET state = 3, {Decided} WHERE number = 3", "appeal_transition",
        TestName = "A_remitted_appeal_decided_without_a_review")]
    [TestCase("UPDATE appeals SET state = 2 WHERE number = 4", "appeal_transition",
        TestName = "A_decided_appeal_reopened")]
    [TestCase($"UPDATE appeals SET state = 5, {Decided} WHERE number = 2", "appeal_remitted",
        TestName = "An_appeal_remitted_without_a_time")]
    [TestCase($"UPDATE appeals SET state = 4, {Decided} WHERE number = 2", "appeal_reversed_by_a_measure",
        TestName = "An_appeal_reversed_without_an_order")]
    [TestCase($"UPDATE appeals SET state = 4, measure = 3, {Decided} WHERE number = 2", "appeal_reversed_by_a_measure",
        TestName = "An_appeal_reversed_by_a_lift_with_one_signature")]
    [TestCase($"UPDATE appeals SET state = 4, measure = 4, {Decided} WHERE number = 2", "appeal_reversed_by_a_measure",
        TestName = "An_appeal_reversed_by_a_stay")]
    [TestCase($"UPDATE appeals SET state = 4, measure = 6, {Decided} WHERE number = 2", "appeal_reversed_by_a_measure",
        TestName = "An_appeal_reversed_by_the_annulment_of_another_order")]
    [TestCase($"UPDATE appeals SET state = 3, measure = 2, {Decided} WHERE number = 2", "appeal_reversed",
        TestName = "An_appeal_upheld_by_an_annulment")]
    [TestCase("UPDATE appeals SET filed_on = '2026-11-21' WHERE number = 1", "appeal_as_filed",
        TestName = "An_appeal_whose_filing_day_is_changed")]
    [TestCase("UPDATE appeals SET file_by = NULL WHERE number = 1", "appeal_as_filed",
        TestName = "An_appeal_whose_deadline_is_removed")]
    [TestCase("UPDATE appeals SET recorded_by = 4 WHERE number = 1", "appeal_as_filed",
        TestName = "An_appeal_with_a_changed_recorder")]
    [TestCase("UPDATE appeals SET grounds = 'none' WHERE number = 1", "appeal_as_filed",
        TestName = "An_appeal_whose_grounds_are_changed")]
    [TestCase("UPDATE appeals SET appellant = 'nobody' WHERE number = 4", "appeal_as_filed",
        TestName = "A_decided_appeal_with_a_changed_decider")]
    [TestCase("UPDATE appeals SET findings = 'not heard' WHERE number = 4", "appeal_as_it_was",
        TestName = "A_decision_whose_findings_are_changed")]
    [TestCase("UPDATE appeals SET decision_evidence = array[sha256('x')] WHERE number = 4", "appeal_as_it_was",
        TestName = "A_decision_whose_evidence_is_changed")]
    [TestCase("UPDATE appeals SET decide_by = '2030-01-01' WHERE number = 2", "appeal_as_it_was",
        TestName = "An_appeal_with_a_longer_time_for_its_decision")]
    [TestCase("UPDATE appeals SET state = 2, reviewed_by = 5, reviewed_at = now(), findings = '' WHERE number = 3",
        "appeal_as_it_was", TestName = "A_remitted_appeal_whose_findings_are_deleted_at_its_review")]
    [TestCase($"UPDATE appeals SET state = 3, reviewed_by = 5, {Decided} WHERE number = 2", "appeal_as_it_was",
        TestName = "A_decision_that_changes_the_reviewer_of_the_appeal")]
    [TestCase("UPDATE orders SET appeal = 1 WHERE number = 6", "FK_orders_appeals_appeal_against",
        TestName = "An_order_action_for_an_appeal_against_another_order")]
    [TestCase("UPDATE orders SET appeal = 1 WHERE number = 5", "order_for_an_appeal",
        TestName = "A_block_for_an_appeal")]
    public void A_statement_that_breaks_a_rule_violates_its_constraint(string statement, string constraint) =>
        Assert.That(
            async () => await ExecuteAsync(Service, statement),
            Throws.TypeOf<PostgresException>().With.Property(nameof(PostgresException.ConstraintName))
                .EqualTo(constraint));

    [TestCase($"{Insert} (1, 1, 2, 2, 1, 'c', 'g', 'R', '{{}}', '2026-11-20', NULL, 3, now(), '', '{{}}', 4)",
        TestName = "An_appeal_to_the_tribunal_against_the_authoritys_decision")]
    [TestCase("UPDATE appeals SET state = 2, reviewed_by = 3, reviewed_at = now() WHERE number = 1",
        TestName = "An_appeal_reviewed_by_its_recorder")]
    [TestCase("UPDATE appeals SET state = 2, reviewed_by = 5, reviewed_at = now() WHERE number = 3",
        TestName = "A_remitted_appeal_under_review_again")]
    [TestCase($"UPDATE appeals SET state = 3, {Decided} WHERE number = 2",
        TestName = "An_appeal_upheld_by_another_person")]
    [TestCase($"UPDATE appeals SET state = 4, measure = 2, {Decided} WHERE number = 2",
        TestName = "An_appeal_reversed_by_the_annulment_of_its_order")]
    [TestCase($"UPDATE appeals SET state = 6, {Decided} WHERE number = 1",
        TestName = "An_appeal_withdrawn_before_another_person")]
    [TestCase("UPDATE orders SET appeal = 1 WHERE number = 4", TestName = "A_stay_for_an_appeal")]
    public void A_statement_that_keeps_the_rules_is_accepted(string statement) =>
        Assert.That(async () => await ExecuteAsync(Service, statement), Throws.Nothing);

    [TestCase("DELETE FROM appeals WHERE number = 1")]
    [TestCase("INSERT INTO appeal_transitions VALUES (1, 4)")]
    public void A_statement_without_the_privilege_is_denied(string statement) =>
        Assert.That(
            async () => await ExecuteAsync(Service, statement),
            Throws.TypeOf<PostgresException>().With.Property(nameof(PostgresException.SqlState))
                .EqualTo(PostgresErrorCodes.InsufficientPrivilege));

    [Test]
    public async Task The_database_has_the_same_appeal_transitions_as_the_code()
    {
        var code = AppealLifeCycle.Steps.Select(t => $"{(int)t.From} {(int)t.To}");

        var rows = await ScalarAsync<string[]>(Service,
            "SELECT array_agg(concat_ws(' ', from_state, to_state)) FROM appeal_transitions");

        Assert.That(rows, Is.EquivalentTo(code));
    }
}
