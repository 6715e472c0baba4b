using System.Security.Cryptography.X509Certificates;
using DeviceRegistry.Contracts;
using DeviceRegistry.Contracts.V1;
using DeviceRegistry.Core;
using DeviceRegistry.Postgres.Journal;
using DeviceRegistry.Registrar.Feed;
using Google.Protobuf;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace DeviceRegistry.Registrar.Proof;

/// <summary>With what and how often checkpoints are signed.</summary>
/// <param name="Certificate">The certificate for it, with its key, which is nowhere in the database; null: none are signed.</param>
/// <param name="Entries">After so many entries; 0: whatever their number.</param>
/// <param name="Every">After so long, if anything was written; zero: whatever the time.</param>
public sealed record CheckpointPlan(X509Certificate2? Certificate, int Entries, TimeSpan Every)
{
    /// <summary>None are signed.</summary>
    public static CheckpointPlan None { get; } = new(null, 0, TimeSpan.Zero);
}

/// <summary>Signs for the journal and the state every now and then (DESIGN 3): from there on, whoever rewrites what came before contradicts a signature that the database cannot
/// make. The digest of the state comes from the attach node in this process, where there is one.</summary>
internal sealed partial class CheckpointSigner(
    CheckpointPlan plan, Writes writes, JournalReader journal, JournalTail tail, TimeProvider time, ILogger<CheckpointSigner> log, StateDigests? digests = null) : BackgroundService
{
    private readonly SemaphoreSlim _signing = new(1);

    /// <summary>The newest checkpoint, one made now if entries up to <paramref name="through"/> have none yet; null: this registry signs none and has none.</summary>
    public async Task<JournalRecord?> EnsureAsync(ulong through, CancellationToken ct)
    {
        var newest = await journal.NewestCheckpointAsync(ct);
        if (plan.Certificate is null || PositionOf(newest) >= through) return newest;

        await SignAsync(through, ct);
        return await journal.NewestCheckpointAsync(ct);
    }

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        if (plan.Certificate is null) return;

        var cut = false;
        JournalRecord? newest = null;
        while (!stoppingToken.IsCancellationRequested)
            try
            {
                newest ??= await journal.NewestCheckpointAsync(stoppingToken);
                if (await UntilDueAsync(newest, stoppingToken)) await SignAsync(0, stoppingToken);
                newest = null;
                cut = false;
            }
            catch (Exception) when (stoppingToken.IsCancellationRequested)
            {
                return;
            }
            catch (Exception fault)
            {
                if (!cut) Interrupted(log, fault);
                cut = true;
                await Task.Delay(Limits.ResumeAfter, time, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
    }

    // Its own entry makes none due: a registry at rest signs nothing.
    private async Task<bool> UntilDueAsync(JournalRecord? newest, CancellationToken ct)
    {
        var after = newest?.Position ?? 0;
        DateTimeOffset? firstSeen = null;
        while (true)
        {
            var state = tail.State;
            if (state.Head > after) firstSeen ??= time.GetUtcNow();
            if (plan.Entries > 0 && state.Head >= after + (ulong)plan.Entries) return true;
            if (plan.Every > TimeSpan.Zero && firstSeen + plan.Every <= time.GetUtcNow()) return true;

            var rest = plan.Every > TimeSpan.Zero && firstSeen is { } since ? TimeSpan.FromTicks(Math.Max(0, (since + plan.Every - time.GetUtcNow()).Ticks)) : Timeout.InfiniteTimeSpan;
            using var over = CancellationTokenSource.CreateLinkedTokenSource(ct);
            await Task.WhenAny(state.Changed.Task, Task.Delay(rest, time, over.Token));
            await over.CancelAsync();
            ct.ThrowIfCancellationRequested();
        }
    }

    private async Task SignAsync(ulong through, CancellationToken ct)
    {
        await _signing.WaitAsync(ct);
        try
        {
            var (head, epoch) = await journal.HeadAsync(ct);
            var newest = await journal.NewestCheckpointAsync(ct);
            if (head is 0 || head == newest?.Position || (through > 0 && PositionOf(newest) >= through)) return;

            // At a position of which the state's digest is known; one that is far behind is that of a node that has stopped.
            var position = digests is not null && digests.Newest is var known && known <= head && known > PositionOf(newest) && known >= through ? known : head;
            var record = await journal.AtAsync(position, ct) ?? throw new InvalidOperationException($"there is no entry {position}");
            var statement = new CheckpointStatement
            {
                Epoch = record.Epoch, Position = position, Hash = ByteString.CopyFrom(record.Hash), StateDigest = ByteString.CopyFrom(digests?.At(position) ?? []), AtUs = time.GetUtcNow().ToUnixTimeMilliseconds() * 1000,
            };
            var checkpoint = CheckpointRules.Sign(statement, plan.Certificate!);
            await writes.DoAsync(actor: 0, (write, _) =>
            {
                write.Stage(JournalKind.Checkpoint, checkpoint);
                return Task.FromResult(true);
            }, ct);
            Signed(log, position, epoch, statement.StateDigest.Length > 0);
        }
        finally
        {
            _signing.Release();
        }
    }

    /// <summary>The position that a checkpoint speaks of; 0: there is none.</summary>
    public static ulong PositionOf(JournalRecord? checkpoint) => checkpoint is null ? 0 : StatementOf(checkpoint).Position;

    private static CheckpointStatement StatementOf(JournalRecord record) => CheckpointStatement.Parser.ParseFrom(Checkpoint.Parser.ParseFrom(record.PublicBytes).Statement);

    [LoggerMessage(EventId = 2020, Level = LogLevel.Information, Message = "A checkpoint of the journal up to position {Position}, epoch {Epoch}, was signed; with the state's digest: {HasDigest}.")]
    private static partial void Signed(ILogger log, ulong position, uint epoch, bool hasDigest);

    [LoggerMessage(EventId = 2021, Level = LogLevel.Warning, Message = "No checkpoint can be signed now; it is tried again.")]
    private static partial void Interrupted(ILogger log, Exception fault);
}
