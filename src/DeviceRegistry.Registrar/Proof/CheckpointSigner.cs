using System.Security.Cryptography.X509Certificates;
using DeviceRegistry.Contracts;
using DeviceRegistry.Contracts.V1;
using DeviceRegistry.Core;
using DeviceRegistry.Postgres.Journal;
using DeviceRegistry.Registrar.Feed;
using Google.Protobuf;
using Microsoft.Extensions.Logging;

namespace DeviceRegistry.Registrar.Proof;

/// <summary>With what and how often checkpoints are signed.</summary>
/// <param name="Certificate">The certificate for it, with its key, which is nowhere in the database; null: none are
/// signed.</param>
/// <param name="Root">By whose certificates checkpoints are believed, the registry's own too.</param>
/// <param name="Entries">After so many entries; 0: whatever their number.</param>
/// <param name="Every">After so long, if anything was written; zero: whatever the time.</param>
public sealed record CheckpointOptions(X509Certificate2? Certificate, X509Certificate2? Root, int Entries,
    TimeSpan Every)
{
    /// <summary>None are signed.</summary>
    public static CheckpointOptions None { get; } = new(null, null, 0, TimeSpan.Zero);
}

/// <summary>Signs for the journal and the state every now and then (DESIGN 3): from there on, whoever rewrites what
/// came before contradicts a signature that the database cannot make. The digest of the state comes from who replays
/// the journal in this process: the attach node, or else the index at the centre.</summary>
internal sealed partial class CheckpointSigner(
    CheckpointOptions plan, IdempotentWrites writes, JournalReader journal, JournalTail tail, TimeProvider time,
    ILogger<CheckpointSigner> log, StateDigests? digests = null) : RetryingBackgroundService(time)
{
    private readonly SemaphoreSlim _signing = new(1);

    /// <summary>The newest checkpoint that is believed, and what it says; null: there is none. What somebody wrote into
    /// the database past the registry is passed over.</summary>
    public async Task<(JournalRecord Record, CheckpointStatement Statement)?> NewestAsync(CancellationToken ct)
    {
        for (var before = long.MaxValue; await journal.CheckpointBeforeAsync((ulong)before, ct) is { } record; before =
            (long)record.Position)
            if (Believed(record) is { } statement) return (record, statement);

        return null;
    }

    /// <summary>The first checkpoint that is believed and speaks of a position; null: there is none.</summary>
    public async Task<(JournalRecord Record, CheckpointStatement Statement)?> OfAsync(ulong position,
        CancellationToken ct)
    {
        for (var after = position; await journal.CheckpointAfterAsync(after, ct) is { } record; after = record.Position)
            if (Believed(record) is { } statement && statement.Position >= position) return (record, statement);

        return null;
    }

    /// <summary>Signs one now, if what is written up to <paramref name="through"/> has none yet and this registry signs
    /// any.</summary>
    public async Task EnsureAsync(ulong through, CancellationToken ct)
    {
        if (plan.Certificate is not null
            && ((await NewestAsync(ct))?.Statement.Position ?? 0) < through) await SignAsync(through, ct);
    }

    /// <inheritdoc/>
    protected override Task ExecuteAsync(CancellationToken stoppingToken) =>
        plan.Certificate is null ? Task.CompletedTask : base.ExecuteAsync(stoppingToken);

    /// <inheritdoc/>
    protected override async Task RunIterationAsync(CancellationToken ct)
    {
        await UntilDueAsync(await NewestAsync(ct), ct);
        await SignAsync(0, ct);
    }

    /// <inheritdoc/>
    protected override void Interrupted(Exception fault) => Interrupted(log, fault);

    // Its own entry makes none due: a registry at rest signs nothing. What was written while it was signed does.
    private async Task UntilDueAsync((JournalRecord Record, CheckpointStatement Statement)? newest,
        CancellationToken ct)
    {
        var after = newest is not { } last ? 0 : last.Statement.Position + 1 == last.Record.Position
            ? last.Record.Position : last.Statement.Position;
        DateTimeOffset? firstSeen = null;
        while (true)
        {
            var state = tail.State;
            if (state.Head > after) firstSeen ??= Time.GetUtcNow();
            if (plan.Entries > 0 && state.Head >= after + (ulong)plan.Entries) return;
            if (plan.Every > TimeSpan.Zero && firstSeen + plan.Every <= Time.GetUtcNow()) return;

            var rest = plan.Every > TimeSpan.Zero && firstSeen is { } since
                ? TimeSpan.FromTicks(Math.Max(0, (since + plan.Every - Time.GetUtcNow()).Ticks))
                : Timeout.InfiniteTimeSpan;
            using var over = CancellationTokenSource.CreateLinkedTokenSource(ct);
            await Task.WhenAny(state.Changed.Task, Task.Delay(rest, Time, over.Token));
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
            var signed = (await NewestAsync(ct))?.Statement.Position ?? 0;
            if (head is 0 || (through > 0 && signed >= through)) return;

            // At a position of which the state's digest is known; one that is far behind is that of a node that has
            // stopped.
            var position = digests is not null && digests.Newest is var known && known <= head && known > signed
                && known >= through ? known : head;
            var record = await journal.AtAsync(position, ct)
                ?? throw new InvalidOperationException($"there is no entry {position}");
            var statement = new CheckpointStatement
            {
                Epoch = record.Epoch, Position = position, Hash = ByteString.CopyFrom(record.Hash),
                StateDigest = ByteString.CopyFrom(digests?.At(position, record.Hash) ?? []),
                AtUs = Time.GetUtcNow().ToUnixTimeMilliseconds() * 1000,
            };

            // What nobody would believe, an entry that stays for ever would be held against the registry.
            var checkpoint = CheckpointRules.Sign(statement, plan.Certificate!);
            if (!CheckpointRules.IsSigned(checkpoint, plan.Root!, out _,
                out var fault)) throw new InvalidOperationException(
                $"the registry's own checkpoint would not be believed: {fault}");

            await writes.ExecuteUnreferencedAsync(actor: 0, (write, _) =>
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

    private CheckpointStatement? Believed(JournalRecord record)
    {
        try
        {
            return plan.Root is { } root && CheckpointRules.IsSigned(Checkpoint.Parser.ParseFrom(record.PublicBytes),
                root, out var statement, out _) && statement.Position < record.Position ? statement : null;
        }
        catch (InvalidProtocolBufferException)
        {
            return null;
        }
    }

    [LoggerMessage(EventId = 2020, Level = LogLevel.Information,
        Message =
        "A checkpoint of the journal up to position {Position}, epoch {Epoch}, was signed; with the state's digest: " +
        "{HasDigest}.")]
    private static partial void Signed(ILogger log, ulong position, uint epoch, bool hasDigest);

    [LoggerMessage(EventId = 2021, Level = LogLevel.Warning,
        Message = "No checkpoint can be signed now; it is tried again.")]
    private static partial void Interrupted(ILogger log, Exception fault);
}
