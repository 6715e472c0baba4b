using System.Runtime.CompilerServices;
using Npgsql;

namespace DeviceRegistry.Postgres.Journal;

/// <summary>A journal entry without its private part.</summary>
public sealed record JournalRecord(
    ulong Position, uint Epoch, long AtUs, int Kind, bool MustUnderstand, ulong Actor, byte[] PublicBytes,
    byte[] PrivateDigest, byte[] Hash)
{
    /// <summary>Salt and private part of an entry whose private part the nodes of one operator receive. Empty if the
    /// entry is of another kind, or if its private part was erased.</summary>
    public byte[] Scoped { get; init; } = [];
}

/// <summary>An entry with its private part. Salt and private part are empty if the entry has none or if it was
/// erased.</summary>
public sealed record StoredRecord(JournalRecord Record, byte[] Salt, byte[] PrivateBytes);

/// <summary>Contents that a recovery statement must have: the new epoch, the note of the restore, and position and
/// hash of the newest journal entry.</summary>
public sealed record PendingRecovery(uint Epoch, string Note, ulong AfterPosition, byte[] AfterHash);

/// <summary>Reads the journal in order of position. The table is authoritative: a follower that was disconnected
/// resumes from it.</summary>
public sealed class JournalReader(NpgsqlDataSource database, DurabilityGate durability)
{
    private const string Columns = """
        j.position, j.epoch, (extract(epoch
            FROM j.at) * 1000000)::bigint, p.kind, p.must_understand, p.actor, p.public_bytes, p.private_digest, j.hash,
        CASE p.kind WHEN 34 THEN (SELECT s.salt || s.private_bytes FROM journal_private s WHERE s.payload_id = p.id) END
        """;

    private const string AfterSql = $"""
        SELECT {Columns} FROM journal j JOIN journal_payloads p ON p.id = j.payload_id
        WHERE j.position > $1 AND j.position <= $3 ORDER BY j.position LIMIT $2
        """;

    private const string RecoveriesSql = $"""
        SELECT {Columns} FROM journal_payloads p JOIN journal j ON j.payload_id = p.id
        WHERE p.kind = 17 AND j.epoch > $1 ORDER BY j.position LIMIT $2
        """;

    private const string AtSql =
        $"SELECT {Columns} FROM journal j JOIN journal_payloads p ON p.id = j.payload_id WHERE j.position = $1 LIMIT " +
        $"$2";

    // Entries without a subject have an index by kind (1, 2: members; 17: recovery statements; 9: checkpoints).
    private const string CheckpointAfterSql = $"""
        SELECT {Columns} FROM journal_payloads p JOIN journal j ON j.payload_id = p.id
        WHERE p.kind = 9 AND j.position > $1 ORDER BY j.position LIMIT $2
        """;

    private const string CheckpointBeforeSql = $"""
        SELECT {Columns} FROM journal_payloads p JOIN journal j ON j.payload_id = p.id
        WHERE p.kind = 9 AND j.position < $1 ORDER BY j.position DESC LIMIT $2
        """;

    // Uses the index of order_items by operator, to find the orders that name its subscribers.
    private const string ScopedSql = $"""
        SELECT {Columns} FROM (SELECT DISTINCT order_number FROM order_items WHERE party_id = $1) o
        JOIN journal_subjects i ON i.kind = 2 AND i.subject = o.order_number
        JOIN journal_payloads p ON p.id = i.payload_id AND p.kind = 34 JOIN journal j ON j.payload_id = p.id
        WHERE j.position <= $2 AND j.position > $3 ORDER BY j.position LIMIT $4
        """;

    private const string StoredColumns = $"{Columns}, coalesce(x.salt, ''), coalesce(x.private_bytes, '')";

    private const string MembersSql = $"""
        SELECT {StoredColumns} FROM journal_payloads p JOIN journal j ON j.payload_id = p.id LEFT JOIN journal_private x
            ON x.payload_id = p.id
        WHERE p.kind IN (1, 2) ORDER BY j.position
        """;

    private const string OfSubjectSql = $"""
        SELECT {StoredColumns} FROM journal_subjects s JOIN journal_payloads p ON p.id = s.payload_id JOIN journal j
            ON j.payload_id = p.id
        LEFT JOIN journal_private x ON x.payload_id = p.id
        WHERE s.kind = $1 AND s.subject = $2 ORDER BY j.position
        """;

    // The newest epoch, if it or another epoch after that of the newest entry began with a restore; otherwise no row.
    private const string PendingSql = """
        SELECT e.epoch, r.reason, coalesce(j.position, 0), coalesce(j.hash, decode(repeat('00', 32), 'hex'))
        FROM (SELECT max(epoch) AS epoch FROM journal_epochs) e
        LEFT JOIN (SELECT * FROM journal ORDER BY position DESC LIMIT 1) j ON true
        JOIN journal_epochs r ON r.restored AND r.epoch > coalesce(j.epoch, 0)
        ORDER BY r.epoch DESC LIMIT 1
        """;

    private const string HeadSql = "SELECT position, epoch FROM journal ORDER BY position DESC LIMIT 1";
    private const string HashSql = "SELECT hash FROM journal WHERE position = $1";

    /// <summary>Entries after <paramref name="position"/> up to and including <paramref name="through"/>, oldest first,
    /// at most <paramref name="most"/>. They are durable if the entry at <paramref name="through"/> is.</summary>
    public IAsyncEnumerable<JournalRecord> AfterAsync(ulong position, ulong through, int most, CancellationToken ct) =>
        ReadAsync(AfterSql, [(long)position, most, (long)through], ct);

    /// <summary>Recovery statements of the epochs after <paramref name="epoch"/>, oldest first, at most
    /// <paramref name="most"/>.</summary>
    public IAsyncEnumerable<JournalRecord> RecoveriesAfterAsync(uint epoch, int most, CancellationToken ct) =>
        ReadAsync(RecoveriesSql, [(long)epoch, most], ct);

    /// <summary>The entry at a position; null if there is none.</summary>
    public ValueTask<JournalRecord?> AtAsync(ulong position, CancellationToken ct) =>
        ReadAsync(AtSql, [(long)position, 1], ct).FirstOrDefaultAsync(ct);

    /// <summary>The last checkpoint whose own entry comes before a position; null if there is none.</summary>
    public ValueTask<JournalRecord?> CheckpointBeforeAsync(ulong position, CancellationToken ct) =>
        ReadAsync(CheckpointBeforeSql, [(long)position, 1], ct).FirstOrDefaultAsync(ct);

    /// <summary>The first checkpoint whose own entry comes after a position; null if there is none.</summary>
    public ValueTask<JournalRecord?> CheckpointAfterAsync(ulong position, CancellationToken ct) =>
        ReadAsync(CheckpointAfterSql, [(long)position, 1], ct).FirstOrDefaultAsync(ct);

    /// <summary>Entries with a scoped part after <paramref name="after"/> up to and including
    /// <paramref name="through"/>, of orders that name subscribers of the operator; oldest first, at most
    /// <paramref name="most"/>. The result also contains entries about subscribers of other operators in these
    /// orders.</summary>
    public IAsyncEnumerable<JournalRecord> ScopedAsync(ulong operatorId, ulong after, ulong through, int most,
        CancellationToken ct) =>
        ReadAsync(ScopedSql, [(long)operatorId, (long)through, (long)after, most], ct);

    /// <summary>Every entry about members, oldest first.</summary>
    public IAsyncEnumerable<StoredRecord> MembersAsync(CancellationToken ct) => ReadStoredAsync(MembersSql, [], ct);

    /// <summary>Every entry about a subject, oldest first.</summary>
    public IAsyncEnumerable<StoredRecord> OfSubjectAsync(Schema.SubjectKind kind, long number, CancellationToken ct) =>
        ReadStoredAsync(OfSubjectSql, [(short)kind, number], ct);

    private async IAsyncEnumerable<StoredRecord> ReadStoredAsync(string sql, object[] parameters,
        [EnumeratorCancellation] CancellationToken ct)
    {
        await using var command = database.CreateCommand(sql);
        foreach (var value in parameters) command.Parameters.Add(new() { Value = value });
        await using var reader = await command.ExecuteReaderAsync(ct);
        while (await reader.ReadAsync(ct)) yield return new StoredRecord(RecordOf(reader),
            reader.GetFieldValue<byte[]>(10), reader.GetFieldValue<byte[]>(11));
    }

    /// <summary>Contents of the recovery statement that the journal requires before any other entry; null if it
    /// requires none.</summary>
    public async Task<PendingRecovery?> PendingRecoveryAsync(CancellationToken ct)
    {
        await using var command = database.CreateCommand(PendingSql);
        await using var reader = await command.ExecuteReaderAsync(ct);
        return await reader.ReadAsync(ct)
            ? new PendingRecovery((uint)reader.GetInt32(0), reader.GetString(1), (ulong)reader.GetInt64(2),
                reader.GetFieldValue<byte[]>(3))
            : null;
    }

    private async IAsyncEnumerable<JournalRecord> ReadAsync(string sql, object[] parameters,
        [EnumeratorCancellation] CancellationToken ct)
    {
        await using var command = database.CreateCommand(sql);
        foreach (var value in parameters) command.Parameters.Add(new() { Value = value });
        await using var reader = await command.ExecuteReaderAsync(ct);
        while (await reader.ReadAsync(ct)) yield return RecordOf(reader);
    }

    private static JournalRecord RecordOf(NpgsqlDataReader reader) => new(
        (ulong)reader.GetInt64(0), (uint)reader.GetInt32(1), reader.GetInt64(2), reader.GetInt32(3),
        reader.GetBoolean(4),
        (ulong)reader.GetInt64(5), reader.GetFieldValue<byte[]>(6), reader.GetFieldValue<byte[]>(
            7), reader.GetFieldValue<byte[]>(8))
    {
        Scoped = reader.IsDBNull(9) ? [] : reader.GetFieldValue<byte[]>(9),
    };

    /// <summary>Newest position and its epoch; 0 and 1 if the journal is empty. Returns when commits of this registrar
    /// up to that position are durable.</summary>
    public async Task<(ulong Position, uint Epoch)> HeadAsync(CancellationToken ct)
    {
        var head = (Position: 0UL, Epoch: 1U);
        await using (var command = database.CreateCommand(HeadSql))
        await using (var reader = await command.ExecuteReaderAsync(ct))
            if (await reader.ReadAsync(ct)) head = ((ulong)reader.GetInt64(0), (uint)reader.GetInt32(1));
        await SeenAsync(ct);
        return head;
    }

    /// <summary>The stored answer to a reference, once it is durable; null if there is none.</summary>
    public async Task<StoredAnswer?> AnswerAsync(long party, string reference, CancellationToken ct)
    {
        StoredAnswer? answer = null;
        await using (var command = database.CreateCommand(RegistryWriter.AnswerSql))
        {
            command.Parameters.Add(new() { Value = party });
            command.Parameters.Add(new() { Value = reference });
            await using var reader = await command.ExecuteReaderAsync(ct);
            if (await reader.ReadAsync(ct)) answer =
                new StoredAnswer(reader.GetFieldValue<byte[]>(1), (ulong)reader.GetInt64(2));
        }

        // Another registrar may have committed the receipt, so wait always.
        if (answer is not null) await DurableAsync(ct);
        return answer;
    }

    /// <summary>Returns when everything read so far is durable, whichever registrar committed it. Call it before
    /// sending entries to nodes.</summary>
    public Task DurableAsync(NpgsqlConnection connection, CancellationToken ct) => durability.WaitAsync(connection, ct);

    /// <summary>Returns when everything read so far that this registrar committed is durable. Call it before signing or
    /// returning what was read.</summary>
    public async Task SeenAsync(CancellationToken ct)
    {
        if (durability.HasUnflushedCommits) await DurableAsync(ct);
    }

    private async Task DurableAsync(CancellationToken ct)
    {
        await using var connection = await database.OpenConnectionAsync(ct);
        await durability.WaitAsync(connection, ct);
    }

    /// <summary>Hash at a position; null if there is none.</summary>
    public async Task<byte[]?> HashAtAsync(ulong position, CancellationToken ct)
    {
        await using var command = database.CreateCommand(HashSql);
        command.Parameters.Add(new() { Value = (long)position });
        return await command.ExecuteScalarAsync(ct) as byte[];
    }
}
