using System.Security.Cryptography.X509Certificates;
using DeviceRegistry.Contracts;
using DeviceRegistry.Contracts.V1;
using DeviceRegistry.Core;
using Google.Protobuf;
using Grpc.Core;
using Microsoft.Extensions.Logging;

namespace DeviceRegistry.Attach.Snapshots;

/// <summary>Downloads and installs a snapshot of the registrar. The signature is verified before the first byte, the
/// digest before the first use. If the snapshot is invalid, the node logs an error and follows the feed
/// instead.</summary>
/// <remarks>A file download-DIGEST holds the received part, so that an interrupted download resumes in the next session
/// or process.</remarks>
internal sealed partial class SnapshotDownloader(NodeState node, NodeStore store, SnapshotOptions options,
    string folder,
    ILogger<SnapshotDownloader> log)
{
    private const string Prefix = "download-";

    // Digests of invalid snapshots; they are not downloaded again.
    private readonly HashSet<ByteString> _rejected = [];
    private int _failedAttempts;

    /// <summary>Installs a snapshot if the node has no entries, or is further behind than the limit for following the
    /// feed.</summary>
    /// <exception cref="RpcException">The registrar is unreachable, or has a history different from this
    /// node's.</exception>
    public Task InstallIfFarBehindAsync(FeedService.FeedServiceClient feed, CancellationToken ct)
    {
        var end = store.End;
        var request = new GetSnapshotRequest
        {
            Position = end.Position, Hash = end.Position is 0 ? ByteString.Empty : ByteString.CopyFrom(end.Hash),
            MinEntriesAhead = end.Position is 0 ? 1 : (ulong)options.Behind,
        };
        return InstallAsync(feed, request, minEpoch: 0, isVoid: false, ct);
    }

    /// <summary>Installs a snapshot of at least this epoch, whatever state the node has. Call it only after two people
    /// known to the node have signed that its history is void from a position before all its local state. Returns false
    /// if there is no such snapshot yet.</summary>
    /// <exception cref="RpcException">The registrar is unreachable.</exception>
    public Task<bool> InstallAsync(FeedService.FeedServiceClient feed, uint epoch, CancellationToken ct) =>
        InstallAsync(feed, new GetSnapshotRequest(), epoch, isVoid: true, ct);

    private async Task<bool> InstallAsync(FeedService.FeedServiceClient feed, GetSnapshotRequest request, uint minEpoch,
        bool isVoid, CancellationToken ct)
    {
        if (node.Root is not { } root) return false;

        var before = node.Feed.SnapshotBytes;
        using var silence = CancellationTokenSource.CreateLinkedTokenSource(ct);
        silence.CancelAfter(Limits.SilenceMax);
        try
        {
            return await DownloadAsync(feed, request, root, minEpoch, isVoid, silence);
        }
        catch (RpcException fault) when (CanUseFeed(fault))
        {
            return false; // there is no snapshot for this node; the feed has everything too
        }
        catch (Exception failure) when (!ct.IsCancellationRequested && failure is RpcException
            or OperationCanceledException)
        {
            // The next session resumes the download, unless too many attempts in a row made no progress.
            _failedAttempts = node.Feed.SnapshotBytes > before ? 0 : _failedAttempts + 1;
            if (_failedAttempts >= Limits.SnapshotAttempts) return false;
            throw failure as RpcException ?? new RpcException(
                new Status(StatusCode.DeadlineExceeded, "the registrar fell silent in the middle of a snapshot"));
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            SaveFailed(log, fault.Message);
            return false;
        }
    }

    private static bool CanUseFeed(RpcException fault) =>
        fault.StatusCode is StatusCode.NotFound or StatusCode.Unimplemented or StatusCode.ResourceExhausted
            or StatusCode.InvalidArgument or StatusCode.PermissionDenied
        || StatusMapping.ReasonOf(fault) == StatusMapping.CodeOf(RegistryError.CheckpointsDisabled);

    // Returns false if the snapshot is not needed or was rejected.
    private async Task<bool> DownloadAsync(
        FeedService.FeedServiceClient feed, GetSnapshotRequest request, X509Certificate2 root, uint minEpoch,
        bool isVoid, CancellationTokenSource silence)
    {
        // 1. Look for an interrupted download.
        if (Directory.EnumerateFiles(folder, Prefix + "*").FirstOrDefault() is { } part
            && TryDigest(part, out var digest))
            (request.Digest, request.Offset) = (digest, (ulong)new FileInfo(part).Length);

        // 2. Verify the offer and its signature.
        using var call = feed.GetSnapshot(request, cancellationToken: silence.Token);
        if (!await call.ResponseStream.MoveNext(silence.Token)
            || call.ResponseStream.Current.Offer is not { } offer) return false;
        if (!SnapshotRules.IsSigned(offer, root, out var statement, out var fault)) return Reject(statement, fault);
        if (statement.Epoch < minEpoch || statement.Position < request.Position + request.MinEntriesAhead
            || _rejected.Contains(statement.Digest)) return false;
        if (statement.Bytes > Limits.SnapshotBytesMax) return Reject(statement,
            $"it has {statement.Bytes} bytes, more than {Limits.SnapshotBytesMax}");

        // 3. Receive the bytes that are missing.
        var path = Path.Combine(folder, Prefix + Convert.ToHexStringLower(statement.Digest.Span));
        foreach (var other in Directory.EnumerateFiles(folder, Prefix + "*").Where(f => f != path)) File.Delete(other);
        if (!await TryFillAsync(path, resumed: statement.Digest == request.Digest, statement, call.ResponseStream,
            silence)) return Reject(statement, "a chunk of it is not what was asked for", path);

        // 4. Verify that the complete file is the one that was signed.
        var state = TryRead(path, statement, out fault);
        if (state is null) return Reject(statement, fault, path);

        // 5. Apply the private parts for this node's operator, which are sent after the file.
        var (applier, extended) = (new EntryApplier(state.Node), false);
        for (silence.CancelAfter(Limits.SilenceMax); await call.ResponseStream.MoveNext(
            silence.Token); silence.CancelAfter(Limits.SilenceMax), extended = true)
            if (call.ResponseStream.Current.Scoped is not { } scoped
                || !applier.TryAdd(scoped)) return Reject(statement, "what comes beside it cannot be read", path);

        store.InstallSnapshot(path, state, extended, isVoid);
        node.Feed.SnapshotsTaken++;
        return true;
    }

    // Returns false if a chunk is not the one requested.
    private async Task<bool> TryFillAsync(
        string path, bool resumed, SnapshotStatement statement, IAsyncStreamReader<GetSnapshotResponse> from,
        CancellationTokenSource silence)
    {
        using var file = new FileStream(path, FileMode.OpenOrCreate, FileAccess.Write, FileShare.Read, bufferSize: 0);
        if ((ulong)file.Length > statement.Bytes || !resumed) file.SetLength(0);
        file.Position = file.Length;
        Downloading(log, statement.Position, statement.Bytes, file.Length);
        var buffer = new byte[SnapshotRules.ChunkBytesMax];
        while ((ulong)file.Length < statement.Bytes)
        {
            silence.CancelAfter(Limits.SilenceMax);
            if (!await from.MoveNext(silence.Token)) throw new RpcException(
                new Status(StatusCode.Unavailable, "the registrar ended a snapshot in its middle"));
            if (!TryUnpack(from.Current.Chunk, (ulong)file.Length, buffer, out var length)
                || (ulong)(file.Length + length) > statement.Bytes) return false;

            file.Write(buffer, 0, length);
            node.Feed.SnapshotBytes += length;
        }

        // The silence timeout does not apply to the node's own work.
        silence.CancelAfter(Timeout.InfiniteTimeSpan);
        file.Flush(flushToDisk: true);
        return true;
    }

    private static bool TryUnpack(SnapshotChunk? chunk, ulong offset, byte[] buffer, out int length)
    {
        length = 0;
        if (chunk is null || !SnapshotRules.TryUnpack(chunk, offset, buffer, out var bytes)) return false;

        length = bytes.Length;
        return true;
    }

    private JournalVerifier? TryRead(string path, SnapshotStatement statement, out string fault)
    {
        fault = "it is not the file that was signed";
        try
        {
            using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 0);
            var (state, digest) = NodeSnapshot.Read(file, store.NewState());
            var (end, own) = (state.End, state.Node.Index.Digest.ToBytes());
            return statement.Digest.Span.SequenceEqual(digest) && end.Position == statement.Position
                && end.Epoch == statement.Epoch && statement.Hash.Span.SequenceEqual(end.Hash)
                && statement.StateDigest.Span.SequenceEqual(own) ? state : null;
        }
        catch (InvalidDataException invalid)
        {
            fault = invalid.Message;
            return null;
        }
    }

    private bool Reject(SnapshotStatement statement, string why, string path = "")
    {
        if (path.Length > 0)
        {
            _rejected.Add(statement.Digest);
            File.Delete(path);
        }

        node.Feed.SnapshotsRefused++;
        Rejected(log, statement.Position, why);
        return false;
    }

    private static bool TryDigest(string path, out ByteString digest)
    {
        digest = ByteString.Empty;
        try
        {
            digest = ByteString.CopyFrom(Convert.FromHexString(Path.GetFileName(path).AsSpan(Prefix.Length)));
            return digest.Length is StateDigest.Size;
        }
        catch (FormatException)
        {
            return false;                                   // not a file of this class
        }
    }

    [LoggerMessage(EventId = 3044, Level = LogLevel.Information,
        Message = "Downloading snapshot of position {Position}, {Bytes} bytes; resuming at byte {Have}")]
    private static partial void Downloading(ILogger log, ulong position, ulong bytes, long have);

    [LoggerMessage(EventId = 3045, Level = LogLevel.Error,
        Message = "Registrar snapshot of position {Position} rejected: {Why}; following the feed instead")]
    private static partial void Rejected(ILogger log, ulong position, string why);

    [LoggerMessage(EventId = 3046, Level = LogLevel.Error,
        Message = "Cannot store registrar snapshot: {Why}; following the feed instead")]
    private static partial void SaveFailed(ILogger log, string why);
}
