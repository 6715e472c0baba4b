using System.Collections.Concurrent;
using DeviceRegistry.Contracts;
using DeviceRegistry.Core;
using Grpc.Core;

namespace DeviceRegistry.Registrar.Registration;

/// <summary>Reads files that callers send. A few at a time, fewer of one party, so that nobody's files keep others out or fill the memory.</summary>
internal sealed class Uploads(MemberDirectory members, TimeProvider time)
{
    private readonly SemaphoreSlim _all = new(Limits.UploadsMax);
    private readonly ConcurrentDictionary<ulong, Lane> _lanes = new();

    /// <summary>Waits for a turn; dispose of it to end it. Refuses at once if too many of the party's wait already.</summary>
    public async Task<IDisposable> TurnAsync(ulong party, CancellationToken ct)
    {
        var lane = _lanes.GetOrAdd(party, _ => new Lane());
        if (Interlocked.Increment(ref lane.Waiting) > Limits.UploadsWaitingPerPartyMax)
        {
            Interlocked.Decrement(ref lane.Waiting);
            throw new RegistryException(RegistryError.TooManyUploads, $"{Limits.UploadsWaitingPerPartyMax} of your uploads are waiting already. Send this one when some have ended.");
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

    /// <summary>Reads a file to its end. A caller that was retired while it sent is refused, as is one that falls silent.</summary>
    public async Task<ReadOnlyMemory<byte>> ReadAsync<T>(
        CallSession session, IAsyncStreamReader<T> stream, Func<T, ReadOnlyMemory<byte>?> dataOf, int bytesMax, CancellationToken ct)
        where T : class
    {
        using var file = new MemoryStream();
        var began = time.GetTimestamp();
        while (await NextAsync(stream, ct))
        {
            var data = dataOf(stream.Current) ?? throw RegistryException.BadField("part", "data after the header");
            Inputs.Require(data.Length >= 1 && data.Length <= Limits.ChunkBytesMax, "data", $"1 to {Limits.ChunkBytesMax} bytes a message");
            session.RequireStanding(members, time.GetUtcNow().UtcDateTime);
            if (time.GetElapsedTime(began) > Limits.UploadMost)
                throw new RegistryException(RegistryError.FileInvalid, $"The file was not there after {Limits.UploadMost.TotalMinutes} minutes. Nothing was registered; send it again over a faster line.", "data", "the whole file in time");

            if (file.Length + data.Length > bytesMax)
                throw new RegistryException(RegistryError.FileInvalid, $"The file is larger than {bytesMax / (1024 * 1024)} MiB. Split it.", "data", $"at most {bytesMax} bytes");

            file.Write(data.Span);
        }

        session.RequireStanding(members, time.GetUtcNow().UtcDateTime);
        return file.GetBuffer().AsMemory(0, (int)file.Length);
    }

    private async Task<bool> NextAsync<T>(IAsyncStreamReader<T> stream, CancellationToken ct)
        where T : class
    {
        try
        {
            return await stream.MoveNext(ct).WaitAsync(Limits.UploadIdleMost, time, ct);
        }
        catch (TimeoutException)
        {
            throw new RegistryException(RegistryError.FileInvalid, $"Nothing of the file came for {Limits.UploadIdleMost.TotalSeconds} s. Nothing was registered; send it again.", "data", "the next part of the file");
        }
    }

    private sealed class Lane
    {
        public readonly SemaphoreSlim Turns = new(Limits.UploadsPerPartyMax);
        public int Waiting;
    }

    private sealed class Turn(Uploads uploads, Lane lane) : IDisposable
    {
        public void Dispose()
        {
            uploads._all.Release();
            lane.Turns.Release();
        }
    }
}
