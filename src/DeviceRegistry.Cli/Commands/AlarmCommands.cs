using System.CommandLine;
using DeviceRegistry.Contracts.V1;

namespace DeviceRegistry.Cli.Commands;

/// <summary>Alarms: units that a network saw and should not have seen; operators that lack orders; wrong
/// clocks.</summary>
internal static class AlarmCommands
{
    public static Command Build() =>
        new("alarm",
        "Units that a network saw before they were on the market, or after they had left it; operators that lack " +
        "orders; nodes whose clock is wrong.") { List() };

    private static CliCommand List()
    {
        var kind = OptionFactory.Choice<AlarmKind>("--kind", "Of this kind only");
        var batch = new Option<ulong>("--batch") { HelpName = "N", Description = "About units of this batch only." };
        var before = Paging.Before();
        var verb = new CliCommand(
            "list", "Lists alarms, the newest first. A maker sees those about its own units, without the operators.",
            "dreg alarm list --kind pre-release-seen", Demo.Regulator)
        {
            kind, batch, before,
        };
        var paging = new Paging().For(verb);
        return verb.Does((parse, session, ct) => paging.PrintAsync<Alarm>(
            parse, session.Out, "alarms",
            async (last, size) =>
            {
                var request = new ListAlarmsRequest
                {
                    Kind = parse.GetValue(kind),
                    BatchNumber = parse.GetValue(batch),
                    BeforeNumber = last?.AlarmNumber ?? parse.GetValue(before),
                    PageSize = size,
                };
                var answer = await session.Registry().ListAlarmsAsync(request, session.Within(Session.Usual, ct));
                return new Page<Alarm>(answer.Alarms, answer.More);
            },
            new Table<Alarm>()
                .Numbers("alarm", a => TextFormatter.Number(a.AlarmNumber))
                .Words("kind", a => TextFormatter.Word(a.Kind))
                .Words("raised at", a => TextFormatter.Time(a.RaisedAt))
                .Numbers("batch", a => a.BatchNumber is 0 ? "" : TextFormatter.Number(a.BatchNumber))
                .Words("serial number", a => a.SerialNumber)
                .Words("IMEI", a => a.Imei)
                .Words("seen by, or about", a => TextFormatter.About(a)).Lines,
            last => $"--before {last.AlarmNumber}"));
    }
}
