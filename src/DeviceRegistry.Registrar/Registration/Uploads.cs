using System.Collections.Concurrent;
using DeviceRegistry.Contracts;
using DeviceRegistry.Contracts.V1;
using DeviceRegistry.Core;
using Grpc.Core;
using Microsoft.Extensions.Logging;

namespace DeviceRegistry.Registrar.Registration;

/// <summary>Reads what callers send as a stream: TAC lists whole, a few at a time, fewer of one party, so that nobody's
/// keep others out or fill the memory; files of batches chunk by chunk.</summary>
internal sealed partial class Uploads(MemberDirectory members, TimeProvider time, ILogger<Uploads> log)
{
    private readonly SemaphoreSlim _all = new(Limits.UploadsMax);
    private readonly ConcurrentDictionary<ulong, Lane> _lanes = new();
    private int _waiting;
    private long _accepted;
    private long _notAccepted;
    private long _bytes;

    /// <summary>Uploads whose turn it is.</summary>
    public int InFlight => Limits.UploadsMax - _all.CurrentCount;

    /// <summary>Uploads that wait for their turn.</summary>
    public int Waiting => Volatile.Read(ref _waiting);

    /// <summary>Uploads that ended with what they came for.</summary>
    public long Accepted => Interlocked.Read(ref _accepted);

    /// <summary>Uploads that ended otherwise: refused, given up, broken off.</summary>
    public long NotAccepted => Interlocked.Read(ref _notAccepted);

    /// <summary>Bytes read of all of them.</summary>
    public long Bytes => Interlocked.Read(ref _bytes);

    /// <summary>Waits for a turn; dispose of it to end it. Refuses at once if too many of the party's wait
    /// already.</summary>
    public async Task<Turn> TurnAsync(ulong party, CancellationToken ct)
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

    private async Task<Turn> WaitAsync(ulong party, CancellationToken ct)
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
            await lane.Turns.WaitAsync(ct);
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
            lane.Turns.Release();
            throw;
        }

        return new Turn(this, lane);
    }

    /// <summary>Reads a file to its end. A caller that was retired while it sent is refused, as is one that falls
    /// silent.</summary>
    public async Task<ReadOnlyMemory<byte>> ReadAsync<T>(
        CallSession session, IAsyncStreamReader<T> stream, Func<T, ReadOnlyMemory<byte>?> dataOf, int bytesMax,
        CancellationToken ct)
        where T : class
    {
        using var file = new MemoryStream();
        var began = time.GetTimestamp();
        while (await NextAsync(session, stream, ct))
        {
            var data = dataOf(stream.Current) ?? throw RegistryException.BadField("part", "data after the header");
            Inputs.Require(data.Length >= 1 && data.Length <= Limits.ChunkBytesMax, "data",
                $"1 to {Limits.ChunkBytesMax} bytes a message");
            if (time.GetElapsedTime(began) > Limits.UploadMost)
                throw new RegistryException(RegistryError.FileInvalid,
                    $"The file was not there after {Limits.UploadMost.TotalMinutes} minutes. Nothing was registered; " +
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

    /// <summary>Begins to read chunks of a batch's file; dispose of it to end. Refuses at once if the party has too
    /// many such calls already.</summary>
    public ChunkCall Chunks(CallSession session)
    {
        var lane = _lanes.GetOrAdd(session.Caller.PartyId, _ => new Lane());
        if (Interlocked.Increment(ref lane.Chunks) <= Limits.ChunkCallsPerPartyMax) return new ChunkCall(this, lane,
            session);

        Interlocked.Decrement(ref lane.Chunks);
        throw new RegistryException(RegistryError.TooManyUploads,
            $"You send chunks in {Limits.ChunkCallsPerPartyMax} calls already. Send these when one has ended.");
    }

    // The next message of a caller that may still speak. The end counts as one: what comes of the file is decided then.
    private async Task<bool> NextAsync<T>(CallSession session, IAsyncStreamReader<T> stream, CancellationToken ct)
        where T : class
    {
        try
        {
            var more = await stream.MoveNext(ct).WaitAsync(Limits.UploadIdleMost, time, ct);
            session.RequireStillAuthorized(members, time.Now());
            return more;
        }
        catch (TimeoutException)
        {
            throw new RegistryException(RegistryError.FileInvalid,
                $"Nothing of the file came for {Limits.UploadIdleMost.TotalSeconds} s. Send the rest in a new call.",
                "data", "the next part of the file");
        }
    }

    private long Now => time.GetTimestamp();

    private ILogger Log => log;

    private TimeSpan Since(long began) => time.GetElapsedTime(began);

    [LoggerMessage(EventId = 2006, Level = LogLevel.Information,
        Message = "A TAC list was taken: {Rows} rows, {Ms} ms.")]
    private static partial void TacListTaken(ILogger log, uint rows, long ms);

    [LoggerMessage(EventId = 2007, Level = LogLevel.Information,
        Message = "An upload was not taken; it ended after {Ms} ms.")]
    private static partial void NotTaken(ILogger log, long ms);

    internal sealed class Lane
    {
        public readonly SemaphoreSlim Turns = new(Limits.UploadsPerPartyMax);
        public int Waiting;
        public int Chunks;
    }

    /// <summary>A call that sends chunks of a batch's file. It waits for nobody: each chunk is stored as it
    /// comes.</summary>
    internal sealed class ChunkCall(Uploads uploads, Lane lane, CallSession session) : IDisposable
    {
        /// <summary>The next chunk.</summary>
        public async Task<bool> NextAsync(IAsyncStreamReader<SendChunksRequest> stream, CancellationToken ct)
        {
            if (!await uploads.NextAsync(session, stream, ct)) return false;

            Interlocked.Add(ref uploads._bytes, stream.Current.Data.Length);
            return true;
        }

        /// <inheritdoc/>
        public void Dispose() => Interlocked.Decrement(ref lane.Chunks);
    }

    /// <summary>A turn. It counts as not accepted unless it is told otherwise before it ends.</summary>
    internal sealed class Turn(Uploads uploads, Lane lane) : IDisposable
    {
        private readonly long _began = uploads.Now;
        private bool _accepted;

        /// <summary>A TAC list was imported, now or before.</summary>
        public void Took(ImportTacsResponse import)
        {
            TacListTaken(uploads.Log, import.Rows, Ms);
            _accepted = true;
        }

        private long Ms => (long)uploads.Since(_began).TotalMilliseconds;

        /// <inheritdoc/>
        public void Dispose()
        {
            if (_accepted) Interlocked.Increment(ref uploads._accepted);
            else Interlocked.Increment(ref uploads._notAccepted);
            if (!_accepted) NotTaken(uploads.Log, Ms);
            uploads._all.Release();
            lane.Turns.Release();
        }
    }
}
