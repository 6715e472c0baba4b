namespace DeviceRegistry.Registrar.Registration;

/// <summary>Batches that are being compared and stored in this process. Two that share an IMEI or a serial number go
/// one after the other, so that the second finds the first one registered, or gone; all others go side by
/// side.</summary>
internal sealed class BatchOverlapGate
{
    private readonly Lock _lock = new();
    private readonly List<Entry> _entries = [];

    /// <summary>Waits for those that came before and have something in common with this one. Dispose of what it returns
    /// when this one is decided.</summary>
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
