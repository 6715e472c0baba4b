using DeviceRegistry.Contracts;
using DeviceRegistry.Contracts.V1;
using DeviceRegistry.Core;
using Grpc.Core;
using Google.Protobuf.WellKnownTypes;
using OrderClass = DeviceRegistry.Core.OrderClass;

namespace DeviceRegistry.Registrar.Orders;

/// <summary>The regulator's door: reads a request into what cannot be wrong, and hands it to the book.</summary>
internal sealed class OrdersService(OrderBook book) : Contracts.V1.OrdersService.OrdersServiceBase
{
    /// <inheritdoc/>
    public override Task<DraftOrderResponse> DraftOrder(DraftOrderRequest request, ServerCallContext context) =>
        book.DraftAsync(CallSession.Of(context).Caller, request, Read(request), context.CancellationToken);

    /// <inheritdoc/>
    public override Task<DraftLiftResponse> DraftLift(DraftLiftRequest request, ServerCallContext context)
    {
        Inputs.Printable("basis", request.Basis, 500);
        return book.DraftLiftAsync(CallSession.Of(context).Caller, request, context.CancellationToken);
    }

    /// <inheritdoc/>
    public override Task<ApproveOrderResponse> ApproveOrder(ApproveOrderRequest request, ServerCallContext context) =>
        book.ApproveAsync(CallSession.Of(context).Caller, request, context.CancellationToken);

    private static BlockDraft Read(DraftOrderRequest request)
    {
        var rank = Inputs.Choice<Contracts.V1.OrderClass, OrderClass>("order_class", request.OrderClass);
        if (rank is OrderClass.D or OrderClass.E)
            throw new RegistryException(RegistryError.ClassNeedsNotice,
                $"An order of class {rank} starts only with a recorded proof of notice, which cannot be recorded yet. Nothing was drafted.", "order_class", "A, B or C");

        var reason = Inputs.Printable("reason", request.Reason, 32);
        Inputs.Printable("basis", request.Basis, 500);
        Inputs.Require(request.Imeis.Count + request.Tacs.Count is >= 1 and <= Limits.OrderSubjectsMax, "imeis", $"1 to {Limits.OrderSubjectsMax} IMEIs and TACs together");
        Inputs.Require(request.Tacs.Count is 0 || rank is OrderClass.B, "tacs", "none; only an order of class B names TACs");
        var imeis = request.Imeis.Select((text, i) => Inputs.Imei($"imeis[{i}]", text)).Distinct().ToList();
        var tacs = request.Tacs.Select((text, i) => Inputs.Tac($"tacs[{i}]", text)).Distinct().ToList();

        var effective = Instant("effective_at", request.EffectiveAt);
        var expires = Instant("expires_at", request.ExpiresAt);
        Inputs.Require(expires is null || effective is null || expires > effective, "expires_at", "a time later than effective_at");
        return new BlockDraft(rank, reason, imeis, tacs, effective, expires);
    }

    private static DateTime? Instant(string field, Timestamp? value)
    {
        if (value is null) return null;

        // Up to the last second of 9999 but one: the last tick of it means "infinity" to the driver. Kept to the millisecond, as nodes keep it.
        Inputs.Require(value.Seconds is >= 0 and < 253_402_300_799 && value.Nanos is >= 0 and < 1_000_000_000, field, "a time from 1970 to 9999-12-31T23:59:58; to have none, leave it out");
        return DateTime.UnixEpoch.AddMilliseconds(value.Seconds * 1000 + value.Nanos / 1_000_000);
    }
}

/// <summary>A block order to be drafted, each field read.</summary>
internal sealed record BlockDraft(
    OrderClass Class, string Reason, IReadOnlyList<Imei> Imeis, IReadOnlyList<Tac> Tacs, DateTime? EffectiveAt, DateTime? ExpiresAt);
