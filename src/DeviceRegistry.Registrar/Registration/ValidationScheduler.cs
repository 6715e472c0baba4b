namespace DeviceRegistry.Registrar.Registration;

/// <summary>Limits the batches validated at the same time by the size of their files, so that they fit in memory. Small
/// files have a lane of their own and never wait for a large one. In each lane parties are served in slot: the next
/// batch is of a party with the fewest running batches, and among these the one that has waited longest.
/// Thread-safe.</summary>
internal sealed class ValidationScheduler
{
    private readonly Lane _small =
        new((_, running, ofParty) => running.Count < Limits.SmallFilesMax && ofParty < Limits.SmallFilesOfPartyMax);
    private readonly Lane _large =
        new((bytes, running, _) => running.Count is 0 || running.Sum(r => r.Bytes) + bytes <= Limits.ValidatedBytesMax);

    /// <summary>Waits for a slot; the caller disposes of it to release it.</summary>
    public Task<IDisposable> TakeAsync(long party, long bytes, CancellationToken ct) =>
        (bytes <= Limits.SmallFileBytes ? _small : _large).TakeAsync(party, bytes, ct);

    private sealed class Lane(Func<long, IReadOnlyCollection<Slot>, int, bool> hasRoom)
    {
        private readonly Lock _lock = new();
        private readonly List<Slot> _waiting = [];
        private readonly List<Slot> _running = [];

        public async Task<IDisposable> TakeAsync(long party, long bytes, CancellationToken ct)
        {
            var own = new Slot(this, party, bytes);
            lock (_lock)
            {
                _waiting.Add(own);
                StartNext_NeedsLock();
            }

            try
            {
                await own.Started.WaitAsync(ct);
                return own;
            }
            catch
            {
                own.Dispose();
                throw;
            }
        }

        public void End(Slot slot)
        {
            lock (_lock)
            {
                _waiting.Remove(slot);                  // cancelled while waiting, or
                _running.Remove(slot);                  // finished
                StartNext_NeedsLock();
            }
        }

        // The next batch is chosen first and then waits until it fits, so that smaller batches cannot overtake a large
        // one indefinitely.
        private void StartNext_NeedsLock()
        {
            while (_waiting.OrderBy(OfParty).FirstOrDefault() is { } next
                && hasRoom(next.Bytes, _running, OfParty(next)))
            {
                _waiting.Remove(next);
                _running.Add(next);
                next.Start();
            }

            int OfParty(Slot slot) => _running.Count(r => r.Party == slot.Party);
        }
    }

    private sealed class Slot(Lane lane, long party, long bytes) : IDisposable
    {
        private readonly TaskCompletionSource _started = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public long Party => party;

        public long Bytes => bytes;

        public Task Started => _started.Task;

        public void Start() => _started.TrySetResult();

        public void Dispose() => lane.End(this);
    }
}
