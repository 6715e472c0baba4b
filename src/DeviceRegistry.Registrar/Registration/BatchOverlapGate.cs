namespace DeviceRegistry.Registrar.Registration;

/// <summary>Batches that are being validated and stored in this process. Two batches that share an IMEI or a serial
/// number are processed one after the other, so that the second one finds the first registered or removed; all others
/// run in parallel. Thread-safe.</summary>
internal sealed class BatchOverlapGate
{
    private readonly Lock _lock = new();
    private readonly List<Entry> _entries = [];

    /// <summary>Waits for all earlier batches that overlap with this one. The caller disposes of the result when this
    /// batch is decided.</summary>
    public async Task<IDisposable> EnterAsync(long party, ParsedBatch contents, CancellationToken ct)
    {
        var own = new Entry(this, party, contents);
        List<Entry> earlier;
        lock (_lock)
        {
            earlier = [.. _entries];
            _entries.Add(own);
        }

        try
        {
            foreach (var other in earlier)
                if (contents.Overlaps(other.Contents, other.Party == party)) await other.Ended.WaitAsync(ct);
            return own;
        }
        catch
        {
            own.Dispose();
            throw;
        }
    }

    private sealed class Entry(BatchOverlapGate all, long party, ParsedBatch contents) : IDisposable
    {
        private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public long Party => party;

        public ParsedBatch Contents => contents;

        public Task Ended => _ended.Task;

        public void Dispose()
        {
            lock (all._lock) all._entries.Remove(this);
            _ended.TrySetResult();
        }
    }
}
