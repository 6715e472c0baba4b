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

/// <summary>gRPC service that streams the journal and snapshots. A subscription is only a position: a slow subscriber
/// delays no other one and holds at most one page in memory.</summary>
internal sealed class FeedService(
    PublicJournal journal, SnapshotServer snapshots, MemberDirectory members, NodeReports reports,
    Pseudonyms pseudonyms,
    TimeProvider time, IHostApplicationLifetime lifetime)
    : Contracts.V1.FeedService.FeedServiceBase
{
    /// <inheritdoc/>
    public override async Task Subscribe(SubscribeRequest request,
        IServerStreamWriter<SubscribeResponse> responseStream, ServerCallContext context)
    {
        using var end = CancellationTokenSource.CreateLinkedTokenSource(context.CancellationToken,
            lifetime.ApplicationStopping);
        var ct = end.Token;
        var session = CallSession.Of(context);
        var history = journal.State.History;
        await journal.RequireSameHistoryAsync(request.AfterPosition, request.Hash, ct);

        // Without `follow`, the stream ends at the current head.
        var head = await journal.HeadAsync(ct);
        var position = request.AfterPosition;
        var scope = ScopeOf(session);
        using var subscriber = request.Follow ? journal.Subscribers.Add(position) : null;
        while (request.Follow || position < head)
        {
            // Revoking a key ends its open streams.
            session.RequireStillAuthorized(members, time.Now());

            // A following subscriber gets new entries from memory. A subscriber that does not follow audits the
            // journal: it reads the table, so that it finds anything that was written into the table by others.
            var (sent, seen) = (position, journal.State.Head);
            position = await SendAsync(position, request.Follow ? await journal.NextAsync(position, history, ct)
                : await journal.PageAsync(position, head, ct), scope, responseStream, ct);
            subscriber?.SentThrough(position);
            if (request.Follow && position == sent) await WaitAsync(seen, position, responseStream, ct);
        }
    }

    /// <inheritdoc/>
    public override async Task GetSnapshot(GetSnapshotRequest request,
        IServerStreamWriter<GetSnapshotResponse> responseStream, ServerCallContext context)
    {
        using var end = CancellationTokenSource.CreateLinkedTokenSource(context.CancellationToken,
            lifetime.ApplicationStopping);
        var session = CallSession.Of(context);
        await journal.RequireSameHistoryAsync(request.Position, request.Hash, end.Token);
        await snapshots.SendAsync(request, ScopeOf(session), responseStream, () =>
            session.RequireStillAuthorized(members, time.Now()), end.Token);
    }

    /// <inheritdoc/>
    public override async Task<ReportPositionResponse> ReportPosition(ReportPositionRequest request,
        ServerCallContext context)
    {
        var received = time.GetUtcNow();
        await journal.RequireSameHistoryAsync(request.Position, request.Hash, context.CancellationToken);
        await reports.RecordAsync(CallSession.Of(context).Caller, request, received, context.CancellationToken);
        return new ReportPositionResponse { At = Timestamp.FromDateTimeOffset(time.GetUtcNow()) };
    }

    /// <inheritdoc/>
    public override async Task<GetPseudonymKeyResponse> GetPseudonymKey(GetPseudonymKeyRequest request,
        ServerCallContext context) => new()
        {
            KeyVersion = Pseudonyms.KeyVersion,
            Key = ByteString.CopyFrom(await pseudonyms.KeyOfAsync(CallSession.Of(context).Caller.PartyId,
        context.CancellationToken)),
        };

    // Only the nodes of an operator receive the scoped parts about its subscribers.
    private static ulong ScopeOf(CallSession session) =>
        session.Caller.ActorKind is Core.ActorKind.Node ? session.Caller.PartyId : 0;

    // Waits until the head differs from `seen`, or until the next heartbeat is due. Reads only these fields of the
    // state, so that a slow receiver of a heartbeat keeps no old state alive.
    private async Task WaitAsync(ulong seen, ulong position, IServerStreamWriter<SubscribeResponse> to,
        CancellationToken ct)
    {
        var (_, head, epoch, checkedAt, signal, _) = journal.State;
        var changed = signal.Task;
        if (head != seen) return;

        // A heartbeat states that the subscriber has all entries. This is known only while the tail itself has read
        // the table recently.
        if (position == head && time.GetUtcNow() - checkedAt < Limits.TailAgeMax)
            await to.WriteAsync(new SubscribeResponse
            {
                Heartbeat =
                new Heartbeat
                {
                    HeadPosition = head, Epoch = epoch,
                    At = Timestamp.FromDateTimeOffset(time.GetUtcNow())
                }
            }, ct);

        using var delay = CancellationTokenSource.CreateLinkedTokenSource(ct);
        await Task.WhenAny(changed, Task.Delay(Limits.HeartbeatEvery, time, delay.Token));
        await delay.CancelAsync();
        ct.ThrowIfCancellationRequested();
    }

    private static async Task<ulong> SendAsync(
        ulong position, IEnumerable<JournalRecord> records, ulong scope, IServerStreamWriter<SubscribeResponse> to,
        CancellationToken ct)
    {
        var message = new JournalEntries();
        var bytes = 0;
        foreach (var record in records)
        {
            if (message.Entries.Count > 0 && bytes + record.PublicBytes.Length
                + record.Scoped.Length > Limits.FeedMessageBytes)
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
