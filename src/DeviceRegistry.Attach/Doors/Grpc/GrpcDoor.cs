using DeviceRegistry.Contracts;
using DeviceRegistry.Contracts.V1;
using DeviceRegistry.Core;
using Grpc.Core;
using Microsoft.Extensions.Hosting;

namespace DeviceRegistry.Attach.Doors.Grpc;

/// <summary>The gRPC door: callers of the node's own operator ask here.</summary>
internal sealed class GrpcDoor(AttachService attach, NodeState node, TimeProvider time, IHostApplicationLifetime lifetime) : Contracts.V1.AttachService.AttachServiceBase
{
    /// <inheritdoc/>
    public override Task<CheckResponse> Check(CheckRequest request, ServerCallContext context)
    {
        RequireOwnOperator(context);
        return Task.FromResult(Answer(request, CallSession.Of(context)));
    }

    /// <inheritdoc/>
    public override async Task CheckStream(
        IAsyncStreamReader<CheckStreamRequest> requestStream, IServerStreamWriter<CheckStreamResponse> responseStream, ServerCallContext context)
    {
        using var end = CancellationTokenSource.CreateLinkedTokenSource(context.CancellationToken, lifetime.ApplicationStopping);
        var ct = end.Token;
        RequireOwnOperator(context);
        while (await requestStream.MoveNext(ct))
        {
            // Asked again for each message: a caller that was retired while its stream was open is cut off here.
            var session = CallSession.Of(context);
            session.RequireStanding(node.Members, time.GetUtcNow().UtcDateTime);
            var checks = requestStream.Current.Checks;
            if (checks.Count is 0 or > Limits.ChecksPerMessageMax) throw RegistryException.BadField("checks", $"1 to {Limits.ChecksPerMessageMax} checks in a message");

            var answers = new CheckStreamResponse();
            foreach (var one in checks) answers.Answers.Add(new NumberedAnswer { Id = one.Id, Answer = Answer(one.Check ?? new CheckRequest(), session) });
            await responseStream.WriteAsync(answers, ct);
        }
    }

    // A core node asks about a handset that is there; a person may ask about any.
    private CheckResponse Answer(CheckRequest request, CallSession session)
    {
        var emergency = request.AttachKind is AttachKind.Emergency;
        return (session.Caller.ActorKind is Core.ActorKind.Node
            ? attach.CheckPresent(CheckDoor.Grpc, request.Imei, request.Imsi, emergency)
            : attach.Check(CheckDoor.Grpc, request.Imei, request.Imsi, emergency)).ToWire();
    }

    // A node works under its operator's policy; an answer for another operator would be under the wrong one.
    private void RequireOwnOperator(ServerCallContext context)
    {
        if (CallSession.Of(context).Caller.PartyId != node.PartyId)
            throw new RegistryException(RegistryError.NotAllowed, "This attach node works for another operator. Ask a node of your own.");
    }
}
