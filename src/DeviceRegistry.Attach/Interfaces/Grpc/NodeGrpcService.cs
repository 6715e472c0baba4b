using System.Diagnostics;
using System.Reflection;
using DeviceRegistry.Attach.Interfaces.S13;
using DeviceRegistry.Contracts;
using DeviceRegistry.Contracts.V1;
using DeviceRegistry.Core;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Microsoft.Extensions.Logging;

namespace DeviceRegistry.Attach.Interfaces.Grpc;

/// <summary>Node status and draining, for people of the node's operator.</summary>
internal sealed partial class NodeGrpcService(
    NodeState node, CheckCounters checks, CheckRate rate, OverloadDetector load, SightingCollector sightings,
    SegmentStore segments, TimeProvider time, ILogger<NodeGrpcService> log, S13Listener? s13 = null)
    : NodeService.NodeServiceBase
{
    private static readonly string Version =
        Assembly.GetEntryAssembly()?.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion
        ?? "unknown";
    private readonly Timestamp _startedAt = Timestamp.FromDateTimeOffset(Process.GetCurrentProcess().StartTime);

    /// <summary>The error for a caller of another operator.</summary>
    public static RegistryException WrongOperator() =>
        new(RegistryError.NotAllowed, "This attach node works for another operator. Ask a node of your own.");

    /// <inheritdoc/>
    public override Task<GetNodeStatusResponse> GetNodeStatus(GetNodeStatusRequest request, ServerCallContext context)
    {
        RequireOwnOperator(context);
        var (now, index) = (time.GetUtcNow(), node.Index);
        var status = new GetNodeStatusResponse
        {
            Version = Version,
            StartedAt = _startedAt,
            At = Timestamp.FromDateTimeOffset(now),
            Ready = node is { IsReady: true, Draining: false },
            Draining = node.Draining,
            Halted = node.Halted ?? "",
            CheckpointMismatch = node.Contradiction ?? "",
            Position = index.Position,
            Epoch = node.Epoch,
            HeadPosition = node.Feed.HeadPosition,
            DataAgeMs = index.KnownAtMs is 0 ? -1 : Math.Max(0, now.ToUnixTimeMilliseconds() - index.KnownAtMs),
            Index = new IndexStatus
            {
                Devices = (ulong)index.Devices, Tacs = (ulong)index.Tacs,
                Orders = (ulong)index.Orders
            },
            ResidentBytes = (ulong)Environment.WorkingSet,
            Interfaces = { Interfaces() },
            RequestsShed = (ulong)load.Shed,
            Streams = (uint)load.Streams,
            SegmentsPending = (uint)segments.Waiting,
            SightingsDropped = (ulong)(sightings.Lost + segments.Lost),
        };
        if (node.Feed.Clock is { } clock) status.ClockSkewMs = clock.AheadMs;
        return Task.FromResult(status);
    }

    /// <inheritdoc/>
    public override Task<DrainNodeResponse> DrainNode(DrainNodeRequest request, ServerCallContext context)
    {
        RequireOwnOperator(context);
        if (!node.Draining)
        {
            node.Draining = true;
            NodeDraining(log, load.Streams);
        }

        return Task.FromResult(new DrainNodeResponse { Draining = node.Draining, Streams = (uint)load.Streams });
    }

    /// <inheritdoc/>
    public override Task<UndrainNodeResponse> UndrainNode(UndrainNodeRequest request, ServerCallContext context)
    {
        RequireOwnOperator(context);
        if (node.Draining)
        {
            node.Draining = false;
            NodeInService(log);
        }

        return Task.FromResult(new UndrainNodeResponse { Draining = node.Draining, Streams = (uint)load.Streams });
    }

    /// <inheritdoc/>
    public override Task<ListPeersResponse> ListPeers(ListPeersRequest request, ServerCallContext context)
    {
        RequireOwnOperator(context);
        return Task.FromResult(PeerList.Of(s13));
    }

    // Omits an interface without any check; the gRPC interface is always listed.
    private IEnumerable<InterfaceStatus> Interfaces() =>
        from via in System.Enum.GetValues<CheckInterface>()
        let counts = checks.Read().Where(c => c.Door == via).ToList()
        where counts.Count > 0 || via is CheckInterface.Grpc
        select new InterfaceStatus
        {
            Interface = via.ToString().ToLowerInvariant(),
            Checks = (ulong)counts.Sum(c => c.Count),
            ChecksPerSecond = rate.Of(via),
            Verdicts = { counts.GroupBy(c => c.Verdict)
                .Select(v => new VerdictCount { Verdict = (Contracts.V1.Verdict)v.Key,
                Count = (ulong)v.Sum(c => c.Count) }) },
        };

    private void RequireOwnOperator(ServerCallContext context)
    {
        if (CallSession.Of(context).Caller.PartyId != node.PartyId) throw WrongOperator();
    }

    [LoggerMessage(EventId = 3050, Level = LogLevel.Warning,
        Message = "Node draining ({Streams} open streams)")]
    private static partial void NodeDraining(ILogger log, int streams);

    [LoggerMessage(EventId = 3051, Level = LogLevel.Information,
        Message = "Node back in service")]
    private static partial void NodeInService(ILogger log);
}
