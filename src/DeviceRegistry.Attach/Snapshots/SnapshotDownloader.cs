using System.Security.Cryptography.X509Certificates;
using DeviceRegistry.Contracts;
using DeviceRegistry.Contracts.V1;
using DeviceRegistry.Core;
using Google.Protobuf;
using Grpc.Core;
using Microsoft.Extensions.Logging;

namespace DeviceRegistry.Attach.Snapshots;

/// <summary>Takes a snapshot of the registrar's: its signature is verified before its first byte, its digest before its
/// first use. What is wrong with it is an alarm, and the feed is followed instead.</summary>
/// <remarks>What has come lies in a file download-DIGEST, so that a cut download goes on where it was, in the next
/// session or the next process.</remarks>
internal sealed partial class SnapshotDownloader(NodeState node, NodeStore memory, SnapshotOptions plan, string folder,
    ILogger<SnapshotDownloader> log)
{
    private const string Prefix = "download-";

    // Digests of those that were not sound: the registrar has nothing better until it offers another.
    private readonly HashSet<ByteString> _refused = [];
    private int _fruitless;

    /// <summary>Takes one, if the node has nothing, or is further behind than it is to follow entry by entry.</summary>
    /// <exception cref="RpcException">The registrar is away, or has another history than this node.</exception>
    public Task TakeIfFarBehindAsync(FeedService.FeedServiceClient feed, CancellationToken ct)
    {
        var end = memory.End;
        var request = new GetSnapshotRequest
        {
            Position = end.Position, Hash = end.Position is 0 ? ByteString.Empty : ByteString.CopyFrom(end.Hash),
            AheadLeast = end.Position is 0 ? 1 : (ulong)plan.Behind,
        };
        return TakeAsync(feed, request, leastEpoch: 0, isVoid: false, ct);
    }

    /// <summary>Takes one of an epoch, or a later one, whatever the node has: two people whom it knew have signed that
    /// its history is void from a point before everything it keeps. False: there is none yet.</summary>
    /// <exception cref="RpcException">The registrar is away.</exception>
    public Task<bool> TakeAsync(FeedService.FeedServiceClient feed, uint epoch, CancellationToken ct) =>
        TakeAsync(feed, new GetSnapshotRequest(), epoch, isVoid: true, ct);

    private async Task<bool> TakeAsync(FeedService.FeedServiceClient feed, GetSnapshotRequest request, uint leastEpoch,
        bool isVoid, CancellationToken ct)
    {
        if (node.Root is not { } root) return false;

        var before = node.Feed.SnapshotBytes;
        using var silence = CancellationTokenSource.CreateLinkedTokenSource(ct);
        silence.CancelAfter(Limits.SilenceMost);
        try
        {
            return await DownloadAsync(feed, request, root, leastEpoch, isVoid, silence);
        }
        catch (RpcException fault) when (MayFollow(fault))
        {
            return false;                                   // it has none for us: the feed has everything too
        }
        catch (Exception cut) when (!ct.IsCancellationRequested && cut is RpcException or OperationCanceledException)
        {
            // Goes on with the next session, as long as that brings it any further.
            _fruitless = node.Feed.SnapshotBytes > before ? 0 : _fruitless + 1;
            if (_fruitless >= Limits.SnapshotAttempts) return false;
            throw cut as RpcException ?? new RpcException(
                new Status(StatusCode.DeadlineExceeded, "the registrar fell silent in the middle of a snapshot"));
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            NotKept(log, fault.Message);
            return false;
        }
    }

    private static bool MayFollow(RpcException fault) =>
        fault.StatusCode is StatusCode.NotFound or StatusCode.Unimplemented or StatusCode.ResourceExhausted
            or StatusCode.InvalidArgument or StatusCode.PermissionDenied
        || StatusMapping.ReasonOf(fault) == StatusMapping.CodeOf(RegistryError.NoCheckpoint);

    // False: it is not wanted, or refused.
    private async Task<bool> DownloadAsync(
        FeedService.FeedServiceClient feed, GetSnapshotRequest request, X509Certificate2 root, uint leastEpoch,
        bool isVoid, CancellationTokenSource silence)
    {
        // 1. Is there a part of one?
        if (Directory.EnumerateFiles(folder, Prefix + "*").FirstOrDefault() is { } part
            && TryDigest(part, out var digest))
            (request.Digest, request.Offset) = (digest, (ulong)new FileInfo(part).Length);

        // 2. What is offered, and by whom.
        using var call = feed.GetSnapshot(request, cancellationToken: silence.Token);
        if (!await call.ResponseStream.MoveNext(silence.Token)
            || call.ResponseStream.Current.Offer is not { } offer) return false;
        if (!SnapshotRules.IsSigned(offer, root, out var statement, out var fault)) return Refuse(statement, fault);
        if (statement.Epoch < leastEpoch || statement.Position < request.Position + request.AheadLeast
            || _refused.Contains(statement.Digest)) return false;
        if (statement.Bytes > Limits.SnapshotBytesMax) return Refuse(statement,
            $"it has {statement.Bytes} bytes, more than {Limits.SnapshotBytesMax}");

        // 3. The bytes, after those that are there.
        var path = Path.Combine(folder, Prefix + Convert.ToHexStringLower(statement.Digest.Span));
        foreach (var other in Directory.EnumerateFiles(folder, Prefix + "*").Where(f => f != path)) File.Delete(other);
        if (!await TryFillAsync(path, begunBefore: statement.Digest == request.Digest, statement, call.ResponseStream,
            silence)) return Refuse(statement, "a chunk of it is not what was asked for", path);

        // 4. Only the whole is of use, and only if it is what was signed.
        var state = TryRead(path, statement, out fault);
        if (state is null) return Refuse(statement, fault, path);

        // 5. What comes beside it for this node's operator.
        var (applier, grew) = (new EntryApplier(state.Node), false);
        for (silence.CancelAfter(Limits.SilenceMost); await call.ResponseStream.MoveNext(
            silence.Token); silence.CancelAfter(Limits.SilenceMost), grew = true)
            if (call.ResponseStream.Current.Scoped is not { } scoped
                || !applier.TryAdd(scoped)) return Refuse(statement, "what comes beside it cannot be read", path);

        memory.TakeOver(path, state, grew, isVoid);
        node.Feed.SnapshotsTaken++;
        return true;
    }

    // False: a chunk is not what was asked for.
    private async Task<bool> TryFillAsync(
        string path, bool begunBefore, SnapshotStatement statement, IAsyncStreamReader<GetSnapshotResponse> from,
        CancellationTokenSource silence)
    {
        using var file = new FileStream(path, FileMode.OpenOrCreate, FileAccess.Write, FileShare.Read, bufferSize: 0);
        if ((ulong)file.Length > statement.Bytes || !begunBefore) file.SetLength(0);
        file.Position = file.Length;
        Begun(log, statement.Position, statement.Bytes, file.Length);
        var room = new byte[SnapshotRules.ChunkBytesMax];
        while ((ulong)file.Length < statement.Bytes)
        {
            silence.CancelAfter(Limits.SilenceMost);
            if (!await from.MoveNext(silence.Token)) throw new RpcException(
                new Status(StatusCode.Unavailable, "the registrar ended a snapshot in its middle"));
            if (!TryUnpack(from.Current.Chunk, (ulong)file.Length, room, out var length)
                || (ulong)(file.Length + length) > statement.Bytes) return false;

            file.Write(room, 0, length);
            node.Feed.SnapshotBytes += length;
        }

        // From here on it is this node that takes its time.
        silence.CancelAfter(Timeout.InfiniteTimeSpan);
        file.Flush(flushToDisk: true);
        return true;
    }

    private static bool TryUnpack(SnapshotChunk? chunk, ulong offset, byte[] room, out int length)
    {
        length = 0;
        if (chunk is null || !SnapshotRules.TryUnpack(chunk, offset, room, out var bytes)) return false;

        length = bytes.Length;
        return true;
    }

    private JournalVerifier? TryRead(string path, SnapshotStatement statement, out string fault)
    {
        fault = "it is not the file that was signed";
        try
        {
            using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 0);
            var (state, digest) = NodeSnapshot.Read(file, memory.Fresh());
            var (end, own) = (state.End, state.Node.Index.Digest.ToBytes());
            return statement.Digest.Span.SequenceEqual(digest) && end.Position == statement.Position
                && end.Epoch == statement.Epoch && statement.Hash.Span.SequenceEqual(end.Hash)
                && statement.StateDigest.Span.SequenceEqual(own) ? state : null;
        }
        catch (InvalidDataException wrong)
        {
            fault = wrong.Message;
            return null;
        }
    }

    private bool Refuse(SnapshotStatement statement, string why, string path = "")
    {
        if (path.Length > 0)
        {
            _refused.Add(statement.Digest);
            File.Delete(path);
        }

        node.Feed.SnapshotsRefused++;
        Refused(log, statement.Position, why);
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
            return false;                                   // a file of somebody else's
        }
    }

    [LoggerMessage(EventId = 3044, Level = LogLevel.Information,
        Message =
        "The registrar gives a snapshot of position {Position}, {Bytes} bytes; {Have} of them are here already.")]
    private static partial void Begun(ILogger log, ulong position, ulong bytes, long have);

    [LoggerMessage(EventId = 3045, Level = LogLevel.Error,
        Message =
        "ALARM: the registrar's snapshot of position {Position} is refused: {Why}. The feed is followed instead.")]
    private static partial void Refused(ILogger log, ulong position, string why);

    [LoggerMessage(EventId = 3046, Level = LogLevel.Error,
        Message = "ALARM: a snapshot of the registrar's cannot be kept ({Why}); the feed is followed instead.")]
    private static partial void NotKept(ILogger log, string why);
}
