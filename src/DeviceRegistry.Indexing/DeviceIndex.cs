using System.Collections.Concurrent;
using DeviceRegistry.Core;

namespace DeviceRegistry.Indexing;

/// <summary>What a node knows of handsets, TACs and orders. One writer changes it in journal order; readers take no lock.</summary>
/// <remarks>A reader may see an entry's effect a moment before <see cref="Position"/> says so, never after: it reads the position
/// first, so an answer is at least as new as the position it carries. Lists of orders are replaced whole, never changed.</remarks>
public sealed class DeviceIndex
{
    private readonly ConcurrentDictionary<ulong, DeviceStatus> _devices = new();
    private readonly ConcurrentDictionary<uint, byte> _tacs = new();
    private readonly ConcurrentDictionary<ulong, OrderSpan[]> _imeiOrders = new();
    private readonly ConcurrentDictionary<uint, OrderSpan[]> _tacOrders = new();
    private readonly ConcurrentDictionary<uint, RangeOrders> _rangeOrders = new();
    private readonly ConcurrentDictionary<string, OrderSpan[]> _textOrders = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, OrderSpan[]>.AlternateLookup<ReadOnlySpan<char>> _textOrdersBySpan;

    // The writer's own: what each armed order covers, so that a lift finds it. Invariant: an order is here while any list above holds it.
    private readonly Dictionary<ulong, Subjects> _armed = [];
    private long _position;
    private long _knownAtMs;
    private long _tacListAsOfMs;

    /// <summary>An index that knows nothing.</summary>
    public DeviceIndex() => _textOrdersBySpan = _textOrders.GetAlternateLookup<ReadOnlySpan<char>>();

    /// <summary>Position of the newest entry whose effect is complete; 0: nothing yet.</summary>
    public ulong Position => (ulong)Volatile.Read(ref _position);

    /// <summary>Until when the node knew everything there was, ms since 1970; 0: it never did.</summary>
    public long KnownAtMs => Volatile.Read(ref _knownAtMs);

    /// <summary>Registered IMEIs that are or were on the market.</summary>
    public int Devices => _devices.Count;

    /// <summary>TACs in the list.</summary>
    public int Tacs => _tacs.Count;

    /// <summary>Armed orders that no lift has ended.</summary>
    public int Orders { get; private set; }

    /// <summary>What is known that bears on an identity; one that is no IMEI is known by its text, as the network gave it. Allocates nothing; the spans are of lists that never
    /// change.</summary>
    public AttachFacts FactsOf(EquipmentIdentity equipment, IReadOnlyList<string> registeredPlmns, ReadOnlySpan<char> text = default)
    {
        if (equipment.Kind is not EquipmentKind.Imei) return new AttachFacts { ImeiOrders = OnText(text), KnownAtMs = KnownAtMs, RegisteredPlmns = registeredPlmns };

        var imei = equipment.Imei;
        var asOf = Volatile.Read(ref _tacListAsOfMs);
        return new AttachFacts
        {
            Device = _devices.GetValueOrDefault(imei.Value),
            Tac = asOf is 0 ? TacStatus.NoList : _tacs.ContainsKey(imei.Tac.Value) ? TacStatus.Known : TacStatus.Unknown,
            TacListAsOfMs = asOf,
            ImeiOrders = _imeiOrders.TryGetValue(imei.Value, out var onImei) ? onImei : [],
            TacOrders = _tacOrders.TryGetValue(imei.Tac.Value, out var onTac) ? onTac : [],
            RangeOrders = _rangeOrders.TryGetValue(imei.Tac.Value, out var onRanges) ? onRanges.On(imei) : [],
            KnownAtMs = KnownAtMs,
            RegisteredPlmns = registeredPlmns,
        };
    }

    /// <summary>Writer only: IMEIs are on the market.</summary>
    public void Release(IEnumerable<Imei> imeis)
    {
        foreach (var imei in imeis) _devices[imei.Value] = DeviceStatus.Released;
    }

    /// <summary>Writer only: IMEIs left the market: retired or recalled.</summary>
    public void Retire(IEnumerable<Imei> imeis)
    {
        foreach (var imei in imeis) _devices[imei.Value] = DeviceStatus.Retired;
    }

    /// <summary>Writer only: TACs are in the list.</summary>
    public void AddTacs(IEnumerable<Tac> tacs)
    {
        foreach (var tac in tacs) _tacs[tac.Value] = 1;
    }

    /// <summary>Writer only: the list is complete up to an import of this time, ms since 1970.</summary>
    public void TacListIsFresh(long asOfMs) => Volatile.Write(ref _tacListAsOfMs, asOfMs);

    /// <summary>Writer only: an order is armed against its subjects; texts are in normal form. The same order again changes nothing.</summary>
    public void Arm(OrderSpan order, IReadOnlyList<Imei> imeis, IReadOnlyList<Tac> tacs, IReadOnlyList<SerialRange>? ranges = null, IReadOnlyList<string>? texts = null)
    {
        var merged = SerialRange.Merged(ranges ?? []);
        var subjects = new Subjects([.. imeis.Select(i => i.Value)], [.. tacs.Select(t => t.Value)], [.. merged.Select(r => r.Tac.Value).Distinct()], [.. texts ?? []]);
        if (!_armed.TryAdd(order.Number, subjects)) return;

        foreach (var imei in imeis) Add(_imeiOrders, imei.Value, order);
        foreach (var tac in tacs) Add(_tacOrders, tac.Value, order);
        foreach (var range in merged) _rangeOrders[range.Tac.Value] = _rangeOrders.GetValueOrDefault(range.Tac.Value, RangeOrders.None).With(range, order);
        foreach (var text in subjects.Texts) Add(_textOrders, text, order);
        Orders = _armed.Count;
    }

    /// <summary>Writer only: an order has ended; the others against the same subjects stand.</summary>
    public void Lift(ulong orderNumber)
    {
        if (!_armed.Remove(orderNumber, out var subjects)) return;

        foreach (var imei in subjects.Imeis) Remove(_imeiOrders, imei, orderNumber);
        foreach (var tac in subjects.Tacs) Remove(_tacOrders, tac, orderNumber);
        foreach (var tac in subjects.TacsOfRanges) RemoveFromRanges(tac, orderNumber);
        foreach (var text in subjects.Texts) Remove(_textOrders, text, orderNumber);
        Orders = _armed.Count;
    }

    /// <summary>Writer only, after the effects of the entry: everything up to here is in.</summary>
    public void Publish(ulong position) => Volatile.Write(ref _position, (long)position);

    /// <summary>Writer only: at this time, ms since 1970, there was nothing newer.</summary>
    public void KnewEverythingAt(long nowMs) => Volatile.Write(ref _knownAtMs, nowMs);

    private ReadOnlySpan<OrderSpan> OnText(ReadOnlySpan<char> text)
    {
        if (text.IsEmpty) return [];

        Span<char> room = stackalloc char[EquipmentIdentity.TextMax];
        return _textOrdersBySpan.TryGetValue(EquipmentIdentity.Normal(text, room), out var orders) ? orders : [];
    }

    private void RemoveFromRanges(uint tac, ulong orderNumber)
    {
        var after = _rangeOrders[tac].Without(orderNumber);
        if (after.IsEmpty) _rangeOrders.TryRemove(tac, out _);
        else _rangeOrders[tac] = after;
    }

    private static void Add<TKey>(ConcurrentDictionary<TKey, OrderSpan[]> lists, TKey subject, OrderSpan order)
        where TKey : notnull
    {
        lists[subject] = lists.TryGetValue(subject, out var before) ? [.. before, order] : [order];
    }

    private static void Remove<TKey>(ConcurrentDictionary<TKey, OrderSpan[]> lists, TKey subject, ulong orderNumber)
        where TKey : notnull
    {
        if (!lists.TryGetValue(subject, out var before)) return;

        var after = Array.FindAll(before, o => o.Number != orderNumber);
        if (after.Length > 0) lists[subject] = after;
        else lists.TryRemove(subject, out _);
    }

    /// <summary>What an armed order covers.</summary>
    private sealed record Subjects(ulong[] Imeis, uint[] Tacs, uint[] TacsOfRanges, string[] Texts);
}
