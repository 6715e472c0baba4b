using static DeviceRegistry.Core.Tests.Policy.Situation;

namespace DeviceRegistry.Core.Tests.Policy;

/// <summary>Between two rows that both match, the first one answers.</summary>
public sealed class AttachPolicyPrecedenceTests
{
    [TestCase("")]
    [TestCase(Handset)]
    [TestCase(Router)]
    [TestCase(TestHandset)]
    [TestCase("no imei")]
    public void An_emergency_goes_before_every_order_and_every_identity(string equipment)
    {
        var emergency = InvalidTac with { Emergency = true, Equipment = equipment, ImeiOrders = [Court, Bar, Theft] };

        Assert.That(emergency.Decide().Row, Is.EqualTo("0"));
    }

    [Test]
    public void An_absent_identity_goes_before_an_order()
    {
        var absent = new Situation { Equipment = "", ImeiOrders = [Court] };

        Assert.That(absent.Decide().Row, Is.EqualTo("1"));
    }

    [Test]
    public void The_court_goes_before_the_regulator()
    {
        var both = new Situation { ImeiOrders = [Bar, Court] };

        Assert.That(both.Decide().Row, Is.EqualTo("2"));
    }

    [Test]
    public void The_court_goes_before_the_regulator_in_whatever_order_they_came()
    {
        var both = new Situation { ImeiOrders = [Court, Bar] };

        Assert.That(both.Decide().Row, Is.EqualTo("2"));
    }

    [Test]
    public void The_court_on_the_imei_goes_before_a_bar_on_the_tac()
    {
        var both = new Situation { ImeiOrders = [Court], TacOrders = [TacBar] };

        Assert.That(both.Decide().Row, Is.EqualTo("2"));
    }

    [Test]
    public void An_order_goes_before_a_retired_unit()
    {
        var both = new Situation { Device = DeviceStatus.Retired, ImeiOrders = [Theft] };

        Assert.That(both.Decide().Row, Is.EqualTo("5a"));
    }

    [Test]
    public void A_retired_unit_goes_before_an_invalid_tac()
    {
        Assert.That((InvalidTac with { Device = DeviceStatus.Retired }).Decide().Row, Is.EqualTo("12c"));
    }

    [Test]
    public void A_bar_goes_before_a_theft()
    {
        var both = new Situation { ImeiOrders = [Theft, Bar] };

        Assert.That(both.Decide().Row, Is.EqualTo("4"));
    }

    [Test]
    public void A_bar_on_the_tac_goes_before_a_theft_on_the_imei()
    {
        var both = new Situation { ImeiOrders = [Theft], TacOrders = [TacBar] };

        Assert.That(both.Answer(), Is.EqualTo(("4", Verdict.Deny, CheckReason.BarredTac)));
    }

    [Test]
    public void A_theft_goes_before_orders_of_the_lower_classes()
    {
        var both = new Situation { ImeiOrders = [Order(OrderClass.E), Order(OrderClass.D), Theft] };

        Assert.That(both.Decide().Row, Is.EqualTo("5a"));
    }

    [Test]
    public void An_order_of_a_rung_that_the_policy_lacks_hides_none_of_lower_rank()
    {
        var ordered = new Situation { ImeiOrders = [Default, Unregistered] };

        Assert.That((ordered.Decide().Row, (ordered with { Rules = WithFinance }).Decide().Row),
            Is.EqualTo(("19d", "6a")));
    }

    [TestCase(OrderClass.A, "2")]
    [TestCase(OrderClass.B, "4")]
    [TestCase(OrderClass.C, "5a")]
    public void An_order_goes_before_a_malformed_identity(OrderClass orderClass, string row)
    {
        var both = new Situation { Equipment = "no imei", ImeiOrders = [Order(orderClass)] };

        Assert.That(both.Decide().Row, Is.EqualTo(row));
    }

    [Test]
    public void An_order_goes_before_the_answer_for_wireline_equipment()
    {
        var both = new Situation { Equipment = Router, ImeiOrders = [Theft] };

        Assert.That(both.Decide().Row, Is.EqualTo("5a"));
    }

    [Test]
    public void An_order_of_class_E_goes_before_the_answer_for_wireline_equipment_but_not_before_roaming()
    {
        var both = new Situation { Equipment = Router, ImeiOrders = [Unregistered] };

        Assert.That((both.Decide().Row, (both with { ImeiOrders = [Duplicate] }).Decide().Row,
            (both with { Imsi = ForeignImsi }).Decide().Row), Is.EqualTo(("19d", "12b", "8")));
    }

    [Test]
    public void An_order_goes_before_a_test_tac()
    {
        var both = new Situation { Equipment = TestHandset, ImeiOrders = [Theft] };

        Assert.That(both.Decide().Row, Is.EqualTo("5a"));
    }

    [Test]
    public void A_malformed_identity_goes_before_roaming()
    {
        var both = new Situation { Equipment = "no imei", Imsi = ForeignImsi };

        Assert.That(both.Decide().Row, Is.EqualTo("8"));
    }

    [Test]
    public void Wireline_equipment_goes_before_roaming()
    {
        var both = new Situation { Equipment = Router, Imsi = ForeignImsi };

        Assert.That(both.Decide().Row, Is.EqualTo("8"));
    }

    [Test]
    public void A_test_tac_goes_before_roaming()
    {
        var both = new Situation { Equipment = TestHandset, Imsi = ForeignImsi };

        Assert.That(both.Decide().Row, Is.EqualTo("9"));
    }

    [Test]
    public void A_test_tac_goes_before_registration()
    {
        var both = new Situation { Equipment = TestHandset, Device = DeviceStatus.Released };

        Assert.That(both.Decide().Row, Is.EqualTo("9"));
    }

    [Test]
    public void Roaming_goes_before_an_unknown_tac()
    {
        var both = InvalidTac with { Imsi = ForeignImsi };

        Assert.That(both.Decide().Row, Is.EqualTo("10"));
    }

    [Test]
    public void Roaming_goes_before_registration()
    {
        var both = new Situation { Imsi = ForeignImsi };

        Assert.That(both.Decide().Row, Is.EqualTo("10"));
    }

    [Test]
    public void A_registered_handset_is_not_denied_for_its_unknown_tac()
    {
        var both = InvalidTac with { Device = DeviceStatus.Released };

        Assert.That(both.Decide().Row, Is.EqualTo("14b"));
    }

    [Test]
    public void A_registered_handset_does_not_wait_for_its_tac()
    {
        var both = InvalidTac with { Device = DeviceStatus.Released, FirstSeenMs = 0 };

        Assert.That(both.Decide().Row, Is.EqualTo("14b"));
    }

    [Test]
    public void An_order_goes_before_registration()
    {
        var both = new Situation { Device = DeviceStatus.Released, ImeiOrders = [Loss] };

        Assert.That(both.Decide().Row, Is.EqualTo("5a"));
    }

    [TestCase(OrderClass.A, "2")]
    [TestCase(OrderClass.B, "4")]
    [TestCase(OrderClass.C, "5a")]
    public void An_order_denies_roamers_too(OrderClass orderClass, string row)
    {
        var roamer = new Situation { Imsi = ForeignImsi, ImeiOrders = [Order(orderClass)] };

        Assert.That((roamer.Decide().Row, roamer.Decide().Verdict), Is.EqualTo((row, Verdict.Deny)));
    }

    [TestCase("no imei", "8")]
    [TestCase(TestHandset, "9")]
    public void A_malformed_or_test_identity_denies_roamers_too(string equipment, string row)
    {
        var roamer = new Situation { Imsi = ForeignImsi, Equipment = equipment };

        Assert.That((roamer.Decide().Row, roamer.Decide().Verdict), Is.EqualTo((row, Verdict.Deny)));
    }

    private static OrderTerm Order(OrderClass orderClass) =>
        new(200 + (ulong)orderClass, orderClass, CheckReason.CourtOrder, 0, long.MaxValue);
}
