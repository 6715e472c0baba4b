namespace DeviceRegistry.Registrar.Registration;

/// <summary>How many batches are judged at the same time, by the bytes of their files: so many that memory holds them.
/// Small ones have a lane of their own, so that they never wait for a large one. In each lane parties take turns: next
/// is one of whose batches fewest are judged, and of these the one that waited longest.</summary>
internal sealed class ValidationScheduler
{
    private readonly Lane _small =
        new((_, running, ofParty) => running.Count < Limits.SmallFilesMax && ofParty < Limits.SmallFilesOfPartyMax);
    private readonly Lane _large =
        new((bytes, running, _) => running.Count is 0 || running.Sum(r => r.Bytes) + bytes <= Limits.JudgedBytesMax);

    /// <summary>Waits for a turn; dispose of it to end it.</summary>
    public Task<IDisposable> TakeAsync(long party, long bytes, CancellationToken ct) =>
        (bytes <= Limits.SmallFileBytes ? _small : _large).TakeAsync(party, bytes, ct);

    private sealed class Lane(Func<long, IReadOnlyCollection<Turn>, int, bool> hasRoom)
    {
        private readonly Lock _lock = new();
        private readonly List<Turn> _waiting = [];
        private readonly List<Turn> _running = [];

        public async Task<IDisposable> TakeAsync(long party, long bytes, CancellationToken ct)
        {
            var own = new Turn(this, party, bytes);
            lock (_lock)
            {
                _waiting.Add(own);
                Begin_NeedsLock();
            }

            try
            {
                await own.Begun.WaitAsync(ct);
                return own;
            }
            catch
            {
                own.Dispose();
                throw;
            }
        }

        public void End(Turn turn)
        {
            lock (_lock)
            {
                _waiting.Remove(turn);                  // given up, or
                _running.Remove(turn);                  // begun
                Begin_NeedsLock();
            }
        }

        // A large one at the head of its party's queue is not overtaken for ever: what comes next is chosen first, and
        // waits for its room.
        private void Begin_NeedsLock()
        {
            while (_waiting.OrderBy(OfParty).FirstOrDefault() is { } next
                && hasRoom(next.Bytes, _running, OfParty(next)))
            {
                _waiting.Remove(next);
                _running.Add(next);
                next.Begin();
            }

            int OfParty(Turn turn) => _running.Count(r => r.Party == turn.Party);
        }
    }

    private sealed class Turn(Lane lane, long party, long bytes) : IDisposable
    {
        private readonly TaskCompletionSource _begun = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public long Party => party;

        public long Bytes => bytes;

        public Task Begun => _begun.Task;

        public void Begin() => _begun.TrySetResult();

        public void Dispose() => lane.End(this);
    }
}
