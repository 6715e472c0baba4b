using static DeviceRegistry.Indexing.Tests.Known;

namespace DeviceRegistry.Indexing.Tests;

/// <summary>IMEIs, TACs and the time of the data in a node's index.</summary>
public sealed class DeviceIndexTests
{
    private readonly DeviceIndex _index = new();

    [Test]
    public void An_imei_taken_off_the_market_can_be_released_again()
    {
        _index.Release([Phone, OtherModel]);
        _index.Retire([Phone]);
        var left = _index.DeviceOf(Phone);
        _index.Release([Phone]);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(left, Is.EqualTo(DeviceStatus.Retired));
            Assert.That(_index.DeviceOf(Phone), Is.EqualTo(DeviceStatus.Released));
            Assert.That(_index.DeviceOf(OtherModel), Is.EqualTo(DeviceStatus.Released));
            Assert.That(_index.Devices, Is.EqualTo(2));
        }
    }

    [Test]
    public void An_imei_that_was_never_released_is_not_registered()
    {
        Assert.That(_index.DeviceOf(Phone), Is.EqualTo(DeviceStatus.NotRegistered));
    }

    [Test]
    public void A_released_imei_is_released()
    {
        _index.Release([Phone]);

        Assert.That(_index.DeviceOf(Phone), Is.EqualTo(DeviceStatus.Released));
    }

    [Test]
    public void A_release_does_not_change_the_next_serial()
    {
        _index.Release([Phone]);

        Assert.That(_index.DeviceOf(SameModel), Is.EqualTo(DeviceStatus.NotRegistered));
    }

    [Test]
    public void An_imei_released_twice_is_counted_once()
    {
        _index.Release([Phone, OtherModel]);

        _index.Release([Phone]);

        Assert.That(_index.Devices, Is.EqualTo(2));
    }

    [Test]
    public void Without_a_tac_list_no_tac_is_unknown()
    {
        Assert.That(_index.TacOf(Phone), Is.EqualTo(TacStatus.NoList));
    }

    [Test]
    public void Before_the_first_import_is_complete_there_is_no_tac_list()
    {
        _index.AddTacs([Phone.Tac]);

        Assert.That(_index.TacOf(Phone), Is.EqualTo(TacStatus.NoList));
    }

    [Test]
    public void A_tac_in_a_complete_list_is_known()
    {
        _index.AddTacs([Phone.Tac]);

        _index.TacListIsFresh(1_000);

        Assert.That(_index.TacOf(Phone), Is.EqualTo(TacStatus.Known));
    }

    [Test]
    public void A_tac_missing_from_a_complete_list_is_unknown()
    {
        _index.AddTacs([Phone.Tac]);

        _index.TacListIsFresh(1_000);

        Assert.That(_index.TacOf(OtherModel), Is.EqualTo(TacStatus.Unknown));
    }

    [Test]
    public void A_known_tac_is_known_for_every_serial()
    {
        _index.AddTacs([Phone.Tac]);

        _index.TacListIsFresh(1_000);

        Assert.That(_index.TacOf(SameModel), Is.EqualTo(TacStatus.Known));
    }

    [Test]
    public void A_later_import_keeps_the_tacs_of_earlier_ones()
    {
        _index.AddTacs([Phone.Tac]);

        _index.AddTacs([OtherModel.Tac]);

        Assert.That(_index.Tacs, Is.EqualTo(2));
    }

    [Test]
    public void The_facts_contain_the_age_of_the_tac_list()
    {
        _index.TacListIsFresh(1_000);

        Assert.That(_index.FactsOf(Identity(Phone), []).TacListAsOfMs, Is.EqualTo(1_000));
    }

    [Test]
    public void The_facts_contain_the_codes_of_the_registered_operators()
    {
        string[] plmns = ["41001"];

        Assert.That(_index.FactsOf(Identity(Phone), plmns).RegisteredPlmns, Is.SameAs(plmns));
    }

    [Test]
    public void The_facts_contain_the_time_of_the_data()
    {
        _index.KnewEverythingAt(5_000);

        Assert.That(_index.FactsOf(Identity(Phone), []).KnownAtMs, Is.EqualTo(5_000));
    }

    [TestCase(EquipmentKind.Absent)]
    [TestCase(EquipmentKind.Wireline)]
    [TestCase(EquipmentKind.Malformed)]
    public void An_identity_that_is_not_an_imei_has_the_time_of_the_data(EquipmentKind kind)
    {
        _index.KnewEverythingAt(5_000);

        Assert.That(_index.FactsOf(new EquipmentIdentity(kind, default), []).KnownAtMs, Is.EqualTo(5_000));
    }

    [TestCase(EquipmentKind.Absent)]
    [TestCase(EquipmentKind.Wireline)]
    [TestCase(EquipmentKind.Malformed)]
    public void An_identity_that_is_not_an_imei_has_no_orders_of_the_zero_imei(EquipmentKind kind)
    {
        _index.Arm(Theft, [default], []);

        Assert.That(_index.FactsOf(new EquipmentIdentity(kind, default), []).ImeiOrders.Length, Is.Zero);
    }

    [Test]
    public void An_index_without_data_has_no_time_of_the_data()
    {
        using (Assert.EnterMultipleScope())
        {
            Assert.That(_index.KnownAtMs, Is.Zero);
            Assert.That(_index.Position, Is.Zero);
        }
    }

    [Test]
    public void A_clock_that_was_ahead_does_not_keep_the_data_fresh()
    {
        _index.KnewEverythingAt(5_000);

        _index.KnewEverythingAt(4_000);

        Assert.That(_index.KnownAtMs, Is.EqualTo(4_000));
    }

    [Test]
    public void The_position_is_the_published_one()
    {
        _index.Publish(41);

        _index.Publish(42);

        Assert.That(_index.Position, Is.EqualTo(42));
    }
}
