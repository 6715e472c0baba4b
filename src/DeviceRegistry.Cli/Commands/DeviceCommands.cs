using System.CommandLine;
using DeviceRegistry.Contracts.V1;

namespace DeviceRegistry.Cli.Commands;

/// <summary>Handsets with their past.</summary>
internal static class DeviceCommands
{
    public static Command Build() => new("device", "Registered handsets.") { Show() };

    private static Verb Show()
    {
        var imei = new Argument<string>("IMEI") { Description = "14 digits, or 15 with the check digit." };
        var verb = new Verb(
            "show", "Shows a handset: its unit and siblings, its batch, its orders, and who did what and when.",
            "dreg device show 352906110000017", Demo.Regulator)
        {
            imei,
        };
        return verb.Does(async (parse, session, ct) =>
        {
            var request = new GetDeviceRequest { Imei = parse.GetValue(imei) };
            var registry = new RegistryService.RegistryServiceClient(session.Registrar);
            var device = await registry.GetDeviceAsync(request, session.Within(Session.Usual, ct));
            session.Out.Answer(device, Lines(device));
        });
    }

    private static IEnumerable<string> Lines(GetDeviceResponse device) =>
    [
        .. device.Unit is { } unit
            ? Layouts.Rows(("unit", unit.SerialNumber), ("IMEIs", string.Join(' ', unit.Imeis))).Append("").Concat(Layouts.Batch(unit.Batch))
            : [$"{device.Imei} is not registered"],
        .. device.Orders.SelectMany(order => Layouts.Order(order).Prepend("")),
        .. device.History.Count > 0 ? ["", "history"] : Array.Empty<string>(),
        .. device.History.Select(h => $"  {h.Position,8}  {Layouts.Time(h.At)}  {h.Actor,-14} {h.Event}"),
    ];
}
