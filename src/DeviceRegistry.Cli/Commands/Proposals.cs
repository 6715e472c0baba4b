using DeviceRegistry.Contracts.V1;
using Google.Protobuf;

namespace DeviceRegistry.Cli.Commands;

/// <summary>Output for the first of two people.</summary>
internal static class Proposals
{
    /// <summary>Prints the proposed change, and what the second person types.</summary>
    public static void Print(Session session, IMessage answer, Change change, ulong number, ulong position) =>
        session.Out.Answer(
        answer,
        [
            .. TextFormatter.Rows(("change", TextFormatter.Number(number))),
            .. ChangeFormatter.Subject(change),
            .. TextFormatter.Rows(("position", TextFormatter.Number(position))),
            Next(number),
        ]);

    /// <summary>The command that the second person types.</summary>
    public static string Next(ulong number) =>
        $"Change {number} waits for another person of the regulator: dreg change approve {number} --as NAME";
}
