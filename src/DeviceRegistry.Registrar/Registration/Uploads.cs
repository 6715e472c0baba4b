using System.Collections.Concurrent;
using DeviceRegistry.Contracts;
using DeviceRegistry.Contracts.V1;
using DeviceRegistry.Core;
using Grpc.Core;
using Microsoft.Extensions.Logging;

namespace DeviceRegistry.Registrar.Registration;

/// <summary>Reads client streams: TAC lists whole, a few at a time and fewer per party, so that one party neither
/// blocks the others nor fills the memory; batch files chunk by chunk. Thread-safe.</summary>
internal sealed partial class Uploads(MemberDirectory members, TimeProvider time, ILogger<Uploads> log)
{
    private readonly SemaphoreSlim _all = new(Limits.UploadsMax);
    private readonly ConcurrentDictionary<ulong, Lane> _lanes = new();
    private int _waiting;
    private long _accepted;
    private long _notAccepted;
    private long _bytes;

    /// <summary>TAC list uploads that hold a slot.</summary>
    public int InFlight => Limits.UploadsMax - _all.CurrentCount;

    /// <summary>TAC list uploads that wait for a slot.</summary>
    public int Waiting => Volatile.Read(ref _waiting);

    /// <summary>TAC list uploads that ended with an import.</summary>
    public long Accepted => Interlocked.Read(ref _accepted);

    /// <summary>TAC list uploads that ended otherwise: rejected, cancelled or disconnected.</summary>
    public long NotAccepted => Interlocked.Read(ref _notAccepted);

    /// <summary>Bytes received, of TAC lists and batch files.</summary>
    public long Bytes => Interlocked.Read(ref _bytes);

    /// <summary>Waits for a slot; the caller disposes of it to release it. Throws TOO_MANY_UPLOADS at once if too many
    /// uploads of the party are waiting.</summary>
    public async Task<Slot> WaitForSlotAsync(ulong party, CancellationToken ct)
    {
        Interlocked.Increment(ref _waiting);
        try
        {
            return await WaitAsync(party, ct);
        }
        finally
        {
            Interlocked.Decrement(ref _waiting);
        }
    }

    private async Task<Slot> WaitAsync(ulong party, CancellationToken ct)
    {
        var lane = _lanes.GetOrAdd(party, _ => new Lane());
        if (Interlocked.Increment(ref lane.Waiting) > Limits.UploadsWaitingPerPartyMax)
        {
            Interlocked.Decrement(ref lane.Waiting);
            throw new RegistryException(RegistryError.TooManyUploads,
                $"{Limits.UploadsWaitingPerPartyMax} of your uploads are waiting already. Send this one when some " +
                $"have ended.");
        }

        try
        {
            await lane.Slots.WaitAsync(ct);
        }
        finally
        {
            Interlocked.Decrement(ref lane.Waiting);
        }

        try
        {
            await _all.WaitAsync(ct);
        }
        catch
        {
            lane.Slots.Release();
            throw;
        }

        return new Slot(this, lane);
    }

    /// <summary>Reads a file to its end. Throws if the caller loses its authorization during the upload, or sends
    /// nothing for <see cref="Limits.UploadIdleMax"/>.</summary>
    public async Task<ReadOnlyMemory<byte>> ReadAsync<T>(
        CallSession session, IAsyncStreamReader<T> stream, Func<T, ReadOnlyMemory<byte>?> dataOf, int bytesMax,
        CancellationToken ct)
        where T : class
    {
        using var file = new MemoryStream();
        var started = time.GetTimestamp();
        while (await NextAsync(session, stream, ct))
        {
            var data = dataOf(stream.Current) ?? throw RegistryException.BadField("part", "data after the header");
            Inputs.Require(data.Length >= 1 && data.Length <= Limits.ChunkBytesMax, "data",
                $"1 to {Limits.ChunkBytesMax} bytes a message");
            if (time.GetElapsedTime(started) > Limits.UploadDurationMax)
                throw new RegistryException(RegistryError.FileInvalid,
                    $"The file was not there after {Limits.UploadDurationMax.TotalMinutes} minutes. Nothing was " +
                    $"registered; " +
                    $"send it again over a faster line.", "data", "the whole file in time");

            if (file.Length + data.Length > bytesMax)
                throw new RegistryException(RegistryError.FileInvalid,
                    $"The file is larger than {bytesMax / (1024 * 1024)} MiB. Split it.", "data",
                    $"at most {bytesMax} bytes");

            file.Write(data.Span);
            Interlocked.Add(ref _bytes, data.Length);
        }

        return file.GetBuffer().AsMemory(0, (int)file.Length);
    }

    /// <summary>Registers a call that sends chunks of a batch file; the caller disposes of it at the end. Throws
    /// TOO_MANY_UPLOADS at once if the party has too many such calls.</summary>
    public ChunkCall Chunks(CallSession session)
    {
        var lane = _lanes.GetOrAdd(session.Caller.PartyId, _ => new Lane());
        if (Interlocked.Increment(ref lane.Chunks) <= Limits.ChunkCallsPerPartyMax) return new ChunkCall(this, lane,
            session);

        Interlocked.Decrement(ref lane.Chunks);
        throw new RegistryException(RegistryError.TooManyUploads,
            $"You send chunks in {Limits.ChunkCallsPerPartyMax} calls already. Send these when one has ended.");
    }

    // Reads the next message of a caller that is still authorized. The end of the stream is checked like a message,
    // because the result of the upload is decided then.
    private async Task<bool> NextAsync<T>(CallSession session, IAsyncStreamReader<T> stream, CancellationToken ct)
        where T : class
    {
        try
        {
            var more = await stream.MoveNext(ct).WaitAsync(Limits.UploadIdleMax, time, ct);
            session.RequireStillAuthorized(members, time.Now());
            return more;
        }
        catch (TimeoutException)
        {
            throw new RegistryException(RegistryError.FileInvalid,
                $"Nothing of the file came for {Limits.UploadIdleMax.TotalSeconds} s. Send the rest in a new call.",
                "data", "the next part of the file");
        }
    }

    private long Now => time.GetTimestamp();

    private ILogger Log => log;

    private TimeSpan Since(long started) => time.GetElapsedTime(started);

    [LoggerMessage(EventId = 2006, Level = LogLevel.Information,
        Message = "TAC list imported: {Rows} rows in {Ms} ms")]
    private static partial void TacListImported(ILogger log, uint rows, long ms);

    [LoggerMessage(EventId = 2007, Level = LogLevel.Information,
        Message = "TAC list import rejected or cancelled after {Ms} ms")]
    private static partial void TacListRejected(ILogger log, long ms);

    internal sealed class Lane
    {
        public readonly SemaphoreSlim Slots = new(Limits.UploadsPerPartyMax);
        public int Waiting;
        public int Chunks;
    }

    /// <summary>A call that sends chunks of a batch file. It needs no slot: each chunk is stored as it
    /// arrives.</summary>
    internal sealed class ChunkCall(Uploads uploads, Lane lane, CallSession session) : IDisposable
    {
        /// <summary>Reads the next chunk; false at the end of the stream.</summary>
        public async Task<bool> NextAsync(IAsyncStreamReader<SendChunksRequest> stream, CancellationToken ct)
        {
            if (!await uploads.NextAsync(session, stream, ct)) return false;

            Interlocked.Add(ref uploads._bytes, stream.Current.Data.Length);
            return true;
        }

        /// <inheritdoc/>
        public void Dispose() => Interlocked.Decrement(ref lane.Chunks);
    }

    /// <summary>A slot for a TAC list upload. Disposing of it counts the upload as not accepted unless it was marked as
    /// imported before.</summary>
    internal sealed class Slot(Uploads uploads, Lane lane) : IDisposable
    {
        private readonly long _started = uploads.Now;
        private bool _accepted;

        /// <summary>Marks the upload as imported, now or under the same reference before.</summary>
        public void MarkImported(ImportTacsResponse import)
        {
            TacListImported(uploads.Log, import.Rows, Ms);
            _accepted = true;
        }

        private long Ms => (long)uploads.Since(_started).TotalMilliseconds;

        /// <inheritdoc/>
        public void Dispose()
        {
            if (_accepted) Interlocked.Increment(ref uploads._accepted);
            else Interlocked.Increment(ref uploads._notAccepted);
            if (!_accepted) TacListRejected(uploads.Log, Ms);
            uploads._all.Release();
            lane.Slots.Release();
        }
    }
}
