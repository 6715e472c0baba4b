using System.Globalization;
using System.Text;
using DeviceRegistry.TestKit;

namespace DeviceRegistry.System.Tests.Orders;

/// <summary>An IMEI is blocked while at least one order in force covers it, in random sequences of drafts, approvals,
/// notices, stays, lifts, annulments, supersessions, starts and ends. After every step a plain model predicts every
/// refusal, every order in the database, the blocks that result, and the answers of a node that follows the journal, at
/// several instants.</summary>
/// <remarks>Hundreds of sequences run side by side, each against its own subjects, and time passes for all of them at
/// once. Each run draws other sequences. A sequence that fails is shortened while it still fails.
/// DEVICEREGISTRY_TEST_SEQUENCES=3000 runs thousands, in some minutes.</remarks>
[CancelAfter(Patience.TestMs)]
public sealed class OrderModelTests
{
    private const int AtOnce = 500;
    private const int StepsMost = 14;
    private static readonly TimeSpan Turn = 2 * OrderModel.Half;

    [Test]
    public async Task Registrar_and_node_agree_with_the_model_in_random_sequences()
    {
        var sequences = Number("DEVICEREGISTRY_TEST_SEQUENCES", 200);
        TestContext.Out.WriteLine($"{sequences} sequences (DEVICEREGISTRY_TEST_SEQUENCES)");
        var random = Seed.NewRandom();
        await using var world = await OrderWorld.CreateAsync(await Registry.Cluster.CloneAsync());
        var turns = Enumerable.Range(0, StepsMost + 4).Select(_ => AnyTurn(random)).ToList();

        var (made, refused, steps) = (0, 0, 0);
        for (var done = 0; done < sequences; done += AtOnce)
        {
            var runs = await RunAsync(world, turns, Enumerable.Range(0, Math.Min(AtOnce, sequences - done))
                .Select(_ => AnySequence(random)));
            foreach (var run in runs) (made, refused, steps) =
                (made + run.Calls.Made, refused + run.Calls.Refused, steps + run.Steps.Count);
            if (runs.Where(r => r.Difference is not null)
                .MinBy(r => r.Steps.Count) is { } failed) Assert.Fail(await ShortestAsync(world, turns, failed));
        }

        TestContext.Out.WriteLine($"{sequences} sequences, {steps} steps, {made} calls, {refused} of them refused");
        Assert.That(made, Is.GreaterThan(sequences), "too few calls to prove anything");
    }

    /// <summary>What happens in a turn besides the steps: which nodes report that they have every entry, and whether
    /// the registrar records starts and ends.</summary>
    private sealed record TurnOf(bool[] Reports, bool Records)
    {
        public override string ToString() =>
            string.Join(", ", [.. OrderWorld.Nodes.Where((_, n) => Reports[n]).Select(n => $"{n} reports"), .. Records
            ? (string[])["the registrar records"] : []]);
    }

    private static TurnOf AnyTurn(Random random) =>
        new([.. OrderWorld.Nodes.Select(_ => random.Next(3) > 0)], random.Next(3) > 0);

    private static List<OrderStep> AnySequence(Random random)
    {
        var steps = new List<OrderStep>();
        for (var left = random.Next(6, StepsMost + 1); left > 0; left--) steps.Add(OrderStep.Any(random, steps));
        return steps;
    }

    private static async Task<List<OrderRun>> RunAsync(
        OrderWorld world, IReadOnlyList<TurnOf> turns, IEnumerable<IReadOnlyList<OrderStep>> sequences)
    {
        var runs = sequences.Select(steps => new OrderRun(world, steps)).ToList();
        var first = await world.HighestAsync() + 1;
        for (var turn = 0; turn < turns.Count; turn++)
        {
            // 1. One step of every sequence. The node receives the entries and may report them; the registrar may
            // process its clock.
            await Parallel.ForEachAsync(runs, new ParallelOptions { MaxDegreeOfParallelism = 8 }, async (run, _) =>
                await run.StepAsync(turn));
            await world.FollowAsync();
            for (var node = 0; node < OrderWorld.Nodes.Length; node++)
                if (turns[turn].Reports[node])
                {
                    await world.ReportAsync(OrderWorld.Nodes[node]);
                    foreach (var run in runs) run.Report(node);
                }

            if (turns[turn].Records)
            {
                await world.RecordAsync();
                foreach (var run in runs) run.Record();
            }

            // 2. Model, database and node agree. Then time passes.
            var (orders, blocked) = (await world.OrdersAsync(first), await world.BlockedAsync(first));
            foreach (var run in runs.Where(r => r.Difference is null)) run.Compare(turn, orders, blocked);
            world.Time.Now += Turn;
        }

        return runs;
    }

    // Removes or simplifies one step while the sequence still fails.
    private static async Task<string> ShortestAsync(OrderWorld world, IReadOnlyList<TurnOf> turns, OrderRun failed)
    {
        var shortest = failed;
        for (var shorter = failed; shorter is not null; shorter =
            (await RunAsync(world, turns, Plainer(shortest.Steps))).Find(r => r.Difference is not null)) shortest =
            shorter;

        var text = new StringBuilder()
            .AppendLine(CultureInfo.InvariantCulture, $"{shortest.Difference}. The shortest sequence that fails:");
        for (var turn = 0; turn < shortest.Steps.Count; turn++) text.AppendLine(CultureInfo.InvariantCulture,
            $"  turn {turn,2}, step {shortest.Steps[turn]}; {turns[turn]}");
        return text.ToString();
    }

    private static IEnumerable<IReadOnlyList<OrderStep>> Plainer(IReadOnlyList<OrderStep> steps)
    {
        for (var n = 0; n < steps.Count; n++) yield return [.. steps.Where((_, i) => i != n)];
        for (var n = 0; n < steps.Count; n++)
            foreach (var plainer in Plainer(steps[n])) yield return [.. steps.Select((s, i) => i == n ? plainer : s)];
    }

    private static IEnumerable<OrderStep> Plainer(OrderStep step)
    {
        if (step.SentTwice) yield return step with { SentTwice = false };
        if (step.ByAnybody) yield return step with { ByAnybody = false };
        if (step.Person > 0) yield return step with { Person = 0 };
        if (step.Until is not null) yield return step with { Until = null };
        if (step.From is not null) yield return step with { From = null };
        for (var subject = 0; subject < OrderStep.Subjects; subject++)
            if ((step.Covers & ~(1 << subject)) is var fewer and not 0
                && fewer != step.Covers) yield return step with { Covers = fewer };
    }

    private static int Number(string name, int otherwise) =>
        Environment.GetEnvironmentVariable(name) is { Length: > 0 } given
            ? int.Parse(given, CultureInfo.InvariantCulture) : otherwise;
}
