using System.Globalization;
using DeviceRegistry.Contracts;
using DeviceRegistry.Contracts.V1;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Enum = System.Enum;

namespace DeviceRegistry.Cli;

/// <summary>Formats messages of the contract as lines of text. Empty fields are left out.</summary>
internal static class TextFormatter
{
    private const int LabelWidth = 15;

    public static IEnumerable<string> Rows(params (string Label, string Value)[] rows) =>
        rows.Where(r => r.Value.Length > 0).Select(r => $"{r.Label.PadRight(LabelWidth)} {r.Value}");

    public static IEnumerable<string> Batch(BatchSummary batch) =>
    [
        .. Rows(
            ("batch", Number(batch.BatchNumber)),
            ("state", Word(batch.State)),
            ("dry run", batch.DryRun ? "nothing of it is registered" : ""),
            ("reference", $"{batch.Reference} of {batch.Party}"),
            ("model",
                $"{batch.Model}, {Word(batch.Origin)}, produced on {batch.ProducedOn} under {batch.Authorization}"),
            ("units", batch.Units > 0
                ? $"{Count(batch.Units)} with {Count(batch.Imeis, "IMEI")}, of {Count(batch.DeclaredUnits)} declared"
                : $"{Count(batch.DeclaredUnits)} declared"),
            ("uploaded", batch.NextChunk > 0
                ? $"{Quantity.Bytes.Text(batch.DurableBytes)}; chunk {batch.NextChunk} is wanted next" : ""),
            ("bad lines", batch.LineErrors > 0
                ? $"{Count(batch.LineErrors)}; dreg batch errors {batch.BatchNumber} names them" : ""),
            ("content hash", Hex(batch.ContentHash)),
            ("registered at", Time(batch.RegisteredAt)),
            (batch.State is BatchState.Open ? "expires at" : "forgotten at", Time(batch.ExpiresAt))),
        .. batch.UnitCounts.Select(c =>
            $"  {Word(c.State),-LabelWidth} {Count(c.Units, "unit")}, {Count(c.Imeis, "IMEI")}"),
    ];

    public static IEnumerable<string> Receipt(BatchReceipt receipt) => Rows(
        ("batch", Number(receipt.BatchNumber)),
        ("units", Count(receipt.Units)),
        ("IMEIs", Count(receipt.Imeis)),
        ("content hash", Hex(receipt.ContentHash)),
        ("position", Number(receipt.JournalPosition)),
        ("quarantined", receipt.QuarantinedUnits is 0 ? ""
            : $"{Count(receipt.QuarantinedUnits, "unit")}: a network saw them before; dreg alarm list --batch " +
                $"{receipt.BatchNumber} names them"));

    public static IEnumerable<string> Order(OrderSummary order)
    {
        var isBlock = order.Action is OrderAction.Block;
        return Rows(
            ("order", $"{order.OrderNumber} {Word(order.Action)} class {order.OrderClass} {order.Reason}"),
            ("state", Word(order.State)),
            ("reference", order.Reference),
            ("basis", order.Basis),
            ("evidence", string.Join(' ', order.Evidence.Select(e => Hex(e)))),
            ("drafted by", $"{order.DraftedBy}, {Time(order.DraftedAt)}"),
            ("approved by", order.ApprovedBy.Length > 0 ? $"{order.ApprovedBy}, {Time(order.ApprovedAt)}"
                : order.EndReason.Length > 0 ? "" : "nobody yet"),
            ("notice", order.Notice is { } notice ? $"{notice.Reference} by {notice.Channel}, {Time(notice.At)}" : ""),
            ("no notice", order.NoticeWaiver),
            ("effective at", Time(order.EffectiveAt)),
            ("expires at", Time(order.ExpiresAt)),
            ("in force at", Time(order.InForceAt)),
            ("enforced at", Time(order.EnforcedAt)),
            ("ended at", Time(order.EndedAt)),
            ("because", order.EndReason),
            ("changed by", order.ChangedByOrderNumber is 0 ? "" : Number(order.ChangedByOrderNumber)),
            ("target order", order.TargetOrderNumber is 0 ? "" : Number(order.TargetOrderNumber)),
            ("for appeal", order.AppealNumber is 0 ? "" : Number(order.AppealNumber)),
            ("supersedes", order.Supersedes is 0 ? "" : Number(order.Supersedes)),
            ("IMEIs", string.Join(' ', order.Imeis)),
            ("TACs", string.Join(' ', order.Tacs)),
            ("units", string.Join(' ', order.Units.Select(u => $"{u.BatchNumber}/{u.SerialNumber}"))),
            ("identities", string.Join("  ", order.Identities)),
            ("pairs", string.Join("  ", order.Pairs.Select(p =>
                $"{p.Equipment} with subscriber {p.Subscriber.Pseudonym:x16} of operator " +
                $"{p.Subscriber.OperatorPartyId}"))),
            ("IMEI ranges", string.Join(' ', order.ImeiRanges.Select(r => $"{r.First}-{r.Last}"))));
    }

    /// <summary>State of an order at each operator.</summary>
    public static IEnumerable<string> Enforcement(IReadOnlyCollection<OperatorEnforcement> operators) =>
        operators.Select(o =>
        $"  {o.Operator,-LabelWidth} {o.NodesApplied} of {Count(o.Nodes, "node")}"
            + (o.AppliedAt is { } at ? $", applied at {Time(at)}" : "")
        + (o.FirstDeniedAt is { } refused ? $", first refused at {Time(refused)}" : "")
        + (o.OverdueNodes.Count > 0 ? $"; late: {string.Join(' ', o.OverdueNodes)}" : "")
        + (o.OverdueSince is { } since ? $", alarm since {Time(since)}" : ""));

    /// <summary>The details of an alarm: which network saw a unit, or what an operator or its node lacks.</summary>
    public static string About(Alarm alarm) => alarm.Kind switch
    {
        AlarmKind.OrdersOverdue =>
            $"{alarm.Operator}: {Count(alarm.Orders, "order")}, the first ({alarm.OrderNumber}) in force since " +
            $"{Time(alarm.Since)}{Over(alarm)}",
        AlarmKind.NodeClockSkew => $"{alarm.Node} of {alarm.Operator}: {Clock(alarm.ClockSkewMs)}{Over(alarm)}",
        _ => string.Join(' ', alarm.Operators),
    };

    /// <summary>The offset of a clock.</summary>
    public static string Clock(long aheadMs) =>
        $"{Math.Abs(aheadMs).ToString("N0", CultureInfo.InvariantCulture)} ms {(aheadMs < 0 ? "behind" : "ahead")}";

    private static string Over(Alarm alarm) => alarm.EndedAt is null ? "" : $"; over at {Time(alarm.EndedAt)}";

    public static string Line(LineError fault) =>
        $"line {fault.Line} {fault.Field} {fault.Value}: {fault.Reason}, expected {fault.Expected}";

    /// <summary>The name of an enum value in the contract, without the enum's prefix: PENDING_APPROVAL.</summary>
    public static string Word<T>(T value)
        where T : struct, Enum => StatusMapping.UpperSnake(value.ToString());

    public static string Number(ulong number) => number.ToString(CultureInfo.InvariantCulture);

    public static string Count(ulong count) => count.ToString("N0", CultureInfo.InvariantCulture);

    /// <summary>A count with its noun: 1 unit, 5,500 units.</summary>
    public static string Count(ulong count, string one) => Count(count, one, one + "s");

    /// <summary>The same for a noun with an irregular plural: 1 entry, 7 entries.</summary>
    public static string Count(ulong count, string one, string many) => $"{Count(count)} {(count is 1 ? one : many)}";

    public static string Hex(ByteString bytes) => Convert.ToHexStringLower(bytes.Span);

    public static string Time(Timestamp? time) =>
        time is null ? "" : time.ToDateTime().ToString("yyyy-MM-dd HH:mm:ss.fff 'UTC'", CultureInfo.InvariantCulture);
}
