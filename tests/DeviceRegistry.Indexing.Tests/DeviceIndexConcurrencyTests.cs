using System.Collections.Concurrent;
using static DeviceRegistry.Indexing.Tests.Known;

namespace DeviceRegistry.Indexing.Tests;

/// <summary>One writer arms and lifts while readers read. Each number is armed once: the arming of order n is published
/// as position
/// 2n-1, its lift as 2n.</summary>
public sealed class DeviceIndexConcurrencyTests
{
    private const ulong Rounds = 20_000;
    private const int Readers = 3;
    private const int FaultsMax = 10;

    private static readonly OrderTerm Standing =
        new(ulong.MaxValue, OrderClass.B, CheckReason.Barred, 0, long.MaxValue);

    private readonly DeviceIndex _index = new();
    private readonly ConcurrentQueue<string> _faults = [];
    private volatile bool _written;

    [Test, CancelAfter(Patience.TestMs)]
    public async Task Readers_beside_the_writer_see_every_standing_order_and_none_that_a_published_lift_ended(
        CancellationToken ct)
    {
        _index.Arm(Standing, [Phone], [Phone.Tac]);

        Task[] all = [.. Enumerable.Range(0, Readers).Select(_ => Task.Run(ReadUntilWritten, ct)), Task.Run(Write, ct)];
        await Task.WhenAll(all).WaitAsync(ct);

        Assert.That(_faults, Is.Empty);
    }

    [Test, CancelAfter(Patience.TestMs)]
    public async Task When_the_writer_is_done_only_the_standing_order_is_left(CancellationToken ct)
    {
        _index.Arm(Standing, [Phone], [Phone.Tac]);

        Task[] all = [.. Enumerable.Range(0, Readers).Select(_ => Task.Run(ReadUntilWritten, ct)), Task.Run(Write, ct)];
        await Task.WhenAll(all).WaitAsync(ct);

        Assert.That(_index.ImeiOrdersOf(Phone), Is.EqualTo(new[] { Standing }));
    }

    private void Write()
    {
        for (var n = 1ul; n <= Rounds; n++)
        {
            _index.Arm(new OrderTerm(n, OrderClass.C, CheckReason.Stolen, 0, long.MaxValue), [Phone, SameModel],
                [Phone.Tac]);
            _index.Publish(2 * n - 1);
            _index.Lift(n);
            _index.Publish(2 * n);
        }

        _written = true;
    }

    private void ReadUntilWritten()
    {
        do
        {
            var position = _index.Position;                      // first, as an answer does
            var facts = _index.FactsOf(Identity(Phone), []);
            Judge(facts.ImeiOrders, position);
            Judge(facts.TacOrders, position);
        }
        while (!_written && _faults.Count < FaultsMax);
    }

    private void Judge(ReadOnlySpan<OrderTerm> orders, ulong position)
    {
        var standing = false;
        foreach (var order in orders)
        {
            standing |= order == Standing;
            if (order != Standing && position >= 2 * order.Number) _faults.Enqueue(
                $"order {order.Number}, lifted at {2 * order.Number}, seen at {position}");
        }

        if (!standing) _faults.Enqueue($"the standing order was not seen at {position}");
    }
}
