using System.Buffers;
using DeviceRegistry.Contracts;
using DeviceRegistry.Core;
using Grpc.Core;
using Microsoft.Extensions.Hosting;

namespace DeviceRegistry.Attach.Interfaces.Grpc;

/// <summary>The gRPC interface, for callers of the node's own operator.</summary>
internal sealed class AttachGrpcService(AttachService attach, NodeState node, OverloadDetector load, TimeProvider time,
    IHostApplicationLifetime lifetime) : CheckServiceBinding
{
    /// <inheritdoc/>
    public override Task<ArrayBufferWriter<byte>> Check(byte[] request, ServerCallContext context)
    {
        var answer = new ArrayBufferWriter<byte>(Limits.AnswerBytesTypical);
        CheckMessageCodec.AnswerOne(request, CallerOf(context), answer);
        return Task.FromResult(answer);
    }

    /// <inheritdoc/>
    public override Task<ArrayBufferWriter<byte>> CheckMany(byte[] request, ServerCallContext context)
    {
        var answers = new ArrayBufferWriter<byte>(Math.Max(Limits.AnswerBytesTypical, request.Length));
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

    // While one message of answers is written, the next is made from the checks received meanwhile. A client that does
    // not read its answers is not read from.
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
                    // Authorize each message: the caller may have been retired while its stream was open.
                    caller.Session.RequireStillAuthorized(node.Members, time.GetUtcNow().UtcDateTime);
                    if (load.ShouldShed()) throw OverloadDetector.Overloaded();

                    count += CheckMessageCodec.AnswerStreamed(checks.Current, Limits.ChecksPerMessageMax, caller, made);
                }
                catch (RegistryException) when (made.WrittenCount > 0)
                {
                    // Earlier answers were already recorded as sightings and denials, so send them.
                    await writing;
                    writing = answers.WriteAsync(made, ct);
                    throw;
                }

                reading = checks.MoveNext(ct);
                if (reading.IsCompletedSuccessfully && reading.Result && count < Limits.AnswersPerMessageMax) continue;

                await writing;
                (made, written, count) = (written, made, 0);
                writing = answers.WriteAsync(written, ct);
                made.ResetWrittenCount();
            }

            await writing;
        }
        finally
        {
            // Complete the current write before the call's status is sent.
            await writing.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    // The node applies its own operator's policy, so it must not answer callers of another operator.
    private CheckCaller CallerOf(ServerCallContext context)
    {
        var session = CallSession.Of(context);
        if (session.Caller.PartyId != node.PartyId) throw NodeGrpcService.WrongOperator();

        return new CheckCaller(attach, session);
    }

    /// <summary>A core node checks a device that is attaching, which is recorded; a person may check any device, which
    /// is not.</summary>
    private readonly struct CheckCaller(AttachService attach, CallSession session) : IAnswerChecks
    {
        public CallSession Session => session;

        public Answer Answer(ReadOnlySpan<char> imei, ReadOnlySpan<char> imsi, bool emergency) =>
            session.Caller.ActorKind is ActorKind.Node
            ? attach.CheckPresent(CheckInterface.Grpc, imei, imsi, emergency)
            : attach.Check(CheckInterface.Grpc, imei, imsi, emergency);
    }
}
