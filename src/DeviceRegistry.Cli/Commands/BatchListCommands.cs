using System.CommandLine;
using System.Text.Json.Nodes;
using DeviceRegistry.Contracts.V1;
using Grpc.Core;

namespace DeviceRegistry.Cli.Commands;

/// <summary>Lists of batches, their counts, and the invalid lines of one batch.</summary>
internal static class BatchListCommands
{
    public static CliCommand List()
    {
        var party = OptionFactory.TextOr("--party", "NAME",
            "Of this party only. A maker or importer sees its own anyway.");
        var state = OptionFactory.Choice<BatchState>("--state", "In this state only");
        var (from, until) = Days();
        var before = Paging.Before();
        var verb = new CliCommand("list", "Lists batches, the newest first.",
            "dreg batch list --state released --from 2026-11-01", Demo.Regulator) { party, state, from, until, before };
        var paging = new Paging().For(verb);
        return verb.Does((parse, session, ct) => paging.PrintAsync<BatchSummary>(
            parse, session.Out, "batches",
            async (last, size) =>
            {
                var request = new ListBatchesRequest
                {
                    Party = parse.GetValue(party) ?? "",
                    State = parse.GetValue(state),
                    RegisteredFrom = parse.GetValue(from) ?? "",
                    RegisteredUntil = parse.GetValue(until) ?? "",
                    BeforeNumber = last?.BatchNumber ?? parse.GetValue(before),
                    PageSize = size,
                };
                var answer = await session.Registry().ListBatchesAsync(request, session.Within(Session.Usual, ct));
                return new Page<BatchSummary>(answer.Batches, answer.More);
            },
            new Table<BatchSummary>()
                .Numbers("batch", b => TextFormatter.Number(b.BatchNumber))
                .Words("state", b => TextFormatter.Word(b.State))
                .Words("party", b => b.Party)
                .Words("reference", b => b.DryRun ? $"{b.Reference} (dry run)" : b.Reference)
                .Words("model", b => b.Model)
                .Numbers("units", b => TextFormatter.Count(b.Units))
                .Numbers("IMEIs", b => TextFormatter.Count(b.Imeis))
                .Words("registered at", b => TextFormatter.Time(b.RegisteredAt)).Lines,
            last => $"--before {last.BatchNumber}"));
    }

    public static CliCommand Counts()
    {
        var party = OptionFactory.TextOr("--party", "NAME",
            "Of this party only. A maker or importer counts its own anyway.");
        var (from, until) = Days();
        var verb = new CliCommand("stats", "Counts what is registered: units and IMEIs by state.",
            "dreg batch stats --party maker-a-mobiles", Demo.Regulator) { party, from, until };
        return verb.Does(async (parse, session, ct) =>
        {
            var request = new CountUnitsRequest
            {
                Party = parse.GetValue(party) ?? "",
                RegisteredFrom = parse.GetValue(from) ?? "",
                RegisteredUntil = parse.GetValue(until) ?? "",
            };
            var answer = await session.Registry().CountUnitsAsync(request, session.Within(Session.Usual, ct));
            var (units, imeis) = (answer.Counts.Aggregate(0ul, (sum, c) => sum + c.Units),
                answer.Counts.Aggregate(0ul, (sum, c) => sum + c.Imeis));
            var document = Output.ToNode(answer);
            (document["units"], document["imeis"]) = (TextFormatter.Number(units), TextFormatter.Number(imeis));
            var rows = answer.Counts.Select(c => (State: TextFormatter.Word(c.State), c.Units, c.Imeis))
                .Append(("in all", units, imeis)).ToList();
            session.Out.Answer(document,
            [
                .. new Table<(string State, ulong Units, ulong Imeis)>()
                    .Words("state", r => r.State).Numbers("units", r => TextFormatter.Count(r.Units))
                        .Numbers("IMEIs", r => TextFormatter.Count(r.Imeis)).Lines(rows),
                $"batches: {TextFormatter.Count(answer.Batches)}",
            ]);
        });
    }

    public static CliCommand Faults()
    {
        var number = OptionFactory.Number("batch");
        var after = new Option<uint>("--after") { HelpName = "LINE", Description = "Lines after this one." };
        var limit = new Option<uint>("--limit")
        {
            HelpName = "N",
            Description = "Lines at most; all there are if not given."
        };
        var verb = new CliCommand("errors", "Names every bad line of a rejected batch.",
            "dreg batch errors 7 --after 1200 --limit 100", Demo.Maker) { number, after, limit };
        return verb.Does(async (parse, session, ct) =>
        {
            var request = new ListLineErrorsRequest
            {
                BatchNumber = parse.GetValue(number),
                AfterLine = parse.GetValue(after), PageSize = parse.GetValue(limit)
            };
            using var call = session.Registration().ListLineErrors(request, session.Within(Session.Whole, ct));
            var printed = 0L;
            await session.Out.AnswerAsync(
                "errors", PagesAsync(), page => page.Select(TextFormatter.Line),
                () => (new JsonObject(), printed > 0 ? []
                    : [$"There are none: dreg batch show {request.BatchNumber} tells where it stands."]));

            async IAsyncEnumerable<IReadOnlyList<LineError>> PagesAsync()
            {
                await foreach (var page in call.ResponseStream.ReadAllAsync(ct))
                {
                    printed += page.Errors.Count;
                    yield return page.Errors;
                }
            }
        });
    }

    private static (Option<string?> From, Option<string?> Until) Days() => (
        OptionFactory.TextOr("--from", "YYYY-MM-DD", "Registered on this day or later, UTC."),
        OptionFactory.TextOr("--until", "YYYY-MM-DD", "Registered on this day or earlier, UTC."));
}
