namespace DeviceRegistry.Registrar.Registration;

/// <summary>How many batches are judged at the same time, by the bytes of their files: so many that memory holds them, in the order they came. Small ones have a lane of
/// their own, so that they never wait for a large one.</summary>
internal sealed class FileTurns
{
    private readonly SemaphoreSlim _small = new(Limits.SmallFilesMax);
    private readonly Lock _lock = new();
    private readonly LinkedList<(long Bytes, TaskCompletionSource Turn)> _waiting = new();
    private long _bytes;

    /// <summary>Waits for a turn; dispose of it to end it.</summary>
    public async Task<IDisposable> TakeAsync(long bytes, CancellationToken ct)
    {
        if (bytes <= Limits.SmallFileBytes)
        {
            await _small.WaitAsync(ct);
            return new Turn(() => _small.Release());
        }

        var own = new LinkedListNode<(long, TaskCompletionSource Turn)>((bytes, new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously)));
        lock (_lock)
        {
            _waiting.AddLast(own);
            Begin_NeedsLock();
        }

        try
        {
            await own.Value.Turn.Task.WaitAsync(ct);
            return new Turn(() => End(bytes));
        }
        catch
        {
            // Given up: it may have begun a moment before.
            lock (_lock)
            {
                if (own.List is null) End_NeedsLock(bytes);
                else _waiting.Remove(own);
            }

            throw;
        }
    }

    private void End(long bytes)
    {
        lock (_lock) End_NeedsLock(bytes);
    }

    private void End_NeedsLock(long bytes)
    {
        _bytes -= bytes;
        Begin_NeedsLock();
    }

    // One alone always may.
    private void Begin_NeedsLock()
    {
        while (_waiting.First is { } next && (_bytes is 0 || _bytes + next.Value.Bytes <= Limits.JudgedBytesMax))
        {
            _waiting.RemoveFirst();
            _bytes += next.Value.Bytes;
            next.Value.Turn.TrySetResult();
        }
    }

    private sealed class Turn(Action end) : IDisposable
    {
        private Action? _end = end;

        public void Dispose() => Interlocked.Exchange(ref _end, null)?.Invoke();
    }
}
