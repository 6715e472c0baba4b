using DeviceRegistry.Contracts;
using DeviceRegistry.Contracts.V1;
using DeviceRegistry.Registrar.Orders;
using DeviceRegistry.Registrar.Registration;
using Grpc.Core;
using Microsoft.EntityFrameworkCore;

namespace DeviceRegistry.Registrar.Reads;

/// <summary>gRPC service for queries. A row of another party is NOT_FOUND, the same as a missing row.</summary>
internal sealed class RegistryService(Database reads) : Contracts.V1.RegistryService.RegistryServiceBase
{
    /// <inheritdoc/>
    public override Task<DescribeDeviceResponse> DescribeDevice(DescribeDeviceRequest request,
        ServerCallContext context)
    {
        var imei = Inputs.Imei("imei", request.Imei);
        return reads.ReadAsync((db, ct) => DeviceReads.DescribeAsync(db, imei, ct), context.CancellationToken);
    }

    /// <inheritdoc/>
    public override Task<GetDeviceResponse> GetDevice(GetDeviceRequest request, ServerCallContext context)
    {
        var caller = CallSession.Of(context).Caller;
        if (request.SerialNumber.Length is 0)
        {
            var imei = Inputs.Imei("imei", request.Imei);
            return reads.ReadAsync((db, ct) => DeviceReads.GetAsync(db, caller, imei, ct), context.CancellationToken);
        }

        Inputs.Require(request.Imei.Length is 0, "imei", "none with a serial number");
        var serial = Inputs.SerialNumber("serial_number", request.SerialNumber);
        var (own, ofParty) = Scope.Of(caller, request.Party);
        Inputs.Require(own is not null || ofParty.Length > 0, "party",
            "whose serial number it is: the name of its maker or importer");
        return reads.ReadAsync((db, ct) =>
            DeviceReads.GetAsync(db, caller, serial, own, ofParty, ct), context.CancellationToken);
    }

    /// <inheritdoc/>
    public override Task<GetBatchResponse> GetBatch(GetBatchRequest request, ServerCallContext context)
    {
        var (own, _) = Scope.Of(CallSession.Of(context).Caller, "");
        return reads.ReadAsync(
            async (db, ct) =>
            {
                var batch = await db.Batches.AsNoTracking()
                    .SingleOrDefaultAsync(b => b.Number == request.BatchNumber.ToBatchKey()
                    && (own == null || b.PartyId == own), ct)
                    ?? throw BatchCertification.NoBatch(request.BatchNumber);
                return new GetBatchResponse { Batch = await batch.ToSummaryAsync(db, ct) };
            },
            context.CancellationToken);
    }

    /// <inheritdoc/>
    public override Task<ListBatchesResponse> ListBatches(ListBatchesRequest request, ServerCallContext context)
    {
        var question = BatchQuery.From(CallSession.Of(context).Caller, request);
        return reads.ReadAsync(question.ListAsync, context.CancellationToken);
    }

    /// <inheritdoc/>
    public override Task<CountUnitsResponse> CountUnits(CountUnitsRequest request, ServerCallContext context)
    {
        var question = BatchQuery.From(CallSession.Of(context).Caller, request);
        return reads.ReadAsync(question.CountAsync, context.CancellationToken);
    }

    /// <inheritdoc/>
    public override Task<ListAlarmsResponse> ListAlarms(ListAlarmsRequest request, ServerCallContext context)
    {
        var question = AlarmQuery.From(CallSession.Of(context).Caller, request);
        return reads.ReadAsync(question.ListAsync, context.CancellationToken);
    }

    /// <inheritdoc/>
    public override Task<GetOrderResponse> GetOrder(GetOrderRequest request, ServerCallContext context) =>
        reads.ReadAsync(
            async (db, ct) =>
            {
                var order = await db.Orders.AsNoTracking()
                    .SingleOrDefaultAsync(o => o.Number == request.OrderNumber.ToKey(), ct)
                    ?? throw OrderWorkflow.NoOrder(request.OrderNumber);
                return new GetOrderResponse { Order = await order.ToSummaryAsync(db, ct) };
            },
            context.CancellationToken);
}
