using DeviceRegistry.Contracts.V1;
using DeviceRegistry.Core;
using OrderClass = DeviceRegistry.Core.OrderClass;

namespace DeviceRegistry.Registrar.Orders;

/// <summary>The validated subjects of a draft; no other code parses them. <see cref="OrderEffects"/> decides what the
/// order then covers.</summary>
internal sealed record OrderSubjects(
    IReadOnlyList<Imei> Imeis, IReadOnlyList<Tac> Tacs, IReadOnlyList<SerialRange> Ranges,
    IReadOnlyList<NamedUnit> Units, IReadOnlyList<string> Identities,
    IReadOnlyList<NamedPair> Pairs)
{
    /// <summary>Validates the subjects of a draft of class <paramref name="rank"/>.</summary>
    public static OrderSubjects Read(DraftOrderRequest request, OrderClass rank)
    {
        var named = request.Imeis.Count + request.Tacs.Count + request.ImeiRanges.Count + request.Units.Count
            + request.Identities.Count + request.Pairs.Count;
        Inputs.Require(named is >= 1 and <= Limits.OrderSubjectsMax, "imeis",
            $"1 to {Limits.OrderSubjectsMax} subjects of all kinds together");
        Inputs.Require(request.Tacs.Count is 0 || rank is OrderClass.B, "tacs",
            "none; only an order of class B names TACs");
        Inputs.Require(request.ImeiRanges.Count <= Limits.OrderRangesMax, "imei_ranges",
            $"at most {Limits.OrderRangesMax} ranges");
        return new OrderSubjects(
            [.. request.Imeis.Select((text, i) => Inputs.Imei($"imeis[{i}]", text)).Distinct()],
            [.. request.Tacs.Select((text, i) => Inputs.Tac($"tacs[{i}]", text)).Distinct()],
            SerialRange.Merged(request.ImeiRanges.Select((range, i) => Range($"imei_ranges[{i}]", range))),
            [.. request.Units.Select((unit, i) => Unit($"units[{i}]", unit))
                .DistinctBy(u => (u.Batch, u.SerialNumber, u.Number))],
            [.. request.Identities.Select((text, i) => Identity($"identities[{i}]", text))
                .Distinct(StringComparer.Ordinal)],
            PairsOf(request));
    }

    private static SerialRange Range(string field, ImeiRange given)
    {
        var (first, last) = (Inputs.Imei($"{field}.first", given.First), Inputs.Imei($"{field}.last", given.Last));
        var expected =
            $"an IMEI of the same TAC, not before first and at most {Limits.OrderRangeSerialsMax - 1} after it";
        return SerialRange.TryFrom(first.Value, last.Value, out var range) && range.Count <= Limits.OrderRangeSerialsMax
            ? range : throw RegistryException.BadField($"{field}.last", expected);
    }

    private static NamedUnit Unit(string field, OrderUnit given)
    {
        Inputs.Require((given.Unit is 0) != (given.SerialNumber is ""), field,
            "a batch number with a serial number or with the number of a unit, not both");
        return new NamedUnit(field, given.BatchNumber, given.Unit is 0
            ? Inputs.SerialNumber($"{field}.serial_number", given.SerialNumber) : "", given.Unit);
    }

    private static List<NamedPair> PairsOf(DraftOrderRequest request)
    {
        var pairs = request.Pairs.Select((pair, i) => Pair($"pairs[{i}]", pair)).Distinct().ToList();
        if (pairs.GroupBy(p => (p.Imei, p.Identity, p.Pseudonym)).FirstOrDefault(same => same.Count() > 1) is { } twice)
            throw RegistryException.BadField(twice.Last().Field,
                "the operator whose subscriber it is; the same pseudonym was given with another");
        return pairs;
    }

    private static NamedPair Pair(string field, OrderPair given)
    {
        var subscriber = given.Subscriber ?? new Subscriber();
        Inputs.Require(subscriber.OperatorPartyId is > 0 and <= long.MaxValue, $"{field}.subscriber.operator_party_id",
            "an operator, as PseudonymizeSubscribers tells it");
        Inputs.Require(subscriber.KeyVersion is Pseudonyms.KeyVersion, $"{field}.subscriber.key_version",
            $"{Pseudonyms.KeyVersion}, as PseudonymizeSubscribers tells it");
        Inputs.Require(subscriber.Pseudonym is not SubscriberPseudonym.None, $"{field}.subscriber.pseudonym",
            "a number other than 0, as PseudonymizeSubscribers tells it");
        var isImei = EquipmentIdentity.Parse(given.Equipment).Kind is EquipmentKind.Imei;
        return new NamedPair(
            $"{field}.subscriber.operator_party_id", isImei ? Inputs.Imei($"{field}.equipment", given.Equipment) : null,
            isImei ? "" : Identity($"{field}.equipment", given.Equipment),
            (long)subscriber.OperatorPartyId, subscriber.Pseudonym);
    }

    private static string Identity(string field, string text)
    {
        Inputs.Require(text.Length is >= 1 and <= EquipmentIdentity.TextMax
            && !text.Any(c => char.IsControl(c) || char.IsSurrogate(c)), field,
            $"1 to {EquipmentIdentity.TextMax} characters that show");
        Inputs.Require(EquipmentIdentity.Parse(text).Kind is not EquipmentKind.Imei, field,
            "an identity that is no IMEI; those are named in imeis");
        return EquipmentIdentity.Normal(text);
    }
}

/// <summary>A pair of a device and a subscriber in a draft: the device by its IMEI, or by another identity. <paramref
/// name="Field"/> is the field that errors name.</summary>
internal readonly record struct NamedPair(string Field, Imei? Imei, string Identity, long Operator, ulong Pseudonym)
{
    /// <summary>Compares everything except <see cref="Field"/>.</summary>
    public bool Equals(NamedPair other) =>
        (Imei, Identity, Operator, Pseudonym) == (other.Imei, other.Identity, other.Operator, other.Pseudonym);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Imei, Identity, Operator, Pseudonym);
}

/// <summary>A unit in a draft: named by its serial number or by its number in the batch; the other one is empty or
/// 0.</summary>
internal readonly record struct NamedUnit(string Field, ulong Batch, string SerialNumber, uint Number);
