using System.Buffers;
using DeviceRegistry.Contracts;
using DeviceRegistry.Core;
using Grpc.Core;
using Microsoft.Extensions.Hosting;

namespace DeviceRegistry.Attach.Interfaces.Grpc;

/// <summary>The gRPC door: callers of the node's own operator ask here.</summary>
internal sealed class AttachGrpcService(AttachService attach, NodeState node, OverloadDetector load, TimeProvider time,
    IHostApplicationLifetime lifetime) : CheckServiceBinding
{
    /// <inheritdoc/>
    public override Task<ArrayBufferWriter<byte>> Check(byte[] request, ServerCallContext context)
    {
        var answer = new ArrayBufferWriter<byte>(Limits.AnswerBytesUsual);
        CheckMessageCodec.AnswerOne(request, CallerOf(context), answer);
        return Task.FromResult(answer);
    }

    /// <inheritdoc/>
    public override Task<ArrayBufferWriter<byte>> BatchCheck(byte[] request, ServerCallContext context)
    {
        var answers = new ArrayBufferWriter<byte>(Math.Max(Limits.AnswerBytesUsual, request.Length));
        CheckMessageCodec.AnswerBatch(request, Limits.ChecksPerBatchMax, CallerOf(context), answers);
        return Task.FromResult(answers);
    }

    /// <inheritdoc/>
    public override async Task CheckStream(
        IAsyncStreamReader<byte[]> requestStream, IServerStreamWriter<ArrayBufferWriter<byte>> responseStream,
        ServerCallContext context)
    {
        var caller = CallerOf(context);
        if (node.Draining) throw new RegistryException(RegistryError.NodeDraining,
            "This attach node is being taken out of service and begins no streams. Ask another node of your operator.");

        using var end = CancellationTokenSource.CreateLinkedTokenSource(context.CancellationToken,
            lifetime.ApplicationStopping);
        load.StreamBegins();
        try
        {
            await AnswerAsync(requestStream, responseStream, caller, end.Token);
        }
        finally
        {
            load.StreamEnds();
        }
    }

    // One message of answers is written while the next is made from what came meanwhile; a caller that does not read
    // its answers is not read from.
    private async Task AnswerAsync(
        IAsyncStreamReader<byte[]> checks, IServerStreamWriter<ArrayBufferWriter<byte>> answers, CheckCaller caller,
        CancellationToken ct)
    {
        ArrayBufferWriter<byte> made = new(), written = new();
        var (count, writing, reading) = (0, Task.CompletedTask, checks.MoveNext(ct));
        try
        {
            while (await reading)
            {
                try
                {
                    // Asked again for each message: a caller that was retired while its stream was open is cut off
                    // here.
                    caller.Session.RequireStillAuthorized(node.Members, time.GetUtcNow().UtcDateTime);
                    if (load.Sheds()) throw OverloadDetector.Busy();

                    count += CheckMessageCodec.AnswerStreamed(checks.Current, Limits.ChecksPerMessageMax, caller, made);
                }
                catch (RegistryException) when (made.WrittenCount > 0)
                {
                    // What was answered before it counts as seen and refused, so it is said.
                    await writing;
                    writing = answers.WriteAsync(made, ct);
                    throw;
                }

                reading = checks.MoveNext(ct);
                if (reading.IsCompletedSuccessfully && reading.Result && count < Limits.AnswersPerMessageMost) continue;

                await writing;
                (made, written, count) = (written, made, 0);
                writing = answers.WriteAsync(written, ct);
                made.ResetWrittenCount();
            }

            await writing;
        }
        finally
        {
            // However it ends, what is being written is whole before the call's status follows it.
            await writing.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    // A node works under its operator's policy; an answer for another operator would be under the wrong one.
    private CheckCaller CallerOf(ServerCallContext context)
    {
        var session = CallSession.Of(context);
        if (session.Caller.PartyId != node.PartyId) throw NodeGrpcService.NotYours();

        return new CheckCaller(attach, session);
    }

    /// <summary>A core node asks about a handset that is there; a person may ask about any.</summary>
    private readonly struct CheckCaller(AttachService attach, CallSession session) : IAnswerChecks
    {
        public CallSession Session => session;

        public Answer Answer(ReadOnlySpan<char> imei, ReadOnlySpan<char> imsi, bool emergency) =>
            session.Caller.ActorKind is ActorKind.Node
            ? attach.CheckPresent(CheckInterface.Grpc, imei, imsi, emergency)
            : attach.Check(CheckInterface.Grpc, imei, imsi, emergency);
    }
}
