using DeviceRegistry.Contracts;
using DeviceRegistry.Contracts.V1;
using DeviceRegistry.Core;
using DeviceRegistry.Registrar.Proof;
using Google.Protobuf;
using Grpc.Core;
using Microsoft.Extensions.Logging;

namespace DeviceRegistry.Registrar.Feed;

/// <summary>Serves the snapshots of the registrar's index, signed by the registry, after checking that they match the
/// journal and its checkpoints.</summary>
internal sealed partial class SnapshotServer(
    CheckpointOptions options, CheckpointSigner checkpoints, PublicJournal journal, TimeProvider time,
    ILogger<SnapshotServer> log, SnapshotCatalog? snapshots = null, StateDigests? digests = null) : IDisposable
{
    private readonly SemaphoreSlim _slots = new(Limits.SnapshotsGivenMax);
    private volatile Signed? _signed;
    private byte[] _mismatched = [];

    private sealed record Signed(PublishedSnapshot Snapshot, SnapshotOffer Offer);

    /// <summary>Sends a snapshot to a caller whose own journal is a prefix of this one. <paramref
    /// name="requireAuthorized"/> is called before each message and throws if the caller is no longer
    /// authorized.</summary>
    public async Task SendAsync(GetSnapshotRequest request, ulong scope, IServerStreamWriter<GetSnapshotResponse> to,
        Action requireAuthorized, CancellationToken ct)
    {
        Inputs.Require(request.Digest.Length is 0 or StateDigest.Size, "digest", "32 bytes, or none");
        var snapshot = snapshots?.Newest;
        if (snapshot is null || snapshot.Position < request.Position + Math.Max(1, request.MinEntriesAhead))
            throw new RegistryException(RegistryError.NotFound,
                "There is no snapshot so far ahead of you. Follow the feed: it has everything.");
        if (!_slots.Wait(0, CancellationToken.None))
            throw new RegistryException(RegistryError.TooManyDownloads,
                $"{Limits.SnapshotsGivenMax} snapshots are being given already. Follow the feed, or ask again in a " +
                $"while.");

        try
        {
            // 1. Choose the snapshot that the caller has partly downloaded, if its file still exists; otherwise the
            // latest.
            var resumed = request.Digest.Length > 0 && snapshots!.Find(request.Digest.Span) is { } begun
                && request.Offset <= (ulong)begun.Bytes ? begun : null;
            snapshot = resumed ?? snapshot;
            using var file = Open(snapshot);

            // 2. Send the signed offer.
            await to.WriteAsync(new GetSnapshotResponse { Offer = await OfferAsync(snapshot, ct) }, ct);

            // 3. Send the file. A slow receiver holds one chunk in memory here and delays no other caller.
            file.Position = resumed is null ? 0 : (long)request.Offset;
            var buffer = new byte[SnapshotRules.ChunkBytesMax];
            while (file.Position < snapshot.Bytes)
            {
                requireAuthorized();
                var at = (ulong)file.Position;
                var read = await file.ReadAtLeastAsync(buffer, buffer.Length, throwOnEndOfStream: false, ct);
                await to.WriteAsync(new GetSnapshotResponse { Chunk = SnapshotRules.Pack(at, buffer.AsSpan(0, read)) },
                    ct);
            }

            // 4. Send the entries with scoped parts for the caller's own operator.
            if (scope is not 0)
                await foreach (var entry in journal.ScopedAsync(scope, snapshot.Position, ct))
                {
                    requireAuthorized();
                    await to.WriteAsync(new GetSnapshotResponse { Scoped = entry }, ct);
                }
        }
        finally
        {
            _slots.Release();
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _slots.Dispose();

    private static FileStream Open(PublishedSnapshot snapshot)
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
        if (options.Certificate is null)
            throw new RegistryException(RegistryError.CheckpointsDisabled,
                "This registry signs nothing (--checkpoint-entries and --checkpoint-seconds are 0), so nobody could " +
                "believe a snapshot of it. Follow the feed.");
        if (_signed is { } signed && signed.Snapshot == snapshot) return signed.Offer;

        // The snapshot was built from the journal feed; check it against the journal table and the checkpoints, which
        // are authoritative.
        var matches = await journal.HasAsync(snapshot.Position, snapshot.Hash, ct)
            && (digests?.At(snapshot.Position, snapshot.Hash) is not { } digest || digest.AsSpan()
            .SequenceEqual(snapshot.State))
            && (await checkpoints.FirstCoveringAsync(snapshot.Position, ct) is not { } checkpoint
            || checkpoint.Statement.Position != snapshot.Position
                || checkpoint.Statement.StateDigest.Length is 0
                || checkpoint.Statement.StateDigest.Span.SequenceEqual(snapshot.State));
        if (!matches)
        {
            if (!_mismatched.AsSpan().SequenceEqual(snapshot.Digest)) SnapshotMismatch(log, snapshot.Position);
            _mismatched = snapshot.Digest;
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
        var offer = SnapshotRules.Sign(statement, options.Certificate);
        _signed = new Signed(snapshot, offer);
        return offer;
    }

    [LoggerMessage(EventId = 2040, Level = LogLevel.Error,
        Message =
        "Snapshot {Position} does not match the journal; not served, nodes use the feed. Run dreg journal verify")]
    private static partial void SnapshotMismatch(ILogger log, ulong position);
}
