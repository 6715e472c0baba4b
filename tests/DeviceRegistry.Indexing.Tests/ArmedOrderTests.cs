using static DeviceRegistry.Indexing.Tests.Known;

namespace DeviceRegistry.Indexing.Tests;

/// <summary>Orders on IMEIs and TACs. They may overlap, and each is lifted separately.</summary>
public sealed class ArmedOrderTests
{
    private readonly DeviceIndex _index = new();

    [Test]
    public void An_armed_order_applies_to_its_imei()
    {
        _index.Arm(Court, [Phone], []);

        Assert.That(_index.ImeiOrdersOf(Phone), Is.EqualTo(new[] { Court }));
    }

    [Test]
    public void An_armed_order_applies_to_no_other_imei()
    {
        _index.Arm(Court, [Phone], []);

        Assert.That(_index.ImeiOrdersOf(SameModel), Is.Empty);
    }

    [Test]
    public void An_order_applies_to_every_imei_it_names()
    {
        _index.Arm(Court, [Phone, OtherModel], []);

        Assert.That(_index.ImeiOrdersOf(OtherModel), Is.EqualTo(new[] { Court }));
    }

    [Test]
    public void An_order_on_a_tac_applies_to_every_serial_of_it()
    {
        _index.Arm(TacBar, [], [Phone.Tac]);

        Assert.That(_index.TacOrdersOf(SameModel), Is.EqualTo(new[] { TacBar }));
    }

    [Test]
    public void An_order_on_a_tac_applies_to_no_other_tac()
    {
        _index.Arm(TacBar, [], [Phone.Tac]);

        Assert.That(_index.TacOrdersOf(OtherModel), Is.Empty);
    }

    [Test]
    public void An_order_on_a_tac_is_not_an_order_on_its_imeis()
    {
        _index.Arm(TacBar, [], [Phone.Tac]);

        Assert.That(_index.ImeiOrdersOf(Phone), Is.Empty);
    }

    [Test]
    public void Two_orders_apply_to_one_imei_together()
    {
        _index.Arm(Theft, [Phone], []);

        _index.Arm(Court, [Phone], []);

        Assert.That(_index.ImeiOrdersOf(Phone), Is.EquivalentTo(new[] { Theft, Court }));
    }

    [Test]
    public void Lifting_one_of_two_orders_keeps_the_other()
    {
        _index.Arm(Theft, [Phone], []);
        _index.Arm(Court, [Phone], []);

        _index.Lift(Theft.Number);

        Assert.That(_index.ImeiOrdersOf(Phone), Is.EqualTo(new[] { Court }));
    }

    [Test]
    public void Lifting_one_of_two_orders_on_a_tac_keeps_the_other()
    {
        _index.Arm(TacBar, [], [Phone.Tac]);
        _index.Arm(Court, [], [Phone.Tac]);

        _index.Lift(Court.Number);

        Assert.That(_index.TacOrdersOf(Phone), Is.EqualTo(new[] { TacBar }));
    }

    [Test]
    public void Lifting_the_last_order_leaves_none()
    {
        _index.Arm(Theft, [Phone], []);

        _index.Lift(Theft.Number);

        Assert.That(_index.ImeiOrdersOf(Phone), Is.Empty);
    }

    [Test]
    public void Lifting_an_order_removes_it_from_every_subject()
    {
        _index.Arm(Court, [Phone, OtherModel], [OtherModel.Tac]);

        _index.Lift(Court.Number);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(_index.ImeiOrdersOf(Phone).Length, Is.Zero);
            Assert.That(_index.ImeiOrdersOf(OtherModel).Length, Is.Zero);
            Assert.That(_index.TacOrdersOf(OtherModel).Length, Is.Zero);
        }
    }

    [Test]
    public void Lifting_an_order_that_was_never_armed_changes_nothing()
    {
        _index.Arm(Theft, [Phone], []);

        _index.Lift(99);

        Assert.That(_index.ImeiOrdersOf(Phone), Is.EqualTo(new[] { Theft }));
    }

    [Test]
    public void An_order_armed_twice_applies_once()
    {
        _index.Arm(Theft, [Phone], []);

        _index.Arm(Theft, [Phone], []);

        Assert.That(_index.ImeiOrdersOf(Phone), Is.EqualTo(new[] { Theft }));
    }

    [Test]
    public void The_same_number_armed_again_with_other_subjects_changes_nothing()
    {
        _index.Arm(Theft, [Phone], []);

        _index.Arm(Theft, [OtherModel], []);

        Assert.That(_index.ImeiOrdersOf(OtherModel), Is.Empty);
    }

    [Test]
    public void An_order_armed_twice_is_lifted_by_one_lift()
    {
        _index.Arm(Theft, [Phone], []);
        _index.Arm(Theft, [Phone], []);

        _index.Lift(Theft.Number);

        Assert.That(_index.ImeiOrdersOf(Phone), Is.Empty);
    }

    [Test]
    public void An_order_that_names_an_imei_twice_is_lifted_completely()
    {
        _index.Arm(Theft, [Phone, Phone], []);

        _index.Lift(Theft.Number);

        Assert.That(_index.ImeiOrdersOf(Phone), Is.Empty);
    }

    [Test]
    public void An_order_armed_again_after_its_lift_applies_again()
    {
        _index.Arm(Theft, [Phone], []);
        _index.Lift(Theft.Number);

        _index.Arm(Theft, [Phone], []);

        Assert.That(_index.ImeiOrdersOf(Phone), Is.EqualTo(new[] { Theft }));
    }

    [Test]
    public void Orders_are_counted_until_they_are_lifted()
    {
        _index.Arm(Theft, [Phone, OtherModel], []);
        _index.Arm(TacBar, [], [Phone.Tac]);

        _index.Lift(Theft.Number);

        Assert.That(_index.Orders, Is.EqualTo(1));
    }

    [Test]
    public void An_order_on_a_released_imei_leaves_it_released()
    {
        _index.Release([Phone]);

        _index.Arm(Theft, [Phone], []);

        Assert.That(_index.DeviceOf(Phone), Is.EqualTo(DeviceStatus.Released));
    }

    [Test]
    public void Facts_read_before_a_lift_still_show_the_order_after_it()
    {
        _index.Arm(Theft, [Phone], []);
        var facts = _index.FactsOf(Identity(Phone), []);

        _index.Lift(Theft.Number);

        Assert.That(facts.ImeiOrders.ToArray(), Is.EqualTo(new[] { Theft }));
    }

    [Test]
    public void Facts_read_before_a_second_order_do_not_show_it()
    {
        _index.Arm(Theft, [Phone], []);
        var facts = _index.FactsOf(Identity(Phone), []);

        _index.Arm(Court, [Phone], []);

        Assert.That(facts.ImeiOrders.ToArray(), Is.EqualTo(new[] { Theft }));
    }
}
