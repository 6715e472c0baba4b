using DeviceRegistry.Attach;
using DeviceRegistry.Core;
using DeviceRegistry.TestKit;
using Microsoft.Extensions.Logging.Abstractions;

namespace DeviceRegistry.Attach.Tests;

/// <summary>First denials by order: each is recorded once, in bounded memory, outside the answer's path.</summary>
public sealed class FirstDenialsTests
{
    private readonly FirstDenials _denials = new();

    [Test]
    public void An_order_is_recorded_only_at_its_first_denial()
    {
        _denials.Reserve(7);
        _denials.Record(Denied(7), TimeProvider.System);
        var first = _denials.Take();

        _denials.Record(Denied(7), TimeProvider.System);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(first.Select(r => r.Order), Is.EqualTo(new ulong[] { 7 }));
            Assert.That(_denials.Take(), Is.Empty);
        }
    }

    [Test]
    public void An_allowed_check_in_observe_mode_is_not_a_denial()
    {
        _denials.Reserve(7);

        _denials.Record(Denied(7) with { Verdict = Verdict.Allow }, TimeProvider.System);
        _denials.Record(Denied(0), TimeProvider.System);

        Assert.That(_denials.Take(), Is.Empty);
    }

    [Test]
    public void Recording_a_denial_allocates_nothing()
    {
        for (var number = 1ul; number <= 70_000; number++) _denials.Reserve(number);
        var order = 0ul;

        Assert.That(Allocation.ByAThousand(() => _denials.Record(Denied(++order), TimeProvider.System)), Is.Zero);
    }

    [Test]
    public void A_denial_that_found_no_space_is_recorded_by_the_next_denial()
    {
        for (var order = 1ul; order <= 70_000; order++) _denials.Reserve(order);
        for (var order = 1ul; order <= 70_000; order++) _denials.Record(Denied(order), TimeProvider.System);
        var first = _denials.Take();

        for (var order = 1ul; order <= 70_000; order++) _denials.Record(Denied(order), TimeProvider.System);

        Assert.That(first, Has.Count.EqualTo(65_536));
        Assert.That(first.Concat(_denials.Take()).Select(r => (int)r.Order).Order()
            .SequenceEqual(Enumerable.Range(1, 70_000)), Is.True);
    }

    [Test]
    public void Concurrent_denials_record_each_order_once_while_the_log_reads()
    {
        const int Orders = 20_000;
        for (var order = 1ul; order <= Orders; order++) _denials.Reserve(order);
        var doors = Enumerable.Range(0, 4).Select(_ => Task.Run(() =>
        {
            for (var order = 1ul; order <= Orders; order++) _denials.Record(Denied(order), TimeProvider.System);
        })).ToArray();
        var all = Task.WhenAll(doors);
        var taken = new List<(ulong Order, long AtMs)>();

        while (!all.IsCompleted) taken.AddRange(_denials.Take());
        taken.AddRange(_denials.Take());

        Assert.That(taken.Select(r => (int)r.Order).Order().SequenceEqual(Enumerable.Range(1, Orders)), Is.True);
        Assert.That(taken.Select(r => r.AtMs), Is.All.Positive);
    }

    [Test]
    public void Pending_denials_survive_a_restart_and_a_torn_line()
    {
        var (node, folder) = (new NodeState("", new MemberDirectory()), TemporaryFolder.New());
        node.Denials.Reserve(7);
        node.Denials.Reserve(8);
        node.Denials.Record(Denied(7), TimeProvider.System);
        node.Denials.Record(Denied(8), TimeProvider.System);
        using var before = Log(node, folder);
        var pending = before.Pending(10);
        File.AppendAllText(Path.Combine(folder, "refusals"), "9");

        using var after = Log(new NodeState("", new MemberDirectory()), folder);
        var waiting = after.Pending(10);
        after.Drop(waiting);

        Assert.That(waiting, Is.EqualTo(pending).And.Count.EqualTo(2));

        using (Assert.EnterMultipleScope())
        {
            Assert.That(after.Pending(10), Is.Empty);
            Assert.That(File.Exists(Path.Combine(folder, "refusals")), Is.False);
        }
    }

    private static DenialLog Log(NodeState node, string folder) =>
        new(node, folder, TimeProvider.System, NullLogger<DenialLog>.Instance);

    private static Decision Denied(ulong order) =>
        new()
        {
            Verdict = Verdict.Deny, Evaluated = Verdict.Deny, Reason = CheckReason.Stolen, Row = "5a",
            Order = order
        };
}
