using Npgsql;

namespace DeviceRegistry.Postgres.Journal;

/// <summary>Commits without holding locks during the flush, and tells when committed data may leave the registrar.
/// Thread-safe.</summary>
/// <remarks>PostgreSQL keeps a transaction's locks until its commit is flushed, and replicated to the synchronous
/// standby if there is one. With a standby 5 ms away the journal lock would limit the registrar to 200 commits a
/// second. So a write commits with synchronous_commit = off, which releases its locks, and then commits an empty
/// transaction that waits. The WAL is sequential, so the second flush covers the first commit, and concurrent waiters
/// share one flush. Until then the commit is visible, but a crash of PostgreSQL would undo it, so no reply to a write,
/// no feed entry, no checkpoint and no read may leave the registrar (<see cref="HasUnflushedCommits"/>). Commits of
/// other processes, including an earlier process of this registrar, are not tracked: the first read waits, and
/// returning a stored receipt always waits.</remarks>
public sealed class DurabilityGate
{
    /// <summary>Run this in a transaction that will be committed by <see cref="CommitAsync"/>.</summary>
    internal const string NoWaitSql = "SELECT set_config('synchronous_commit', 'off', true)";

    // Writes a WAL record and nothing else, so that the commit waits as PostgreSQL is configured to.
    private const string WaitSql = "SELECT pg_logical_emit_message(true, 'durable', '')";

    private int _commitsInProgress;
    private long _uncertainCommits = 1;
    private long _lastUncertainCommit = 1;

    /// <summary>Commits, calls <paramref name="committed"/>, and returns when the commit is durable. If it throws, the
    /// transaction may still be committed and durable.</summary>
    internal async Task CommitAsync(NpgsqlConnection connection, NpgsqlTransaction transaction, Action committed)
    {
        // Count the commit before another session can see it.
        Interlocked.Increment(ref _commitsInProgress);
        try
        {
            await transaction.CommitAsync(CancellationToken.None);
            committed();
            await WaitAsync(connection, CancellationToken.None);
        }
        catch
        {
            // The commit may be visible, and nothing has waited for it to become durable: the next reader waits.
            Interlocked.Exchange(ref _lastUncertainCommit, Interlocked.Increment(ref _uncertainCommits));
            throw;
        }
        finally
        {
            Interlocked.Decrement(ref _commitsInProgress);
        }
    }

    /// <summary>True if a commit of this registrar may be visible and not durable. The caller must then wait before
    /// anything it has read leaves the registrar.</summary>
    public bool HasUnflushedCommits =>
        Volatile.Read(ref _commitsInProgress) > 0 || Interlocked.Read(ref _lastUncertainCommit) > 0;

    /// <summary>Returns when every commit that was visible before the call is durable, whichever process made it. The
    /// connection must not be in a transaction, because only a commit waits. Throws <see cref="NpgsqlException"/> if
    /// PostgreSQL cancelled the wait.</summary>
    public async Task WaitAsync(NpgsqlConnection connection, CancellationToken ct)
    {
        var lastUncertain = Interlocked.Read(ref _lastUncertainCommit);
        await ThrowOnWarningAsync(connection, async () =>
        {
            await using var wait = new NpgsqlCommand(WaitSql, connection);
            await wait.ExecuteNonQueryAsync(ct);
        });
        ct.ThrowIfCancellationRequested();
        Interlocked.CompareExchange(ref _lastUncertainCommit, 0, lastUncertain);
    }

    /// <summary>Commits a transaction that has no journal entries, and returns when it is durable.</summary>
    internal static Task CommitUnjournalledAsync(NpgsqlConnection connection, NpgsqlTransaction transaction) =>
        ThrowOnWarningAsync(connection, () => transaction.CommitAsync(CancellationToken.None));

    // If a wait for the standby is cancelled, PostgreSQL reports success with a warning, because the transaction is
    // committed locally. Throws in that case.
    private static async Task ThrowOnWarningAsync(NpgsqlConnection connection, Func<Task> wait)
    {
        string? warning = null;
        void OnNotice(object _, NpgsqlNoticeEventArgs args) =>
            warning = args.Notice.InvariantSeverity is "WARNING" ? args.Notice.MessageText : warning;
        connection.Notice += OnNotice;
        try
        {
            await wait();
        }
        finally
        {
            connection.Notice -= OnNotice;
        }

        if (warning is not null) throw new NpgsqlException($"What was committed is not known to be durable: {warning}.",
            new TimeoutException(warning));
    }
}
