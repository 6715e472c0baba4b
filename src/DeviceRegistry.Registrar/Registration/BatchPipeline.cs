using DeviceRegistry.Contracts;
using DeviceRegistry.Contracts.V1;
using DeviceRegistry.Core;
using DeviceRegistry.Postgres;
using DeviceRegistry.Postgres.Journal;
using DeviceRegistry.Postgres.Schema;
using DeviceRegistry.Registrar.Parties;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Logging;
using Npgsql;
using BatchState = DeviceRegistry.Postgres.Schema.BatchState;

namespace DeviceRegistry.Registrar.Registration;

/// <summary>Takes a sealed batch to its end: all of its units registered, or none and every bad line named. It may be
/// cut short anywhere: what an earlier attempt did is in the tables, and the next one goes on from there.</summary>
internal sealed partial class BatchPipeline(
    NpgsqlDataSource database, JournalReader journal, BatchFinalizer registration, PolicyCommands policies,
    BatchOverlapGate running, TimeProvider time, ILogger<BatchPipeline> log)
{
    private const string ClaimSql = "SELECT pg_try_advisory_lock(7213, $1)";
    private const string UnclaimSql = "SELECT pg_advisory_unlock(7213, $1)";
    private const string JudgedSql = "UPDATE batches SET judged_at = $2 WHERE number = $1";
    private const string DropFileSql = "SELECT batch_drop_file($1)";

    /// <summary>Works on a batch until it is decided. False: another process works on it.</summary>
    public async Task<bool> RunAsync(int number, BatchProgress progress, CancellationToken ct)
    {
        // A server that starts while an older one still stops leaves the batch to that one.
        await using var connection = await database.OpenConnectionAsync(ct);
        if (!await ScalarAsync<bool>(connection, ClaimSql, ct, number)) return false;

        try
        {
            return await DatabaseFault.OnAsync(connection, async () =>
            {
                await using var db = new RegistryContext(new DbContextOptionsBuilder<RegistryContext>()
                    .UseNpgsql(connection).Options);
                if (await db.Batches.AsNoTracking()
                    .SingleOrDefaultAsync(b => b.Number == number && b.State == BatchState.Validating, ct) is { } batch)
                    await DecideAsync(connection, batch, progress, ct);
                await ScalarAsync<object>(connection, DropFileSql, ct, number);
                SyncPoints.Reached(SyncPoint.BatchFileDropped);
                return true;
            });
        }
        catch (Exception fault) when (DatabaseFault.IsOutOfReach(fault))
        {
            // The next attempt needs a new connection: the idle ones of the pool lead to the same server.
            database.Clear();
            throw;
        }
        finally
        {
            // A lost connection has lost its claim too.
            if (!DatabaseFault.IsLost(connection)) await ScalarAsync<bool>(connection, UnclaimSql,
                CancellationToken.None, number);
        }
    }

    private async Task DecideAsync(NpgsqlConnection connection, BatchRow batch, BatchProgress progress,
        CancellationToken ct)
    {
        var file = new BatchFile(connection, batch.Number, batch.Chunks);
        using var contents = new ParsedBatch((int)Math.Min(batch.DeclaredUnits, batch.ChunkBytes / Imei.Length));
        var columns = 0;
        try
        {
            // 1. Read: every line by itself.
            var digest = await file.ReadAsync(contents, (reader, sequence) =>
            {
                columns = reader.Columns;
                progress.At(BatchPhase.Reading, reader.Units, batch.DeclaredUnits);
                return Task.CompletedTask;
            }, ct);
            if (!digest.AsSpan().SequenceEqual(batch.FileDigest))
                throw UnitsReader.Invalid(
                    $"its SHA-256 is {Convert.ToHexStringLower(digest)}, and " +
                    $"{Convert.ToHexStringLower(batch.FileDigest)} was declared.");
        }
        catch (RegistryException unreadable)
        {
            await RejectAsync(batch, unreadable, lineErrors: 0, progress, ct);
            return;
        }

        contents.Sort();
        SyncPoints.Reached(SyncPoint.BatchRead);

        // 2. After those that came before with one of its numbers.
        var turn = running.EnterAsync(batch.PartyId, contents, ct);
        progress.Enter();
        using (await turn) await DecideAsync(connection, batch, new Work(file, contents, columns, progress), ct);
    }

    private async Task DecideAsync(NpgsqlConnection connection, BatchRow batch, Work work, CancellationToken ct)
    {
        var (file, contents, columns, progress) = work;
        var store = new BatchStore(connection, batch, contents, file, progress);
        if (batch.Withdrawing) await store.WithdrawAsync(ct);

        // 3. Compare with what is registered, blocked and listed. What changes from here on is looked at again when it
        // is registered.
        batch.JudgedAt ??= await JudgedFromAsync(connection, batch.Number, ct);
        var judge = new BatchValidator(connection, batch, contents, file, progress);
        var imeisMax = PolicyMapping.DeviceMaxImeis((await policies.GetAsync(ct)).Policy);
        await judge.JudgeAsync(imeisMax, time.Now(), ct);
        SyncPoints.Reached(SyncPoint.BatchJudged);

        try
        {
            // 4. All lines or none.
            RequireGood(contents, batch);
            if (batch.DryRun)
            {
                await store.NoteSeenAsync(ct);
                await registration.CheckAsync(batch, contents, ct);
                Checked(log, batch.Number, contents.Units, progress.Ms);
                return;
            }

            // 5. Store, where nobody sees it, look at what was ordered meanwhile, and register.
            await StoreAsync(store, ct);
            var (head, _) = await journal.HeadAsync(ct);
            if (judge.BlockSince(await ValidationQueries.BlockedSinceAsync(connection, batch.JudgedAt.Value,
                ct))) RequireGood(
                contents, batch);
            batch.JudgedAt = (long)head;                    // little is left to be looked at while approvals wait
            await registration.RegisterAsync(batch, contents, async (write, ct) =>
            {
                if (judge.BlockSince(await ValidationQueries.BlockedSinceAsync(write.Connection, batch.JudgedAt.Value,
                    ct))) RequireGood(contents, batch);
            }, ct);
            Registered(log, batch.Number, contents.Units, progress.Ms);
        }
        catch (RegistryException why) when (why.Error is not RegistryError.RecoveryPending)
        {
            // 6. Nothing of it stays but the report.
            progress.At(BatchPhase.Reporting, 0, contents.Refused + contents.Flawed);
            await store.WithdrawAsync(ct);
            var report = new ErrorReport(contents, judge.Tacs, batch.Model, columns, imeisMax);
            if (contents.Refused + contents.Flawed > 0) await ReportAsync(connection, batch.Number, file, report,
                progress, contents, ct);
            await RejectAsync(batch, why, report.Lines, progress, ct);
        }
    }

    // A row of another batch of this kind is in the way, one that a cut left there: whoever finds that out makes room,
    // or the two would wait for each other.
    private static async Task StoreAsync(BatchStore store, CancellationToken ct)
    {
        try
        {
            await store.StoreAsync(ct);
        }
        catch (PostgresException taken) when (taken.SqlState is PostgresErrorCodes.UniqueViolation)
        {
            await store.WithdrawAsync(ct);
            throw;
        }
    }

    private async Task RejectAsync(BatchRow batch, RegistryException why, int lineErrors, BatchProgress progress,
        CancellationToken ct)
    {
        await registration.RejectAsync(batch, why, lineErrors, ct);
        Rejected(log, batch.Number, why.Error, lineErrors, progress.Ms);
    }

    private static void RequireGood(ParsedBatch contents, BatchRow batch)
    {
        var bad = contents.Refused + contents.Flawed;
        var units = contents.Refused + contents.Units;
        var miscounted = units == batch.DeclaredUnits ? ""
            : $"The file has {units} units, and {batch.DeclaredUnits} were declared.";
        if (bad > 0)
            throw new RegistryException(RegistryError.BatchHasInvalidLines,
                $"{bad} bad {(bad is 1 ? "line" : "lines")}; nothing of the batch was registered. {miscounted}"
                    .TrimEnd());
        if (miscounted.Length > 0)
            throw new RegistryException(RegistryError.UnitCountMismatch,
                $"{miscounted} Nothing of the batch was registered.", "declared_units",
                $"{units}, or a file of {batch.DeclaredUnits} units");
    }

    private static async Task ReportAsync(NpgsqlConnection connection, int number, BatchFile file, ErrorReport report,
        BatchProgress progress, ParsedBatch contents, CancellationToken ct) =>
        await file.ReadAsync(report, async (reader, _) =>
        {
            var isLast = reader.Units == contents.Units + contents.Refused;
            if (!report.HasPages && !isLast) return;

            await report.WriteAsync(connection, number, atEnd: isLast, ct);
            SyncPoints.Reached(SyncPoint.BatchReported);
            progress.At(BatchPhase.Reporting, report.Lines, contents.Refused + contents.Flawed);
        }, ct);

    // Positions are given in the order of commits: an order armed later has a later one, and one armed earlier is seen
    // by the comparison.
    private async Task<long> JudgedFromAsync(NpgsqlConnection connection, int number, CancellationToken ct)
    {
        var (head, _) = await journal.HeadAsync(ct);
        await ScalarAsync<object>(connection, JudgedSql, ct, number, (long)head);
        return (long)head;
    }

    private static async Task<T?> ScalarAsync<T>(NpgsqlConnection connection, string sql, CancellationToken ct,
        params object[] parameters)
    {
        await using var command = new NpgsqlCommand(sql, connection);
        foreach (var value in parameters) command.Parameters.Add(new() { Value = value });
        return await command.ExecuteScalarAsync(ct) is T value2 ? value2 : default;
    }

    [LoggerMessage(EventId = 2005, Level = LogLevel.Information,
        Message = "Batch {Number} was registered: {Units} units, {Ms} ms.")]
    private static partial void Registered(ILogger log, int number, int units, long ms);

    [LoggerMessage(EventId = 2012, Level = LogLevel.Information,
        Message = "Batch {Number} was rejected: {Reason}, {Lines} bad lines, {Ms} ms.")]
    private static partial void Rejected(ILogger log, int number, RegistryError reason, int lines, long ms);

    [LoggerMessage(EventId = 2013, Level = LogLevel.Information,
        Message = "Batch {Number}, a dry run, was judged: {Units} units, {Ms} ms.")]
    private static partial void Checked(ILogger log, int number, int units, long ms);

    /// <summary>What a batch is worked on with.</summary>
    private sealed record Work(BatchFile File, ParsedBatch Contents, int Columns, BatchProgress Progress);
}
