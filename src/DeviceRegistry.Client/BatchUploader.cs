using System.Security.Cryptography;
using DeviceRegistry.Contracts;
using DeviceRegistry.Contracts.V1;
using DeviceRegistry.Core;
using Google.Protobuf;
using Grpc.Core;

namespace DeviceRegistry.Client;

/// <summary>Phase of a batch upload.</summary>
public enum UploadPhase
{
    /// <summary>The client hashes the file. Progress in bytes.</summary>
    Hashing,

    /// <summary>The client sends the file. Progress in durable bytes.</summary>
    Sending,

    /// <summary>The upload is complete; the batch waits behind others.</summary>
    Waiting,

    /// <summary>The registry reads the lines. Progress in lines.</summary>
    Reading,

    /// <summary>The registry compares the lines with the registered data. Progress in IMEIs.</summary>
    Checking,

    /// <summary>The registry stores the units, which are not visible yet. Progress in rows.</summary>
    Storing,

    /// <summary>The registry records the line errors. Progress in lines.</summary>
    Reporting,

    /// <summary>The registry is unreachable; the client retries. <see cref="UploadProgress.Why"/> contains the
    /// error.</summary>
    Interrupted,
}

/// <summary>Progress of a batch. A total of 0 is not known yet.</summary>
public readonly record struct UploadProgress(UploadPhase Phase, ulong BatchNumber, long Done, long Total,
    string Why = "");

/// <summary>Registers a batch: opens it, sends its file in chunks, seals it and waits for the result. Resumes after a
/// lost connection or a restart of the registry. A program that was stopped in between calls it again with the same
/// header and file; it resumes after the last durable chunk.</summary>
/// <param name="registrar"><see cref="RegistryClient.Registrar"/>.</param>
/// <param name="attemptsMax">Attempts without any progress before the error is thrown, 1 or more.</param>
/// <param name="time">Clock of the pauses between attempts.</param>
public sealed class BatchUploader(CallInvoker registrar, int attemptsMax = int.MaxValue, TimeProvider? time = null)
{
    private const int ChunkBytes = 1024 * 1024;
    private static readonly TimeSpan PauseFirst = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan PauseMax = TimeSpan.FromSeconds(2);

    private readonly RegistrationService.RegistrationServiceClient _registry = new(registrar);
    private readonly TimeProvider _time = time ?? TimeProvider.System;

    /// <summary>Registers the batch, or finds that it is already registered. Returns its receipt, or the result of a
    /// dry run; throws the RpcException of a rejection. <paramref name="header"/> needs no file_digest: it is computed.
    /// <paramref name="file"/> must be seekable. The first report after hashing contains the batch number and the
    /// number of durable bytes.</summary>
    public async Task<WatchBatchResponse> RegisterAsync(
        BatchHeader header, Stream file, IProgress<UploadProgress>? progress, CancellationToken ct)
    {
        // 1. Hash the content.
        var opening = new OpenBatchRequest { Header = header.Clone() };
        opening.Header.FileDigest = ByteString.CopyFrom(await HashAsync(file, progress, ct));

        // 2. Send the missing chunks. OpenBatch returns the current progress each time.
        var batch = await PersistAsync(0, async _ =>
            (await _registry.OpenBatchAsync(opening, cancellationToken: ct)).Batch, progress, ct);
        progress?.Report(batch.State is BatchState.Open
            ? new UploadProgress(UploadPhase.Sending, batch.BatchNumber, (long)batch.DurableBytes, file.Length)
            : new UploadProgress(UploadPhase.Waiting, batch.BatchNumber, 0, 0));
        while (batch.State is BatchState.Open && batch.DurableBytes < (ulong)file.Length)
            batch = await PersistAsync(batch.BatchNumber, async onProgress =>
            {
                var now = (await _registry.OpenBatchAsync(opening, cancellationToken: ct)).Batch;
                if (now.State is BatchState.Open) await SendAsync(now, file, progress, onProgress, ct);
                return (await _registry.OpenBatchAsync(opening, cancellationToken: ct)).Batch;
            }, progress, ct);

        // 3. Seal the batch and wait for the result.
        if (batch.State is BatchState.Open)
            batch = await PersistAsync(batch.BatchNumber, async _ =>
                (await _registry.CompleteUploadAsync(new CompleteUploadRequest { BatchNumber = batch.BatchNumber },
                cancellationToken: ct)).Batch, progress, ct);
        return await PersistAsync(batch.BatchNumber, onProgress =>
            WatchAsync(batch.BatchNumber, progress, onProgress, ct), progress, ct);
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

    private async Task SendAsync(BatchSummary batch, Stream file, IProgress<UploadProgress>? progress,
        Action onProgress,
        CancellationToken ct)
    {
        // Acknowledgements arrive while chunks are sent. The end of the acknowledgements ends the call.
        using var cancellation = CancellationTokenSource.CreateLinkedTokenSource(ct);
        using var call = _registry.SendChunks(cancellationToken: cancellation.Token);
        var sending = WriteAsync(call.RequestStream, batch, file, cancellation.Token);

        // If reading the file fails, the registry would wait for the rest: cancel the call and report the file error.
        _ = sending.ContinueWith(_ =>
            cancellation.Cancel(), CancellationToken.None, TaskContinuationOptions.OnlyOnFaulted,
                TaskScheduler.Default);
        try
        {
            await foreach (var durable in call.ResponseStream.ReadAllAsync(cancellation.Token))
            {
                onProgress();
                var chunks = (long)durable.DurableThrough + 1 - batch.NextChunk;
                progress?.Report(new UploadProgress(UploadPhase.Sending, batch.BatchNumber,
                    Math.Min((long)batch.DurableBytes + chunks * ChunkBytes, file.Length), file.Length));
            }
        }
        catch (RpcException refusal) when (
            StatusMapping.ReasonOf(refusal) == StatusMapping.CodeOf(RegistryError.WrongState))
        {
            // Another process sealed the batch under the same reference and content. OpenBatch reports it.
        }
        finally
        {
            await cancellation.CancelAsync();
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
                    new SendChunksRequest
                    {
                        BatchNumber = batch.BatchNumber, Sequence = sequence,
                        Data = UnsafeByteOperations.UnsafeWrap(data),
                        Checksum = ByteString.CopyFrom(SHA256.HashData(data))
                    }, ct);
            }

            await stream.CompleteAsync();
        }
        catch (Exception ended) when (ended is RpcException or InvalidOperationException or OperationCanceledException)
        {
            // The call has ended; its responses contain the reason.
        }
    }

    private async Task<WatchBatchResponse> WatchAsync(ulong number, IProgress<UploadProgress>? progress,
        Action onProgress,
        CancellationToken ct)
    {
        using var call = _registry.WatchBatch(new WatchBatchRequest { BatchNumber = number }, cancellationToken: ct);
        await foreach (var message in call.ResponseStream.ReadAllAsync(ct))
        {
            onProgress();
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

    // Each step may be repeated from its beginning. An attempt with progress resets the count of failures.
    private async Task<T> PersistAsync<T>(ulong number, Func<Action, Task<T>> step, IProgress<UploadProgress>? progress,
        CancellationToken ct)
    {
        for (var failures = 0; ;)
        {
            try
            {
                return await step(() => failures = 0);
            }
            catch (RpcException fault) when (!ct.IsCancellationRequested && IsUnavailable(fault) && failures
                + 1 < attemptsMax)
            {
                progress?.Report(new UploadProgress(UploadPhase.Interrupted, number, 0, 0,
                    fault.Status.DebugException?.GetBaseException().Message ?? fault.Status.Detail));
                var pause = PauseFirst * Math.Pow(2, Math.Min(failures++, 10));
                await Task.Delay((pause < PauseMax ? pause : PauseMax) * (0.5 + Random.Shared.NextDouble() / 2),
                    _time, ct);
            }
        }
    }

    // A server that shuts down cancels its streams; a killed server resets them, with varying errors.
    private static bool IsUnavailable(RpcException fault) =>
        fault.StatusCode is StatusCode.Unavailable or StatusCode.DeadlineExceeded or StatusCode.Cancelled
        || Resilience.IsClosedConnection(fault.Status.DebugException);
}
