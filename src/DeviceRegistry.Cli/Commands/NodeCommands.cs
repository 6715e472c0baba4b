using System.CommandLine;
using System.Globalization;
using DeviceRegistry.Contracts.V1;

namespace DeviceRegistry.Cli.Commands;

/// <summary>Operation of an attach node: status, drain and undrain, retirement.</summary>
internal static class NodeCommands
{
    public static CliCommand Status()
    {
        var verb = new CliCommand(
            "status", "Tells how an attach node is: where it stands, what it holds, what it answers.",
            "dreg node status --attach https://node-1.example:7444", Demo.Operator);
        return verb.Does(async (_, session, ct) =>
        {
            var status = await Client(session)
                .GetNodeStatusAsync(new GetNodeStatusRequest(), session.Within(Session.Usual, ct));
            session.Out.Answer(status, Lines(session.Address, status));
        });
    }

    public static CliCommand Drain()
    {
        var verb = new CliCommand(
            "drain",
            "Takes the attach node that --attach names out of service, so that it can be stopped: it reports not " +
            "ready and refuses new streams, and answers every other check.",
            "dreg node drain --attach https://node-1.example:7444", Demo.Operator);
        return verb.Does(async (_, session, ct) =>
        {
            var answer = await Client(session)
                .DrainNodeAsync(new DrainNodeRequest(), session.Within(Session.Usual, ct));
            session.Out.Answer(answer, ServiceRows(session, answer.Draining, answer.Streams));
        });
    }

    public static CliCommand Undrain()
    {
        var verb = new CliCommand(
            "undrain", "Puts the attach node that --attach names back in service.",
            "dreg node undrain --attach https://node-1.example:7444", Demo.Operator);
        return verb.Does(async (_, session, ct) =>
        {
            var answer = await Client(session)
                .UndrainNodeAsync(new UndrainNodeRequest(), session.Within(Session.Usual, ct));
            session.Out.Answer(answer, ServiceRows(session, answer.Draining, answer.Streams));
        });
    }

    private static IEnumerable<string> ServiceRows(Session session, bool draining, uint streams) => TextFormatter.Rows(
        ("node", session.Address),
        ("in service", draining ? $"no; {TextFormatter.Count(streams, "stream")} open" : "yes"),
        ("next", draining
            ? "stop it once dreg node status shows no streams and no checks, or put it back: dreg node undrain" : ""));

    public static CliCommand Retire()
    {
        var name = new Argument<string>("NAME") { Description = "The node, as it was registered." };
        var party = OptionFactory.Text("--party", "NAME", "Its operator.");
        var reference = OptionFactory.Reference();
        var verb = new CliCommand(
            "retire",
            "Proposes that a node is gone for good: its certificate is refused from then on, and no order waits for " +
            "it. It is in force when another person approves it.",
            "dreg node retire node-a2 --party opco-a --reference RET-1", Demo.Regulator)
        {
            name, party, reference,
        };
        return verb.Does(async (parse, session, ct) =>
        {
            var request = new PutActorRequest
            {
                Reference = parse.GetValue(reference), Name = parse.GetValue(name), Party = parse.GetValue(party),
                Kind = ActorKind.Node, State = MembershipState.Retired,
            };
            var answer = await PartyCommands.Parties(session).PutActorAsync(request, session.Within(Session.Usual, ct));
            Proposals.Print(session, answer, new Change { Actor = request }, answer.ChangeNumber,
                answer.JournalPosition);
        });
    }

    private static NodeService.NodeServiceClient Client(Session session) => new(session.AttachNode);

    private static IEnumerable<string> Lines(string address, GetNodeStatusResponse node)
    {
        var lag = node.HeadPosition > node.Position ? node.HeadPosition - node.Position : 0;
        return
        [
            .. TextFormatter.Rows(
                ("node",
                $"{address}, version {node.Version}, up " +
                $"{Quantity.Time(node.At.ToDateTimeOffset() - node.StartedAt.ToDateTimeOffset())}"),
                ("ready", node.Ready ? "yes" : node.Draining ? "no: out of service"
                    : "no: it does not know enough yet"),
                ("ALARM", node.Halted.Length > 0 ? $"applies no more entries: {node.Halted}" : ""),
                ("ALARM", node.CheckpointMismatch.Length > 0 ? $"a checkpoint contradicts it: {node.CheckpointMismatch}"
                    : ""),
                ("position",
                    $"{TextFormatter.Count(node.Position)}, epoch {node.Epoch}, " +
                    $"{(node.HeadPosition is 0 ? "the registrar was not heard yet"
                        : $"{TextFormatter.Count(lag, "entry", "entries")} behind")}"),
                ("knowledge", node.DataAgeMs < 0 ? "has never been level with the journal"
                    : $"{Seconds(node.DataAgeMs)} old"),
                ("clock", node.HasClockSkewMs ? TextFormatter.Clock(node.ClockSkewMs) : ""),
                ("index",
                    $"{TextFormatter.Count(node.Index.Devices, "device")}, " +
                    $"{TextFormatter.Count(node.Index.Tacs, "TAC")}, " +
                    $"{TextFormatter.Count(node.Index.Orders, "order")}"),
                ("memory", Quantity.Bytes.Text(node.ResidentBytes)),
                ("streams", TextFormatter.Number(node.Streams)),
                ("shed", TextFormatter.Count(node.RequestsShed)),
                ("sightings",
                    $"{TextFormatter.Count(node.SegmentsPending, "segment")} waiting, " +
                    $"{TextFormatter.Count(node.SightingsDropped)} " +
                    $"lost")),
            .. node.Interfaces.Select(d => string.Create(
                CultureInfo.InvariantCulture,
                $"  {d.Interface,-13} {d.ChecksPerSecond:N0} checks/s, {TextFormatter.Count(d.Checks)} in " +
                $"all{string.Concat(d.Verdicts.Select(v => $", {TextFormatter.Word(v.Verdict)} "
                    + $"{TextFormatter.Count(v.Count)}"))}")),
        ];
    }

    private static string Seconds(long ms) => string.Create(CultureInfo.InvariantCulture, $"{ms / 1000.0:0.0} s");
}
