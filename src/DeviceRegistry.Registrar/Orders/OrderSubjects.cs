using DeviceRegistry.Contracts.V1;
using DeviceRegistry.Core;
using OrderClass = DeviceRegistry.Core.OrderClass;

namespace DeviceRegistry.Registrar.Orders;

/// <summary>What a draft names, each field read; the one place that reads them. What the order then covers, <see cref="OrderEffects"/> says.</summary>
internal sealed record OrderSubjects(IReadOnlyList<Imei> Imeis, IReadOnlyList<Tac> Tacs, IReadOnlyList<SerialRange> Ranges)
{
    /// <summary>Reads the subjects of a draft of a class.</summary>
    public static OrderSubjects Read(DraftOrderRequest request, OrderClass rank)
    {
        Inputs.Require(request.Imeis.Count + request.Tacs.Count + request.ImeiRanges.Count is >= 1 and <= Limits.OrderSubjectsMax, "imeis", $"1 to {Limits.OrderSubjectsMax} subjects of all kinds together");
        Inputs.Require(request.Tacs.Count is 0 || rank is OrderClass.B, "tacs", "none; only an order of class B names TACs");
        Inputs.Require(request.ImeiRanges.Count <= Limits.OrderRangesMax, "imei_ranges", $"at most {Limits.OrderRangesMax} ranges");
        return new OrderSubjects(
            [.. request.Imeis.Select((text, i) => Inputs.Imei($"imeis[{i}]", text)).Distinct()],
            [.. request.Tacs.Select((text, i) => Inputs.Tac($"tacs[{i}]", text)).Distinct()],
            SerialRange.Merged(request.ImeiRanges.Select((range, i) => Range($"imei_ranges[{i}]", range))));
    }

    private static SerialRange Range(string field, ImeiRange given)
    {
        var (first, last) = (Inputs.Imei($"{field}.first", given.First), Inputs.Imei($"{field}.last", given.Last));
        var expected = $"an IMEI of the same TAC, not before first and at most {Limits.OrderRangeSerialsMax - 1} after it";
        return SerialRange.TryFrom(first.Value, last.Value, out var range) && range.Count <= Limits.OrderRangeSerialsMax ? range : throw RegistryException.BadField($"{field}.last", expected);
    }
}
