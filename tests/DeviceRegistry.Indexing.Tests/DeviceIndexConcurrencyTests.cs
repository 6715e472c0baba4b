using System.Collections.Concurrent;
using static DeviceRegistry.Indexing.Tests.Known;

namespace DeviceRegistry.Indexing.Tests;

/// <summary>One writer arms and lifts orders while readers read. Each order number is armed once: arming order n is
/// published as position 2n-1, its lift as 2n.</summary>
public sealed class DeviceIndexConcurrencyTests
{
    private const ulong Rounds = 20_000;
    private const int Readers = 3;
    private const int FaultsMax = 10;

    private static readonly OrderTerm Permanent =
        new(ulong.MaxValue, OrderClass.B, CheckReason.Barred, 0, long.MaxValue);

    private readonly DeviceIndex _index = new();
    private readonly ConcurrentQueue<string> _faults = [];
    private volatile bool _written;

    [Test, CancelAfter(Patience.TestMs)]
    public async Task Concurrent_readers_see_every_armed_order_and_no_lifted_order(
        CancellationToken ct)
    {
        _index.Arm(Permanent, [Phone], [Phone.Tac]);

        Task[] all = [.. Enumerable.Range(0, Readers).Select(_ => Task.Run(ReadUntilWritten, ct)), Task.Run(Write, ct)];
        await Task.WhenAll(all).WaitAsync(ct);

        Assert.That(_faults, Is.Empty);
    }

    [Test, CancelAfter(Patience.TestMs)]
    public async Task When_the_writer_finishes_only_the_permanent_order_remains(CancellationToken ct)
    {
        _index.Arm(Permanent, [Phone], [Phone.Tac]);

        Task[] all = [.. Enumerable.Range(0, Readers).Select(_ => Task.Run(ReadUntilWritten, ct)), Task.Run(Write, ct)];
        await Task.WhenAll(all).WaitAsync(ct);

        Assert.That(_index.ImeiOrdersOf(Phone), Is.EqualTo(new[] { Permanent }));
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
            var position = _index.Position;                      // read the position first, as an answer does
            var facts = _index.FactsOf(Identity(Phone), []);
            Judge(facts.ImeiOrders, position);
            Judge(facts.TacOrders, position);
        }
        while (!_written && _faults.Count < FaultsMax);
    }

    private void Judge(ReadOnlySpan<OrderTerm> orders, ulong position)
    {
        var permanent = false;
        foreach (var order in orders)
        {
            permanent |= order == Permanent;
            if (order != Permanent && position >= 2 * order.Number) _faults.Enqueue(
                $"order {order.Number}, lifted at {2 * order.Number}, seen at {position}");
        }

        if (!permanent) _faults.Enqueue($"the standing order was not seen at {position}");
    }
}
