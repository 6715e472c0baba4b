using System.Security.Cryptography;
using DeviceRegistry.Contracts;
using DeviceRegistry.Contracts.V1;
using Google.Protobuf;
using Grpc.Core;

namespace DeviceRegistry.TestKit;

/// <summary>Result of a batch: its receipt, the result of a dry run, or the rejection with every line error.</summary>
public sealed record BatchEnd(ulong Number, BatchReceipt? Receipt, DryRunResult? DryRun,
    IReadOnlyList<LineError> Faults, RpcException? Refusal);

/// <summary>The steps of an upload as separate calls, without the retries of the SDK, so that a test sees every
/// rejection and lost connection.</summary>
public static class Batches
{
    /// <summary>Chunk size that splits a small file into several chunks.</summary>
    public const int ChunkBytes = 64 * 1024;

    /// <summary>A header with the file's digest and its numbers of units, unless they are set already.</summary>
    public static BatchHeader Of(BatchHeader header, byte[] file)
    {
        var whole = header.Clone();
        if (whole.FileDigest.IsEmpty) whole.FileDigest = ByteString.CopyFrom(SHA256.HashData(file));
        if (whole.DeclaredUnits is 0) whole.DeclaredUnits = (uint)Math.Max(1, Lines(file) - 1);
        return whole;
    }

    private static int Lines(ReadOnlySpan<byte> file)
    {
        var lines = 0;
        foreach (var line in file.Split((byte)'\n'))
            if (!file[line].Trim(" \t\r"u8).IsEmpty) lines++;
        return lines;
    }

    /// <summary>Opens, sends, completes and waits for the result. Throws a failure that is not a rejection of the
    /// batch.</summary>
    public static async Task<BatchEnd> RegisterAsync(CallInvoker maker, BatchHeader header, byte[] file,
        int chunkBytes = ChunkBytes)
    {
        var number = 0ul;
        try
        {
            var batch = await OpenAsync(maker, Of(header, file));
            number = batch.BatchNumber;
            if (batch.State is BatchState.Open)
            {
                await SendOrFindSealedAsync(maker, batch, file, chunkBytes);
                await SealAsync(maker, number);
            }

            return await EndOfAsync(maker, number);
        }
        catch (RpcException refusal) when (
            refusal.StatusCode is not (StatusCode.Unavailable or StatusCode.Cancelled or StatusCode.Internal
            or StatusCode.DeadlineExceeded))
        {
            return new BatchEnd(number, null, null, [], refusal);
        }
    }

    // Another call with the same reference may have completed the upload meanwhile.
    private static async Task SendOrFindSealedAsync(CallInvoker maker, BatchSummary batch, byte[] file, int chunkBytes)
    {
        try
        {
            await SendAsync(maker, batch, file, chunkBytes);
        }
        catch (RpcException refusal) when (StatusMapping.ReasonOf(refusal) is "WRONG_STATE" or "CHUNK_OUT_OF_ORDER")
        {
            // Both calls get the same result.
        }
    }

    public static async Task<BatchSummary> OpenAsync(CallInvoker maker, BatchHeader header) =>
        (await Client(maker).OpenBatchAsync(new OpenBatchRequest { Header = header })).Batch;

    /// <summary>Sends the chunks that the registry does not have yet. Returns the newest durable chunk.</summary>
    public static async Task<uint> SendAsync(CallInvoker maker, BatchSummary batch, byte[] file,
        int chunkBytes = ChunkBytes)
    {
        var sequence = batch.NextChunk;
        return await SendAsync(maker, file.AsSpan((int)batch.DurableBytes).ToArray().Chunk(chunkBytes)
            .Select(bytes => Chunk(batch.BatchNumber, sequence++, bytes)));
    }

    /// <summary>Sends the chunks unchanged. Returns the newest durable chunk.</summary>
    public static async Task<uint> SendAsync(CallInvoker maker, IEnumerable<SendChunksRequest> chunks)
    {
        using var call = Client(maker).SendChunks();
        var sending = WriteAsync(call.RequestStream, chunks);
        var durable = 0u;
        await foreach (var answer in call.ResponseStream.ReadAllAsync()) durable = answer.DurableThrough;
        await sending;
        return durable;
    }

    /// <summary>A chunk with its checksum.</summary>
    public static SendChunksRequest Chunk(ulong batch, uint sequence, byte[] bytes) =>
        new()
        {
            BatchNumber = batch, Sequence = sequence, Data = ByteString.CopyFrom(bytes),
            Checksum = ByteString.CopyFrom(SHA256.HashData(bytes))
        };

    public static async Task<BatchSummary> SealAsync(CallInvoker maker, ulong number) =>
        (await Client(maker).CompleteUploadAsync(new CompleteUploadRequest { BatchNumber = number })).Batch;

    /// <summary>Waits until a complete batch has its result.</summary>
    public static async Task<BatchEnd> EndOfAsync(CallInvoker maker, ulong number)
    {
        using var watch = Client(maker).WatchBatch(new WatchBatchRequest { BatchNumber = number });
        try
        {
            await foreach (var message in watch.ResponseStream.ReadAllAsync())
                if (message.PartCase is not WatchBatchResponse.PartOneofCase.Progress) return new BatchEnd(number,
                    message.Receipt, message.DryRun, [], null);
        }
        catch (RpcException refusal) when (refusal.StatusCode is StatusCode.InvalidArgument
            or StatusCode.FailedPrecondition)
        {
            return new BatchEnd(number, null, null, await FaultsOfAsync(maker, number), refusal);
        }

        throw new RpcException(new Status(StatusCode.Unavailable, "the watch ended before the batch"));
    }

    /// <summary>Every line error of a rejected batch.</summary>
    public static async Task<IReadOnlyList<LineError>> FaultsOfAsync(CallInvoker maker, ulong number,
        uint afterLine = 0, uint pageSize = 0)
    {
        using var report = Client(maker)
            .ListLineErrors(new ListLineErrorsRequest
            {
                BatchNumber = number, AfterLine = afterLine,
                PageSize = pageSize
            });
        var all = new List<LineError>();
        await foreach (var page in report.ResponseStream.ReadAllAsync()) all.AddRange(page.Errors);
        return all;
    }

    private static RegistrationService.RegistrationServiceClient Client(CallInvoker caller) => new(caller);

    // If the server rejects the upload, it ends the stream; its answer gives the reason.
    private static async Task WriteAsync(
        IClientStreamWriter<SendChunksRequest> stream, IEnumerable<SendChunksRequest> chunks)
    {
        try
        {
            foreach (var chunk in chunks) await stream.WriteAsync(chunk);
            await stream.CompleteAsync();
        }
        catch (Exception ended) when (ended is RpcException or InvalidOperationException or IOException
            or HttpRequestException)
        {
            // The caller reads the reason from the answers.
        }
    }
}
