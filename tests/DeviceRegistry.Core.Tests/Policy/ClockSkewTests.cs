namespace DeviceRegistry.Core.Tests.Policy;

/// <summary>Bounds of the skew between two clocks, derived from an exchange of messages.</summary>
public sealed class ClockSkewTests
{
    [TestCase(-3, 5, 1, 4, TestName = "{m}(around correct)")]
    [TestCase(-5, -3, -4, 1, TestName = "{m}(behind)")]
    public void The_skew_has_a_midpoint_and_a_half_width(long low, long high, long ahead, long error)
    {
        var clock = ClockSkew.Between(TimeSpan.FromMilliseconds(low), TimeSpan.FromMilliseconds(high))!;

        using (Assert.EnterMultipleScope())
        {
            Assert.That(clock.AheadMs, Is.EqualTo(ahead));
            Assert.That(clock.ErrorMs, Is.EqualTo(error));
        }
    }

    [Test]
    public void Bounds_are_rounded_outwards() =>
        Assert.That(ClockSkew.Between(TimeSpan.FromMilliseconds(-1.2), TimeSpan.FromMilliseconds(1.2)),
            Is.EqualTo(new ClockSkew(-2, 2)));

    [Test]
    public void Contradicting_bounds_give_no_skew() =>
        Assert.That(ClockSkew.Between(TimeSpan.FromMilliseconds(2), TimeSpan.FromMilliseconds(1)), Is.Null);

    [TestCase(11, 90, true, false)]
    [TestCase(-90, -11, true, false)]
    [TestCase(10, 90, false, false, Description = "a slow line: it may be right, it may be wrong")]
    [TestCase(-90, 90, false, false)]
    [TestCase(-10, 10, false, true)]
    public void A_clock_is_judged_only_where_the_bounds_leave_no_doubt(long low, long high, bool isBeyond,
        bool isWithin)
    {
        var clock = new ClockSkew(low, high);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(clock.IsBeyond(10), Is.EqualTo(isBeyond));
            Assert.That(clock.IsWithin(10), Is.EqualTo(isWithin));
        }
    }
}
