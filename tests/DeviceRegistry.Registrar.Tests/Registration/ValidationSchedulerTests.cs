using DeviceRegistry.Registrar.Registration;

namespace DeviceRegistry.Registrar.Tests.Registration;

/// <summary>How many batches are judged at once. Every wait here ends by itself or has ended already.</summary>
public sealed class ValidationSchedulerTests
{
    private const long Large = Registrar.Limits.ValidatedBytesMax;
    private const long Half = Large / 2;
    private readonly ValidationScheduler _turns = new();

    [Test]
    public void So_many_large_ones_as_memory_holds_go_at_once_and_the_next_when_one_ends()
    {
        var (first, second, third) = (Take(Half), Take(Half), Take(Half));
        var waits = third.IsCompleted;
        first.Result.Dispose();

        Assert.That((first.IsCompleted, second.IsCompleted, waits), Is.EqualTo((true, true, false)));
        Assert.That(async () => await third, Throws.Nothing);
    }

    [Test]
    public void One_alone_always_may_however_large()
    {
        Assert.That(Take(3 * Large).IsCompleted, Is.True);
    }

    [Test]
    public void A_small_one_never_waits_for_large_ones()
    {
        _ = (Take(Large), Take(Large));

        Assert.That(Take(Registrar.Limits.SmallFileBytes).IsCompleted, Is.True);
    }

    [Test]
    public void A_large_one_is_not_overtaken_by_those_that_came_later_and_fit()
    {
        var (running, waiting, later) = (Take(Half), Take(Large), Take(Half));
        running.Result.Dispose();

        Assert.That(async () => await waiting, Throws.Nothing);
        Assert.That(later.IsCompleted, Is.False);
    }

    [Test]
    public void One_that_gives_up_leaves_its_place_to_the_next()
    {
        using var giveUp = new CancellationTokenSource();
        var running = Take(Large);
        var waiting = _turns.TakeAsync(party: 1, Large, giveUp.Token);
        var next = Take(Large);
        giveUp.Cancel();

        Assert.That(async () => await waiting, Throws.InstanceOf<OperationCanceledException>());
        running.Result.Dispose();
        Assert.That(async () => await next, Throws.Nothing);
    }

    [Test]
    public void A_turn_that_is_ended_twice_is_ended_once()
    {
        var (running, second, third) = (Take(Large), Take(Large), Take(Large));
        running.Result.Dispose();
        running.Result.Dispose();

        Assert.That(async () => await second, Throws.Nothing);
        Assert.That(third.IsCompleted, Is.False);
    }

    [Test]
    public void Of_those_that_wait_one_whose_party_has_none_under_way_is_next()
    {
        var (first, second) = (Take(Half, party: 1), Take(Half, party: 2));
        var (own, other) = (Take(Half, party: 1), Take(Half, party: 3));
        second.Result.Dispose();

        Assert.That(async () => await other, Throws.Nothing);
        Assert.That((first.IsCompleted, own.IsCompleted), Is.EqualTo((true, false)));
    }

    [Test]
    public void Small_ones_of_one_party_leave_room_for_those_of_another()
    {
        var own = Enumerable.Range(0, Registrar.Limits.SmallFilesMax).Select(_ => Take(1, party: 1)).ToList();

        Assert.That(own.Count(t => t.IsCompleted), Is.EqualTo(Registrar.Limits.SmallFilesOfPartyMax));
        Assert.That(Take(1, party: 2).IsCompleted, Is.True);
    }

    private Task<IDisposable> Take(long bytes, long party = 1) =>
        _turns.TakeAsync(party, bytes, CancellationToken.None);
}
