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

/// <summary>Processes a sealed batch to its end: either all of its units are registered, or none is and every invalid
/// line is listed. Processing can be interrupted at any point: progress is in the tables, and the next attempt resumes
/// there.</summary>
internal sealed partial class BatchPipeline(
    NpgsqlDataSource database, JournalReader journal, BatchFinalizer finalizer, PolicyCommands policies,
    BatchOverlapGate gate, TimeProvider time, ILogger<BatchPipeline> log)
{
    private const string ClaimSql = "SELECT pg_try_advisory_lock(7213, $1)";
    private const string UnclaimSql = "SELECT pg_advisory_unlock(7213, $1)";
    private const string ValidatedFromSql = "UPDATE batches SET judged_at = $2 WHERE number = $1";
    private const string DropFileSql = "SELECT batch_drop_file($1)";

    /// <summary>Processes a batch until it is decided. Returns false if another process holds it.</summary>
    public async Task<bool> RunAsync(int number, BatchProgress progress, CancellationToken ct)
    {
        // During an overlapping restart, the process that is stopping keeps the batch.
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
            // 1. Read the file and check each line by itself.
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

        // 2. Wait for earlier batches that share an IMEI or a serial number.
        var entry = gate.EnterAsync(batch.PartyId, contents, ct);
        progress.SignalEntered();
        using (await entry) await DecideAsync(connection, batch, new Work(file, contents, columns, progress), ct);
    }

    private async Task DecideAsync(NpgsqlConnection connection, BatchRow batch, Work work, CancellationToken ct)
    {
        var (file, contents, columns, progress) = work;
        var store = new BatchStore(connection, batch, contents, file, progress);
        if (batch.Withdrawing) await store.WithdrawAsync(ct);

        // 3. Compare with registered units, orders in force and the TAC list. Changes from here on are checked again at
        // registration.
        batch.JudgedAt ??= await RecordValidationStartAsync(connection, batch.Number, ct);
        var validator = new BatchValidator(connection, batch, contents, file, progress);
        var imeisMax = PolicyMapping.DeviceMaxImeis((await policies.GetAsync(ct)).Policy);
        await validator.ValidateAsync(imeisMax, time.Now(), ct);
        SyncPoints.Reached(SyncPoint.BatchJudged);

        try
        {
            // 4. Require that all lines are valid.
            RequireValid(contents, batch);
            if (batch.DryRun)
            {
                await store.RecordSeenAsync(ct);
                await finalizer.CompleteDryRunAsync(batch, contents, ct);
                Checked(log, batch.Number, contents.Units, progress.Ms);
                return;
            }

            // 5. Store the units, not yet visible; check the orders armed meanwhile; register.
            await StoreAsync(store, ct);
            var (head, _) = await journal.HeadAsync(ct);
            if (validator.AddBlocked(await ValidationQueries.BlockedSinceAsync(connection, batch.JudgedAt.Value,
                ct))) RequireValid(
                contents, batch);
            batch.JudgedAt = (long)head;                    // keeps the check short while approvals wait
            await finalizer.RegisterAsync(batch, contents, async (write, ct) =>
            {
                if (validator.AddBlocked(await ValidationQueries.BlockedSinceAsync(write.Connection,
                    batch.JudgedAt.Value,
                    ct))) RequireValid(contents, batch);
            }, ct);
            Registered(log, batch.Number, contents.Units, progress.Ms);
        }
        catch (RegistryException why) when (why.Error is not RegistryError.RecoveryPending)
        {
            // 6. Remove everything stored; write the error report.
            progress.At(BatchPhase.Reporting, 0, contents.InvalidLines + contents.InvalidUnits);
            await store.WithdrawAsync(ct);
            var report = new ErrorReport(contents, validator.Tacs, batch.Model, columns, imeisMax);
            if (contents.InvalidLines + contents.InvalidUnits > 0) await ReportAsync(connection, batch.Number, file,
                report,
                progress, contents, ct);
            await RejectAsync(batch, why, report.Lines, progress, ct);
        }
    }

    // An interrupted attempt of another batch left a row with the same IMEI or serial number. Remove the own rows,
    // otherwise the two batches would wait for each other.
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
        await finalizer.RejectAsync(batch, why, lineErrors, ct);
        Rejected(log, batch.Number, why.Error, lineErrors, progress.Ms);
    }

    private static void RequireValid(ParsedBatch contents, BatchRow batch)
    {
        var bad = contents.InvalidLines + contents.InvalidUnits;
        var units = contents.InvalidLines + contents.Units;
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
            var isLast = reader.Units == contents.Units + contents.InvalidLines;
            if (!report.HasPages && !isLast) return;

            await report.WriteAsync(connection, number, atEnd: isLast, ct);
            SyncPoints.Reached(SyncPoint.BatchReported);
            progress.At(BatchPhase.Reporting, report.Lines, contents.InvalidLines + contents.InvalidUnits);
        }, ct);

    // Positions are assigned in commit order: an order armed later has a higher position, and the validation sees one
    // armed earlier.
    private async Task<long> RecordValidationStartAsync(NpgsqlConnection connection, int number, CancellationToken ct)
    {
        var (head, _) = await journal.HeadAsync(ct);
        await ScalarAsync<object>(connection, ValidatedFromSql, ct, number, (long)head);
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
        Message = "Batch {Number} registered: {Units} units in {Ms} ms")]
    private static partial void Registered(ILogger log, int number, int units, long ms);

    [LoggerMessage(EventId = 2012, Level = LogLevel.Information,
        Message = "Batch {Number} rejected: {Reason}, {Lines} invalid lines, {Ms} ms")]
    private static partial void Rejected(ILogger log, int number, RegistryError reason, int lines, long ms);

    [LoggerMessage(EventId = 2013, Level = LogLevel.Information,
        Message = "Batch {Number} dry run completed: {Units} units in {Ms} ms")]
    private static partial void Checked(ILogger log, int number, int units, long ms);

    /// <summary>What the steps after reading need.</summary>
    private sealed record Work(BatchFile File, ParsedBatch Contents, int Columns, BatchProgress Progress);
}
