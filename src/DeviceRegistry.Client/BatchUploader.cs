using System.Security.Cryptography;
using DeviceRegistry.Contracts;
using DeviceRegistry.Contracts.V1;
using DeviceRegistry.Core;
using Google.Protobuf;
using Grpc.Core;

namespace DeviceRegistry.Client;

/// <summary>What is being done to a batch.</summary>
public enum UploadPhase
{
    /// <summary>Its file is read here, for its digest. In bytes.</summary>
    Hashing,

    /// <summary>Its file is on the way. In bytes that are durable.</summary>
    Sending,

    /// <summary>It is sealed and others come first.</summary>
    Waiting,

    /// <summary>The registry reads its lines. In lines.</summary>
    Reading,

    /// <summary>The registry compares them with what it knows. In IMEIs.</summary>
    Checking,

    /// <summary>The registry stores its units, seen by nobody yet. In rows.</summary>
    Storing,

    /// <summary>The registry writes down its bad lines. In lines.</summary>
    Reporting,

    /// <summary>The registry cannot be reached; it is tried again. <see cref="UploadProgress.Why"/> says what went
    /// wrong.</summary>
    Interrupted,
}

/// <summary>How far a batch is. A total of 0 is not known yet.</summary>
public readonly record struct UploadProgress(UploadPhase Phase, ulong BatchNumber, long Done, long Total,
    string Why = "");

/// <summary>Registers a batch: opens it, sends its file in chunks, seals it and waits for its end. Goes on after a lost
/// connection or a restart of the registry; a program that was stopped in the middle calls it again, with the same
/// header and file, and it goes on from what is durable.</summary>
/// <param name="registrar">As <see cref="RegistryClient.Registrar"/> gives it.</param>
/// <param name="attemptsMax">How often it is tried without any progress before the caller hears of it, 1 or
/// more.</param>
/// <param name="time">The clock of the pauses between.</param>
public sealed class BatchUploader(CallInvoker registrar, int attemptsMax = int.MaxValue, TimeProvider? time = null)
{
    private const int ChunkBytes = 1024 * 1024;
    private static readonly TimeSpan PauseFirst = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan PauseMost = TimeSpan.FromSeconds(2);

    private readonly RegistrationService.RegistrationServiceClient _registry = new(registrar);
    private readonly TimeProvider _time = time ?? TimeProvider.System;

    /// <summary>Registers the batch, or finds that it is registered already. Returns its receipt, or what a dry run
    /// found; throws the RpcException of a refusal.
    /// <paramref name="header"/> needs no file_digest: it is computed. <paramref name="file"/> can be sought in. The
    /// first report after the hash tells the batch's number, and how much of its file was there already.</summary>
    public async Task<WatchBatchResponse> RegisterAsync(
        BatchHeader header, Stream file, IProgress<UploadProgress>? progress, CancellationToken ct)
    {
        // 1. What the content is.
        var opening = new OpenBatchRequest { Header = header.Clone() };
        opening.Header.FileDigest = ByteString.CopyFrom(await HashAsync(file, progress, ct));

        // 2. Send what is not there yet. Opening it again says how far it is.
        var batch = await PersistAsync(0, async _ =>
            (await _registry.OpenBatchAsync(opening, cancellationToken: ct)).Batch, progress, ct);
        progress?.Report(batch.State is BatchState.Open
            ? new UploadProgress(UploadPhase.Sending, batch.BatchNumber, (long)batch.DurableBytes, file.Length)
            : new UploadProgress(UploadPhase.Waiting, batch.BatchNumber, 0, 0));
        while (batch.State is BatchState.Open && batch.DurableBytes < (ulong)file.Length)
            batch = await PersistAsync(batch.BatchNumber, async moved =>
            {
                var now = (await _registry.OpenBatchAsync(opening, cancellationToken: ct)).Batch;
                if (now.State is BatchState.Open) await SendAsync(now, file, progress, moved, ct);
                return (await _registry.OpenBatchAsync(opening, cancellationToken: ct)).Batch;
            }, progress, ct);

        // 3. Seal, and see how it ends.
        if (batch.State is BatchState.Open)
            batch = await PersistAsync(batch.BatchNumber, async _ =>
                (await _registry.SealBatchAsync(new SealBatchRequest { BatchNumber = batch.BatchNumber },
                cancellationToken: ct)).Batch, progress, ct);
        return await PersistAsync(batch.BatchNumber, moved =>
            WatchAsync(batch.BatchNumber, progress, moved, ct), progress, ct);
    }

    private static async Task<byte[]> HashAsync(Stream file, IProgress<UploadProgress>? progress, CancellationToken ct)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var buffer = new byte[ChunkBytes];
        file.Position = 0;
        while (await file.ReadAtLeastAsync(buffer, buffer.Length, throwOnEndOfStream: false, ct) is > 0 and var read)
        {
            hash.AppendData(buffer, 0, read);
            progress?.Report(new UploadProgress(UploadPhase.Hashing, 0, file.Position, file.Length));
        }

        return hash.GetHashAndReset();
    }

    private async Task SendAsync(BatchSummary batch, Stream file, IProgress<UploadProgress>? progress, Action moved,
        CancellationToken ct)
    {
        // The answers come while chunks are on the way: both directions at once, of which the answers end the call.
        using var over = CancellationTokenSource.CreateLinkedTokenSource(ct);
        using var call = _registry.SendChunks(cancellationToken: over.Token);
        var sending = WriteAsync(call.RequestStream, batch, file, over.Token);

        // A file that cannot be read on leaves the registry waiting for the rest: the call ends, and the file's fault
        // is told.
        _ = sending.ContinueWith(_ =>
            over.Cancel(), CancellationToken.None, TaskContinuationOptions.OnlyOnFaulted, TaskScheduler.Default);
        try
        {
            await foreach (var durable in call.ResponseStream.ReadAllAsync(over.Token))
            {
                moved();
                var chunks = (long)durable.DurableThrough + 1 - batch.NextChunk;
                progress?.Report(new UploadProgress(UploadPhase.Sending, batch.BatchNumber,
                    Math.Min((long)batch.DurableBytes + chunks * ChunkBytes, file.Length), file.Length));
            }
        }
        catch (RpcException refusal) when (
            StatusMapping.ReasonOf(refusal) == StatusMapping.CodeOf(RegistryError.WrongState))
        {
            // Somebody else sealed it under the same reference and content. Opening it again says so.
        }
        finally
        {
            await over.CancelAsync();
            await sending;
        }
    }

    private static async Task WriteAsync(IClientStreamWriter<SendChunksRequest> stream, BatchSummary batch, Stream file,
        CancellationToken ct)
    {
        try
        {
            file.Position = (long)batch.DurableBytes;
            for (var sequence = batch.NextChunk; file.Position < file.Length; sequence++)
            {
                var data = new byte[Math.Min(ChunkBytes, file.Length - file.Position)];
                await file.ReadExactlyAsync(data, ct);
                await stream.WriteAsync(
                    new SendChunksRequest { BatchNumber = batch.BatchNumber, Sequence = sequence,
                        Data = UnsafeByteOperations.UnsafeWrap(data),
                        Checksum = ByteString.CopyFrom(SHA256.HashData(data)) }, ct);
            }

            await stream.CompleteAsync();
        }
        catch (Exception ended) when (ended is RpcException or InvalidOperationException or OperationCanceledException)
        {
            // The call has ended; its answers say why.
        }
    }

    private async Task<WatchBatchResponse> WatchAsync(ulong number, IProgress<UploadProgress>? progress, Action moved,
        CancellationToken ct)
    {
        using var call = _registry.WatchBatch(new WatchBatchRequest { BatchNumber = number }, cancellationToken: ct);
        await foreach (var message in call.ResponseStream.ReadAllAsync(ct))
        {
            moved();
            if (message.PartCase is not WatchBatchResponse.PartOneofCase.Progress) return message;

            progress?.Report(new UploadProgress(PhaseOf(message.Progress.Phase), number, (long)message.Progress.Done,
                (long)message.Progress.Total));
        }

        throw new RpcException(new Status(StatusCode.Unavailable,
            "The registry ended the call before the batch was decided."));
    }

    private static UploadPhase PhaseOf(BatchPhase phase) => phase switch
    {
        BatchPhase.Reading => UploadPhase.Reading,
        BatchPhase.Checking => UploadPhase.Checking,
        BatchPhase.Storing => UploadPhase.Storing,
        BatchPhase.Reporting => UploadPhase.Reporting,
        _ => UploadPhase.Waiting,
    };

    // Each step may be done again from its beginning. An attempt that got somewhere is not counted.
    private async Task<T> PersistAsync<T>(ulong number, Func<Action, Task<T>> step, IProgress<UploadProgress>? progress,
        CancellationToken ct)
    {
        for (var failures = 0; ;)
        {
            try
            {
                return await step(() => failures = 0);
            }
            catch (RpcException fault) when (!ct.IsCancellationRequested && IsAway(fault) && failures + 1 < attemptsMax)
            {
                progress?.Report(new UploadProgress(UploadPhase.Interrupted, number, 0, 0,
                    fault.Status.DebugException?.GetBaseException().Message ?? fault.Status.Detail));
                var pause = PauseFirst * Math.Pow(2, Math.Min(failures++, 10));
                await Task.Delay((pause < PauseMost ? pause : PauseMost) * (0.5 + Random.Shared.NextDouble() / 2),
                    _time, ct);
            }
        }
    }

    // A server that stops cancels its streams; one that was killed resets them, in whatever words.
    private static bool IsAway(RpcException fault) =>
        fault.StatusCode is StatusCode.Unavailable or StatusCode.DeadlineExceeded or StatusCode.Cancelled
        || Resilience.IsClosedConnection(fault.Status.DebugException);
}
