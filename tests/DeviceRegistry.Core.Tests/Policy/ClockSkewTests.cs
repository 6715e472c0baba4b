namespace DeviceRegistry.Core.Tests.Policy;

/// <summary>What an exchange of messages proves of two clocks.</summary>
public sealed class ClockSkewTests
{
    [TestCase(-3, 5, 1, 4, TestName = "{m}(around right)")]
    [TestCase(-5, -3, -4, 1, TestName = "{m}(behind)")]
    public void Has_a_middle_and_half_a_width(long low, long high, long ahead, long error)
    {
        var clock = ClockSkew.Between(TimeSpan.FromMilliseconds(low), TimeSpan.FromMilliseconds(high))!;

        Assert.That((clock.AheadMs, clock.ErrorMs), Is.EqualTo((ahead, error)));
    }

    [Test]
    public void Bounds_are_rounded_outwards() =>
        Assert.That(ClockSkew.Between(TimeSpan.FromMilliseconds(-1.2), TimeSpan.FromMilliseconds(1.2)),
            Is.EqualTo(new ClockSkew(-2, 2)));

    [Test]
    public void Bounds_that_contradict_each_other_prove_nothing() =>
        Assert.That(ClockSkew.Between(TimeSpan.FromMilliseconds(2), TimeSpan.FromMilliseconds(1)), Is.Null);

    [TestCase(11, 90, true, false)]
    [TestCase(-90, -11, true, false)]
    [TestCase(10, 90, false, false, Description = "a slow line: it may be right, it may be wrong")]
    [TestCase(-90, 90, false, false)]
    [TestCase(-10, 10, false, true)]
    public void A_clock_is_wrong_or_right_only_for_certain(long low, long high, bool isBeyond, bool isWithin)
    {
        var clock = new ClockSkew(low, high);

        Assert.That((clock.IsBeyond(10), clock.IsWithin(10)), Is.EqualTo((isBeyond, isWithin)));
    }
}
