using System.Text;
using DeviceRegistry.Contracts.V1;
using DeviceRegistry.Core;
using DeviceRegistry.Postgres;
using DeviceRegistry.Postgres.Journal;
using DeviceRegistry.Postgres.Schema;
using Google.Protobuf;
using Microsoft.EntityFrameworkCore;
using Npgsql;
using BatchState = DeviceRegistry.Postgres.Schema.BatchState;
using AuthorizationKind = DeviceRegistry.Postgres.Schema.AuthorizationKind;
using AuthorizationState = DeviceRegistry.Postgres.Schema.AuthorizationState;

namespace DeviceRegistry.Registrar.Registration;

/// <summary>What a batch declares, each field read.</summary>
internal sealed record BatchDeclaration(BatchHeader Header, DateOnly ProducedOn, Origin Origin)
{
    /// <summary>Reads a header; refuses what cannot be declared.</summary>
    public static BatchDeclaration From(BatchHeader header, DateOnly today)
    {
        Inputs.Reference(header.Reference);
        Inputs.Printable("authorization", header.Authorization, 64);
        Inputs.Printable("model", header.Model, 100);
        Inputs.Require(header.Origin is DeviceOrigin.LocalAssembly or DeviceOrigin.ImportCommercial, "origin", "LOCAL_ASSEMBLY or IMPORT_COMMERCIAL for a batch");
        var origin = Inputs.Choice<DeviceOrigin, Origin>("origin", header.Origin);
        var producedOn = Inputs.Date("produced_on", header.ProducedOn);
        Inputs.Require(producedOn <= today, "produced_on", "a date not in the future, by the clock furthest east (UTC+14)");
        return new BatchDeclaration(header, producedOn, origin);
    }
}

/// <summary>What came of a batch: a receipt, or every bad line.</summary>
internal sealed record BatchOutcome(BatchReceipt? Receipt, IReadOnlyList<LineFault> Faults);

/// <summary>Takes a batch: all of its units or none.</summary>
internal sealed class BatchIntake(Writes writes, TimeProvider time)
{
    // In the order of the keys, so that two batches with the same numbers wait for each other instead of deadlocking.
    private const string PromoteSql = """
        WITH unit AS (
          INSERT INTO devices (batch_number, party_id, serial_number)
          SELECT $1, $2, serial FROM staged_units WHERE slot = 1 ORDER BY serial
          RETURNING id, serial_number)
        INSERT INTO imeis (imei, device_id, slot)
        SELECT s.imei, u.id, s.slot FROM staged_units s JOIN unit u ON u.serial_number = s.serial ORDER BY s.imei
        """;

    /// <summary>Registers the units, or says what is wrong with each bad line. Two batches that race for one IMEI are told apart by its
    /// primary key: the later one is judged again, and now finds the number taken.</summary>
    public async Task<BatchOutcome> AcceptAsync(Caller caller, BatchDeclaration declared, UnitsFile file, CancellationToken ct)
    {
        // The hash covers good lines only, so the bad ones count in the digest: a good batch with a bad line added is other content.
        var digest = WriteClaim.DigestOf(
            BatchHeader.Descriptor.FullName, [.. declared.Header.ToByteArray(), .. file.ContentHash, .. BitConverter.GetBytes(file.Faults.Count)]);
        try
        {
            // 1. Claim the reference: a retry of the same file must find its receipt, not load it twice.
            var receipt = await writes.OnceAsync(caller, declared.Header.Reference, digest, async (write, ct) =>
            {
                // 2. The right to register at all.
                await RequireAuthorizationAsync(write.Db, caller, declared, ct);
                SyncPoints.Reached(SyncPoint.BatchAuthorized);

                // 3. Stage, where nothing outside this transaction sees it, and judge the whole before promoting any of it.
                var facts = await LineFacts.StageAsync(write.Connection, file.Units, caller.PartyId, declared.ProducedOn, time.GetUtcNow().UtcDateTime, ct);
                LinesBadException.ThrowIfAny(FindFaults(facts, declared, file));
                SyncPoints.Reached(SyncPoint.BatchJudged);

                // 4. Promote; the journal entries and the receipt follow in the same transaction.
                var promoted = await PromoteAsync(write, caller, declared, file, ct);
                SyncPoints.Reached(SyncPoint.BatchPromoted);

                // 5. An order approved since step 3 has not seen these units, nor they it. From here approvals wait for the commit.
                await write.LockAsync(WriteLock.Subjects, ct);
                if (await facts.BlockedMeanwhileAsync(write.Connection, time.GetUtcNow().UtcDateTime, ct)) LinesBadException.ThrowIfAny(FindFaults(facts, declared, file));
                SyncPoints.Reached(SyncPoint.BatchCovered);
                return promoted;
            }, ct);
            return new BatchOutcome(receipt, []);
        }
        catch (LinesBadException bad)
        {
            return new BatchOutcome(null, bad.Faults);
        }
    }

    private static List<LineFault> FindFaults(LineFacts facts, BatchDeclaration declared, UnitsFile file)
    {
        var needsMandate = declared.Origin is Origin.LocalAssembly;
        var judged = file.Units.Select(u => facts.Judge(u, declared.Header.Model, needsMandate)).OfType<LineFault>().ToList();
        var named = judged.Select(f => f.Line).ToHashSet();
        return [.. file.Faults.Concat(judged).Concat(file.Repeats.Where(f => !named.Contains(f.Line))).OrderBy(f => f.Line)];
    }

    // DOMAIN F2: the authorization is in force on the production date.
    private static async Task RequireAuthorizationAsync(RegistryContext db, Caller caller, BatchDeclaration declared, CancellationToken ct)
    {
        var number = declared.Header.Authorization;
        var right = await db.Authorizations.AsNoTracking().SingleOrDefaultAsync(a => a.Number == number && a.PartyId == (long)caller.PartyId, ct)
            ?? throw new RegistryException(RegistryError.AuthorizationUnknown,
                $"You hold no authorization {Inputs.Quote(number)}. Nothing was registered.", "authorization", "the number of an authorization of yours");
        var kind = declared.Origin is Origin.LocalAssembly ? AuthorizationKind.Manufacturing : AuthorizationKind.Import;
        var why = right switch
        {
            _ when right.Kind != kind => $"is not for {(kind is AuthorizationKind.Manufacturing ? "manufacturing" : "import")}",
            { State: AuthorizationState.Suspended } => "is suspended",
            { State: AuthorizationState.Revoked } => "is revoked",
            _ when declared.ProducedOn < right.ValidFrom || declared.ProducedOn > right.ValidUntil =>
                $"was in force from {right.ValidFrom:yyyy-MM-dd} to {right.ValidUntil:yyyy-MM-dd}, not on {declared.ProducedOn:yyyy-MM-dd}",
            _ => null,
        };
        if (why is not null)
            throw new RegistryException(RegistryError.AuthorizationNotInForce,
                $"Authorization {number} {why}. Nothing was registered.", "authorization", "an authorization in force on the production date");
    }

    private async Task<BatchReceipt> PromoteAsync(RegistryWrite write, Caller caller, BatchDeclaration declared, UnitsFile file, CancellationToken ct)
    {
        var header = declared.Header;
        var batch = new BatchRow
        {
            PartyId = (long)caller.PartyId, Reference = header.Reference, AuthorizationNumber = header.Authorization, ProducedOn = declared.ProducedOn,
            Origin = declared.Origin, Model = header.Model, Units = file.Units.Count, Imeis = file.ImeiCount, ContentHash = file.ContentHash,
            State = BatchState.Valid, RegisteredAt = time.GetUtcNow().UtcDateTime,
        };
        write.Db.Batches.Add(batch);
        await write.Db.SaveChangesAsync(ct);

        await using (var promote = new NpgsqlCommand(PromoteSql, write.Connection) { Parameters = { new() { Value = batch.Number }, new() { Value = batch.PartyId } } })
            await promote.ExecuteNonQueryAsync(ct);

        var number = (ulong)batch.Number;
        write.Stage(JournalKind.BatchDeclared, new BatchStep { BatchNumber = number }, new BatchDeclaredPrivate
        {
            Header = header, PartyId = caller.PartyId, Units = (uint)batch.Units, Imeis = (uint)batch.Imeis, ContentHash = ByteString.CopyFrom(batch.ContentHash),
        }, (SubjectKind.Batch, batch.Number));
        foreach (var lines in Chunks(file.Units))
            write.Stage(JournalKind.BatchUnits, new BatchStep { BatchNumber = number }, new BatchUnitsPrivate { Lines = lines });

        return new BatchReceipt
        {
            BatchNumber = number, Units = (uint)batch.Units, Imeis = (uint)batch.Imeis, ContentHash = ByteString.CopyFrom(batch.ContentHash),
        };
    }

    private static IEnumerable<ByteString> Chunks(IEnumerable<UnitLine> units)
    {
        var lines = new StringBuilder();
        foreach (var unit in units)
        {
            lines.Append(unit.Canonical);
            if (lines.Length < Limits.UnitsEntryBytes) continue;

            yield return ByteString.CopyFromUtf8(lines.ToString());
            lines.Clear();
        }

        if (lines.Length > 0) yield return ByteString.CopyFromUtf8(lines.ToString());
    }

    // Leaves the write without committing it; never seen outside this class.
    private sealed class LinesBadException(IReadOnlyList<LineFault> faults) : Exception
    {
        public IReadOnlyList<LineFault> Faults { get; } = faults;

        public static void ThrowIfAny(List<LineFault> faults)
        {
            if (faults.Count > 0) throw new LinesBadException(faults);
        }
    }
}
