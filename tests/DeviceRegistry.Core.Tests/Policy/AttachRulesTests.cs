namespace DeviceRegistry.Core.Tests.Policy;

/// <summary>Rules that the policy derives from its parameters: test identities, waits, and the home operator of a
/// subscriber.</summary>
public sealed class AttachRulesTests
{
    [TestCase("00100100")]
    [TestCase("00100199")]
    [TestCase("00100900")]
    [TestCase("00101700")]
    [TestCase("00101799")]
    [TestCase("00440000")]
    [TestCase("00449999")]
    [TestCase("00860000")]
    [TestCase("00910000")]
    public void A_tac_of_the_test_patterns_is_a_test_tac(string tac)
    {
        Assert.That(AttachRules.Default.IsTestTac(Of(tac)), Is.True);
    }

    [TestCase("00000000")]
    [TestCase("00100000")]
    [TestCase("00100099")]
    [TestCase("00101800")]
    [TestCase("00200100")]
    [TestCase("00430000")]
    [TestCase("00450000")]
    [TestCase("00920000")]
    [TestCase("01001001")]
    [TestCase("02000000")]
    [TestCase("09440000")]
    [TestCase("44000000")]
    [TestCase("86650704")]
    [TestCase("10010010")]
    public void A_tac_outside_the_test_patterns_is_not_a_test_tac(string tac)
    {
        Assert.That(AttachRules.Default.IsTestTac(Of(tac)), Is.False);
    }

    [Test]
    public void The_test_patterns_of_the_policy_replace_the_defaults()
    {
        var rules = new AttachRules(AttachRules.DefaultTacWaitDays) { TestTacPrefixes = ["12345678"] };

        using (Assert.EnterMultipleScope())
        {
            Assert.That(rules.IsTestTac(Of("12345678")), Is.True);
            Assert.That(rules.IsTestTac(Of("00440000")), Is.False);
        }
    }

    [TestCase("001010123456789", true)]
    [TestCase("00101", true)]
    [TestCase("999990000000001", true)]
    [TestCase("001020123456789", false)]
    [TestCase("99998", false)]
    [TestCase("410010000000001", false)]
    [TestCase("0010", false)]
    [TestCase("", false)]
    public void A_subscriber_is_a_test_subscriber_by_the_prefix_alone(string imsi, bool test)
    {
        Assert.That(AttachRules.Default.IsTestImsi(imsi), Is.EqualTo(test));
    }

    [TestCase("00123456", 32)]
    [TestCase("01234567", 40)]
    [TestCase("35000000", 20)]
    [TestCase("86650704", 19)]
    [TestCase("91000000", 20)]
    [TestCase("99000000", 69)]
    public void A_tac_waits_the_days_of_its_reporting_body(string tac, int days)
    {
        Assert.That(AttachRules.Default.TacWaitMs(Of(tac)), Is.EqualTo(TimeSpan.FromDays(days).TotalMilliseconds));
    }

    [Test]
    public void A_reporting_body_that_is_not_listed_has_no_wait()
    {
        Assert.That(AttachRules.Default.TacWaitMs(Of("98000000")), Is.Zero);
    }

    [Test]
    public void Data_is_fresh_for_72_hours_by_default()
    {
        Assert.That(AttachRules.Default.KnowledgeTtl, Is.EqualTo(TimeSpan.FromHours(72)));
    }

    [Test]
    public void A_tac_list_is_fresh_for_45_days_by_default()
    {
        Assert.That(AttachRules.Default.TacFreshness, Is.EqualTo(TimeSpan.FromDays(45)));
    }

    [Test]
    public void A_tac_list_is_not_complete_by_default()
    {
        Assert.That(AttachRules.Default.TacListComplete, Is.False);
    }

    [Test]
    public void Unknown_equipment_is_white_by_default()
    {
        Assert.That(AttachRules.Default.UnknownAnswer, Is.EqualTo(UnknownAnswer.White));
    }

    [TestCase("410010000000001")]
    [TestCase("41001")]
    [TestCase("410061234567890")]
    [TestCase("410123000000001")]
    public void A_subscriber_under_a_registered_code_belongs_to_a_registered_operator(string imsi)
    {
        Assert.That(HomeOf(imsi), Is.EqualTo(SubscriberHome.RegisteredOperator));
    }

    [TestCase("410990000000001")]
    [TestCase("410124000000001")]
    [TestCase("410000000000000")]
    public void A_local_subscriber_under_no_registered_code_belongs_to_another_local_operator(string imsi)
    {
        Assert.That(HomeOf(imsi), Is.EqualTo(SubscriberHome.OtherLocalOperator));
    }

    [TestCase("234150000000001")]
    [TestCase("404100000000001")]
    [TestCase("001010123456789")]
    [TestCase("041001000000001")]
    public void A_subscriber_of_another_country_code_is_from_abroad(string imsi)
    {
        Assert.That(HomeOf(imsi), Is.EqualTo(SubscriberHome.Abroad));
    }

    [TestCase("")]
    [TestCase("4100")]
    [TestCase("2341")]
    [TestCase("4100100000000012")]
    [TestCase("2341500000000012")]
    [TestCase("imsi-410010000000001")]
    [TestCase("41001000000000X")]
    [TestCase(" 41001000000001")]
    [TestCase("41001\0")]
    [TestCase("٤١٠٠١٠٠٠٠٠٠٠٠٠١")]
    public void A_text_that_is_not_an_imsi_has_no_home_operator(string imsi)
    {
        Assert.That(HomeOf(imsi), Is.EqualTo(SubscriberHome.Unknown));
    }

    [Test]
    public void A_country_may_have_several_codes()
    {
        var rules = new AttachRules(AttachRules.DefaultTacWaitDays) { HomeMccs = ["404", "405"] };

        Assert.That(rules.HomeOf("405990000000001", []), Is.EqualTo(SubscriberHome.OtherLocalOperator));
    }

    [Test]
    public void A_registered_code_of_another_country_does_not_make_its_subscribers_local()
    {
        Assert.That(AttachRules.Default.HomeOf("234150000000001", ["23415"]), Is.EqualTo(SubscriberHome.Abroad));
    }

    private static SubscriberHome HomeOf(string imsi) => AttachRules.Default.HomeOf(imsi, ["41001", "41006", "410123"]);

    private static Tac Of(string text) =>
        Tac.TryParse(text, out var tac) ? tac : throw new AssertionException($"'{text}' is no TAC");
}
