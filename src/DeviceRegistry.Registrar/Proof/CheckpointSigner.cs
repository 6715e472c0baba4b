using System.Security.Cryptography.X509Certificates;
using DeviceRegistry.Contracts;
using DeviceRegistry.Contracts.V1;
using DeviceRegistry.Core;
using DeviceRegistry.Postgres.Journal;
using DeviceRegistry.Registrar.Feed;
using Google.Protobuf;
using Microsoft.Extensions.Logging;

namespace DeviceRegistry.Registrar.Proof;

/// <summary>When and with which keys checkpoints are signed. A checkpoint is due as soon as <paramref name="Entries"/>
/// or <paramref name="Every"/> is reached.</summary>
/// <param name="Certificate">The signing certificate with its private key, which is not in the database; null: sign no
/// checkpoints.</param>
/// <param name="Root">The root certificate that the signer of every checkpoint must chain to, including this
/// registry's own.</param>
/// <param name="Entries">Number of new entries after which a checkpoint is signed; 0: no such limit.</param>
/// <param name="Every">Time after the first new entry after which a checkpoint is signed; zero: no such limit.</param>
public sealed record CheckpointOptions(X509Certificate2? Certificate, X509Certificate2? Root, int Entries,
    TimeSpan Every)
{
    /// <summary>No checkpoints are signed or accepted.</summary>
    public static CheckpointOptions None { get; } = new(null, null, 0, TimeSpan.Zero);
}

/// <summary>Signs checkpoints of the journal and the state periodically. Rewriting an entry before a checkpoint then
/// contradicts a signature, and the signing key is not in the database. The state digest comes from the component of
/// this process that replays the journal: the attach node or, without one, the index of the registrar.</summary>
internal sealed partial class CheckpointSigner(
    CheckpointOptions options, IdempotentWrites writes, JournalReader journal, JournalTail tail, TimeProvider time,
    ILogger<CheckpointSigner> log, StateDigests? digests = null) : RetryingBackgroundService(time)
{
    private readonly SemaphoreSlim _signing = new(1);

    /// <summary>The latest checkpoint with a valid signature and its statement; null if there is none. Entries of kind
    /// Checkpoint that were written into the database without the registry, and so have no valid signature, are
    /// ignored.</summary>
    public async Task<(JournalRecord Record, CheckpointStatement Statement)?> LatestAsync(CancellationToken ct)
    {
        for (var before = long.MaxValue; await journal.CheckpointBeforeAsync((ulong)before, ct) is { } record; before =
            (long)record.Position)
            if (VerifyStatement(record) is { } statement) return (record, statement);

        return null;
    }

    /// <summary>The first validly signed checkpoint that covers a position, that is, whose statement is at or after
    /// it; null if there is none.</summary>
    public async Task<(JournalRecord Record, CheckpointStatement Statement)?> FirstCoveringAsync(ulong position,
        CancellationToken ct)
    {
        for (var after = position; await journal.CheckpointAfterAsync(after, ct) is { } record; after = record.Position)
            if (VerifyStatement(record) is { } statement && statement.Position >= position) return (record, statement);

        return null;
    }

    /// <summary>Signs a checkpoint now if none covers <paramref name="through"/> yet and this registry signs
    /// checkpoints.</summary>
    public async Task EnsureAsync(ulong through, CancellationToken ct)
    {
        if (options.Certificate is not null
            && ((await LatestAsync(ct))?.Statement.Position ?? 0) < through) await SignAsync(through, ct);
    }

    /// <inheritdoc/>
    protected override Task ExecuteAsync(CancellationToken stoppingToken) =>
        options.Certificate is null ? Task.CompletedTask : base.ExecuteAsync(stoppingToken);

    /// <inheritdoc/>
    protected override async Task RunIterationAsync(CancellationToken ct)
    {
        await WaitUntilDueAsync(await LatestAsync(ct), ct);
        await SignAsync(0, ct);
    }

    /// <inheritdoc/>
    protected override void Interrupted(Exception fault) => Interrupted(log, fault);

    // The entry of a checkpoint does not make the next one due, so an idle registry signs nothing. Entries written
    // between the checkpointed position and the checkpoint entry do.
    private async Task WaitUntilDueAsync((JournalRecord Record, CheckpointStatement Statement)? latest,
        CancellationToken ct)
    {
        var after = latest is not { } last ? 0 : last.Statement.Position + 1 == last.Record.Position
            ? last.Record.Position : last.Statement.Position;
        DateTimeOffset? firstSeen = null;
        while (true)
        {
            var state = tail.State;
            if (state.Head > after) firstSeen ??= Time.GetUtcNow();
            if (options.Entries > 0 && state.Head >= after + (ulong)options.Entries) return;
            if (options.Every > TimeSpan.Zero && firstSeen + options.Every <= Time.GetUtcNow()) return;

            var rest = options.Every > TimeSpan.Zero && firstSeen is { } since
                ? TimeSpan.FromTicks(Math.Max(0, (since + options.Every - Time.GetUtcNow()).Ticks))
                : Timeout.InfiniteTimeSpan;
            using var wait = CancellationTokenSource.CreateLinkedTokenSource(ct);
            await Task.WhenAny(state.Changed.Task, Task.Delay(rest, Time, wait.Token));
            await wait.CancelAsync();
            ct.ThrowIfCancellationRequested();
        }
    }

    private async Task SignAsync(ulong through, CancellationToken ct)
    {
        await _signing.WaitAsync(ct);
        try
        {
            var (head, epoch) = await journal.HeadAsync(ct);
            var signed = (await LatestAsync(ct))?.Statement.Position ?? 0;
            if (head is 0 || (through > 0 && signed >= through)) return;

            // Prefer the latest position whose state digest is known, if it is ahead of the last checkpoint and not
            // behind `through`. A digest further behind comes from a node that has stopped; then sign at the head,
            // without a digest.
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

            // Verify the signature before the write: a journal entry is permanent, and one with an invalid checkpoint
            // would count against the registry.
            var checkpoint = CheckpointRules.Sign(statement, options.Certificate!);
            if (!CheckpointRules.IsSigned(checkpoint, options.Root!, out _,
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

    private CheckpointStatement? VerifyStatement(JournalRecord record)
    {
        try
        {
            return options.Root is { } root && CheckpointRules.IsSigned(Checkpoint.Parser.ParseFrom(record.PublicBytes),
                root, out var statement, out _) && statement.Position < record.Position ? statement : null;
        }
        catch (InvalidProtocolBufferException)
        {
            return null;
        }
    }

    [LoggerMessage(EventId = 2020, Level = LogLevel.Information,
        Message = "Signed checkpoint at position {Position}, epoch {Epoch}, with state digest: {HasDigest}")]
    private static partial void Signed(ILogger log, ulong position, uint epoch, bool hasDigest);

    [LoggerMessage(EventId = 2021, Level = LogLevel.Warning,
        Message = "Cannot sign checkpoint, retrying")]
    private static partial void Interrupted(ILogger log, Exception fault);
}
