using DeviceRegistry.Contracts;
using DeviceRegistry.Contracts.V1;
using DeviceRegistry.Core;
using DeviceRegistry.Postgres.Schema;
using DeviceRegistry.Registrar.Orders;
using DeviceRegistry.Registrar.Registration;
using Google.Protobuf.WellKnownTypes;
using Microsoft.EntityFrameworkCore;
using BatchState = DeviceRegistry.Postgres.Schema.BatchState;
using UnitState = DeviceRegistry.Core.UnitState;

namespace DeviceRegistry.Registrar.Reads;

/// <summary>Queries for the registry's data on one device.</summary>
internal static class DeviceReads
{
    /// <summary>A registered unit and its batch.</summary>
    private sealed record Unit(DeviceRow Device, BatchRow Batch);

    /// <summary>Returns the data on a device that a network may see.</summary>
    public static async Task<DescribeDeviceResponse> DescribeAsync(RegistryContext db, Imei imei, CancellationToken ct)
    {
        // Only the owner, the regulator and auditors see units that are not released. An IMEI of a replaced board
        // belongs to no device.
        var unit = await FindAsync(db, imei, ct);
        if (unit is null || !unit.Device.Imeis.Contains((long)imei.Value)
            || await StateAsync(db, unit, ct) is not UnitState.Released) throw NoDevice("imei");
        return new DescribeDeviceResponse
        {
            Manufacturer = await db.Parties.Where(p => p.Id == unit.Batch.PartyId).Select(p => p.Name).SingleAsync(ct),
            Model = unit.Batch.Model, Origin = (DeviceOrigin)unit.Batch.Origin,
        };
    }

    /// <summary>Returns all data on a device, by an IMEI that it has or had.</summary>
    public static async Task<GetDeviceResponse> GetAsync(RegistryContext db, Caller caller, Imei imei,
        CancellationToken ct)
    {
        var unit = await FindAsync(db, imei, ct);
        if (!Scope.SeesAll(caller) && unit?.Batch.PartyId != (long)caller.PartyId) throw NoDevice("imei");

        return await GetAsync(db, caller, imei, unit, ct);
    }

    /// <summary>Returns all data on a device, by its serial number.</summary>
    public static async Task<GetDeviceResponse> GetAsync(RegistryContext db, Caller caller, string serial, long? own,
        string ofParty, CancellationToken ct)
    {
        var unit = await (from d in db.Devices
                          join b in db.Batches on d.BatchNumber equals b.Number
                          join p in db.Parties on d.PartyId equals p.Id
                          where d.SerialNumber == serial && b.State >= BatchState.Valid
                              && (own != null ? p.Id == own : p.Name == ofParty)
                          select new Unit(d, b)).AsNoTracking().SingleOrDefaultAsync(ct)
                              ?? throw NoDevice("serial_number");
        return await GetAsync(db, caller, new Imei((ulong)unit.Device.Imeis[0]), unit, ct);
    }

    private static async Task<GetDeviceResponse> GetAsync(RegistryContext db, Caller caller, Imei imei, Unit? unit,
        CancellationToken ct)
    {
        var orders = Scope.SeesAll(caller) ? await OrdersOfAsync(db, imei, ct) : [];
        if (unit is null && orders.Count is 0) throw NoDevice("imei");

        var answer = new GetDeviceResponse
        {
            Imei = imei.Digits, Unit = unit is null ? null
            : await ToWireAsync(db, caller, unit, ct)
        };
        foreach (var order in orders) answer.Orders.Add(await order.ToSummaryAsync(db, ct));
        answer.History.AddRange(await HistoryAsync(db, unit, orders, caller, ct));
        return answer;
    }

    private static RegistryException NoDevice(string field) =>
        new(RegistryError.NotFound, "No such handset is registered, or it is not yours to see.", field,
        "that of a registered handset");

    private static Task<Unit?> FindAsync(RegistryContext db, Imei imei, CancellationToken ct) =>
        (from i in db.Imeis
         join d in db.Devices on new { i.BatchNumber, i.Unit } equals new { d.BatchNumber, d.Unit }
         join b in db.Batches on d.BatchNumber equals b.Number
         where i.Imei == (long)imei.Value && b.State >= BatchState.Valid
         select new Unit(d, b)).AsNoTracking().SingleOrDefaultAsync(ct);

    private static Task<UnitState> StateAsync(RegistryContext db, Unit unit, CancellationToken ct) =>
        db.UnitRuns.Where(r => r.BatchNumber == unit.Device.BatchNumber && r.FirstUnit <= unit.Device.Unit)
            .OrderByDescending(r => r.FirstUnit).Select(r => r.State).FirstAsync(ct);

    private static async Task<DeviceUnit> ToWireAsync(RegistryContext db, Caller caller, Unit unit,
        CancellationToken ct)
    {
        var device = unit.Device;
        var retired = await db.Imeis.AsNoTracking()
            .Where(i => i.BatchNumber == device.BatchNumber && i.Unit == device.Unit && i.RetiredAt != null)
            .OrderBy(i => i.RetiredAt).ThenBy(i => i.Imei).Select(i => i.Imei).ToListAsync(ct);
        var seen = Scope.SeesAll(caller) ? await db.Sightings.AsNoTracking()
            .Where(s => device.Imeis.Contains(s.Identity)).ToListAsync(ct) : [];
        return new DeviceUnit
        {
            SerialNumber = device.SerialNumber,
            Imeis = { device.Imeis.Select(i => new Imei((ulong)i).Digits) },
            Batch = await unit.Batch.ToSummaryAsync(db, ct),
            State = (Contracts.V1.UnitState)await StateAsync(db, unit, ct),
            RetiredImeis = { retired.Select(i => new Imei((ulong)i).Digits) },
            FirstSeenAt = seen.Count > 0 ? Timestamp.FromDateTime(seen.Min(s => s.FirstSeen)) : null,
            LastSeenAt = seen.Count > 0 ? Timestamp.FromDateTime(seen.Max(s => s.LastSeen)) : null,
        };
    }

    // An order covers an IMEI as a single IMEI, with a subscriber, by a range or by its TAC; an order action belongs to
    // its target order.
    private static async Task<List<OrderRow>> OrdersOfAsync(RegistryContext db, Imei imei, CancellationToken ct)
    {
        // Two queries, both by index: for a single query the planner would read every order. A range has a single TAC,
        // so few ranges start before the IMEI.
        var (number, ofTac) = ((long)imei.Value, (long)imei.Tac.Value * SerialRange.SerialsOfTac);
        var covering = await db.OrderItems.Where(i =>
            ((i.Kind == OrderItemKind.Imei || i.Kind == OrderItemKind.Pair) && i.Value == number)
                || (i.Kind == OrderItemKind.Tac && i.Value == imei.Tac.Value)
            || (i.Kind == OrderItemKind.Range && i.Value >= ofTac && i.Value <= number && i.Detail >= number))
            .Select(i => i.OrderNumber).ToListAsync(ct);
        return await db.Orders.AsNoTracking()
            .Where(o => covering.Contains(o.Number) || covering.Contains(o.Against!.Value))
            .OrderByDescending(o => o.Number).ToListAsync(ct);
    }

    private sealed record HistoryRow(long Position, DateTime At, string Name, long PartyId, Core.PartyKind PartyKind,
        JournalKind Kind, SubjectKind SubjectKind, long Subject, byte[]? Private);

    private static async Task<List<HistoryEntry>> HistoryAsync(RegistryContext db, Unit? unit, List<OrderRow> orders,
        Caller caller, CancellationToken ct)
    {
        var numbers = orders.Select(o => o.Number).ToList();
        var batchNumber = unit?.Batch.Number ?? 0;
        var entries = await (from s in db.JournalSubjects
                             where (s.Kind == SubjectKind.Batch && s.Subject == batchNumber)
                             || (s.Kind == SubjectKind.Order && numbers.Contains(s.Subject))
                             join p in db.JournalPayloads on s.PayloadId equals p.Id
                             join j in db.Journal on p.Id equals j.PayloadId
                             join a in db.Actors on p.Actor equals a.Id into actors
                             from a in actors.DefaultIfEmpty()
                             join party in db.Parties on a.PartyId equals party.Id into parties
                             from party in parties.DefaultIfEmpty()
                             join secret in db.Set<JournalPrivateRow>() on p.Id equals secret.PayloadId into secrets
                             from secret in secrets.DefaultIfEmpty()
                             orderby j.Position descending
                             select new HistoryRow(
                                 j.Position, j.At, a == null ? "" : a.Name, party == null ? 0 : party.Id, party == null
                                 ? Core.PartyKind.Regulator : party.Kind, (JournalKind)p.Kind, s.Kind, s.Subject,
                                 p.Kind == (int)JournalKind.BatchDeclared || secret == null ? null
                                 : secret.PrivateBytes)).AsNoTracking().Take(Limits.HistoryMax).ToListAsync(ct);
        entries.Reverse();

        // A change of many units has several entries, of which the last lists the units.
        return [.. entries
            .Where(e => e.SubjectKind is not SubjectKind.Batch || Covers(e, unit!.Device.Unit))
            .Select(e => new HistoryEntry
            {
                Position = (ulong)e.Position, At = Timestamp.FromDateTime(e.At), Actor = NameOf(e, caller),
                Event = $"{StatusMapping.UpperSnake(e.Kind.ToString())} " +
                    $"{(e.SubjectKind is SubjectKind.Batch ? "batch" : "order")} {e.Subject}",
            })];
    }

    private static bool Covers(HistoryRow entry, int unit) => entry.Kind switch
    {
        JournalKind.ImeisReleased or JournalKind.ImeisRetired or JournalKind.UnitsChanged =>
            entry.Private is { Length: > 0 } bytes
            && UnitsChangedPrivate.Parser.ParseFrom(bytes).Units.Any(r => r.First <= unit && unit <= r.Last),
        JournalKind.BoardSwapped =>
            entry.Private is { } bytes && BoardSwappedPrivate.Parser.ParseFrom(bytes).Unit == unit,
        _ => true,
    };

    // Names of people of other parties are shown only to callers that may read all rows.
    private static string NameOf(HistoryRow entry, Caller caller) => entry switch
    {
        { Name: "" } => "the registry",
        _ when Scope.SeesAll(caller) || entry.PartyId == (long)caller.PartyId => entry.Name,
        _ => StatusMapping.UpperSnake(entry.PartyKind.ToString()),
    };
}
