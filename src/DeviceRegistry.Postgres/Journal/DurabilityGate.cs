using Npgsql;

namespace DeviceRegistry.Postgres.Journal;

/// <summary>Commits so that no write waits for another's disk, and says when what is committed may leave the
/// registrar.</summary>
/// <remarks>PostgreSQL holds a transaction's locks until its commit is on the disk, and on the synchronous standby
/// where there is one; the journal's lock would make that one commit at a time: 200 a second with a standby 5 ms away.
/// So a write commits without that wait, which frees its locks, and then waits for an empty transaction behind it: the
/// log is one, so what is durable takes all before it along, and PostgreSQL lets all who wait at the same time wait for
/// one flush. In between the write can be seen, and a crash of PostgreSQL would undo it. So nothing leaves before: no
/// answer to a write, no entry to a node, no checkpoint, no read (<see cref="HasUnflushedCommits"/>). What another
/// process committed, the one before this one too, is not counted here: the first look waits, and whoever tells of a
/// single write, by its receipt, always does.</remarks>
public sealed class DurabilityGate
{
    /// <summary>In a transaction that will be committed by <see cref="CommitAsync"/>.</summary>
    internal const string NoWaitSql = "SELECT set_config('synchronous_commit', 'off', true)";

    // A transaction that writes nothing but this into the log waits as the configuration says.
    private const string WaitSql = "SELECT pg_logical_emit_message(true, 'durable', '')";

    private int _underWay;
    private long _doubts = 1;
    private long _lastDoubt = 1;

    /// <summary>Commits; returns when that is durable. If it throws, both may still have happened.</summary>
    internal async Task CommitAsync(NpgsqlConnection connection, NpgsqlTransaction transaction, Action committed)
    {
        // Counted before anybody can see it.
        Interlocked.Increment(ref _underWay);
        try
        {
            await transaction.CommitAsync(CancellationToken.None);
            committed();
            await WaitAsync(connection, CancellationToken.None);
        }
        catch
        {
            // It may be there, and nobody waited for it: the next one who looks does.
            Interlocked.Exchange(ref _lastDoubt, Interlocked.Increment(ref _doubts));
            throw;
        }
        finally
        {
            Interlocked.Decrement(ref _underWay);
        }
    }

    /// <summary>Something that this registrar committed can be seen and may not be durable: wait before what was read
    /// is told.</summary>
    public bool HasUnflushedCommits => Volatile.Read(ref _underWay) > 0 || Interlocked.Read(ref _lastDoubt) > 0;

    /// <summary>Returns when all that answers of the database have shown so far is durable, whoever committed it. The
    /// connection is in no transaction: only the end of one waits.</summary>
    public async Task WaitAsync(NpgsqlConnection connection, CancellationToken ct)
    {
        var doubt = Interlocked.Read(ref _lastDoubt);
        await WithoutWarningAsync(connection, async () =>
        {
            await using var wait = new NpgsqlCommand(WaitSql, connection);
            await wait.ExecuteNonQueryAsync(ct);
        });
        ct.ThrowIfCancellationRequested();
        Interlocked.CompareExchange(ref _lastDoubt, 0, doubt);
    }

    /// <summary>Commits what has no place in the journal, and waits with it.</summary>
    internal static Task CommitUnjournalledAsync(NpgsqlConnection connection, NpgsqlTransaction transaction) =>
        WithoutWarningAsync(connection, () => transaction.CommitAsync(CancellationToken.None));

    // PostgreSQL ends a wait for a standby that is cancelled as if it were over, with a warning: the transaction is
    // committed, after all.
    private static async Task WithoutWarningAsync(NpgsqlConnection connection, Func<Task> wait)
    {
        string? warning = null;
        void Note(object _, NpgsqlNoticeEventArgs said) =>
            warning = said.Notice.InvariantSeverity is "WARNING" ? said.Notice.MessageText : warning;
        connection.Notice += Note;
        try
        {
            await wait();
        }
        finally
        {
            connection.Notice -= Note;
        }

        if (warning is not null) throw new NpgsqlException($"What was committed is not known to be durable: {warning}.",
            new TimeoutException(warning));
    }
}
