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

/// <summary>The actor, party and reference of a write, and the digest of the call.</summary>
public sealed record WriteClaim(ulong ActorId, ulong PartyId, string Reference, byte[] Digest)
{
    /// <summary>SHA-256 over method, person and content. <paramref name="person"/> is the id of the caller where two
    /// people must act, otherwise 0.</summary>
    public static byte[] DigestOf(string method, ReadOnlySpan<byte> content, ulong person = 0) =>
        SHA256.HashData([.. Encoding.UTF8.GetBytes($"{method}\n{person}\n"), .. content]);
}

/// <summary>An entry to be journalled with a write. <paramref name="Actor"/> is set if it differs from
/// the actor of the write; 0 is the registry itself.</summary>
public sealed record StagedEntry(int Kind, bool MustUnderstand, byte[] Public, byte[] Private,
    (SubjectKind Kind, long Number)? Subject = null, ulong? Actor = null);

/// <summary>The stored answer to a reference, and the position of the last journal entry of its write (0 if
/// none).</summary>
public sealed record StoredAnswer(byte[] Answer, ulong Position);

/// <summary>Every change of state goes through this class, as one transaction: claim of the reference, changed rows,
/// journal entries, receipt.</summary>
public sealed class RegistryWriter(NpgsqlDataSource database, DurabilityGate durability)
{
    // The lock serialises calls with the same reference, so that the second finds the receipt of the first.
    private const string ClaimSql = "SELECT pg_advisory_xact_lock(hashtextextended($1 || '/' || $2, 0))";

    /// <summary>Digest, answer and position of a party's reference.</summary>
    internal const string AnswerSql = """
        SELECT r.digest, r.answer, coalesce(j.position, 0)
        FROM receipts r LEFT JOIN journal j ON j.payload_id = r.payload_id
        WHERE r.party_id = $1 AND r.reference = $2
        """;

    /// <summary>Begins a write. If its reference has a receipt, <see cref="RegistryWrite.Earlier"/> is the stored
    /// answer. Throws REFERENCE_REUSED if the receipt is for other content. With <paramref name="keepsReceipt"/> false
    /// the write stores no receipt, so the reference stays unused.</summary>
    public Task<RegistryWrite> BeginAsync(WriteClaim claim, CancellationToken ct, bool keepsReceipt = true) =>
        BeginAsync(
        async (connection, transaction) =>
        {
            var earlier = await FindEarlierAsync(connection, transaction, claim, ct);
            if (earlier is null) SyncPoints.Reached(SyncPoint.WriteClaimed);
            return new RegistryWrite(connection, transaction, durability, claim, earlier, keepsReceipt);
        },
        ct);

    /// <summary>Begins a write without a reference: the caller makes it idempotent by other means, or the registry
    /// itself writes (actor 0).</summary>
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

/// <summary>A write in progress. Disposing it without a commit rolls it back. Not thread-safe.</summary>
public sealed class RegistryWrite : IAsyncDisposable
{
    private const string StageSql = "SELECT journal_stage($1, $2, $3, $4, $5, $6, $7, $8)";
    private const string KeepReceiptSql =
        "INSERT INTO receipts (party_id, reference, digest, answer, payload_id) VALUES ($1, $2, $3, $4, $5)";
    private const string AppendSql = "SELECT journal_append($1)";

    // Raised by journal_epoch_holds (journal.sql).
    private const string RecoveryPendingState = "DR001";

    // Shared by all writes: building the options for each write would cost as much as a database round trip.
    private static readonly DbContextOptions<RegistryContext> Options = new DbContextOptionsBuilder<RegistryContext>()
        .UseNpgsql().Options;

    private readonly DurabilityGate _durability;
    private readonly ulong _actor;
    private readonly WriteClaim? _claim;

    private NpgsqlTransaction _transaction;

    // Null entry: its contents are already in the database (StageNowAsync).
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

        // No savepoints: a write that fails in part is rolled back as a whole, and each savepoint would cost two
        // round trips.
        Db.Database.AutoSavepointsEnabled = false;
    }

    /// <summary>The stored answer to the reference; null if there is none. If it is set, the caller must not
    /// write.</summary>
    public StoredAnswer? Earlier { get; }

    /// <summary>The connection, in its transaction, for COPY and set-based SQL.</summary>
    public NpgsqlConnection Connection { get; }

    /// <summary>EF context in the same transaction.</summary>
    public RegistryContext Db { get; }

    /// <summary>Returns when <see cref="Earlier"/> is durable and may be returned. The first call may still be waiting
    /// for that, or its registrar may have stopped. Only a commit can wait, so this method rolls the transaction back,
    /// waits, and begins a new one.</summary>
    public async Task WaitForDurableAsync(CancellationToken ct)
    {
        Db.Database.UseTransaction(null);
        await _transaction.DisposeAsync();
        await _durability.WaitAsync(Connection, ct);
        _transaction = await Connection.BeginTransactionAsync(IsolationLevel.ReadCommitted, ct);
        Db.Database.UseTransaction(_transaction);
    }

    /// <summary>Takes the lock, waiting for other writes that hold it. This write holds it until it ends.</summary>
    public Task LockAsync(WriteLock what, CancellationToken ct) => what.TakeAsync(Connection, ct);

    /// <summary>Adds an entry to be journalled at commit.</summary>
    public void Stage(StagedEntry entry) => _staged.Add((Guid.CreateVersion7(), entry));

    /// <summary>Adds an entry to be journalled at commit and sends its contents to the database now, so that a write of
    /// many entries does not keep all of them in memory.</summary>
    public async Task StageNowAsync(StagedEntry entry, CancellationToken ct)
    {
        var id = Guid.CreateVersion7();
        await using var batch = new NpgsqlBatch(Connection,
            _transaction)
        { BatchCommands = { StageCommand(id, entry) } };
        await batch.ExecuteNonQueryAsync(ct);
        _staged.Add((id, null));
    }

    /// <summary>Saves the rows, appends the journal entries, stores the answer and commits; returns when the commit is
    /// durable. Result: position of the last entry; 0 if there was none.</summary>
    public async Task<ulong> CommitAsync(byte[] answer, CancellationToken ct)
    {
        var began = Stopwatch.GetTimestamp();

        // 1. Save the rows first, so that a constraint violation is found before the journal lock is taken.
        await Db.SaveChangesAsync(ct);
        SyncPoints.Reached(SyncPoint.WriteSaved);

        // 2. Contents, receipt and chain in one round trip; its last statement takes the journal lock.
        var position = await TryJournalAsync(answer, ct);
        SyncPoints.Reached(SyncPoint.WriteJournalled);

        // 3. Commit at once. From here the caller's cancellation is ignored: a commit cannot be done in part.
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
        catch (PostgresException error) when (error.SqlState is RecoveryPendingState)
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
