using DeviceRegistry.Contracts;
using DeviceRegistry.Contracts.V1;
using DeviceRegistry.Core;
using DeviceRegistry.Postgres.Journal;
using DeviceRegistry.Registrar.Orders;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Microsoft.Extensions.Hosting;

namespace DeviceRegistry.Registrar.Feed;

/// <summary>Gives the journal to those who may have it. A subscriber is a position; a slow one slows nobody and holds a
/// page here at most.</summary>
internal sealed class FeedService(
    JournalTail tail, JournalReader journal, MemberDirectory members, NodeReports reports, Pseudonyms pseudonyms, TimeProvider time, IHostApplicationLifetime lifetime)
    : Contracts.V1.FeedService.FeedServiceBase
{
    /// <inheritdoc/>
    public override async Task Subscribe(SubscribeRequest request, IServerStreamWriter<SubscribeResponse> responseStream, ServerCallContext context)
    {
        using var end = CancellationTokenSource.CreateLinkedTokenSource(context.CancellationToken, lifetime.ApplicationStopping);
        var ct = end.Token;
        var session = CallSession.Of(context);
        var history = tail.State.History;
        await RequireSameHistoryAsync(request.AfterPosition, request.Hash, ct);

        // Without following, the stream ends at the head as it is now.
        var (head, _) = await journal.HeadAsync(ct);
        var position = request.AfterPosition;
        var scope = session.Caller.ActorKind is Core.ActorKind.Node ? session.Caller.PartyId : 0;
        using var follower = request.Follow ? tail.Subscribers.Join(position) : null;
        while (request.Follow || position < head)
        {
            // Revocation cuts open streams.
            session.RequireStanding(members, time.Now());

            // Who follows gets what is new from memory. Who reads the journal as it is gets it from the table: what somebody wrote into that is to be found.
            var state = tail.State;
            if (state.History != history) throw new RpcException(new Status(StatusCode.Unavailable, "The registrar's database was put back. Subscribe again from where you are."));

            var sent = position;
            var tailKnows = request.Follow && state.Head >= position;
            if (tailKnows && state.TryAfter(position, out var entries)) position = await SendAsync(position, entries, scope, responseStream, ct);
            else position = await SendFromTableAsync(position, through: request.Follow ? state.Head : head, scope, responseStream, ct);

            follower?.Reached(position);
            if (request.Follow && position == sent) await WaitAsync(state, position, responseStream, ct);
        }
    }

    /// <inheritdoc/>
    public override async Task<ReportPositionResponse> ReportPosition(ReportPositionRequest request, ServerCallContext context)
    {
        var received = time.GetUtcNow();
        await RequireSameHistoryAsync(request.Position, request.Hash, context.CancellationToken);
        await reports.TakeAsync(CallSession.Of(context).Caller, request, received, context.CancellationToken);
        return new ReportPositionResponse { At = Timestamp.FromDateTimeOffset(time.GetUtcNow()) };
    }

    /// <inheritdoc/>
    public override async Task<GetPseudonymKeyResponse> GetPseudonymKey(GetPseudonymKeyRequest request, ServerCallContext context) => new()
    {
        KeyVersion = Pseudonyms.KeyVersion, Key = ByteString.CopyFrom(await pseudonyms.KeyOfAsync(CallSession.Of(context).Caller.PartyId, context.CancellationToken)),
    };

    // A caller whose last entry is not ours has another history; it must not be given the continuation of this one.
    private async Task RequireSameHistoryAsync(ulong position, ByteString hash, CancellationToken ct)
    {
        Inputs.Require(hash.Length == (position is 0 ? 0 : JournalHash.Size), "hash", "32 bytes, or none after position 0");
        if (position is 0) return;

        var ours = await journal.HashAtAsync(position, ct);
        if (ours is null || !hash.Span.SequenceEqual(ours))
            throw new RegistryException(RegistryError.ChainMismatch,
                $"The registrar {(ours is null ? "has no" : "has another")} entry at position {position}: your journal is not a part of its.", "after_position", "a position and hash of this registrar's journal");
    }

    private async Task WaitAsync(TailState state, ulong position, IServerStreamWriter<SubscribeResponse> to, CancellationToken ct)
    {
        // A heartbeat says "you have everything": true only while the tail itself sees the table.
        if (position == state.Head && time.GetUtcNow() - state.CheckedAt < Limits.TailAgeMost)
            await to.WriteAsync(new SubscribeResponse
            {
                Heartbeat = new Heartbeat { HeadPosition = state.Head, Epoch = state.Epoch, At = Timestamp.FromDateTimeOffset(time.GetUtcNow()) },
            }, ct);

        using var pause = CancellationTokenSource.CreateLinkedTokenSource(ct);
        await Task.WhenAny(state.Changed.Task, Task.Delay(Limits.HeartbeatEvery, time, pause.Token));
        await pause.CancelAsync();
        ct.ThrowIfCancellationRequested();
    }

    private async Task<ulong> SendFromTableAsync(ulong position, ulong through, ulong scope, IServerStreamWriter<SubscribeResponse> to, CancellationToken ct)
    {
        var page = new List<JournalRecord>();
        var bytes = 0;
        await foreach (var entry in journal.AfterAsync(position, through, Limits.FeedPageEntries, ct))
        {
            page.Add(entry);
            if ((bytes += entry.PublicBytes.Length + entry.Scoped.Length) > Limits.FeedPageBytes) break;
        }

        return await SendAsync(position, page, scope, to, ct);
    }

    private static async Task<ulong> SendAsync(ulong position, IEnumerable<JournalRecord> records, ulong scope, IServerStreamWriter<SubscribeResponse> to, CancellationToken ct)
    {
        var message = new JournalEntries();
        var bytes = 0;
        foreach (var record in records)
        {
            if (message.Entries.Count > 0 && bytes + record.PublicBytes.Length + record.Scoped.Length > Limits.FeedMessageBytes)
            {
                await to.WriteAsync(new SubscribeResponse { Entries = message }, ct);
                (message, bytes) = (new JournalEntries(), 0);
            }

            message.Entries.Add(record.ToWire(scope));
            bytes += record.PublicBytes.Length + record.Scoped.Length + 128;
            position = record.Position;
        }

        if (message.Entries.Count > 0) await to.WriteAsync(new SubscribeResponse { Entries = message }, ct);
        return position;
    }
}
