using DeviceRegistry.Attach;
using DeviceRegistry.TestKit;

namespace DeviceRegistry.Attach.Tests;

/// <summary>When a door answers "busy": while a beat that everybody's work is before is late, or too many calls are
/// under way.</summary>
public sealed class OverloadDetectorTests : IDisposable
{
    private readonly HandTime _time = new();
    private readonly OverloadDetector _load;

    public OverloadDetectorTests() => _load = new OverloadDetector(_time);

    public void Dispose() => _load.Dispose();

    [Test]
    public void Nothing_is_shed_while_beats_come_in_time()
    {
        _time.Pass(TimeSpan.FromMilliseconds(250));

        Assert.That((_load.ShouldShed(), _load.Shed), Is.EqualTo((false, 0L)));
    }

    [Test]
    public void Everything_is_shed_and_counted_while_a_beat_is_late()
    {
        _time.Pass(TimeSpan.FromMilliseconds(251));

        Assert.That((_load.ShouldShed(), _load.CallBegins(), _load.Shed), Is.EqualTo((true, false, 2L)));
    }

    [Test]
    public void The_next_beat_ends_it()
    {
        _time.Pass(TimeSpan.FromSeconds(10));
        var before = _load.ShouldShed();

        _time.Beat();

        Assert.That((before, _load.ShouldShed()), Is.EqualTo((true, false)));
    }

    [Test]
    public void A_call_beyond_those_under_way_is_shed_until_one_of_them_ends()
    {
        var begun = 0;
        while (_load.CallBegins()) begun++;

        _load.CallEnds();

        Assert.That((begun, _load.CallBegins(), _load.CallBegins(), _load.Shed), Is.EqualTo((1_000, true, false, 2L)));
    }

    [Test]
    public void Feeling_the_load_allocates_nothing()
    {
        Assert.That(Allocation.ByAThousand(() => _load.ShouldShed()), Is.Zero);
    }

    /// <summary>A time that passes by hand, and whose timers are late for as long as the test likes.</summary>
    private sealed class HandTime : TimeProvider
    {
        private long _now;
        private Action _beat = () => { };

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override long GetTimestamp() => _now;

        public void Pass(TimeSpan time) => _now += time.Ticks;

        public void Beat() => _beat();

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
        {
            _beat = () => callback(state);
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
