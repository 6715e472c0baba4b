using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.Text;
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
    private readonly Dictionary<(int Kind, ulong Id), byte[]> _told = [];
    private StateDigest _digest;
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

    /// <summary>Writer only: digest of everything that is in.</summary>
    public StateDigest Digest => _digest;

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
        foreach (var imei in imeis) Put(imei, DeviceStatus.Released);
    }

    /// <summary>Writer only: IMEIs left the market: retired or recalled.</summary>
    public void Retire(IEnumerable<Imei> imeis)
    {
        foreach (var imei in imeis) Put(imei, DeviceStatus.Retired);
    }

    /// <summary>Writer only: TACs are in the list.</summary>
    public void AddTacs(IEnumerable<Tac> tacs)
    {
        foreach (var tac in tacs)
            if (_tacs.TryAdd(tac.Value, 1)) _digest.Add(Thing('T', tac.Value));
    }

    /// <summary>Writer only: the list is complete up to an import of this time, ms since 1970.</summary>
    public void TacListIsFresh(long asOfMs)
    {
        if (_tacListAsOfMs is not 0) _digest.Remove(Thing('L', (ulong)_tacListAsOfMs));
        Volatile.Write(ref _tacListAsOfMs, asOfMs);
        _digest.Add(Thing('L', (ulong)asOfMs));
    }

    /// <summary>Writer only: what the journal said last about something that is kept elsewhere, a member or the policy, for the digest of the state.</summary>
    public void Told(int kind, ulong id, ReadOnlySpan<byte> said)
    {
        if (_told.TryGetValue((kind, id), out var before)) _digest.Remove(before);
        _digest.Add(_told[(kind, id)] = [.. Thing('M', (ulong)kind), .. Thing('M', id), .. said]);
    }

    /// <summary>Writer only: an order is armed against its subjects; texts are in normal form. The same order again changes nothing.</summary>
    public void Arm(OrderSpan order, IReadOnlyList<Imei> imeis, IReadOnlyList<Tac> tacs, IReadOnlyList<SerialRange>? ranges = null, IReadOnlyList<string>? texts = null)
    {
        var merged = SerialRange.Merged(ranges ?? []);
        var subjects = new Subjects(order, [.. imeis.Select(i => i.Value)], [.. tacs.Select(t => t.Value)], [.. merged], [.. texts ?? []]);
        if (!_armed.TryAdd(order.Number, subjects)) return;

        _digest.Add(Thing(subjects));
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

        _digest.Remove(Thing(subjects));
        foreach (var imei in subjects.Imeis) Remove(_imeiOrders, imei, orderNumber);
        foreach (var tac in subjects.Tacs) Remove(_tacOrders, tac, orderNumber);
        foreach (var tac in subjects.Ranges.Select(r => r.Tac.Value).Distinct()) RemoveFromRanges(tac, orderNumber);
        foreach (var text in subjects.Texts) Remove(_textOrders, text, orderNumber);
        Orders = _armed.Count;
    }

    /// <summary>Writer only, after the effects of the entry: everything up to here is in.</summary>
    public void Publish(ulong position) => Volatile.Write(ref _position, (long)position);

    /// <summary>Writer only: at this time, ms since 1970, there was nothing newer.</summary>
    public void KnewEverythingAt(long nowMs) => Volatile.Write(ref _knownAtMs, nowMs);

    private void Put(Imei imei, DeviceStatus status)
    {
        if (_devices.TryGetValue(imei.Value, out var before))
        {
            if (before == status) return;

            _digest.Remove(Thing((char)('0' + (int)before), imei.Value));
        }

        _devices[imei.Value] = status;
        _digest.Add(Thing((char)('0' + (int)status), imei.Value));
    }

    // A thing that holds, as the digest takes it: what it is, then its numbers, big-endian.
    private static byte[] Thing(char what, params ReadOnlySpan<ulong> numbers)
    {
        var thing = new byte[1 + (numbers.Length * sizeof(ulong))];
        thing[0] = (byte)what;
        for (var i = 0; i < numbers.Length; i++) BinaryPrimitives.WriteUInt64BigEndian(thing.AsSpan(1 + (i * sizeof(ulong))), numbers[i]);
        return thing;
    }

    private static byte[] Thing(Subjects armed)
    {
        var order = armed.Order;
        var thing = Thing('O', [
            order.Number, (ulong)order.Class, (ulong)order.Reason, (ulong)order.FromMs, (ulong)order.UntilMs,
            (ulong)armed.Imeis.Length, .. armed.Imeis, (ulong)armed.Tacs.Length, .. armed.Tacs, (ulong)armed.Ranges.Length, .. armed.Ranges.SelectMany(r => (ulong[])[r.First.Value, r.Last.Value])]);
        return armed.Texts.Length is 0 ? thing : [.. thing, .. Encoding.UTF8.GetBytes(string.Join('\n', armed.Texts))];
    }

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
    private sealed record Subjects(OrderSpan Order, ulong[] Imeis, uint[] Tacs, SerialRange[] Ranges, string[] Texts);
}
