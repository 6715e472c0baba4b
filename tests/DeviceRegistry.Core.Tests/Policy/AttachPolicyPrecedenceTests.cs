using static DeviceRegistry.Core.Tests.Policy.Situation;

namespace DeviceRegistry.Core.Tests.Policy;

/// <summary>If two rows of the decision table match, the first one decides.</summary>
public sealed class AttachPolicyPrecedenceTests
{
    [TestCase("")]
    [TestCase(DeviceImei)]
    [TestCase(Router)]
    [TestCase(TestDeviceImei)]
    [TestCase("no imei")]
    public void An_emergency_precedes_every_order_and_every_identity(string equipment)
    {
        var emergency = InvalidTac with { Emergency = true, Equipment = equipment, ImeiOrders = [Court, Bar, Theft] };

        Assert.That(emergency.Decide().Row, Is.EqualTo("0"));
    }

    [Test]
    public void An_absent_identity_precedes_an_order()
    {
        var absent = new Situation { Equipment = "", ImeiOrders = [Court] };

        Assert.That(absent.Decide().Row, Is.EqualTo("1"));
    }

    [Test]
    public void The_court_precedes_the_regulator()
    {
        var both = new Situation { ImeiOrders = [Bar, Court] };

        Assert.That(both.Decide().Row, Is.EqualTo("2"));
    }

    [Test]
    public void The_court_precedes_the_regulator_in_any_order_of_arrival()
    {
        var both = new Situation { ImeiOrders = [Court, Bar] };

        Assert.That(both.Decide().Row, Is.EqualTo("2"));
    }

    [Test]
    public void A_court_order_on_the_imei_precedes_a_bar_on_the_tac()
    {
        var both = new Situation { ImeiOrders = [Court], TacOrders = [TacBar] };

        Assert.That(both.Decide().Row, Is.EqualTo("2"));
    }

    [Test]
    public void An_order_precedes_a_retired_unit()
    {
        var both = new Situation { Device = DeviceStatus.Retired, ImeiOrders = [Theft] };

        Assert.That(both.Decide().Row, Is.EqualTo("5a"));
    }

    [Test]
    public void A_retired_unit_precedes_an_invalid_tac()
    {
        Assert.That((InvalidTac with { Device = DeviceStatus.Retired }).Decide().Row, Is.EqualTo("12c"));
    }

    [Test]
    public void A_bar_precedes_a_theft()
    {
        var both = new Situation { ImeiOrders = [Theft, Bar] };

        Assert.That(both.Decide().Row, Is.EqualTo("4"));
    }

    [Test]
    public void A_bar_on_the_tac_precedes_a_theft_on_the_imei()
    {
        var both = new Situation { ImeiOrders = [Theft], TacOrders = [TacBar] };

        Assert.That(both.Answer(), Is.EqualTo(("4", Verdict.Deny, CheckReason.BarredTac)));
    }

    [Test]
    public void A_theft_precedes_orders_of_the_lower_classes()
    {
        var both = new Situation { ImeiOrders = [Order(OrderClass.E), Order(OrderClass.D), Theft] };

        Assert.That(both.Decide().Row, Is.EqualTo("5a"));
    }

    [Test]
    public void An_order_of_a_disabled_class_hides_no_order_of_a_lower_class()
    {
        var ordered = new Situation { ImeiOrders = [Default, Unregistered] };

        using (Assert.EnterMultipleScope())
        {
            Assert.That(ordered.Decide().Row, Is.EqualTo("19d"));
            Assert.That((ordered with { Rules = WithFinance }).Decide().Row, Is.EqualTo("6a"));
        }
    }

    [TestCase(OrderClass.A, "2")]
    [TestCase(OrderClass.B, "4")]
    [TestCase(OrderClass.C, "5a")]
    public void An_order_precedes_a_malformed_identity(OrderClass orderClass, string row)
    {
        var both = new Situation { Equipment = "no imei", ImeiOrders = [Order(orderClass)] };

        Assert.That(both.Decide().Row, Is.EqualTo(row));
    }

    [Test]
    public void An_order_precedes_the_answer_for_wireline_equipment()
    {
        var both = new Situation { Equipment = Router, ImeiOrders = [Theft] };

        Assert.That(both.Decide().Row, Is.EqualTo("5a"));
    }

    [Test]
    public void An_order_of_class_E_precedes_wireline_equipment_but_not_roaming()
    {
        var both = new Situation { Equipment = Router, ImeiOrders = [Unregistered] };

        using (Assert.EnterMultipleScope())
        {
            Assert.That(both.Decide().Row, Is.EqualTo("19d"));
            Assert.That((both with { ImeiOrders = [Duplicate] }).Decide().Row, Is.EqualTo("12b"));
            Assert.That((both with { Imsi = ForeignImsi }).Decide().Row, Is.EqualTo("8"));
        }
    }

    [Test]
    public void An_order_precedes_a_test_tac()
    {
        var both = new Situation { Equipment = TestDeviceImei, ImeiOrders = [Theft] };

        Assert.That(both.Decide().Row, Is.EqualTo("5a"));
    }

    [Test]
    public void A_malformed_identity_precedes_roaming()
    {
        var both = new Situation { Equipment = "no imei", Imsi = ForeignImsi };

        Assert.That(both.Decide().Row, Is.EqualTo("8"));
    }

    [Test]
    public void Wireline_equipment_precedes_roaming()
    {
        var both = new Situation { Equipment = Router, Imsi = ForeignImsi };

        Assert.That(both.Decide().Row, Is.EqualTo("8"));
    }

    [Test]
    public void A_test_tac_precedes_roaming()
    {
        var both = new Situation { Equipment = TestDeviceImei, Imsi = ForeignImsi };

        Assert.That(both.Decide().Row, Is.EqualTo("9"));
    }

    [Test]
    public void A_test_tac_precedes_registration()
    {
        var both = new Situation { Equipment = TestDeviceImei, Device = DeviceStatus.Released };

        Assert.That(both.Decide().Row, Is.EqualTo("9"));
    }

    [Test]
    public void Roaming_precedes_an_unknown_tac()
    {
        var both = InvalidTac with { Imsi = ForeignImsi };

        Assert.That(both.Decide().Row, Is.EqualTo("10"));
    }

    [Test]
    public void Roaming_precedes_registration()
    {
        var both = new Situation { Imsi = ForeignImsi };

        Assert.That(both.Decide().Row, Is.EqualTo("10"));
    }

    [Test]
    public void A_registered_imei_is_not_denied_for_an_unknown_tac()
    {
        var both = InvalidTac with { Device = DeviceStatus.Released };

        Assert.That(both.Decide().Row, Is.EqualTo("14b"));
    }

    [Test]
    public void A_registered_imei_does_not_wait_for_its_tac()
    {
        var both = InvalidTac with { Device = DeviceStatus.Released, FirstSeenMs = 0 };

        Assert.That(both.Decide().Row, Is.EqualTo("14b"));
    }

    [Test]
    public void An_order_precedes_registration()
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

        using (Assert.EnterMultipleScope())
        {
            Assert.That(roamer.Decide().Row, Is.EqualTo(row));
            Assert.That(roamer.Decide().Verdict, Is.EqualTo(Verdict.Deny));
        }
    }

    [TestCase("no imei", "8")]
    [TestCase(TestDeviceImei, "9")]
    public void A_malformed_or_test_identity_denies_roamers_too(string equipment, string row)
    {
        var roamer = new Situation { Imsi = ForeignImsi, Equipment = equipment };

        using (Assert.EnterMultipleScope())
        {
            Assert.That(roamer.Decide().Row, Is.EqualTo(row));
            Assert.That(roamer.Decide().Verdict, Is.EqualTo(Verdict.Deny));
        }
    }

    private static OrderTerm Order(OrderClass orderClass) =>
        new(200 + (ulong)orderClass, orderClass, CheckReason.CourtOrder, 0, long.MaxValue);
}
