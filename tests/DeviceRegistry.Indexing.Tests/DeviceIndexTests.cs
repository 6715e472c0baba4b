using static DeviceRegistry.Indexing.Tests.Known;

namespace DeviceRegistry.Indexing.Tests;

/// <summary>What a node knows of handsets, TACs and its own freshness.</summary>
public sealed class DeviceIndexTests
{
    private readonly DeviceIndex _index = new();

    [Test]
    public void A_handset_that_leaves_the_market_is_remembered_and_may_come_back()
    {
        _index.Release([Phone, OtherModel]);
        _index.Retire([Phone]);
        var left = _index.DeviceOf(Phone);
        _index.Release([Phone]);

        Assert.That((left, _index.DeviceOf(Phone), _index.DeviceOf(OtherModel), _index.Devices),
            Is.EqualTo((DeviceStatus.Retired, DeviceStatus.Released, DeviceStatus.Released, 2)));
    }

    [Test]
    public void A_handset_nobody_released_is_not_registered()
    {
        Assert.That(_index.DeviceOf(Phone), Is.EqualTo(DeviceStatus.NotRegistered));
    }

    [Test]
    public void A_released_handset_is_released()
    {
        _index.Release([Phone]);

        Assert.That(_index.DeviceOf(Phone), Is.EqualTo(DeviceStatus.Released));
    }

    [Test]
    public void A_release_leaves_the_next_serial_as_it_was()
    {
        _index.Release([Phone]);

        Assert.That(_index.DeviceOf(SameModel), Is.EqualTo(DeviceStatus.NotRegistered));
    }

    [Test]
    public void A_handset_released_twice_counts_once()
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
    public void While_the_first_import_is_not_complete_there_is_no_list()
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
    public void A_later_import_keeps_the_tacs_of_the_earlier_one()
    {
        _index.AddTacs([Phone.Tac]);

        _index.AddTacs([OtherModel.Tac]);

        Assert.That(_index.Tacs, Is.EqualTo(2));
    }

    [Test]
    public void The_facts_carry_the_age_of_the_tac_list()
    {
        _index.TacListIsFresh(1_000);

        Assert.That(_index.FactsOf(Identity(Phone), []).TacListAsOfMs, Is.EqualTo(1_000));
    }

    [Test]
    public void The_facts_carry_the_codes_of_the_registered_operators()
    {
        string[] plmns = ["41001"];

        Assert.That(_index.FactsOf(Identity(Phone), plmns).RegisteredPlmns, Is.SameAs(plmns));
    }

    [Test]
    public void The_facts_carry_until_when_everything_was_known()
    {
        _index.KnewEverythingAt(5_000);

        Assert.That(_index.FactsOf(Identity(Phone), []).KnownAtMs, Is.EqualTo(5_000));
    }

    [TestCase(EquipmentKind.Absent)]
    [TestCase(EquipmentKind.Wireline)]
    [TestCase(EquipmentKind.Malformed)]
    public void An_identity_that_is_no_imei_has_the_age_of_knowledge_too(EquipmentKind kind)
    {
        _index.KnewEverythingAt(5_000);

        Assert.That(_index.FactsOf(new EquipmentIdentity(kind, default), []).KnownAtMs, Is.EqualTo(5_000));
    }

    [TestCase(EquipmentKind.Absent)]
    [TestCase(EquipmentKind.Wireline)]
    [TestCase(EquipmentKind.Malformed)]
    public void An_identity_that_is_no_imei_has_no_orders_of_the_handset_of_zeros(EquipmentKind kind)
    {
        _index.Arm(Theft, [default], []);

        Assert.That(_index.FactsOf(new EquipmentIdentity(kind, default), []).ImeiOrders.Length, Is.Zero);
    }

    [Test]
    public void An_index_that_was_never_fed_never_knew_everything()
    {
        Assert.That((_index.KnownAtMs, _index.Position), Is.EqualTo((0L, 0ul)));
    }

    [Test]
    public void A_clock_that_was_ahead_for_a_while_does_not_make_knowledge_look_fresh_for_ever()
    {
        _index.KnewEverythingAt(5_000);

        _index.KnewEverythingAt(4_000);

        Assert.That(_index.KnownAtMs, Is.EqualTo(4_000));
    }

    [Test]
    public void The_position_is_the_one_that_was_published()
    {
        _index.Publish(41);

        _index.Publish(42);

        Assert.That(_index.Position, Is.EqualTo(42));
    }
}
