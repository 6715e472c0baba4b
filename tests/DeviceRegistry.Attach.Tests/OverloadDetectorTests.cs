using DeviceRegistry.Attach;
using DeviceRegistry.TestKit;

namespace DeviceRegistry.Attach.Tests;

/// <summary>Load shedding: a call is rejected while the scheduling-delay probe's timer tick is late, or while too many
/// calls are in progress.</summary>
public sealed class OverloadDetectorTests : IDisposable
{
    private readonly HandTime _time = new();
    private readonly OverloadDetector _load;

    public OverloadDetectorTests() => _load = new OverloadDetector(_time);

    public void Dispose() => _load.Dispose();

    [Test]
    public void No_call_is_shed_while_timer_ticks_are_on_time()
    {
        _time.Pass(TimeSpan.FromMilliseconds(250));

        using (Assert.EnterMultipleScope())
        {
            Assert.That(_load.ShouldShed(), Is.False);
            Assert.That(_load.Shed, Is.Zero);
        }
    }

    [Test]
    public void Every_call_is_shed_and_counted_while_a_timer_tick_is_late()
    {
        _time.Pass(TimeSpan.FromMilliseconds(251));

        using (Assert.EnterMultipleScope())
        {
            Assert.That(_load.ShouldShed(), Is.True);
            Assert.That(_load.CallBegins(), Is.False);
            Assert.That(_load.Shed, Is.EqualTo(2L));
        }
    }

    [Test]
    public void The_next_timer_tick_ends_the_shedding()
    {
        _time.Pass(TimeSpan.FromSeconds(10));
        var before = _load.ShouldShed();

        _time.Tick();

        using (Assert.EnterMultipleScope())
        {
            Assert.That(before, Is.True);
            Assert.That(_load.ShouldShed(), Is.False);
        }
    }

    [Test]
    public void A_call_above_the_limit_is_shed_until_another_call_ends()
    {
        var begun = 0;
        while (_load.CallBegins()) begun++;

        _load.CallEnds();

        using (Assert.EnterMultipleScope())
        {
            Assert.That(begun, Is.EqualTo(1_000));
            Assert.That(_load.CallBegins(), Is.True);
            Assert.That(_load.CallBegins(), Is.False);
            Assert.That(_load.Shed, Is.EqualTo(2L));
        }
    }

    [Test]
    public void Checking_the_load_allocates_nothing()
    {
        Assert.That(Allocation.ByAThousand(() => _load.ShouldShed()), Is.Zero);
    }

    /// <summary>A clock that the test sets, with timers that are late as long as the test requires.</summary>
    private sealed class HandTime : TimeProvider
    {
        private long _now;
        private Action _tick = () => { };

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override long GetTimestamp() => _now;

        public void Pass(TimeSpan time) => _now += time.Ticks;

        public void Tick() => _tick();

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
        {
            _tick = () => callback(state);
            return new Never();
        }

        private sealed class Never : ITimer
        {
            public bool Change(TimeSpan dueTime, TimeSpan period) => true;

            public void Dispose()
            {
            }

            public ValueTask DisposeAsync() => ValueTask.CompletedTask;
        }
    }
}
