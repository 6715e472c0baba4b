using DeviceRegistry.Registrar.Registration;

namespace DeviceRegistry.Registrar.Tests.Registration;

/// <summary>How many batches are validated at once. Every wait in these tests ends by itself or has ended
/// already.</summary>
public sealed class ValidationSchedulerTests
{
    private const long Large = Registrar.Limits.ValidatedBytesMax;
    private const long Half = Large / 2;
    private readonly ValidationScheduler _turns = new();

    [Test]
    public void As_many_large_batches_run_at_once_as_memory_allows()
    {
        var (first, second, third) = (Take(Half), Take(Half), Take(Half));
        var waits = third.IsCompleted;
        first.Result.Dispose();

        using (Assert.EnterMultipleScope())
        {
            Assert.That(first.IsCompleted, Is.True);
            Assert.That(second.IsCompleted, Is.True);
            Assert.That(waits, Is.False);
        }

        Assert.That(async () => await third, Throws.Nothing);
    }

    [Test]
    public void A_single_batch_runs_whatever_its_size()
    {
        Assert.That(Take(3 * Large).IsCompleted, Is.True);
    }

    [Test]
    public void A_small_batch_never_waits_for_large_ones()
    {
        _ = (Take(Large), Take(Large));

        Assert.That(Take(Registrar.Limits.SmallFileBytes).IsCompleted, Is.True);
    }

    [Test]
    public void A_large_batch_is_not_overtaken_by_later_smaller_ones()
    {
        var (running, waiting, later) = (Take(Half), Take(Large), Take(Half));
        running.Result.Dispose();

        Assert.That(async () => await waiting, Throws.Nothing);
        Assert.That(later.IsCompleted, Is.False);
    }

    [Test]
    public void A_cancelled_wait_gives_its_place_to_the_next()
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
    public void A_turn_disposed_twice_ends_once()
    {
        var (running, second, third) = (Take(Large), Take(Large), Take(Large));
        running.Result.Dispose();
        running.Result.Dispose();

        Assert.That(async () => await second, Throws.Nothing);
        Assert.That(third.IsCompleted, Is.False);
    }

    [Test]
    public void A_waiting_party_without_a_running_batch_is_next()
    {
        var (first, second) = (Take(Half, party: 1), Take(Half, party: 2));
        var (own, other) = (Take(Half, party: 1), Take(Half, party: 3));
        second.Result.Dispose();

        Assert.That(async () => await other, Throws.Nothing);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(first.IsCompleted, Is.True);
            Assert.That(own.IsCompleted, Is.False);
        }
    }

    [Test]
    public void Small_batches_of_one_party_leave_capacity_for_other_parties()
    {
        var own = Enumerable.Range(0, Registrar.Limits.SmallFilesMax).Select(_ => Take(1, party: 1)).ToList();

        Assert.That(own.Count(t => t.IsCompleted), Is.EqualTo(Registrar.Limits.SmallFilesOfPartyMax));
        Assert.That(Take(1, party: 2).IsCompleted, Is.True);
    }

    private Task<IDisposable> Take(long bytes, long party = 1) =>
        _turns.TakeAsync(party, bytes, CancellationToken.None);
}
