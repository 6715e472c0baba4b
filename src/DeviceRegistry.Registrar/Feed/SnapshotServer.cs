using DeviceRegistry.Contracts;
using DeviceRegistry.Contracts.V1;
using DeviceRegistry.Core;
using DeviceRegistry.Registrar.Proof;
using Google.Protobuf;
using Grpc.Core;
using Microsoft.Extensions.Logging;

namespace DeviceRegistry.Registrar.Feed;

/// <summary>Gives away the snapshots that the index at the centre makes: those that say what the journal and its
/// checkpoints say, under the registry's signature.</summary>
internal sealed partial class SnapshotServer(
    CheckpointOptions plan, CheckpointSigner checkpoints, PublicJournal journal, TimeProvider time,
    ILogger<SnapshotServer> log, SnapshotCatalog? snapshots = null, StateDigests? digests = null) : IDisposable
{
    private readonly SemaphoreSlim _turns = new(Limits.SnapshotsGivenMax);
    private volatile Signed? _signed;
    private byte[] _contradicted = [];

    private sealed record Signed(PublishedSnapshot Of, SnapshotOffer Offer);

    /// <summary>Gives one to a caller whose own journal is a part of this one.</summary>
    public async Task GiveAsync(GetSnapshotRequest request, ulong scope, IServerStreamWriter<GetSnapshotResponse> to,
        Action stillMay, CancellationToken ct)
    {
        Inputs.Require(request.Digest.Length is 0 or StateDigest.Size, "digest", "32 bytes, or none");
        var snapshot = snapshots?.Newest;
        if (snapshot is null || snapshot.Position < request.Position + Math.Max(1, request.MinEntriesAhead))
            throw new RegistryException(RegistryError.NotFound,
                "There is no snapshot so far ahead of you. Follow the feed: it has everything.");
        if (!_turns.Wait(0, CancellationToken.None))
            throw new RegistryException(RegistryError.TooManyDownloads,
                $"{Limits.SnapshotsGivenMax} snapshots are being given already. Follow the feed, or ask again in a " +
                $"while.");

        try
        {
            // 1. The one of which the caller has a part, if it is still there.
            var part = request.Digest.Length > 0 && snapshots!.Find(request.Digest.Span) is { } begun
                && request.Offset <= (ulong)begun.Bytes ? begun : null;
            snapshot = part ?? snapshot;
            using var file = TryOpen(snapshot);

            // 2. Under a signature, for what the registry would sign a checkpoint for.
            await to.WriteAsync(new GetSnapshotResponse { Offer = await OfferAsync(snapshot, ct) }, ct);

            // 3. Its bytes. One that takes them slowly holds a chunk here, and nobody up.
            file.Position = part is null ? 0 : (long)request.Offset;
            var room = new byte[SnapshotRules.ChunkBytesMax];
            while (file.Position < snapshot.Bytes)
            {
                stillMay();
                var at = (ulong)file.Position;
                var read = await file.ReadAtLeastAsync(room, room.Length, throwOnEndOfStream: false, ct);
                await to.WriteAsync(new GetSnapshotResponse { Chunk = SnapshotRules.Pack(at, room.AsSpan(0, read)) },
                    ct);
            }

            // 4. Beside them, what the caller's own operator alone may have.
            if (scope is not 0)
                await foreach (var entry in journal.ScopedAsync(scope, snapshot.Position, ct))
                {
                    stillMay();
                    await to.WriteAsync(new GetSnapshotResponse { Scoped = entry }, ct);
                }
        }
        finally
        {
            _turns.Release();
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _turns.Dispose();

    private static FileStream TryOpen(PublishedSnapshot snapshot)
    {
        try
        {
            return new FileStream(snapshot.Path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete,
                bufferSize: 0);
        }
        catch (Exception gone) when (gone is IOException or UnauthorizedAccessException)
        {
            throw new RegistryException(RegistryError.NotFound,
                "The snapshot was replaced by a newer one just now. Ask again, or follow the feed.");
        }
    }

    private async Task<SnapshotOffer> OfferAsync(PublishedSnapshot snapshot, CancellationToken ct)
    {
        if (plan.Certificate is null)
            throw new RegistryException(RegistryError.CheckpointsDisabled,
                "This registry signs nothing (--checkpoint-entries and --checkpoint-seconds are 0), so nobody could " +
                "believe a snapshot of it. Follow the feed.");
        if (_signed is { } signed && signed.Of == snapshot) return signed.Offer;

        // The file was made of the journal, but the journal's table and the checkpoints are what counts.
        var sound = await journal.HasAsync(snapshot.Position, snapshot.Hash, ct)
            && (digests?.At(snapshot.Position, snapshot.Hash) is not { } beside || beside.AsSpan()
            .SequenceEqual(snapshot.State))
            && (await checkpoints.OfAsync(snapshot.Position, ct) is not { } checkpoint
            || checkpoint.Statement.Position != snapshot.Position
                || checkpoint.Statement.StateDigest.Length is 0
                || checkpoint.Statement.StateDigest.Span.SequenceEqual(snapshot.State));
        if (!sound)
        {
            if (!_contradicted.AsSpan().SequenceEqual(snapshot.Digest)) Contradicted(log, snapshot.Position);
            _contradicted = snapshot.Digest;
            throw new RegistryException(RegistryError.NotFound,
                "The snapshot that is there does not say what the journal says, and is not given. Follow the feed.");
        }

        var statement = new SnapshotStatement
        {
            Epoch = snapshot.Epoch, Position = snapshot.Position, Hash = ByteString.CopyFrom(snapshot.Hash),
            StateDigest = ByteString.CopyFrom(snapshot.State),
            Bytes = (ulong)snapshot.Bytes, Digest = ByteString.CopyFrom(snapshot.Digest), AtUs = time.GetUtcNow()
                .ToUnixTimeMilliseconds() * 1000,
        };
        var offer = SnapshotRules.Sign(statement, plan.Certificate);
        _signed = new Signed(snapshot, offer);
        return offer;
    }

    [LoggerMessage(EventId = 2040, Level = LogLevel.Error,
        Message =
        "ALARM: the snapshot of position {Position} at the centre contradicts the journal or a checkpoint of it, and " +
        "is given to nobody; nodes follow the feed. Run dreg journal verify.")]
    private static partial void Contradicted(ILogger log, ulong position);
}
