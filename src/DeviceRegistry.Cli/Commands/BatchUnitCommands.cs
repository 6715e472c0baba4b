using System.CommandLine;
using DeviceRegistry.Contracts.V1;
using Google.Protobuf;
using Grpc.Core;

namespace DeviceRegistry.Cli.Commands;

/// <summary>Releases, recalls and retires registered units: a whole batch, or the named units.</summary>
internal static class BatchUnitCommands
{
    public static CliCommand Release() => Build(
        new CliCommand("release",
            "Releases certified units to the market, all of a batch or some: from here they answer COMPLIANT.",
            "dreg batch release 1", Demo.Maker),
        "release", needsReason: false,
        async (session, batch, part, _, options) =>
        {
            var request = new ReleaseBatchRequest
            {
                BatchNumber = batch, Reference = part.Reference,
                Units = part.Units
            };
            var answer = await session.Registration().ReleaseBatchAsync(request, options);
            return new Changed(answer, answer.Batch, answer.JournalPosition, answer.Units, answer.Imeis);
        });

    public static CliCommand Recall() => Build(
        new CliCommand(
            "recall",
            "Recalls units of a certified batch, all or some, on the market or not. Seen afterwards they are " +
            "tracked, never denied.",
            "dreg batch recall 1 --imei-range 35290611000001-35290611000100 --reason \"Battery swells\" --reference " +
            "RECALL-3", Demo.Maker),
        "recall", needsReason: true,
        async (session, batch, part, reason, options) =>
        {
            var request = new RecallBatchRequest
            {
                BatchNumber = batch, Reference = part.Reference, Units = part.Units,
                Reason = reason
            };
            var answer = await session.Registration().RecallBatchAsync(request, options);
            return new Changed(answer, answer.Batch, answer.JournalPosition, answer.Units, answer.Imeis);
        });

    public static CliCommand Retire() => Build(
        new CliCommand(
            "retire", "Retires units for ever: scrapped, lost, exported for parts. Their IMEIs are never used again.",
            "dreg batch retire 1 --serial SN-35290611000001 --reason \"Lost in production\" --reference LOSS-12",
            Demo.Maker),
        whole: null, needsReason: true,
        async (session, batch, part, reason, options) =>
        {
            var request = new RetireUnitsRequest
            {
                BatchNumber = batch, Reference = part.Reference, Units = part.Units,
                Reason = reason
            };
            var answer = await session.Registration().RetireUnitsAsync(request, options);
            return new Changed(answer, answer.Batch, answer.JournalPosition, answer.Units, answer.Imeis);
        });

    /// <summary>The result of one call of any kind.</summary>
    private sealed record Changed(IMessage Answer, BatchSummary Batch, ulong Position, uint Units, uint Imeis);

    // The rest of a batch of which some units were released before is another write than the whole batch: it gets its
    // own reference, the same on each retry.
    private static async Task<string> WholeAsync(Session session, string whole, ulong batch, CancellationToken ct)
    {
        var counts = (await session.Registry()
            .GetBatchAsync(new GetBatchRequest { BatchNumber = batch },
            session.Within(Session.Usual, ct))).Batch.UnitCounts;
        ulong Of(params UnitState[] states) =>
            counts.Where(c => states.Contains(c.State)).Aggregate(0UL, (sum, c) => sum + c.Units);
        var left = whole is "release" ? Of(UnitState.Certified) : Of(UnitState.Certified, UnitState.Released);
        var done = whole is "release" ? Of(UnitState.Released) : Of(UnitState.Recalled);
        return left > 0 && done > 0 ? $"{whole}-{batch}-after-{done}" : $"{whole}-{batch}";
    }

    // Without named units the command applies to the whole batch, under the reference WHOLE-N. Where <c>whole</c> is
    // null, units must be named.
    private static CliCommand Build(CliCommand verb, string? whole, bool needsReason,
        Func<Session, ulong, UnitPart, string, CallOptions, Task<Changed>> call)
    {
        var number = OptionFactory.Number("batch");
        var reference = whole is null ? OptionFactory.Reference()
            : OptionFactory.ReferenceOr($"{whole}-N for the whole batch; where units are named, it must be given");
        var reason = OptionFactory.Text("--reason", "TEXT", "Why, for the record.");
        verb.Arguments.Add(number);
        if (needsReason) verb.Options.Add(reason);
        verb.Options.Add(reference);
        var choice = new UnitChoice().For(verb);
        return verb.Does(async (parse, session, ct) =>
        {
            var batch = parse.GetValue(number);
            var parts = await choice.ReadAsync(parse, parse.GetValue(reference), whole is null ? null : () =>
                WholeAsync(session, whole, batch, ct), ct);
            var why = needsReason ? parse.GetValue(reason)! : "";

            // Ten million units are changed in entries of 64 Ki units, which takes longer than a small write.
            var changes = await UnitCalls.EachAsync(session, parts, part =>
                call(session, batch, part, why, session.Within(Session.Long, ct)));
            var (units, imeis) = (changes.Sum(c => c.Units), changes.Sum(c => c.Imeis));
            var document = Output.ToNode(changes[^1].Answer);
            (document["units"], document["imeis"], document["calls"]) = (units, imeis, parts.Count);
            session.Out.Answer(document,
            [
                .. TextFormatter.Rows(("changed",
                    $"{TextFormatter.Count((ulong)units, "unit")}, {TextFormatter.Count((ulong)imeis, "IMEI")}"),
                    ("calls", UnitCalls.Words(parts))),
                .. TextFormatter.Batch(changes[^1].Batch),
                .. TextFormatter.Rows(("position", TextFormatter.Number(changes[^1].Position))),
            ]);
        });
    }
}
