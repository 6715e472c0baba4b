using DeviceRegistry.Contracts.V1;

namespace DeviceRegistry.Cli.Commands;

/// <summary>Lists the Diameter peers connected to the node's S13 interface.</summary>
internal static class NodePeersCommand
{
    public static CliCommand Build() => new CliCommand(
        "peers",
        "Lists the Diameter peers of an attach node: every one that it takes, who is connected, and what they were " +
        "answered.",
        "dreg node peers --attach https://node-a1.example:7444", Demo.Operator).Does(async (parse, session, ct) =>
        {
            var answer = await new NodeService.NodeServiceClient(session.AttachNode)
                .ListPeersAsync(new ListPeersRequest(), session.Within(Session.Usual, ct));
            session.Out.Answer(Output.ToNode(answer), Lines(answer));
        });

    private static IEnumerable<string> Lines(ListPeersResponse answer)
    {
        if (!answer.Open) return [
            "This node has no S13 door. Start it with --s13-config FILE; README.md says what is in it."];

        var rows = answer.Peers.SelectMany(peer => peer.Connections.DefaultIfEmpty(), (peer, connection) =>
            (Peer: peer, Connection: connection)).ToList();
        return
        [
            $"{answer.OriginHost} of {answer.OriginRealm}",
            .. new Table<(DiameterPeer Peer, DiameterConnection? Connection)>()
                .Words("peer", r => r.Peer.Name)
                .Words("connected", r => r.Connection?.OriginHost ?? "nobody")
                .Words("from", r => r.Connection?.Address ?? "")
                .Words("over", r => r.Connection is { } c ? TextFormatter.Word(c.Transport) : "")
                .Words("state", r => r.Connection is { } c ? TextFormatter.Word(c.State) : "")
                .Words("since", r => TextFormatter.Time(r.Connection?.ConnectedAt))
                .Numbers("heard", r => r.Connection is { } c ? $"{c.IdleMs / 1000.0:0.0} s ago" : "")
                .Numbers("requests", r => r.Connection is { } c ? TextFormatter.Count(c.Requests) : "").Lines(rows),
            .. answer.Peers.SelectMany(Answered),
        ];
    }

    private static IEnumerable<string> Answered(DiameterPeer peer)
    {
        if (peer.Whitelisted + peer.Greylisted + peer.Blacklisted + peer.Unknown
            + (ulong)peer.Errors.Count is 0) yield break;

        yield return $"{peer.Name}: {TextFormatter.Count(peer.Whitelisted)} white, " +
            $"{TextFormatter.Count(peer.Greylisted)} grey, " +
            $"{TextFormatter.Count(peer.Blacklisted)} black, {TextFormatter.Count(peer.Unknown)} unknown"
            + string.Concat(peer.Errors.Select(e => $", {TextFormatter.Count(e.Count)} × {e.ResultCode}"));
    }
}
