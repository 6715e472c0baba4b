using System.CommandLine;
using DeviceRegistry.Contracts.V1;

namespace DeviceRegistry.Cli.Commands;

/// <summary>The caller as the registry identifies it.</summary>
internal static class WhoAmICommand
{
    public static Command Build() =>
        new CliCommand("whoami", "Tells who the registry takes you for.", "dreg whoami --as maker-a", Demo.Regulator)
            .Does(async (_, session, ct) =>
            {
                var parties = new PartiesService.PartiesServiceClient(session.Registrar);
                var who = await parties.WhoAmIAsync(new WhoAmIRequest(), session.Within(Session.Usual, ct));
                session.Out.Answer(who, [
                    $"{who.Actor}, {TextFormatter.Word(who.ActorKind)} of {who.Party}, " +
                    $"{TextFormatter.Word(who.PartyKind)}"]);
            });
}
