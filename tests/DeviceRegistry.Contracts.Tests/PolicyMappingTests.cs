using System.Globalization;
using DeviceRegistry.Contracts.V1;
using DeviceRegistry.Core;
using Mode = DeviceRegistry.Contracts.V1.EnforcementMode;
using Answer = DeviceRegistry.Contracts.V1.UnknownAnswer;

namespace DeviceRegistry.Contracts.Tests;

/// <summary>The policy on the wire: its validation, and the rules of one operator's node.</summary>
public sealed class PolicyMappingTests
{
    [Test]
    public void The_default_policy_is_valid()
    {
        Assert.That(() => PolicyMapping.Require(PolicyMapping.Defaults()), Throws.Nothing);
    }

    [Test]
    public void The_default_policy_maps_to_the_default_rules()
    {
        Assert.That(PolicyMapping.RulesFor(7, 0, PolicyMapping.Defaults()), Is.EqualTo(AttachRules.Default)
            .UsingPropertiesComparer());
    }

    [Test]
    public void The_default_policy_has_the_default_wait_of_every_reporting_body([Range(0, 99)] int body)
    {
        var tac = new Tac((uint)body * 1_000_000);

        Assert.That(PolicyMapping.RulesFor(7, 0, PolicyMapping.Defaults()).TacWaitMs(tac),
            Is.EqualTo(AttachRules.Default.TacWaitMs(tac)));
    }

    private static IEnumerable<TestCaseData<Action<Policy>, string>> OutOfRange() =>
    [
        Refused("policy.tac_freshness_days", "no days", p => p.TacFreshnessDays = 0),
        Refused("policy.tac_freshness_days", "ten years and a day", p => p.TacFreshnessDays = 3_651),
        Refused("policy.degraded_cache_ttl_s", "59 seconds", p => p.DegradedCacheTtlS = 59),
        Refused("policy.degraded_cache_ttl_s", "a year and a second", p => p.DegradedCacheTtlS = 31_536_001),
        Refused("policy.tac_wait_days", "ten years and a day", p => p.TacWaitDays["35"] = 3_651),
        Refused("policy.tac_wait_days", "as large as it can be", p => p.TacWaitDays["35"] = uint.MaxValue),
        Refused("policy.tac_wait_days", "key of one digit", p => p.TacWaitDays["5"] = 1),
        Refused("policy.tac_wait_days", "key of three digits", p => p.TacWaitDays["100"] = 1),
        Refused("policy.tac_wait_days", "negative key", p => p.TacWaitDays["-1"] = 1),
        Refused("policy.tac_wait_days", "key of foreign digits", p => p.TacWaitDays["٣٥"] = 1),
        Refused("policy.tac_wait_days", "empty key", p => p.TacWaitDays[""] = 1),
        Refused("policy.test_tac_prefixes", "one digit", p => p.TestTacPrefixes.Add("0")),
        Refused("policy.test_tac_prefixes", "nine digits", p => p.TestTacPrefixes.Add("001001000")),
        Refused("policy.test_tac_prefixes", "a letter", p => p.TestTacPrefixes.Add("00A0")),
        Refused("policy.test_tac_prefixes", "empty", p => p.TestTacPrefixes.Add("")),
        Refused("policy.test_tac_prefixes", "257 of them", p => p.TestTacPrefixes.Add(Enumerable.Repeat("0044", 257))),
        Refused("policy.test_imsi_prefixes", "two digits", p => p.TestImsiPrefixes.Add("00")),
        Refused("policy.test_imsi_prefixes", "16 digits", p => p.TestImsiPrefixes.Add("0010100000000000")),
        Refused("policy.test_imsi_prefixes", "a blank", p => p.TestImsiPrefixes.Add("00 01")),
        Refused("policy.test_imsi_prefixes", "257 of them", p =>
            p.TestImsiPrefixes.Add(Enumerable.Repeat("00101", 257))),
        Refused("policy.home_mccs", "none", p => p.HomeMccs.Clear()),
        Refused("policy.home_mccs", "two digits", p => p.HomeMccs.Add("41")),
        Refused("policy.home_mccs", "four digits", p => p.HomeMccs.Add("4100")),
        Refused("policy.home_mccs", "a letter", p => p.HomeMccs.Add("41O")),
        Refused("policy.home_mccs", "17 of them", p => p.HomeMccs.Add(Enumerable.Repeat("410", 16))),
        Refused("policy.appeal_file_days", "ten years and a day", p => p.AppealFileDays = 3_651),
        Refused("policy.appeal_review_days", "ten years and a day", p => p.AppealReviewDays = 3_651),
        Refused("policy.appeal_tribunal_days", "ten years and a day", p => p.AppealTribunalDays = 3_651),
        Refused("policy.appeal_court_file_days", "ten years and a day", p => p.AppealCourtFileDays = 3_651),
        Refused("policy.operators", "65 of them", p =>
            p.Operators.Add(Enumerable.Repeat(Operator(7, Mode.Observe), 65))),
        Refused("policy.operators.mode", "nobody set it", p => p.Operators.Add(Operator(7, Mode.Unspecified))),
        Refused("policy.operators.mode", "a new one", p => p.Operators.Add(Operator(7, (Mode)3))),
        Refused("policy.operators.unknown_answer", "a new one", p =>
            p.Operators.Add(Operator(7, Mode.Observe, (Answer)5))),
        Refused("policy.operators.unknown_answer", "negative", p =>
            p.Operators.Add(Operator(7, Mode.Observe, (Answer)(-1)))),
        Refused("policy.enforcement_deadline_s", "a year and a second", p => p.EnforcementDeadlineS = 31_536_001),
        Refused("policy.node_clock_skew_max_ms", "9 ms", p => p.NodeClockSkewMaxMs = 9),
        Refused("policy.node_clock_skew_max_ms", "an hour and a millisecond", p => p.NodeClockSkewMaxMs = 3_600_001),
    ];

    [TestCaseSource(nameof(OutOfRange))]
    public void A_policy_out_of_range_is_rejected_with_its_field(Action<Policy> change, string field)
    {
        var policy = Changed(change);

        Assert.That(() => PolicyMapping.Require(policy), Throws.TypeOf<RegistryException>()
            .With.Property(nameof(RegistryException.Error)).EqualTo(RegistryError.FieldInvalid)
            .And.Property(nameof(RegistryException.Field)).EqualTo(field));
    }

    private static IEnumerable<TestCaseData<Action<Policy>>> AtTheEdge() =>
    [
        new(p => p.TacFreshnessDays = 1) { TestName = "{m}(fresh for a day)" },
        new(p => p.TacFreshnessDays = 3_650) { TestName = "{m}(fresh for ten years)" },
        new(p => p.DegradedCacheTtlS = 60) { TestName = "{m}(data fresh for a minute)" },
        new(p => p.DegradedCacheTtlS = 31_536_000) { TestName = "{m}(data fresh for a year)" },
        new(p => p.TacWaitDays["00"] = 0) { TestName = "{m}(no wait)" },
        new(p => p.TacWaitDays["99"] = 3_650) { TestName = "{m}(a wait of ten years)" },
        new(p => p.TacWaitDays.Clear()) { TestName = "{m}(no waits)" },
        new(p => p.TestTacPrefixes.Add("00")) { TestName = "{m}(shortest test TAC)" },
        new(p => p.TestTacPrefixes.Add("00100100")) { TestName = "{m}(longest test TAC)" },
        new(p => p.TestTacPrefixes.Clear()) { TestName = "{m}(no test TACs)" },
        new(p => p.TestImsiPrefixes.Add("001")) { TestName = "{m}(shortest test IMSI)" },
        new(p => p.TestImsiPrefixes.Add("001010000000000")) { TestName = "{m}(longest test IMSI)" },
        new(p => p.HomeMccs.Add(Enumerable.Repeat("410", 15))) { TestName = "{m}(16 country codes)" },
        new(p => p.Operators.Add(Enumerable.Repeat(Operator(7, Mode.Enforce), 64))) { TestName = "{m}(64 operators)" },
        new(p =>
            p.Operators.Add(Operator(7, Mode.Enforce, Answer.Unspecified))) { TestName = "{m}(an unspecified answer)" },
    ];

    [TestCaseSource(nameof(AtTheEdge))]
    public void A_policy_at_the_limit_of_its_range_is_accepted(Action<Policy> change)
    {
        var policy = Changed(change);

        Assert.That(() => PolicyMapping.Require(policy), Throws.Nothing);
    }

    [Test]
    public void An_operators_node_uses_the_mode_and_the_answer_of_its_operator()
    {
        Assert.That(ModeAndAnswerOf(8), Is.EqualTo((Core.EnforcementMode.Enforce, Core.UnknownAnswer.Black)));
    }

    [Test]
    public void An_operators_node_uses_no_setting_of_another_operator()
    {
        Assert.That(ModeAndAnswerOf(7), Is.EqualTo((Core.EnforcementMode.Observe, Core.UnknownAnswer.Grey)));
    }

    [TestCase(0ul)]
    [TestCase(6ul)]
    [TestCase(9ul)]
    public void An_operator_that_is_not_listed_observes_and_answers_white(ulong partyId)
    {
        Assert.That(ModeAndAnswerOf(partyId), Is.EqualTo((Core.EnforcementMode.Observe, Core.UnknownAnswer.White)));
    }

    [Test]
    public void A_policy_without_the_enforcement_parameters_has_their_defaults()
    {
        var policy = Changed(p => (p.EnforcementDeadlineS, p.NodeClockSkewMaxMs) = (0, 0));

        using (Assert.EnterMultipleScope())
        {
            Assert.That(PolicyMapping.ViolationTolerance(policy), Is.EqualTo(TimeSpan.FromDays(2)));
            Assert.That(PolicyMapping.NodeClockSkewMaxMs(policy), Is.EqualTo(1_000L));
        }
    }

    [Test]
    public void An_unspecified_answer_is_white()
    {
        var policy = Changed(p => p.Operators.Add(Operator(7, Mode.Enforce, Answer.Unspecified)));

        Assert.That(PolicyMapping.RulesFor(7, 1, policy).UnknownAnswer, Is.EqualTo(Core.UnknownAnswer.White));
    }

    [Test]
    public void The_rules_contain_every_parameter_of_the_policy()
    {
        var policy = new Policy
        {
            TacListComplete = true, TacFreshnessDays = 10, DegradedCacheTtlS = 600, TestTacPrefixes = { "12" },
            TestImsiPrefixes = { "345" }, HomeMccs = { "404", "405" },
        };

        var expected = new AttachRules(new Dictionary<int, int>())
        {
            Version = 42, TacListComplete = true, TacFreshness = TimeSpan.FromDays(10),
            KnowledgeTtl = TimeSpan.FromMinutes(10),
            TestTacPrefixes = ["12"], TestImsiPrefixes = ["345"], HomeMccs = ["404", "405"],
        };
        Assert.That(PolicyMapping.RulesFor(7, 42, policy), Is.EqualTo(expected).UsingPropertiesComparer());
    }

    [Test]
    public void A_policy_without_appeal_parameters_has_the_statutory_days()
    {
        var (old, own) = (new Policy(),
            new Policy { AppealFileDays = 1, AppealReviewDays = 2, AppealTribunalDays = 3, AppealCourtFileDays = 4 });

        Assert.That(Days(old), Is.EqualTo("30 30 60 90 90 "));
        Assert.That(Days(PolicyMapping.Defaults()), Is.EqualTo(Days(old)));
        Assert.That(Days(own), Is.EqualTo("1 1 4 2 3 "));
        static string Days(Policy policy) => string.Join(' ',
            Enum.GetValues<Core.AppealForum>().Select(f => (int?)PolicyMapping.AppealFileDays(policy, f))
            .Concat(Enum.GetValues<Core.AppealForum>().Select(f => PolicyMapping.AppealDecideDays(policy, f))));
    }

    [Test]
    public void The_rules_contain_the_waits_of_the_policy()
    {
        var rules = PolicyMapping.RulesFor(7, 1, new Policy { TacWaitDays = { ["07"] = 3 } });

        using (Assert.EnterMultipleScope())
        {
            Assert.That(rules.TacWaitMs(new Tac(7_000_000)), Is.EqualTo(3 * 86_400_000L));
            Assert.That(rules.TacWaitMs(new Tac(35_000_000)), Is.Zero);
        }
    }

    private static TestCaseData<Action<Policy>, string> Refused(string field, string what, Action<Policy> change) =>
        new(change, field) { TestName = $"{{m}}({field}: {what})" };

    private static (Core.EnforcementMode, Core.UnknownAnswer) ModeAndAnswerOf(ulong operatorPartyId)
    {
        var policy = Changed(p => p.Operators.Add(
            [Operator(7, Mode.Observe, Answer.Grey), Operator(8, Mode.Enforce, Answer.Black)]));
        var rules = PolicyMapping.RulesFor(operatorPartyId, 1, policy);
        return (rules.Mode, rules.UnknownAnswer);
    }

    private static Policy Changed(Action<Policy> change)
    {
        var policy = PolicyMapping.Defaults();
        change(policy);
        return policy;
    }

    private static OperatorPolicy Operator(ulong partyId, Mode mode, Answer answer = Answer.White) =>
        new()
        {
            Party = partyId.ToString(CultureInfo.InvariantCulture), PartyId = partyId, Mode = mode,
            UnknownAnswer = answer
        };
}
