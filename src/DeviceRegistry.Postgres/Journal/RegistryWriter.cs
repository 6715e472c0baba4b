using System.Data;
using System.Diagnostics;
using System.Security.Cryptography;
using System.Text;
using DeviceRegistry.Core;
using DeviceRegistry.Postgres.Schema;
using Microsoft.EntityFrameworkCore;
using Npgsql;
using NpgsqlTypes;

namespace DeviceRegistry.Postgres.Journal;

/// <summary>Who writes, and under which reference. The person takes part in the digest only where two people must
/// act.</summary>
public sealed record WriteClaim(ulong ActorId, ulong PartyId, string Reference, byte[] Digest)
{
    /// <summary>Digest of a call: method, content and, where it matters, the person.</summary>
    public static byte[] DigestOf(string method, ReadOnlySpan<byte> content, ulong person = 0) =>
        SHA256.HashData([.. Encoding.UTF8.GetBytes($"{method}\n{person}\n"), .. content]);
}

/// <summary>An entry to be journalled with a write. <paramref name="Actor"/> is who did it, if not who writes: 0 is the
/// registry itself.</summary>
public sealed record StagedEntry(int Kind, bool MustUnderstand, byte[] Public, byte[] Private,
    (SubjectKind Kind, long Number)? Subject = null, ulong? Actor = null);

/// <summary>The answer a reference got, and the position of its last journal entry (0: none).</summary>
public sealed record StoredAnswer(byte[] Answer, ulong Position);

/// <summary>The one way in. Every change of state is one transaction: claimed reference, changed rows, journal entries,
/// receipt.</summary>
public sealed class RegistryWriter(NpgsqlDataSource database, DurabilityGate durability)
{
    // The lock makes two calls under one reference wait for each other, so that the second finds the first one's
    // receipt.
    private const string ClaimSql = "SELECT pg_advisory_xact_lock(hashtextextended($1 || '/' || $2, 0))";

    /// <summary>Digest, answer and position of a party's reference.</summary>
    internal const string AnswerSql = """
        SELECT r.digest, r.answer, coalesce(j.position, 0)
        FROM receipts r LEFT JOIN journal j ON j.payload_id = r.payload_id
        WHERE r.party_id = $1 AND r.reference = $2
        """;

    /// <summary>Begins a write, or finds what its reference was answered before. Throws REFERENCE_REUSED if that was
    /// other content. One that keeps no receipt leaves the reference as it was.</summary>
    public Task<RegistryWrite> BeginAsync(WriteClaim claim, CancellationToken ct, bool keepsReceipt = true) =>
        BeginAsync(
        async (connection, transaction) =>
        {
            var earlier = await FindEarlierAsync(connection, transaction, claim, ct);
            if (earlier is null) SyncPoints.Reached(SyncPoint.WriteClaimed);
            return new RegistryWrite(connection, transaction, durability, claim, earlier, keepsReceipt);
        },
        ct);

    /// <summary>Begins a write without a reference: one that its caller makes once by other means, or the registry by
    /// itself (actor 0).</summary>
    public Task<RegistryWrite> BeginAsync(ulong actor, CancellationToken ct) =>
        BeginAsync((connection, transaction) =>
            Task.FromResult(new RegistryWrite(connection, transaction, durability, actor)), ct);

    private async Task<RegistryWrite> BeginAsync(Func<NpgsqlConnection, NpgsqlTransaction, Task<RegistryWrite>> begin,
        CancellationToken ct)
    {
        var connection = await database.OpenConnectionAsync(ct);
        try
        {
            return await DatabaseFault.OnAsync(connection, async () =>
            {
                var transaction = await connection.BeginTransactionAsync(IsolationLevel.ReadCommitted, ct);
                SyncPoints.Reached(SyncPoint.WriteBegun);
                return await begin(connection, transaction);
            });
        }
        catch
        {
            await connection.DisposeAsync();
            throw;
        }
    }

    private static async Task<StoredAnswer?> FindEarlierAsync(
        NpgsqlConnection connection, NpgsqlTransaction transaction, WriteClaim claim, CancellationToken ct)
    {
        await using var batch = new NpgsqlBatch(connection, transaction);
        batch.BatchCommands.Add(new NpgsqlBatchCommand(ClaimSql)
        {
            Parameters = { new() { Value = claim.PartyId.ToString(System.Globalization.CultureInfo.InvariantCulture) },
                new() { Value = claim.Reference } },
        });
        batch.BatchCommands.Add(new NpgsqlBatchCommand(AnswerSql)
        {
            Parameters = { new() { Value = (long)claim.PartyId }, new() { Value = claim.Reference } },
        });
        await using var reader = await batch.ExecuteReaderAsync(ct);
        await reader.NextResultAsync(ct);
        if (!await reader.ReadAsync(ct)) return null;

        if (!reader.GetFieldValue<byte[]>(0).AsSpan().SequenceEqual(claim.Digest))
            throw new RegistryException(RegistryError.ReferenceReused,
                $"Reference {claim.Reference} was used before with other content. Nothing was changed. Use a new " +
                $"reference.", "reference", "a reference not used before, or the same content");

        return new StoredAnswer(reader.GetFieldValue<byte[]>(1), (ulong)reader.GetInt64(2));
    }
}

/// <summary>A write under way. Disposed without commit, it leaves nothing.</summary>
public sealed class RegistryWrite : IAsyncDisposable
{
    private const string StageSql = "SELECT journal_stage($1, $2, $3, $4, $5, $6, $7, $8)";
    private const string KeepReceiptSql =
        "INSERT INTO receipts (party_id, reference, digest, answer, payload_id) VALUES ($1, $2, $3, $4, $5)";
    private const string AppendSql = "SELECT journal_append($1)";

    // Raised by journal_epoch_holds (journal.sql).
    private const string RecoveryPendingState = "DR001";

    // One model of it for all writes: built anew, it would cost each of them as much as a question to the database.
    private static readonly DbContextOptions<RegistryContext> Options = new DbContextOptionsBuilder<RegistryContext>()
        .UseNpgsql().Options;

    private readonly DurabilityGate _durability;
    private readonly ulong _actor;
    private readonly WriteClaim? _claim;

    private NpgsqlTransaction _transaction;

    // An entry that is in the database already has its id here alone.
    private readonly List<(Guid Id, StagedEntry? Entry)> _staged = [];

    internal RegistryWrite(NpgsqlConnection connection, NpgsqlTransaction transaction, DurabilityGate durability,
        WriteClaim claim, StoredAnswer? earlier, bool keepsReceipt)
        : this(connection, transaction, durability, claim.ActorId)
    {
        _claim = keepsReceipt ? claim : null;
        Earlier = earlier;
    }

    internal RegistryWrite(NpgsqlConnection connection, NpgsqlTransaction transaction, DurabilityGate durability,
        ulong actor)
    {
        Connection = connection;
        (_transaction, _durability, _actor) = (transaction, durability, actor);
        Db = new RegistryContext(Options);
        Db.Database.SetDbConnection(connection);
        Db.Database.UseTransaction(transaction);

        // A write that fails in a part fails whole: nothing goes back to a point within it, and each would cost two
        // questions.
        Db.Database.AutoSavepointsEnabled = false;
    }

    /// <summary>What the reference was answered before; then there is nothing to do.</summary>
    public StoredAnswer? Earlier { get; }

    /// <summary>The connection, in its transaction, for COPY and set-based SQL.</summary>
    public NpgsqlConnection Connection { get; }

    /// <summary>The tables, in the same transaction.</summary>
    public RegistryContext Db { get; }

    /// <summary>Returns when <see cref="Earlier"/> may be told. It may be on its way to its own caller still, or to
    /// that of a registrar that is gone; no open transaction waits for that, so a new one takes the place of this
    /// one.</summary>
    public async Task WaitForDurableAsync(CancellationToken ct)
    {
        Db.Database.UseTransaction(null);
        await _transaction.DisposeAsync();
        await _durability.WaitAsync(Connection, ct);
        _transaction = await Connection.BeginTransactionAsync(IsolationLevel.ReadCommitted, ct);
        Db.Database.UseTransaction(_transaction);
    }

    /// <summary>Waits for other writes that hold the same lock; held until this one ends.</summary>
    public Task LockAsync(WriteLock what, CancellationToken ct) => what.TakeAsync(Connection, ct);

    /// <summary>Adds an entry to be journalled at commit.</summary>
    public void Stage(StagedEntry entry) => _staged.Add((Guid.CreateVersion7(), entry));

    /// <summary>Adds an entry and sends its contents to the database at once: for one of many, so that they are not all
    /// held here.</summary>
    public async Task StageNowAsync(StagedEntry entry, CancellationToken ct)
    {
        var id = Guid.CreateVersion7();
        await using var batch = new NpgsqlBatch(Connection,
            _transaction)
        { BatchCommands = { StageCommand(id, entry) } };
        await batch.ExecuteNonQueryAsync(ct);
        _staged.Add((id, null));
    }

    /// <summary>Saves, journals, keeps the answer and commits. Returns the position of the last entry; 0 if there was
    /// none.</summary>
    public async Task<ulong> CommitAsync(byte[] answer, CancellationToken ct)
    {
        var began = Stopwatch.GetTimestamp();

        // 1. State first, so that a broken constraint is found before the journal's lock is taken.
        await Db.SaveChangesAsync(ct);
        SyncPoints.Reached(SyncPoint.WriteSaved);

        // 2. Contents, receipt and chain in one round trip; the lock is taken by its last statement.
        var position = await TryJournalAsync(answer, ct);
        SyncPoints.Reached(SyncPoint.WriteJournalled);

        // 3. Commit at once. From here the caller's cancellation no longer counts: half a commit does not exist.
        if (position is 0) await DurabilityGate.CommitUnjournalledAsync(Connection, _transaction);
        else await _durability.CommitAsync(Connection, _transaction, () => SyncPoints.Reached(SyncPoint.WriteSeen));
        DatabaseMetrics.Committed(_staged.Count, Stopwatch.GetElapsedTime(began));
        SyncPoints.Reached(SyncPoint.WriteCommitted);
        return position;
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await Db.DisposeAsync();
        await _transaction.DisposeAsync();
        await Connection.DisposeAsync();
    }

    private async Task<ulong> TryJournalAsync(byte[] answer, CancellationToken ct)
    {
        try
        {
            return await JournalAsync(answer, ct);
        }
        catch (PostgresException refusal) when (refusal.SqlState is RecoveryPendingState)
        {
            throw new RegistryException(RegistryError.RecoveryPending,
                "The registry was restored from a backup and takes no write before two people of the regulator have " +
                "signed the statement about it (dreg journal recover).");
        }
    }

    private async Task<ulong> JournalAsync(byte[] answer, CancellationToken ct)
    {
        await using var batch = new NpgsqlBatch(Connection, _transaction);
        foreach (var (id, entry) in _staged)
            if (entry is not null) batch.BatchCommands.Add(StageCommand(id, entry));
        if (_claim is not null) batch.BatchCommands.Add(ReceiptCommand(_claim, answer));
        if (_staged.Count > 0) batch.BatchCommands.Add(new NpgsqlBatchCommand(DurabilityGate.NoWaitSql));
        if (_staged.Count > 0)
            batch.BatchCommands.Add(new NpgsqlBatchCommand(
                AppendSql)
            { Parameters = { new() { Value = _staged.Select(s => s.Id).ToArray() } } });
        if (batch.BatchCommands.Count is 0) return 0;

        var last = await batch.ExecuteReaderAsync(ct);
        await using (last)
        {
            var position = 0L;
            do
            {
                while (await last.ReadAsync(ct))
                    if (last.GetValue(0) is long value) position = value;
            }
            while (await last.NextResultAsync(ct));
            return (ulong)position;
        }
    }

    private NpgsqlBatchCommand ReceiptCommand(WriteClaim claim, byte[] answer) => new(KeepReceiptSql)
    {
        Parameters =
        {
            new() { Value = (long)claim.PartyId },
            new() { Value = claim.Reference },
            new() { Value = claim.Digest },
            new() { Value = answer },
            new() { Value = _staged.Count > 0 ? _staged[^1].Id : DBNull.Value, NpgsqlDbType = NpgsqlDbType.Uuid },
        },
    };

    private NpgsqlBatchCommand StageCommand(Guid id, StagedEntry entry) => new(StageSql)
    {
        Parameters =
        {
            new() { Value = id },
            new() { Value = entry.Kind },
            new() { Value = entry.MustUnderstand },
            new() { Value = (long)(entry.Actor ?? _actor) },
            new() { Value = entry.Public },
            new() { Value = entry.Private },
            new() { Value = entry.Subject is { } kind ? new[] { (short)kind.Kind } : [] },
            new() { Value = entry.Subject is { } subject ? new[] { subject.Number } : [] },
        },
    };
}
