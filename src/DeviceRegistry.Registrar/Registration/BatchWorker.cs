using System.Collections.Concurrent;
using DeviceRegistry.Core;
using DeviceRegistry.Postgres;
using DeviceRegistry.Postgres.Schema;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Logging;
using Polly.CircuitBreaker;
using Polly.Timeout;

namespace DeviceRegistry.Registrar.Registration;

/// <summary>Processes every sealed batch until it is decided: starts batches when they are sealed, resumes those that
/// an earlier process left, and retries interrupted ones. Also deletes expired batches.</summary>
internal sealed partial class BatchWorker(BatchPipeline pipeline, Database reads, TimeProvider time,
    ILogger<BatchWorker> log) : RetryingBackgroundService(time)
{
    private sealed record Sealed(int Number, long Party, long Bytes, bool HasRows);

    private readonly ValidationScheduler _scheduler = new();
    private readonly ConcurrentDictionary<int, BatchProgress> _running = new();
    private volatile TaskCompletionSource _sealed = NewSignal();
    private volatile TaskCompletionSource _ended = NewSignal();
    private long _completed;
    private long _lastSweep;
    private volatile bool _shouldCollect;

    /// <summary>Batches being processed or waiting for a slot.</summary>
    public int InProgress => _running.Count;

    /// <summary>Batches whose processing ended since the process started.</summary>
    public long Completed => Interlocked.Read(ref _completed);

    /// <summary>Wakes the worker, because a batch was sealed.</summary>
    public void Wake() => _sealed.TrySetResult();

    /// <summary>Progress of a batch; null if this process is not processing it.</summary>
    public Contracts.V1.BatchProgress? ProgressOf(int number) => _running.GetValueOrDefault(number)?.Now;

    /// <summary>Completes when the next batch ends, counted from reading this property.</summary>
    public Task Ended => _ended.Task;

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        _lastSweep = Time.GetTimestamp();
        await base.ExecuteAsync(stoppingToken);

        // Each task ends at its next step; its open transaction completes or is rolled back.
        foreach (var progress in _running.Values) await progress.Completion;
    }

    /// <inheritdoc/>
    protected override async Task RunIterationAsync(CancellationToken ct)
    {
        var signal = _sealed = NewSignal();
        await StartAllAsync(ct);
        CollectGarbage();
        if (Time.GetElapsedTime(_lastSweep) >= Limits.SweepEvery)
        {
            await SweepAsync(ct);
            _lastSweep = Time.GetTimestamp();
        }

        await Task.WhenAny(signal.Task, Task.Delay(Limits.SweepEvery, Time, ct));
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

        // Resume batches a previous process left partially stored before starting others: they were admitted as
        // non-overlapping, and any batch overlapping one of them must wait for it.
        var resumed = waiting.Where(b => b.HasRows && !_running.ContainsKey(b.Number)).ToList();
        foreach (var batch in resumed) Start(batch, ct);
        await Task.WhenAll(resumed.Select(b => _running.TryGetValue(b.Number, out var progress) ? progress.Entered
            : Task.CompletedTask)).WaitAsync(ct);
        foreach (var batch in waiting.Where(b => !b.HasRows)) Start(batch, ct);
    }

    // A large batch leaves hundreds of megabytes of garbage. The runtime would collect them late and keep the memory,
    // and the next large batch would add its own. This pause is some 50 ms, once per large batch. Collect here, not at
    // the end of the batch, where its stack still references the memory.
    private void CollectGarbage()
    {
        if (!_shouldCollect) return;

        _shouldCollect = false;
        GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
    }

    private void Start(Sealed batch, CancellationToken ct)
    {
        var progress = new BatchProgress(Time);
        if (_running.TryAdd(batch.Number, progress)) progress.Completion =
            Task.Run(() => WorkAsync(batch, progress, ct), CancellationToken.None);
    }

    private async Task WorkAsync(Sealed batch, BatchProgress progress, CancellationToken ct)
    {
        try
        {
            while (await TryAsync(batch, progress, ct) is { } pause) await Task.Delay(pause, Time, ct);

            Interlocked.Increment(ref _completed);

            if (batch.Bytes <= Limits.SmallFileBytes) return;
            _shouldCollect = true;
            Wake();
        }
        catch (Exception) when (ct.IsCancellationRequested)
        {
            // Stopping: the next process resumes the batch.
        }
        finally
        {
            progress.SignalEntered();
            _running.TryRemove(batch.Number, out _);
            var ended = _ended;
            _ended = NewSignal();
            ended.TrySetResult();
        }
    }

    // Runs one attempt in a slot. Returns null when the batch is decided, otherwise the delay before the next attempt.
    // Interruptions are retried without limit: a sealed batch always reaches an end.
    private async Task<TimeSpan?> TryAsync(Sealed batch, BatchProgress progress, CancellationToken ct)
    {
        using var slot = await _scheduler.TakeAsync(batch.Party, batch.Bytes, ct);
        try
        {
            return await pipeline.RunAsync(batch.Number, progress, ct) ? null : Limits.RetryAfter;
        }
        catch (Exception fault) when (!ct.IsCancellationRequested && IsTransient(fault))
        {
            DatabaseMetrics.Failed("batch");
            Retrying(log, batch.Number, fault.Message);
            return Limits.RetryAfter;
        }
        catch (Exception fault) when (!ct.IsCancellationRequested)
        {
            progress.SignalEntered();                                   // other batches need not wait for this one
            Failed(log, batch.Number, fault);
            return Limits.RetryAfterInternalError;
        }
    }

    // A unique violation comes from a row of another batch, which is about to be registered or removed.
    private static bool IsTransient(Exception fault) =>
        DatabaseFault.IsOutOfReach(fault) || DatabaseFault.LacksMeans(fault) || DatabaseFault.IsRace(fault)
        || fault is BrokenCircuitException or TimeoutRejectedException
        or RegistryException { Error: RegistryError.RecoveryPending };

    private async Task SweepAsync(CancellationToken ct)
    {
        var now = Time.Now();
        var (expired, finished) = await reads.ReadAsync(
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
            // Checked again under the batch's lock: a chunk may have arrived since.
            var deleted = await reads.ReadAsync((db, ct) =>
                db.Database.SqlQuery<bool>($"SELECT batch_discard({number}, {now}) AS \"Value\"").SingleAsync(ct), ct);
            if (deleted) Expired(log, number);
        }

        foreach (var number in finished) await reads.ReadAsync((db, ct) =>
            db.Database.ExecuteSqlAsync($"SELECT batch_drop_file({number})", ct), ct);
    }

    private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    [LoggerMessage(EventId = 2008, Level = LogLevel.Warning,
        Message = "Batch {Number} processing interrupted, retrying: {Why}")]
    private static partial void Retrying(ILogger log, int number, string why);

    [LoggerMessage(EventId = 2009, Level = LogLevel.Error,
        Message = "Batch {Number} processing failed, retrying in 30 s")]
    private static partial void Failed(ILogger log, int number, Exception fault);

    [LoggerMessage(EventId = 2010, Level = LogLevel.Information,
        Message = "Batch {Number} expired and was deleted")]
    private static partial void Expired(ILogger log, int number);

    [LoggerMessage(EventId = 2011, Level = LogLevel.Warning,
        Message = "Cannot query pending batches, retrying")]
    private static partial void Interrupted(ILogger log, Exception fault);
}
