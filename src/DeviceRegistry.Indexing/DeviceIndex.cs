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
    private const ulong FormatVersion = 1;

    // An entry of the journal is at most 4 MiB.
    private const int SaidBytesMax = 4 * 1024 * 1024;

    private readonly ConcurrentDictionary<ulong, DeviceStatus> _devices = new();
    private readonly ConcurrentDictionary<uint, byte> _tacs = new();
    private readonly ConcurrentDictionary<ulong, OrderSpan[]> _imeiOrders = new();
    private readonly ConcurrentDictionary<uint, OrderSpan[]> _tacOrders = new();
    private readonly ConcurrentDictionary<uint, RangeOrders> _rangeOrders = new();
    private readonly ConcurrentDictionary<string, OrderSpan[]> _textOrders = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, OrderSpan[]>.AlternateLookup<ReadOnlySpan<char>> _textOrdersBySpan;
    private readonly ConcurrentDictionary<ulong, Partners> _imeiPartners = new();
    private readonly ConcurrentDictionary<string, Partners> _textPartners = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, Partners>.AlternateLookup<ReadOnlySpan<char>> _textPartnersBySpan;

    // The writer's own: what each armed order covers, so that a lift finds it. Invariant: an order is here while any list above holds it.
    private readonly Dictionary<ulong, Subjects> _armed = [];
    private readonly Dictionary<(int Kind, ulong Id), byte[]> _told = [];
    private StateDigest _digest;
    private long _position;
    private long _knownAtMs;
    private long _tacListAsOfMs;

    /// <summary>An index that knows nothing.</summary>
    public DeviceIndex() =>
        (_textOrdersBySpan, _textPartnersBySpan) = (_textOrders.GetAlternateLookup<ReadOnlySpan<char>>(), _textPartners.GetAlternateLookup<ReadOnlySpan<char>>());

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

    /// <summary>Pairs of equipment and subscriber.</summary>
    public int Pairings { get; private set; }

    /// <summary>Writer only: digest of everything that every node has: all but pairs.</summary>
    public StateDigest Digest => _digest;

    /// <summary>Writer only: what was <see cref="Told"/> last of each thing, by kind and id: who reads an index from bytes learns members and policy from it.</summary>
    public IEnumerable<(int Kind, ulong Id, ReadOnlyMemory<byte> Said)> Sayings =>
        _told.OrderBy(t => t.Key).Select(t => (t.Key.Kind, t.Key.Id, (ReadOnlyMemory<byte>)t.Value));

    /// <summary>What is known that bears on an identity and, where the subscriber is known, on the two together; an identity that is no IMEI is known by its text, as the
    /// network gave it. Allocates nothing; the spans are of lists that never change.</summary>
    public AttachFacts FactsOf(EquipmentIdentity equipment, IReadOnlyList<string> registeredPlmns, ReadOnlySpan<char> text = default, ulong subscriber = 0)
    {
        var partners = PartnersOf(equipment, text);
        if (equipment.Kind is not EquipmentKind.Imei)
            return new AttachFacts { ImeiOrders = OnText(text), PairOrders = partners.On(subscriber), Pairing = partners.With(subscriber), KnownAtMs = KnownAtMs, RegisteredPlmns = registeredPlmns };

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
            PairOrders = partners.On(subscriber),
            Pairing = partners.With(subscriber),
            KnownAtMs = KnownAtMs,
            RegisteredPlmns = registeredPlmns,
        };
    }

    /// <summary>Whether the facts of an identity differ by subscriber: only then is a pseudonym worth its HMAC.</summary>
    public bool DependsOnSubscriber(EquipmentIdentity equipment, ReadOnlySpan<char> text = default) => !PartnersOf(equipment, text).IsEmpty;

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
        if (_told.TryGetValue((kind, id), out var before)) _digest.Remove(Thing(kind, id, before));
        _digest.Add(Thing(kind, id, said));
        _told[(kind, id)] = said.ToArray();
    }

    /// <summary>Writer only: what the journal said of a thing holds no more.</summary>
    public void Untold(int kind, ulong id)
    {
        if (_told.Remove((kind, id), out var before)) _digest.Remove(Thing(kind, id, before));
    }

    /// <summary>Writer only: what was <see cref="Told"/> last of a thing; nothing: nothing.</summary>
    public ReadOnlySpan<byte> SaidOf(int kind, ulong id) => _told.GetValueOrDefault((kind, id));

    /// <summary>Writer only: equipment is paired with subscribers. One that is already changes nothing.</summary>
    public void Pair(IEnumerable<EquipmentPair> pairs)
    {
        foreach (var pair in pairs)
            if (Change(pair, partners => partners.Pair(pair.Subscriber))) Pairings++;
    }

    /// <summary>Writer only: pairs have ended. One that is none changes nothing.</summary>
    public void Unpair(IEnumerable<EquipmentPair> pairs)
    {
        foreach (var pair in pairs)
            if (Change(pair, partners => partners.Unpair(pair.Subscriber))) Pairings--;
    }

    /// <summary>Writer only: an order is armed against its subjects; texts are in normal form; on a pair it bears where both match. The same order again changes nothing.</summary>
    public void Arm(
        OrderSpan order, IReadOnlyList<Imei> imeis, IReadOnlyList<Tac> tacs, IReadOnlyList<SerialRange>? ranges = null, IReadOnlyList<string>? texts = null,
        IReadOnlyList<EquipmentPair>? pairs = null)
    {
        var merged = SerialRange.Merged(ranges ?? []);
        Arm(new Subjects(order, [.. imeis.Select(i => i.Value)], [.. tacs.Select(t => t.Value)], [.. merged], [.. texts ?? []], [.. (pairs ?? []).Distinct()]));
    }

    /// <summary>Writer only: an armed order bears on pairs too, where both match. One that is not armed is none.</summary>
    public void ArmPairs(ulong orderNumber, IReadOnlyList<EquipmentPair> pairs)
    {
        if (!_armed.TryGetValue(orderNumber, out var before)) return;

        var added = pairs.Except(before.Pairs).ToList();
        _armed[orderNumber] = before with { Pairs = [.. before.Pairs, .. added] };
        foreach (var pair in added) Change(pair, partners => partners.Arm(pair.Subscriber, before.Order));
    }

    private void Arm(Subjects subjects)
    {
        var order = subjects.Order;
        if (!_armed.TryAdd(order.Number, subjects)) return;

        _digest.Add(Thing(subjects));
        foreach (var imei in subjects.Imeis) Add(_imeiOrders, imei, order);
        foreach (var tac in subjects.Tacs) Add(_tacOrders, tac, order);
        foreach (var range in subjects.Ranges) _rangeOrders[range.Tac.Value] = _rangeOrders.GetValueOrDefault(range.Tac.Value, RangeOrders.None).With(range, order);
        foreach (var text in subjects.Texts) Add(_textOrders, text, order);
        foreach (var pair in subjects.Pairs) Change(pair, partners => partners.Arm(pair.Subscriber, order));
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
        foreach (var pair in subjects.Pairs) Change(pair, partners => partners.Lift(pair.Subscriber, orderNumber));
        Orders = _armed.Count;
    }

    /// <summary>Writer only, after the effects of the entry: everything up to here is in.</summary>
    public void Publish(ulong position) => Volatile.Write(ref _position, (long)position);

    /// <summary>Writer only: at this time, ms since 1970, there was nothing newer.</summary>
    public void KnewEverythingAt(long nowMs) => Volatile.Write(ref _knownAtMs, nowMs);

    /// <summary>Writer only, or nobody writes: all of it as bytes, which <see cref="ReadFrom"/> reads.</summary>
    public void WriteTo(Stream stream)
    {
        var to = new IndexWriter(stream);
        to.Number(FormatVersion);
        foreach (var number in (ReadOnlySpan<ulong>)[Position, (ulong)KnownAtMs, (ulong)_tacListAsOfMs]) to.Number(number);
        to.Count(_devices.Count);
        foreach (var (imei, status) in _devices)
        {
            to.Number(imei);
            to.Number((ulong)status);
        }

        to.Count(_tacs.Count);
        foreach (var tac in _tacs.Keys) to.Number(tac);
        to.Count(_armed.Count);
        foreach (var armed in _armed.Values) Write(to, armed);
        var paired = _imeiPartners.SelectMany(p => p.Value.Paired.ToArray().Select(s => new EquipmentPair(new Imei(p.Key), s)))
            .Concat(_textPartners.SelectMany(p => p.Value.Paired.ToArray().Select(s => new EquipmentPair(p.Key, s))));
        to.Count(Pairings);
        foreach (var pair in paired) Write(to, pair);
        to.Count(_told.Count);
        foreach (var ((kind, id), said) in _told)
        {
            to.Number((ulong)kind);
            to.Number(id);
            to.Bytes(said);
        }

        to.Bytes(_digest.ToBytes());
    }

    /// <summary>An index as it was written. Throws <see cref="InvalidDataException"/>, and nothing else, where the bytes are not sound; the digest is of what was read.</summary>
    public static DeviceIndex ReadFrom(Stream stream)
    {
        var from = new IndexReader(stream);
        IndexReader.Require(from.Number() is FormatVersion);
        var index = new DeviceIndex();
        var (position, knownAtMs, tacListAsOfMs) = (from.Number(), from.Number(), from.Number());
        for (var left = from.Count(); left > 0; left--)
        {
            var imei = new Imei(from.NumberBelow(Imei.Limit));
            var status = (DeviceStatus)from.NumberBelow((ulong)DeviceStatus.Retired + 1);
            IndexReader.Require(status is not DeviceStatus.NotRegistered);
            index.Put(imei, status);
        }

        for (var left = from.Count(); left > 0; left--) index.AddTacs([new Tac((uint)from.NumberBelow(Tac.Limit))]);
        for (var left = from.Count(); left > 0; left--) index.Arm(ReadSubjects(from));
        for (var left = from.Count(); left > 0; left--) index.Pair([ReadPair(from)]);
        for (var left = from.Count(); left > 0; left--) index.Told(from.Count(), from.Number(), from.Bytes(SaidBytesMax));
        if (tacListAsOfMs is not 0) index.TacListIsFresh((long)tacListAsOfMs);
        index.KnewEverythingAt((long)knownAtMs);
        index.Publish(position);
        IndexReader.Require(from.Bytes(StateDigest.Size).AsSpan().SequenceEqual(index.Digest.ToBytes()));
        return index;
    }

    private static void Write(IndexWriter to, Subjects armed)
    {
        var order = armed.Order;
        foreach (var number in (ReadOnlySpan<ulong>)[order.Number, (ulong)order.Class, (ulong)order.Reason, (ulong)order.FromMs, (ulong)order.UntilMs]) to.Number(number);
        to.Count(armed.Imeis.Length);
        foreach (var imei in armed.Imeis) to.Number(imei);
        to.Count(armed.Tacs.Length);
        foreach (var tac in armed.Tacs) to.Number(tac);
        to.Count(armed.Ranges.Length);
        foreach (var range in armed.Ranges)
        {
            to.Number(range.First.Value);
            to.Number(range.Last.Value);
        }

        to.Count(armed.Texts.Length);
        foreach (var text in armed.Texts) to.Text(text);
        to.Count(armed.Pairs.Length);
        foreach (var pair in armed.Pairs) Write(to, pair);
    }

    private static void Write(IndexWriter to, EquipmentPair pair)
    {
        to.Number(pair.Subscriber);
        to.Number(pair.Text is null ? pair.Imei.Value : Imei.Limit);
        if (pair.Text is not null) to.Text(pair.Text);
    }

    private static Subjects ReadSubjects(IndexReader from)
    {
        var order = new OrderSpan(from.Number(), (OrderClass)from.NumberBelow(256), (CheckReason)from.NumberBelow(256), (long)from.Number(), (long)from.Number());
        IndexReader.Require(Enum.IsDefined(order.Class) && Enum.IsDefined(order.Reason));
        return new Subjects(
            order, from.List(r => r.NumberBelow(Imei.Limit)), from.List(r => (uint)r.NumberBelow(Tac.Limit)), from.List(ReadRange), from.List(ReadText), from.List(ReadPair));
    }

    private static SerialRange ReadRange(IndexReader from)
    {
        IndexReader.Require(SerialRange.TryFrom(from.Number(), from.Number(), out var range));
        return range;
    }

    // At most 64 characters, at most three bytes of UTF-8 each.
    private static string ReadText(IndexReader from)
    {
        var text = from.Text(3 * EquipmentIdentity.TextMax);
        IndexReader.Require(text.Length > 0 && EquipmentIdentity.Normal(text) == text);
        return text;
    }

    private static EquipmentPair ReadPair(IndexReader from)
    {
        var subscriber = from.Number();
        IndexReader.Require(subscriber is not 0);
        var imei = from.NumberBelow(Imei.Limit + 1);
        return imei == Imei.Limit ? new EquipmentPair(ReadText(from), subscriber) : new EquipmentPair(new Imei(imei), subscriber);
    }

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

        // Pairs are not in it: each operator's nodes have their own, and all compare their digests with one. That there are some, the journal said (Told).
        return armed.Texts.Length is 0 ? thing : [.. thing, .. Encoding.UTF8.GetBytes(string.Join('\n', armed.Texts))];
    }

    private static byte[] Thing(int kind, ulong id, ReadOnlySpan<byte> said) => [.. Thing('M', (ulong)kind), .. Thing('M', id), .. said];

    private ReadOnlySpan<OrderSpan> OnText(ReadOnlySpan<char> text)
    {
        if (text.IsEmpty) return [];

        Span<char> room = stackalloc char[EquipmentIdentity.TextMax];
        return _textOrdersBySpan.TryGetValue(EquipmentIdentity.Normal(text, room), out var orders) ? orders : [];
    }

    private Partners PartnersOf(EquipmentIdentity equipment, ReadOnlySpan<char> text)
    {
        if (equipment.Kind is EquipmentKind.Imei) return _imeiPartners.GetValueOrDefault(equipment.Imei.Value, Partners.None);
        if (text.IsEmpty) return Partners.None;

        Span<char> room = stackalloc char[EquipmentIdentity.TextMax];
        return _textPartnersBySpan.TryGetValue(EquipmentIdentity.Normal(text, room), out var partners) ? partners : Partners.None;
    }

    private bool Change(EquipmentPair pair, Func<Partners, Partners> change) =>
        pair.Text is null ? Change(_imeiPartners, pair.Imei.Value, change) : Change(_textPartners, pair.Text, change);

    private static bool Change<TKey>(ConcurrentDictionary<TKey, Partners> all, TKey key, Func<Partners, Partners> change)
        where TKey : notnull
    {
        var before = all.GetValueOrDefault(key, Partners.None);
        var after = change(before);
        if (after.IsEmpty) all.TryRemove(key, out _);
        else all[key] = after;
        return after != before;
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
    private sealed record Subjects(OrderSpan Order, ulong[] Imeis, uint[] Tacs, SerialRange[] Ranges, string[] Texts, EquipmentPair[] Pairs);
}
