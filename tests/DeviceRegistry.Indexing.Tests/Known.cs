namespace DeviceRegistry.Indexing.Tests;

/// <summary>IMEIs and orders that the tests share, and short look-ups in an index.</summary>
internal static class Known
{
    public static readonly Imei Phone = new(86650704004053);
    public static readonly Imei SameModel = new(86650704999999);
    public static readonly Imei OtherModel = new(49015420323751);
    public static readonly OrderTerm Theft = new(11, OrderClass.C, CheckReason.Stolen, 0, long.MaxValue);
    public static readonly OrderTerm Court = new(12, OrderClass.A, CheckReason.CourtOrder, 1_000, 2_000);
    public static readonly OrderTerm TacBar = new(13, OrderClass.B, CheckReason.BarredTac, 0, long.MaxValue);

    public static EquipmentIdentity Identity(Imei imei) => new(EquipmentKind.Imei, imei);

    public static DeviceStatus DeviceOf(this DeviceIndex index, Imei imei) => index.FactsOf(Identity(imei), []).Device;

    public static TacStatus TacOf(this DeviceIndex index, Imei imei) => index.FactsOf(Identity(imei), []).Tac;

    public static OrderTerm[] ImeiOrdersOf(this DeviceIndex index, Imei imei) =>
        index.FactsOf(Identity(imei), []).ImeiOrders.ToArray();

    public static OrderTerm[] RangeOrdersOf(this DeviceIndex index, Imei imei) =>
        index.FactsOf(Identity(imei), []).RangeOrders.ToArray();

    public static OrderTerm[] OrdersOf(this DeviceIndex index, string text) =>
        index.FactsOf(EquipmentIdentity.Parse(text), [], text).ImeiOrders.ToArray();

    /// <summary>A range of serials of a TAC.</summary>
    public static SerialRange Serials(Tac tac, uint first, uint last) =>
        SerialRange.TryFrom(tac.Value * 1_000_000ul + first, tac.Value * 1_000_000ul + last, out var range) ? range
            : throw new ArgumentException($"{first} to {last} are no serials");

    public static OrderTerm[] TacOrdersOf(this DeviceIndex index, Imei imei) =>
        index.FactsOf(Identity(imei), []).TacOrders.ToArray();
}
