using DeviceRegistry.Contracts.V1;

namespace DeviceRegistry.Contracts;

/// <summary>Compares an armed order, which nodes enforce, with the draft that two people signed.</summary>
public static class ArmedRules
{
    /// <summary>Returns the difference; empty if there is none. Covered IMEIs that the draft does not name are returned
    /// in <paramref name="followers"/>: they must belong to the same units, which the registry verifies. They include
    /// the IMEIs of units that the draft names by serial number.</summary>
    public static string Differs(DraftOrderRequest draft, OrderArmed armed, out IReadOnlyList<ulong> followers)
    {
        var covered = JournalEntryRules.FromDeltas(armed.ImeiDeltas).ToHashSet();
        var named = draft.Imeis.Select(Number).ToHashSet();
        followers = [.. covered.Except(named).Order()];
        if (armed.OrderClass != draft.OrderClass) return "its class is not that of the draft";
        if (!Same(armed.EffectiveAt, draft.EffectiveAt)
            || !Same(armed.ExpiresAt, draft.ExpiresAt)) return "its instants are not those of the draft";
        if (!named.IsSubsetOf(covered)) return "it leaves out IMEIs of the draft";
        if (draft.Imeis.Count + draft.Units.Count is 0
            && covered.Count > 0) return "it covers IMEIs and the draft names none";
        if (!armed.Tacs.Select(t => (ulong)t).ToHashSet()
            .SetEquals(draft.Tacs.Select(Number))) return "its TACs are not those of the draft";
        if (!Ranges(draft.ImeiRanges.Select(r => (Number(r.First), Number(r.Last))))
            .SequenceEqual(Ranges(JournalEntryRules.FromDeltas(armed.RangeDeltas).Chunk(2).Select(r => (r[0], r[^1])))))
            return "its serial ranges are not those of the draft";
        return armed.Identities.ToHashSet(StringComparer.Ordinal)
            .SetEquals(draft.Identities.Select(i => Core.EquipmentIdentity.Normal(i))) ? ""
            : "its identities are not those of the draft";
    }

    /// <summary>Compares the pairs of one operator. Equipment of a pair that the draft does not name is returned in
    /// <paramref name="followers"/>: it must belong to the same unit as a named one.</summary>
    public static string Differs(DraftOrderRequest draft, OrderPairsArmed armed, OrderPairs pairs,
        out IReadOnlyList<ulong> followers)
    {
        var ofOperator = draft.Pairs.Where(p => p.Subscriber is { } s && s.OperatorPartyId == armed.OperatorPartyId
            && s.KeyVersion == armed.KeyVersion).ToList();
        var imeis = ofOperator.Where(p => IsImei(p.Equipment))
            .Select(p => (Imei: Number(p.Equipment), p.Subscriber.Pseudonym)).ToHashSet();
        var identities = ofOperator.Where(p => !IsImei(p.Equipment))
            .Select(p => (Text: Core.EquipmentIdentity.Normal(p.Equipment), p.Subscriber.Pseudonym)).ToHashSet();
        var covered = pairs.Pairs.Where(p => p.Identity.Length is 0).Select(p => (p.Imei, p.Pseudonym)).ToHashSet();
        followers = [.. covered.Except(imeis).Select(p => p.Imei).Distinct().Order()];
        if (!identities.SetEquals(pairs.Pairs.Where(p => p.Identity.Length > 0)
            .Select(p => (p.Identity,
            p.Pseudonym)))) return "its identities with subscribers are not those of the draft";
        if (!imeis.IsSubsetOf(covered)) return "it leaves out handsets with subscribers of the draft";
        return covered.Select(p => p.Pseudonym).All(imeis.Select(p => p.Pseudonym).ToHashSet().Contains) ? ""
            : "it covers subscribers that the draft does not name";
    }

    private static bool IsImei(string equipment) =>
        Core.EquipmentIdentity.Parse(equipment).Kind is Core.EquipmentKind.Imei;

    // Instants are stored in milliseconds.
    private static bool Same(Google.Protobuf.WellKnownTypes.Timestamp? armed,
        Google.Protobuf.WellKnownTypes.Timestamp? draft) =>
        armed is null ? draft is null : draft is not null && armed.Seconds == draft.Seconds
            && armed.Nanos / 1_000_000 == draft.Nanos / 1_000_000;

    // The first 14 digits of an IMEI, or the 8 digits of a TAC. A text that is not a number gets a value that no draft
    // contains.
    private static ulong Number(string text) =>
        ulong.TryParse(text.AsSpan(0, Math.Min(text.Length, 14)), System.Globalization.CultureInfo.InvariantCulture,
        out var number) ? number : ulong.MaxValue;

    // Merges ranges that touch, as arming does.
    private static List<(ulong First, ulong Last)> Ranges(IEnumerable<(ulong First, ulong Last)> ranges)
    {
        var merged = new List<(ulong First, ulong Last)>();
        foreach (var range in ranges.OrderBy(r => r.First))
            if (merged.Count > 0 && range.First <= merged[^1].Last + 1
                && range.First / 1_000_000 == merged[^1].Last / 1_000_000) merged[^1] =
                (merged[^1].First, Math.Max(merged[^1].Last, range.Last));
            else merged.Add(range);
        return merged;
    }
}
