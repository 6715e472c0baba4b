using System.Collections.Concurrent;
using DeviceRegistry.Core;
using DeviceRegistry.Postgres;
using DeviceRegistry.Postgres.Schema;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Logging;
using Polly.CircuitBreaker;
using Polly.Timeout;

namespace DeviceRegistry.Registrar.Registration;

/// <summary>Works on every sealed batch until it is decided, whatever comes in between: it is told of new ones, finds
/// those that an earlier process left, and tries again what was cut short. Also forgets batches that nobody went on
/// with.</summary>
internal sealed partial class BatchWorker(BatchPipeline promotion, Database reads, TimeProvider time,
    ILogger<BatchWorker> log) : RetryingBackgroundService(time)
{
    private sealed record Sealed(int Number, long Party, long Bytes, bool HasRows);

    private readonly ValidationScheduler _turns = new();
    private readonly ConcurrentDictionary<int, BatchProgress> _running = new();
    private volatile TaskCompletionSource _sealed = NewSignal();
    private volatile TaskCompletionSource _ended = NewSignal();
    private long _registered;
    private long _lastSweep;
    private volatile bool _leftMuch;

    /// <summary>Batches that are worked on, or wait for their turn.</summary>
    public int UnderWay => _running.Count;

    /// <summary>Batches that were decided.</summary>
    public long Decided => Interlocked.Read(ref _registered);

    /// <summary>A batch was sealed.</summary>
    public void Tell() => _sealed.TrySetResult();

    /// <summary>How far a batch is; null: nobody works on it here.</summary>
    public Contracts.V1.BatchProgress? ProgressOf(int number) => _running.GetValueOrDefault(number)?.Now;

    /// <summary>Completes when some batch has been decided since it was asked.</summary>
    public Task Ended => _ended.Task;

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        _lastSweep = Time.GetTimestamp();
        await base.ExecuteAsync(stoppingToken);

        // Each ends at its next step: a transaction that is under way is finished or rolled back.
        foreach (var progress in _running.Values) await progress.Over;
    }

    /// <inheritdoc/>
    protected override async Task RunIterationAsync(CancellationToken ct)
    {
        var told = _sealed = NewSignal();
        await StartAllAsync(ct);
        CollectWhatIsLeft();
        if (Time.GetElapsedTime(_lastSweep) >= Limits.SweepEvery)
        {
            await SweepAsync(ct);
            _lastSweep = Time.GetTimestamp();
        }

        await Task.WhenAny(told.Task, Task.Delay(Limits.SweepEvery, Time, ct));
    }

    /// <inheritdoc/>
    protected override void Interrupted(Exception fault) => Interrupted(log, fault);

    private async Task StartAllAsync(CancellationToken ct)
    {
        var waiting = await reads.ReadAsync(
            async (db, ct) =>
            await db.Batches.AsNoTracking().Where(b => b.State == BatchState.Validating).OrderBy(b => b.Number)
                .Select(b => new Sealed(b.Number, b.PartyId, b.ChunkBytes, b.StoredUnits > 0)).ToListAsync(ct),
            ct);

        // Those that an earlier process left half stored go first: they had nothing in common, and whoever has waits
        // for them as before.
        var resumed = waiting.Where(b => b.HasRows && !_running.ContainsKey(b.Number)).ToList();
        foreach (var batch in resumed) Start(batch, ct);
        await Task.WhenAll(resumed.Select(b => _running.TryGetValue(b.Number, out var progress) ? progress.Entered
            : Task.CompletedTask)).WaitAsync(ct);
        foreach (var batch in waiting.Where(b => !b.HasRows)) Start(batch, ct);
    }

    // Hundreds of megabytes, which the collector would look at when it next has to, and keep for itself after that: the
    // next batch of that size would come on top. A pause of some 50 ms, once for such a batch. Asked for here, not
    // where a batch ends and its stack still holds it.
    private void CollectWhatIsLeft()
    {
        if (!_leftMuch) return;

        _leftMuch = false;
        GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
    }

    private void Start(Sealed batch, CancellationToken ct)
    {
        var progress = new BatchProgress(Time);
        if (_running.TryAdd(batch.Number, progress)) progress.Over =
            Task.Run(() => WorkAsync(batch, progress, ct), CancellationToken.None);
    }

    private async Task WorkAsync(Sealed batch, BatchProgress progress, CancellationToken ct)
    {
        try
        {
            while (await TryAsync(batch, progress, ct) is { } pause) await Task.Delay(pause, Time, ct);

            Interlocked.Increment(ref _registered);

            if (batch.Bytes <= Limits.SmallFileBytes) return;
            _leftMuch = true;
            Tell();
        }
        catch (Exception) when (ct.IsCancellationRequested)
        {
            // Told to stop: the next process goes on.
        }
        finally
        {
            progress.Enter();
            _running.TryRemove(batch.Number, out _);
            var ended = _ended;
            _ended = NewSignal();
            ended.TrySetResult();
        }
    }

    // One attempt, in turn; null: decided, else when to try again. What cuts it short is waited out, for as long as it
    // takes: the batch is sealed, and its owner was promised an end.
    private async Task<TimeSpan?> TryAsync(Sealed batch, BatchProgress progress, CancellationToken ct)
    {
        using var turn = await _turns.TakeAsync(batch.Party, batch.Bytes, ct);
        try
        {
            return await promotion.RunAsync(batch.Number, progress, ct) ? null : Limits.ResumeAfter;
        }
        catch (Exception fault) when (!ct.IsCancellationRequested && IsOfTheWorld(fault))
        {
            DatabaseMetrics.Failed("batch");
            CutShort(log, batch.Number, fault.Message);
            return Limits.ResumeAfter;
        }
        catch (Exception fault) when (!ct.IsCancellationRequested)
        {
            progress.Enter();                                   // others must not wait for it
            Failed(log, batch.Number, fault);
            return Limits.ResumeAfterOurFault;
        }
    }

    // A row in the way is another batch's, which is about to be registered or removed.
    private static bool IsOfTheWorld(Exception fault) =>
        DatabaseFault.IsOutOfReach(fault) || DatabaseFault.LacksMeans(fault) || DatabaseFault.IsRace(fault)
        || fault is BrokenCircuitException or TimeoutRejectedException
        or RegistryException { Error: RegistryError.RecoveryPending };

    private async Task SweepAsync(CancellationToken ct)
    {
        var now = Time.Now();
        var (expired, served) = await reads.ReadAsync(
            async (db, ct) => (
                await db.Batches.Where(b => b.ExpiresAt < now).OrderBy(b => b.Number).Select(b => b.Number).Take(100)
                .ToListAsync(ct),
                await db.Set<UploadChunkRow>()
                    .Where(c => db.Batches.Any(b => b.Number == c.BatchNumber && b.State != BatchState.Open
                    && b.State != BatchState.Validating))
                    .Select(c => c.BatchNumber).Distinct().ToListAsync(ct)),
            ct);
        foreach (var number in expired)
        {
            // Asked again under its lock: a chunk may have come since.
            var forgotten = await reads.ReadAsync((db, ct) =>
                db.Database.SqlQuery<bool>($"SELECT batch_discard({number}, {now}) AS \"Value\"").SingleAsync(ct), ct);
            if (forgotten) Forgotten(log, number);
        }

        foreach (var number in served) await reads.ReadAsync((db, ct) =>
            db.Database.ExecuteSqlAsync($"SELECT batch_drop_file({number})", ct), ct);
    }

    private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    [LoggerMessage(EventId = 2008, Level = LogLevel.Warning,
        Message = "Work on batch {Number} was cut short and goes on in a moment: {Why}")]
    private static partial void CutShort(ILogger log, int number, string why);

    [LoggerMessage(EventId = 2009, Level = LogLevel.Error,
        Message = "Work on batch {Number} failed, and is tried again.")]
    private static partial void Failed(ILogger log, int number, Exception fault);

    [LoggerMessage(EventId = 2010, Level = LogLevel.Information,
        Message = "Batch {Number} expired; nothing of it is left.")]
    private static partial void Forgotten(ILogger log, int number);

    [LoggerMessage(EventId = 2011, Level = LogLevel.Warning,
        Message = "Sealed batches cannot be looked for; it is tried again.")]
    private static partial void Interrupted(ILogger log, Exception fault);
}
