using DeviceRegistry.Contracts.V1;
using DeviceRegistry.Core;
using DeviceRegistry.Postgres.Schema;
using DeviceRegistry.Registrar.Registration;
using Microsoft.EntityFrameworkCore;
using BatchState = DeviceRegistry.Postgres.Schema.BatchState;

namespace DeviceRegistry.Registrar.Reads;

/// <summary>A parsed query for batches.</summary>
internal sealed record BatchQuery(long? Own, string OfParty, BatchState? State, DateTime? RegisteredFrom,
    DateTime? RegisteredBefore, int BeforeNumber, int PageSize)
{
    /// <summary>Parses the request for a list.</summary>
    public static BatchQuery From(Caller caller, ListBatchesRequest request)
    {
        var (own, ofParty) = Scope.Of(caller, request.Party);
        var (from, before) = Inputs.OpenDays("registered", request.RegisteredFrom, request.RegisteredUntil);
        var state = Inputs.ChoiceOrAny<Contracts.V1.BatchState, BatchState>("state", request.State);
        return new BatchQuery(own, ofParty, state, from, before, request.BeforeNumber is 0 ? int.MaxValue
            : request.BeforeNumber.ToBatchKey(), Inputs.PageSize(request.PageSize));
    }

    /// <summary>Parses the request for counts.</summary>
    public static BatchQuery From(Caller caller, CountUnitsRequest request) => From(caller, new ListBatchesRequest
    {
        Party = request.Party, RegisteredFrom = request.RegisteredFrom, RegisteredUntil = request.RegisteredUntil,
    });

    /// <summary>Returns a page of batches, newest first, by a scan of the primary key; the cost does not depend on the
    /// number of batches.</summary>
    public async Task<ListBatchesResponse> ListAsync(RegistryContext db, CancellationToken ct)
    {
        var rows = await Meant(db).Where(b => b.Number < BeforeNumber).OrderByDescending(b => b.Number)
            .Take(PageSize + 1).ToListAsync(ct);
        return new ListBatchesResponse
        {
            Batches =
            { await BatchMapping.ToSummariesAsync(db, [.. rows.Take(PageSize)], ct) }, More = rows.Count > PageSize
        };
    }

    /// <summary>Counts units by state. Sums runs, of which a batch has few, instead of units.</summary>
    public async Task<CountUnitsResponse> CountAsync(RegistryContext db, CancellationToken ct)
    {
        var registered = Meant(db).Where(b => b.State >= BatchState.Valid);
        var counts = await db.UnitRuns.AsNoTracking().Where(r => registered.Any(b => b.Number == r.BatchNumber))
            .GroupBy(r => r.State)
            .Select(g => new
            {
                State = g.Key, Units = g.Sum(r => (long)(r.LastUnit - r.FirstUnit + 1)),
                Imeis = g.Sum(r => (long)r.Imeis)
            }).OrderBy(c => c.State).ToListAsync(ct);
        return new CountUnitsResponse
        {
            Counts = { counts.Select(c =>
                new UnitCount { State = (Contracts.V1.UnitState)c.State, Units = (ulong)c.Units,
                Imeis = (ulong)c.Imeis }) },
            Batches = (ulong)await registered.LongCountAsync(ct),
        };
    }

    private IQueryable<BatchRow> Meant(RegistryContext db)
    {
        var batches = db.Batches.AsNoTracking();
        if (Own is { } own) batches = batches.Where(b => b.PartyId == own);
        if (OfParty.Length > 0) batches =
            batches.Where(b => db.Parties.Any(p => p.Id == b.PartyId && p.Name == OfParty));
        if (State is { } state) batches = batches.Where(b => b.State == state);
        if (RegisteredFrom is { } from) batches = batches.Where(b => b.RegisteredAt >= from);
        if (RegisteredBefore is { } before) batches = batches.Where(b => b.RegisteredAt < before);
        return batches;
    }
}
