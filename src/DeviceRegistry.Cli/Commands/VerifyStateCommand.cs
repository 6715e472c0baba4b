using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Nodes;
using DeviceRegistry.Contracts.V1;
using Grpc.Core;

namespace DeviceRegistry.Cli.Commands;

/// <summary>Verifies that the registry's tables match its journal. The registrar does it, which alone has
/// both.</summary>
internal static class VerifyStateCommand
{
    private static readonly Stage Journal = new("replaying the journal", "journal replayed", Quantity.Entries);
    private static readonly Stage Units = new("comparing units", "units compared", Quantity.Units);
    private static readonly Stage Tables = new("comparing tables", "tables compared", new Quantity("tables"));

    public static CliCommand Build()
    {
        var most = new Option<uint>("--max-differences")
        {
            HelpName = "N",
            Description = "Differences to name, 1 to 1000; 100 if not given. All are counted."
        };
        var verb = new CliCommand(
            "verify-state",
            "Lets the registrar replay its whole journal into fresh tables and compare them with those it works " +
            "with, row for row. Ends with 1 if they differ.",
            "dreg journal verify-state", Demo.Auditor)
        {
            most,
        };
        return verb.Does(async (parse, session, ct) =>
        {
            var client = new StateService.StateServiceClient(session.Registrar);
            using var call = client.VerifyState(new VerifyStateRequest { MaxDifferences = parse.GetValue(most) },
                session.Within(Session.Whole, ct));
            using var progress = new Progress(session.Out);
            var began = Stopwatch.GetTimestamp();
            var differences = new List<StateDifference>();
            StateSummary? end = null;
            await foreach (var part in call.ResponseStream.ReadAllAsync(ct))
                switch (part.PartCase)
                {
                    case VerifyStateResponse.PartOneofCase.Progress:
                        progress.Show(StageOf(part.Progress.Phase), (long)part.Progress.Done,
                            (long)part.Progress.Total);
                        break;
                    case VerifyStateResponse.PartOneofCase.Difference:
                        differences.Add(part.Difference);
                        break;
                    case VerifyStateResponse.PartOneofCase.Summary:
                        end = part.Summary;
                        break;
                }

            progress.End();
            var verified = end ?? throw new RpcException(
                new Status(StatusCode.Unavailable, "The registrar ended before it was done."));
            var document = Output.ToNode(verified);
            document["named"] = new JsonArray([.. differences.Select(Output.ToNode)]);
            session.Out.Answer(document, Lines(verified, differences, Stopwatch.GetElapsedTime(began)));
            return verified.Matches ? 0 : Fault.RefusedCode;
        });
    }

    private static Stage StageOf(StatePhase phase) => phase switch
    {
        StatePhase.Journal => Journal,
        StatePhase.Units => Units,
        _ => Tables,
    };

    private static IEnumerable<string> Lines(StateSummary verified, List<StateDifference> differences,
        TimeSpan elapsed)
    {
        var table = new Table<StateTable>()
            .Words("table", t => t.Name)
            .Numbers("rows", t => TextFormatter.Count(t.Rows))
            .Numbers("differences", t => TextFormatter.Count(t.Differences))
            .Numbers("erased", t => TextFormatter.Count(t.Erased));
        foreach (var line in table.Lines(verified.Tables)) yield return line;
        foreach (var difference in differences) yield return Line(difference);
        var more = verified.Differences - (ulong)differences.Count;
        if (more > 0)
            yield return $"and {TextFormatter.Count(more, "more difference")}; --max-differences names up to 1000";

        if (verified.ErasedEntries + verified.ErasedPieces > 0)
            yield return $"not compared: erased: {TextFormatter.Count(verified.ErasedEntries, "private part")} of " +
                $"entries, " +
                $"{TextFormatter.Count(verified.ErasedPieces, "piece")} of units files";
        var rows = verified.Tables.Aggregate(0ul, (sum, t) => sum + t.Rows);
        var rate = (rows / elapsed.TotalSeconds).ToString("N0", CultureInfo.InvariantCulture);
        yield return $"{TextFormatter.Count(rows, "row")} and {TextFormatter.Count(verified.Position)} journal " +
            $"entries in " +
            $"{Quantity.Time(elapsed)}, {rate} rows/s";
        var where =
            $"as of position {TextFormatter.Number(verified.Position)}, hash {TextFormatter.Hex(verified.Hash)}";
        yield return verified.Matches ? $"state as journalled: no difference, {where}"
            : $"state differs from the journal: {TextFormatter.Count(verified.Differences, "difference")}, {where}";
    }

    private static string Line(StateDifference difference) =>
        $"{difference.Table} {difference.Key}: " + difference.Kind switch
        {
            StateDifferenceKind.Missing => "the row is missing",
            StateDifferenceKind.Unexpected => "the journal knows of no such row",
            StateDifferenceKind.Journal => difference.InTable,
            _ => $"{difference.Column} is {Value(difference.InTable)}, the journal says {Value(difference.InJournal)}",
        };

    private static string Value(string text) => text.Length is 0 ? "empty" : text;
}
