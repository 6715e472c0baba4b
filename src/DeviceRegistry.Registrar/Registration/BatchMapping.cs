using System.Globalization;
using DeviceRegistry.Contracts.V1;
using DeviceRegistry.Postgres.Schema;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Microsoft.EntityFrameworkCore;
using BatchState = DeviceRegistry.Postgres.Schema.BatchState;

namespace DeviceRegistry.Registrar.Registration;

/// <summary>Maps rows of batches to messages of the contract.</summary>
internal static class BatchMapping
{
    public static async Task<BatchSummary> ToSummaryAsync(this BatchRow batch, RegistryContext db,
        CancellationToken ct) =>
        (await ToSummariesAsync(db, [batch], ct))[0];

    /// <summary>Maps several batches; reads their parties and unit counts with two queries in total.</summary>
    public static async Task<IReadOnlyList<BatchSummary>> ToSummariesAsync(
        RegistryContext db, IReadOnlyList<BatchRow> batches, CancellationToken ct)
    {
        var numbers = batches.Select(b => b.Number).ToList();
        var owners = batches.Select(b => b.PartyId).Distinct().ToList();
        var parties = await db.Parties.AsNoTracking().Where(p => owners.Contains(p.Id))
            .ToDictionaryAsync(p => p.Id, p => p.Name, ct);
        var counts = (await db.UnitRuns.AsNoTracking().Where(r => numbers.Contains(r.BatchNumber))
            .GroupBy(r => new { r.BatchNumber, r.State })
            .Select(g => new
            {
                g.Key.BatchNumber, g.Key.State, Units = g.Sum(r => (long)(r.LastUnit - r.FirstUnit + 1)),
                Imeis = g.Sum(r => (long)r.Imeis)
            }).ToListAsync(ct)).ToLookup(c => c.BatchNumber);
        return [.. batches.Select(b => b.ToSummary(
            parties[b.PartyId], counts[b.Number].OrderBy(c => c.State)
            .Select(c => new UnitCount { State = (UnitState)c.State, Units = (ulong)c.Units,
            Imeis = (ulong)c.Imeis })))];
    }

    public static UnitRange ToWire(this Core.UnitRange range) =>
        new() { First = (uint)range.First, Last = (uint)range.Last };

    public static string ToWire(this DateOnly day) => day.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture);

    private static BatchSummary ToSummary(this BatchRow batch, string party, IEnumerable<UnitCount> counts) => new()
    {
        BatchNumber = (ulong)batch.Number,
        Reference = batch.Reference,
        Party = party,
        State = (Contracts.V1.BatchState)batch.State,
        Units = (uint)batch.Units,
        Imeis = (uint)batch.Imeis,
        Model = batch.Model,
        Origin = (DeviceOrigin)batch.Origin,
        ProducedOn = batch.ProducedOn.ToWire(),
        Authorization = batch.AuthorizationNumber,
        ContentHash = ByteString.CopyFrom(batch.ContentHash),
        RegisteredAt = batch.RegisteredAt is { } at ? Timestamp.FromDateTime(at) : null,
        DeclaredUnits = (uint)batch.DeclaredUnits,
        DryRun = batch.DryRun,
        NextChunk = batch.State is BatchState.Open ? (uint)batch.Chunks + 1 : 0,
        ExpiresAt = batch.ExpiresAt is { } end ? Timestamp.FromDateTime(end) : null,
        LineErrors = (uint)batch.LineErrors,
        UnitCounts = { counts },
        DurableBytes = (ulong)batch.ChunkBytes,
    };
}
