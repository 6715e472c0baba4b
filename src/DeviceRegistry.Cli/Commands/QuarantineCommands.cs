using System.CommandLine;
using System.Text.Json.Nodes;
using DeviceRegistry.Contracts.V1;

namespace DeviceRegistry.Cli.Commands;

/// <summary>Units that a network saw before they were registered.</summary>
internal static class QuarantineCommands
{
    public static Command Build() =>
        new("quarantine",
        "Units that a network saw before they were registered: they wait for the regulator.") { Clear() };

    private static CliCommand Clear()
    {
        var number = OptionFactory.Number("batch");
        var reason = OptionFactory.Text("--reason", "TEXT", "On what basis, for the record.");
        var reference = OptionFactory.Reference();
        var verb = new CliCommand(
            "clear",
            "Proposes to let units out of quarantine, all of a batch or some. They are out when another person " +
            "approves it.",
            "dreg quarantine clear 1 --imei 352906110000017 --reason \"Test phones of the maker\" --reference QUA-1",
            Demo.Regulator)
        {
            number, reason, reference,
        };
        var choice = new UnitChoice().For(verb);
        return verb.Does(async (parse, session, ct) =>
        {
            var parts = await choice.ReadAsync(parse, parse.GetValue(reference), whole: () => Task.FromResult(""), ct);
            var proposals = await UnitCalls.EachAsync(session, parts, async part =>
            {
                var request = new ClearQuarantineRequest
                {
                    BatchNumber = parse.GetValue(number),
                    Reference = part.Reference,
                    Units = part.Units,
                    Reason = parse.GetValue(reason),
                };
                return (Request: request, Answer: await session.Registration()
                    .ClearQuarantineAsync(request, session.Within(Session.Usual, ct)));
            });
            if (proposals is [var (request, answer)])
            {
                Proposals.Print(session, answer, new Change { Quarantine = request }, answer.ChangeNumber,
                    answer.JournalPosition);
                return;
            }

            session.Out.Answer(
                new JsonObject { ["calls"] = new JsonArray([.. proposals.Select(p => Output.ToNode(p.Answer))]) },
                [
                    .. TextFormatter.Rows(("batch", TextFormatter.Number(proposals[0].Request.BatchNumber)),
                        ("calls", UnitCalls.Words(parts))),
                    .. proposals.Select(p => Proposals.Next(p.Answer.ChangeNumber)),
                ]);
        });
    }
}
