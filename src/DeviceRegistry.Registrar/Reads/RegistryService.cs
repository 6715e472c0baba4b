using DeviceRegistry.Contracts;
using DeviceRegistry.Contracts.V1;
using DeviceRegistry.Core;
using DeviceRegistry.Postgres.Schema;
using DeviceRegistry.Registrar.Orders;
using DeviceRegistry.Registrar.Registration;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Microsoft.EntityFrameworkCore;
using BatchState = DeviceRegistry.Postgres.Schema.BatchState;
using PartyKind = DeviceRegistry.Core.PartyKind;

namespace DeviceRegistry.Registrar.Reads;

/// <summary>Reads of detail. Another party's row is NOT_FOUND, the same as no row.</summary>
internal sealed class RegistryService(TableReads reads) : Contracts.V1.RegistryService.RegistryServiceBase
{
    /// <inheritdoc/>
    public override Task<DescribeDeviceResponse> DescribeDevice(DescribeDeviceRequest request, ServerCallContext context)
    {
        var imei = Inputs.Imei("imei", request.Imei);
        return reads.ReadAsync((db, ct) => DescribeAsync(db, imei, ct), context.CancellationToken);
    }

    /// <inheritdoc/>
    public override Task<GetDeviceResponse> GetDevice(GetDeviceRequest request, ServerCallContext context)
    {
        var caller = CallSession.Of(context).Caller;
        var imei = Inputs.Imei("imei", request.Imei);
        return reads.ReadAsync((db, ct) => GetDeviceAsync(db, caller, imei, ct), context.CancellationToken);
    }

    /// <inheritdoc/>
    public override Task<GetBatchResponse> GetBatch(GetBatchRequest request, ServerCallContext context)
    {
        var caller = CallSession.Of(context).Caller;
        return reads.ReadAsync(
            async (db, ct) =>
            {
                var batch = await db.Batches.AsNoTracking().SingleOrDefaultAsync(b => b.Number == request.BatchNumber.ToKey(), ct);
                if (batch is null || (!MayReadAll(caller) && batch.PartyId != (long)caller.PartyId)) throw BatchBook.NoBatch(request.BatchNumber);
                return new GetBatchResponse { Batch = await batch.ToSummaryAsync(db, ct) };
            },
            context.CancellationToken);
    }

    /// <inheritdoc/>
    public override Task<GetOrderResponse> GetOrder(GetOrderRequest request, ServerCallContext context) =>
        reads.ReadAsync(
            async (db, ct) =>
            {
                var order = await db.Orders.AsNoTracking().SingleOrDefaultAsync(o => o.Number == request.OrderNumber.ToKey(), ct) ?? throw OrderBook.NoOrder(request.OrderNumber);
                return new GetOrderResponse { Order = await order.ToSummaryAsync(db, ct) };
            },
            context.CancellationToken);

    private static async Task<DescribeDeviceResponse> DescribeAsync(RegistryContext db, Imei imei, CancellationToken ct)
    {
        // Stock that is not on the market is nobody's business but its owner's and the regulator's.
        var batch = await BatchOfAsync(db, imei, ct);
        if (batch is not { State: BatchState.Released }) throw NoDevice();
        return new DescribeDeviceResponse
        {
            Manufacturer = await db.Parties.Where(p => p.Id == batch.PartyId).Select(p => p.Name).SingleAsync(ct),
            Model = batch.Model,
            Origin = (DeviceOrigin)batch.Origin,
        };
    }

    private static async Task<GetDeviceResponse> GetDeviceAsync(RegistryContext db, Caller caller, Imei imei, CancellationToken ct)
    {
        var batch = await BatchOfAsync(db, imei, ct);
        var mayReadAll = MayReadAll(caller);
        if (!mayReadAll && (batch is null || batch.PartyId != (long)caller.PartyId)) throw NoDevice();

        var orders = mayReadAll ? await OrdersOfAsync(db, imei, ct) : [];
        if (batch is null && orders.Count is 0) throw NoDevice();

        var answer = new GetDeviceResponse { Imei = imei.Digits, Unit = batch is null ? null : await UnitAsync(db, imei, batch, ct) };
        foreach (var order in orders) answer.Orders.Add(await order.ToSummaryAsync(db, ct));
        answer.History.AddRange(await HistoryAsync(db, batch, orders, caller, ct));
        return answer;
    }

    private static bool MayReadAll(Caller caller) => caller.PartyKind is PartyKind.Regulator or PartyKind.Auditor;

    private static RegistryException NoDevice() => new(RegistryError.NotFound, "No handset with that IMEI is registered, or it is not yours to see.", "imei", "an IMEI of a registered handset");

    private static async Task<BatchRow?> BatchOfAsync(RegistryContext db, Imei imei, CancellationToken ct) =>
        await (from i in db.Imeis
               join d in db.Devices on i.DeviceId equals d.Id
               join b in db.Batches on d.BatchNumber equals b.Number
               where i.Imei == (long)imei.Value
               select b).AsNoTracking().SingleOrDefaultAsync(ct);

    private static async Task<DeviceUnit> UnitAsync(RegistryContext db, Imei imei, BatchRow batch, CancellationToken ct)
    {
        var device = await (from i in db.Imeis join d in db.Devices on i.DeviceId equals d.Id where i.Imei == (long)imei.Value select d).AsNoTracking().SingleAsync(ct);
        var imeis = await db.Imeis.AsNoTracking().Where(i => i.DeviceId == device.Id).OrderBy(i => i.Slot).Select(i => i.Imei).ToListAsync(ct);
        return new DeviceUnit { SerialNumber = device.SerialNumber, Imeis = { imeis.Select(i => new Imei((ulong)i).Digits) }, Batch = await batch.ToSummaryAsync(db, ct) };
    }

    // An order covers an IMEI by itself or by its TAC; a lift belongs to the order it lifts.
    private static async Task<List<OrderRow>> OrdersOfAsync(RegistryContext db, Imei imei, CancellationToken ct)
    {
        // Two questions, both by index: as one, the planner would read every order there is.
        var covering = await db.OrderItems.Where(i =>
            (i.Kind == OrderItemKind.Imei && i.Value == (long)imei.Value) || (i.Kind == OrderItemKind.Tac && i.Value == imei.Tac.Value)).Select(i => i.OrderNumber).ToListAsync(ct);
        return await db.Orders.AsNoTracking()
            .Where(o => covering.Contains(o.Number) || covering.Contains(o.Lifts!.Value))
            .OrderByDescending(o => o.Number).ToListAsync(ct);
    }

    private static async Task<List<HistoryEntry>> HistoryAsync(RegistryContext db, BatchRow? batch, List<OrderRow> orders, Caller caller, CancellationToken ct)
    {
        var numbers = orders.Select(o => o.Number).ToList();
        var batchNumber = batch?.Number ?? 0;
        var entries = await (from s in db.JournalSubjects
                             where (s.Kind == SubjectKind.Batch && s.Subject == batchNumber) || (s.Kind == SubjectKind.Order && numbers.Contains(s.Subject))
                             join p in db.JournalPayloads on s.PayloadId equals p.Id
                             join j in db.Journal on p.Id equals j.PayloadId
                             join a in db.Actors on p.Actor equals a.Id
                             join party in db.Parties on a.PartyId equals party.Id
                             orderby j.Position
                             select new { j.Position, j.At, a.Name, a.PartyId, PartyKind = party.Kind, p.Kind, SubjectKind = s.Kind, s.Subject }).AsNoTracking().ToListAsync(ct);

        // A large release is several entries of one act. People of other parties are named to those who may read all.
        return [.. entries
            .DistinctBy(e => (JournalKind)e.Kind is JournalKind.ImeisReleased ? 0 : e.Position)
            .Select(e => new HistoryEntry
            {
                Position = (ulong)e.Position, At = Timestamp.FromDateTime(e.At), Actor = MayReadAll(caller) || e.PartyId == (long)caller.PartyId ? e.Name : StatusMapping.UpperSnake(e.PartyKind.ToString()),
                Event = $"{StatusMapping.UpperSnake(((JournalKind)e.Kind).ToString())} {(e.SubjectKind is SubjectKind.Batch ? "batch" : "order")} {e.Subject}",
            })];
    }
}
