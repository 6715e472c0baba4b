using System.CommandLine;
using DeviceRegistry.Contracts.V1;

namespace DeviceRegistry.Cli.Commands;

/// <summary>Devices with their history.</summary>
internal static class DeviceCommands
{
    public static Command Build() => new("device", "Registered handsets.") { Show(), Swap() };

    private static CliCommand Show()
    {
        var imei = new Argument<string?>(
            "IMEI")
        {
            Description = "14 digits, or 15 with the check digit; also one of an earlier board.",
            Arity = ArgumentArity.ZeroOrOne
        };
        var serial = OptionFactory.TextOr("--serial", "S", "Its serial number, instead of an IMEI.");
        var party = OptionFactory.TextOr("--party", "NAME",
            "With --serial, whose number that is; a maker or importer means its own.");
        var verb = new CliCommand(
            "show", "Shows a handset: its unit and siblings, its state, its batch, its orders, and who did what and " +
            "when.",
            "dreg device show --serial SN-35290611000001 --party maker-a-mobiles", Demo.Regulator)
        {
            imei, serial, party,
        };
        return verb.Does(async (parse, session, ct) =>
        {
            var request = new GetDeviceRequest
            {
                Imei = parse.GetValue(imei) ?? "",
                SerialNumber = parse.GetValue(serial) ?? "", Party = parse.GetValue(party) ?? ""
            };
            if (request.Imei.Length is 0 == request.SerialNumber.Length is 0)
                throw new CommandException(Fault.Usage("Which handset?",
                    "Give its IMEI, or its serial number with --serial; not both. dreg device show --help."));

            var device = await session.Registry().GetDeviceAsync(request, session.Within(Session.Usual, ct));
            session.Out.Answer(device, Lines(device));
        });
    }

    private static CliCommand Swap()
    {
        var imei = new Argument<string>(
            "IMEI")
        { Description = "Any IMEI of the unit as it was: 14 digits, or 15 with the check digit." };
        var fresh = OptionFactory.Texts("--new-imei", "IMEI",
            "An IMEI of the new board, in the order of its slots, as many as the unit has.", required: true);
        var reason = OptionFactory.Text("--reason", "TEXT", "Why, such as the repair order.");
        var reference = OptionFactory.Reference();
        var verb = new CliCommand(
            "swap", "Records that the board of a unit was replaced: its IMEIs are retired for ever, the new ones " +
            "inherit its registration.",
            "dreg device swap 352906110000017 --new-imei 352906110900018 --new-imei 352906110900026 --reason " +
            "\"Repair 4711\" --reference REPAIR-4711", Demo.Maker)
        {
            imei, fresh, reason, reference,
        };
        return verb.Does(async (parse, session, ct) =>
        {
            var request = new SwapBoardRequest
            {
                Reference = parse.GetValue(reference), Imei = parse.GetValue(imei),
                NewImeis = { parse.GetValue(fresh) }, Reason = parse.GetValue(reason)
            };
            var answer = await session.Registration().SwapBoardAsync(request, session.Within(Session.Usual, ct));
            session.Out.Answer(answer, TextFormatter.Rows(
                ("unit", $"{answer.SerialNumber} of batch {answer.BatchNumber}"),
                ("IMEIs", string.Join(' ', answer.Imeis)),
                ("retired IMEIs", string.Join(' ', answer.RetiredImeis)),
                ("position", TextFormatter.Number(answer.JournalPosition))));
        });
    }

    private static IEnumerable<string> Lines(GetDeviceResponse device) =>
    [
        .. device.Unit is { } unit
            ? TextFormatter.Rows(
                ("unit", unit.SerialNumber),
                ("unit state", TextFormatter.Word(unit.State)),
                ("IMEIs", string.Join(' ', unit.Imeis)),
                ("retired IMEIs", string.Join(' ', unit.RetiredImeis)),
                ("first seen at", TextFormatter.Time(unit.FirstSeenAt)),
                ("last seen at", TextFormatter.Time(unit.LastSeenAt))).Append("")
                    .Concat(TextFormatter.Batch(unit.Batch))
            : [$"{device.Imei} is not registered"],
        .. device.Orders.SelectMany(order => TextFormatter.Order(order).Prepend("")),
        .. device.History.Count > 0 ? ["", "history"] : Array.Empty<string>(),
        .. device.History.Select(h => $"  {h.Position,8}  {TextFormatter.Time(h.At)}  {h.Actor,-14} {h.Event}"),
    ];
}
