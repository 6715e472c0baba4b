using System.Collections.Concurrent;
using DeviceRegistry.Core;

namespace DeviceRegistry.Indexing;

/// <summary>What a node knows of handsets, TACs, orders and pairs. One writer changes it in journal order; readers take
/// no lock.</summary>
/// <remarks>A reader may see an entry's effect a moment before <see cref="Position"/> says so, never after: it reads
/// the position first, so an answer is at least as new as the position it carries. Blocks, buckets and lists are
/// replaced whole, never changed.</remarks>
public sealed class DeviceIndex
{
    private const ulong FormatVersion = 2;

    // An entry of the journal is at most 4 MiB.
    private const int RecordBytesMax = 4 * 1024 * 1024;

    private readonly DeviceBlocks _devices = new();
    private readonly TacList _tacs = new();
    private readonly TextPool _texts = new();
    private readonly OrderTable _orders;
    private readonly PairingTable _pairings = new();

    // A country has some thousands of these.
    private readonly ConcurrentDictionary<uint, OrderTerm[]> _tacOrders = new();
    private readonly ConcurrentDictionary<uint, RangeOrders> _rangeOrders = new();
    private readonly ConcurrentDictionary<ulong, PairOrders> _pairOrders = new();

    // The writer's own. Invariant: an order that names pairs is armed.
    private readonly Dictionary<ulong, EquipmentPair[]> _pairsNamed = [];
    private readonly Dictionary<(int Kind, ulong Id), byte[]> _told = [];
    private StateDigest _digest;
    private long _position;
    private long _knownAtMs;
    private long _tacListAsOfMs;

    /// <summary>An index that knows nothing.</summary>
    public DeviceIndex() => _orders = new OrderTable(_texts);

    /// <summary>Position of the newest entry whose effect is complete; 0: nothing yet.</summary>
    public ulong Position => (ulong)Volatile.Read(ref _position);

    /// <summary>Until when the node knew everything there was, ms since 1970; 0: it never did.</summary>
    public long KnownAtMs => Volatile.Read(ref _knownAtMs);

    /// <summary>Registered IMEIs that are or were on the market.</summary>
    public int Devices => _devices.Count;

    /// <summary>TACs in the list.</summary>
    public int Tacs => _tacs.Count;

    /// <summary>Armed orders that no lift has ended.</summary>
    public int Orders => _orders.Count;

    /// <summary>Pairs of equipment and subscriber.</summary>
    public long Pairings => _pairings.Count;

    /// <summary>Writer only: digest of everything that every node has: all but pairs.</summary>
    public StateDigest Digest => _digest;

    /// <summary>Writer only, or nobody writes: the digest made anew of everything that is there. Another one than <see
    /// cref="Digest"/>: something in memory, or in the bytes it was read from, is not what was put in. 100 million
    /// IMEIs take some 5 s.</summary>
    public StateDigest DigestOfContents()
    {
        var digest = default(StateDigest);
        _devices.AddTo(ref digest);
        _tacs.AddTo(ref digest);
        if (_tacListAsOfMs is not 0) digest.Add(StateElementEncoding.Of(StateElementEncoding.TacList, (ulong)_tacListAsOfMs));
        foreach (var subjects in _orders.All()) digest.Add(StateElementEncoding.Of(subjects));
        foreach (var (kind, id, said) in Records) digest.Add(StateElementEncoding.Of(kind, id, said.Span));
        return digest;
    }

    /// <summary>Writer only: what was <see cref="PutRecord"/> last of each thing, by kind and id: who reads an index from
    /// bytes learns members and policy from it.</summary>
    public IEnumerable<(int Kind, ulong Id, ReadOnlyMemory<byte> Said)> Records =>
        _told.OrderBy(t => t.Key).Select(t => (t.Key.Kind, t.Key.Id, (ReadOnlyMemory<byte>)t.Value));

    /// <summary>What is known that bears on an identity and, where the subscriber is known, on the two together; an
    /// identity that is no IMEI is known by its text, as the network gave it. Allocates nothing; the spans are of lists
    /// that never change.</summary>
    public AttachFacts FactsOf(EquipmentIdentity equipment,
        IReadOnlyList<string> registeredPlmns, ReadOnlySpan<char> text = default, ulong subscriber = 0)
    {
        if (equipment.Kind is not EquipmentKind.Imei) return FactsOf(text, registeredPlmns, subscriber);

        var imei = equipment.Imei;
        var asOf = Volatile.Read(ref _tacListAsOfMs);
        return new AttachFacts
        {
            Device = _devices.StatusOf(imei),
            Tac = asOf is 0 ? TacStatus.NoList : _tacs.Has(imei.Tac) ? TacStatus.Known : TacStatus.Unknown,
            TacListAsOfMs = asOf,
            ImeiOrders = _orders.On(imei.Value, out var only),
            OnlyImeiOrder = only,
            TacOrders = _tacOrders.TryGetValue(imei.Tac.Value, out var onTac) ? onTac : [],
            RangeOrders = _rangeOrders.TryGetValue(imei.Tac.Value, out var onRanges) ? onRanges.On(imei) : [],
            PairOrders = PairOrdersOn(imei.Value).On(subscriber),
            Pairing = _pairings.Of(imei.Value, subscriber),
            KnownAtMs = KnownAtMs,
            RegisteredPlmns = registeredPlmns,
        };
    }

    /// <summary>Whether the facts of an identity differ by subscriber: only then is a pseudonym worth its
    /// HMAC.</summary>
    public bool DependsOnSubscriber(EquipmentIdentity equipment, ReadOnlySpan<char> text = default)
    {
        if (equipment.Kind is EquipmentKind.Imei) return DependsOnSubscriber(equipment.Imei.Value);

        // A key that came to stand for another text in between makes a pseudonym of which no use is made, or none; the
        // facts look for themselves.
        Span<char> room = stackalloc char[EquipmentIdentity.TextMax];
        return _texts.TryFind(EquipmentIdentity.Normal(text, room), out var key) && DependsOnSubscriber(key);
    }

    /// <summary>Writer only: IMEIs are on the market.</summary>
    public void Release(IEnumerable<Imei> imeis) => _devices.Put(imeis, DeviceStatus.Released, ref _digest);

    /// <summary>Writer only: IMEIs left the market: retired or recalled.</summary>
    public void Retire(IEnumerable<Imei> imeis) => _devices.Put(imeis, DeviceStatus.Retired, ref _digest);

    /// <summary>Writer only: TACs are in the list.</summary>
    public void AddTacs(IEnumerable<Tac> tacs) => _tacs.Add(tacs, ref _digest);

    /// <summary>Writer only: the list is complete up to an import of this time, ms since 1970.</summary>
    public void TacListIsFresh(long asOfMs)
    {
        if (_tacListAsOfMs is not 0) _digest.Remove(StateElementEncoding.Of(StateElementEncoding.TacList, (ulong)_tacListAsOfMs));
        Volatile.Write(ref _tacListAsOfMs, asOfMs);
        _digest.Add(StateElementEncoding.Of(StateElementEncoding.TacList, (ulong)asOfMs));
    }

    /// <summary>Writer only: what the journal said last about something that is kept elsewhere, a member or the policy,
    /// for the digest of the state.</summary>
    public void PutRecord(int kind, ulong id, ReadOnlySpan<byte> said)
    {
        if (_told.TryGetValue((kind, id), out var before)) _digest.Remove(StateElementEncoding.Of(kind, id, before));
        _digest.Add(StateElementEncoding.Of(kind, id, said));
        _told[(kind, id)] = said.ToArray();
    }

    /// <summary>Writer only: what the journal said of a thing holds no more.</summary>
    public void RemoveRecord(int kind, ulong id)
    {
        if (_told.Remove((kind, id), out var before)) _digest.Remove(StateElementEncoding.Of(kind, id, before));
    }

    /// <summary>Writer only: what was <see cref="PutRecord"/> last of a thing; nothing: nothing.</summary>
    public ReadOnlySpan<byte> RecordOf(int kind, ulong id) => _told.GetValueOrDefault((kind, id));

    /// <summary>Writer only: equipment is paired with subscribers. One that is already changes nothing.</summary>
    public void Pair(IEnumerable<EquipmentPair> pairs)
    {
        foreach (var pair in pairs)
            _pairings.Add(Intern(pair), pair.Subscriber);
    }

    /// <summary>Writer only: pairs have ended. One that is none changes nothing.</summary>
    public void Unpair(IEnumerable<EquipmentPair> pairs)
    {
        foreach (var pair in pairs)
            if (TryKey(pair, out var key) && _pairings.Remove(key, pair.Subscriber)) Forget(key);
    }

    /// <summary>Writer only: an order is armed against its subjects; texts are in normal form; on a pair it bears where
    /// both match. The same order again changes nothing.</summary>
    public void Arm(
        OrderTerm order, IReadOnlyList<Imei> imeis, IReadOnlyList<Tac> tacs, IReadOnlyList<SerialRange>? ranges = null,
        IReadOnlyList<string>? texts = null,
        IReadOnlyList<EquipmentPair>? pairs = null)
    {
        if (_orders.IsArmed(order.Number)) return;

        var subjects = new OrderSubjects(
            order, [.. imeis.Select(i => i.Value)], tacs.Count is 0 ? [] : [.. tacs.Select(t => t.Value)],
            ranges is null or { Count: 0 } ? [] : [.. SerialRange.Merged(ranges)],
            [.. texts ?? []]);
        _digest.Add(StateElementEncoding.Of(subjects));
        Put(subjects);
        if (pairs is { Count: > 0 }) ArmPairs(order.Number, pairs);
    }

    /// <summary>Writer only: an armed order bears on pairs too, where both match. One that is not armed is
    /// none.</summary>
    public void ArmPairs(ulong orderNumber, IReadOnlyList<EquipmentPair> pairs)
    {
        if (_orders.Find(orderNumber) is not { Order: var order }) return;

        EquipmentPair[] before = _pairsNamed.GetValueOrDefault(orderNumber, []), added = [.. pairs.Except(before)];
        _pairsNamed[orderNumber] = [.. before, .. added];
        foreach (var pair in added) Change(_pairOrders, Intern(pair), PairOrders.None, o =>
            o.With(pair.Subscriber, order), _ => false);
    }

    /// <summary>Writer only: an order has ended; the others against the same subjects stand.</summary>
    public void Lift(ulong orderNumber)
    {
        if (_orders.Find(orderNumber) is not { } subjects) return;

        _digest.Remove(StateElementEncoding.Of(subjects));
        _orders.Lift(subjects);
        foreach (var tac in subjects.Tacs) Change(_tacOrders, tac, [], o =>
            OrderList.Without(o, orderNumber), o => o.Length is 0);
        foreach (var tac in subjects.Ranges.Select(r => r.Tac.Value).Distinct()) Change(_rangeOrders, tac,
            RangeOrders.None, o => o.Without(orderNumber), o => o.IsEmpty);
        _pairsNamed.Remove(orderNumber, out var pairs);
        foreach (var pair in pairs ?? [])
        {
            if (!TryKey(pair, out var key)) continue;

            Change(_pairOrders, key, PairOrders.None, o => o.Without(pair.Subscriber, orderNumber), o => o.IsEmpty);
            Forget(key);
        }

        foreach (var text in subjects.Texts)
            if (_texts.TryFind(text, out var key)) Forget(key);
    }

    /// <summary>Writer only, after the effects of the entry: everything up to here is in.</summary>
    public void Publish(ulong position) => Volatile.Write(ref _position, (long)position);

    /// <summary>Writer only: at this time, ms since 1970, there was nothing newer.</summary>
    public void KnewEverythingAt(long nowMs) => Volatile.Write(ref _knownAtMs, nowMs);

    /// <summary>Writer only, or nobody writes: all of it as it is now, to be written as bytes that <see
    /// cref="ReadFrom"/> reads, by anybody and whenever. Only the arrays that lead to what never changes are copied: at
    /// a hundred million IMEIs 50 MB.</summary>
    public Action<Stream> Capture()
    {
        ulong[] numbers = [FormatVersion, Position, (ulong)KnownAtMs, (ulong)_tacListAsOfMs];
        var digest = _digest.ToBytes();
        Action<IndexWriter>[] parts =
            [_devices.Capture(), _tacs.Capture(), _texts.Capture(), _orders.Capture(), StillWide(), StillPairs(),
            _pairings.Capture(), StillSayings()];
        return stream =>
        {
            var to = new IndexWriter(stream);
            foreach (var number in numbers) to.Number(number);
            to.Bytes(digest);
            foreach (var part in parts) part(to);
            to.End();
        };
    }

    /// <summary>Writer only, or nobody writes: all of it as bytes.</summary>
    public void WriteTo(Stream stream) => Capture()(stream);

    /// <summary>An index as it was written; what follows it in the stream is not touched. Throws <see
    /// cref="InvalidDataException"/>, and nothing else of its own, where the bytes are not sound, and makes no more
    /// room than a few times what it was given.</summary>
    /// <remarks>The digest is taken from the bytes: to hash a hundred million IMEIs again takes longer than a node may.
    /// Who signs or checks the bytes vouches for it.</remarks>
    public static DeviceIndex ReadFrom(Stream stream)
    {
        var from = new IndexReader(stream);
        IndexReader.Require(from.Number() is FormatVersion);
        var index = new DeviceIndex();
        index.Publish(from.Number());
        index.KnewEverythingAt((long)from.Number());
        index._tacListAsOfMs = (long)from.Number();
        var digest = from.Bytes(StateDigest.Size);
        IndexReader.Require(digest.Length is StateDigest.Size);
        index._digest = StateDigest.FromBytes(digest);
        index._devices.ReadFrom(from);
        index._tacs.ReadFrom(from);
        index._texts.ReadFrom(from);
        index._orders.ReadFrom(from);
        for (var left = from.Count(); left > 0; left--)
        {
            var subjects = OrderSubjects.ReadFrom(from);
            IndexReader.Require(index._orders.Find(subjects.Order.Number) is null);
            index.Put(subjects);
        }

        for (var left = from.Count(); left > 0; left--)
        {
            var number = from.Number();
            var pairs = from.List(r => r.Pair());
            IndexReader.Require(index._orders.IsArmed(number) && !index._pairsNamed.ContainsKey(number)
                && pairs.Distinct().Count() == pairs.Length);
            index.ArmPairs(number, pairs);
        }

        index._pairings.ReadFrom(from, index._texts);
        for (var left = from.Count(); left > 0; left--)
            IndexReader.Require(index._told.TryAdd((from.Count(), from.Number()), from.Bytes(RecordBytesMax)));
        from.End();
        return index;
    }

    private Action<IndexWriter> StillWide()
    {
        var wide = _orders.Wide.ToList();
        return to =>
        {
            to.Count(wide.Count);
            foreach (var subjects in wide) subjects.WriteTo(to);
        };
    }

    private Action<IndexWriter> StillPairs()
    {
        var named = _pairsNamed.OrderBy(p => p.Key).ToList();
        return to =>
        {
            to.Count(named.Count);
            foreach (var (number, pairs) in named)
            {
                to.Number(number);
                to.Count(pairs.Length);
                foreach (var pair in pairs) to.Pair(pair);
            }
        };
    }

    private Action<IndexWriter> StillSayings()
    {
        var told = Records.ToList();
        return to =>
        {
            to.Count(told.Count);
            foreach (var (kind, id, said) in told)
            {
                to.Count(kind);
                to.Number(id);
                to.Bytes(said.Span);
            }
        };
    }

    private AttachFacts FactsOf(ReadOnlySpan<char> text, IReadOnlyList<string> registeredPlmns, ulong subscriber)
    {
        Span<char> room = stackalloc char[EquipmentIdentity.TextMax];
        var normal = EquipmentIdentity.Normal(text, room);
        while (_texts.TryFind(normal, out var key))
        {
            var facts = new AttachFacts
            {
                ImeiOrders = _orders.On(key, out var only),
                OnlyImeiOrder = only,
                PairOrders = PairOrdersOn(key).On(subscriber),
                Pairing = _pairings.Of(key, subscriber),
                KnownAtMs = KnownAtMs,
                RegisteredPlmns = registeredPlmns,
            };

            // The text may have gone in between, and its key to another.
            if (_texts.TryFind(normal, out var same) && same == key) return facts;
        }

        return new AttachFacts { KnownAtMs = KnownAtMs, RegisteredPlmns = registeredPlmns };
    }

    private bool DependsOnSubscriber(ulong key) =>
        !PairOrdersOn(key).IsEmpty || _pairings.Of(key, 0) is not Pairing.None;

    private PairOrders PairOrdersOn(ulong key) =>
        _pairOrders.TryGetValue(key, out var orders) ? orders : PairOrders.None;

    private void Put(OrderSubjects subjects)
    {
        var order = subjects.Order;
        _orders.Arm(subjects);
        foreach (var tac in subjects.Tacs) Change(_tacOrders, tac, [], o => OrderList.With(o, order), _ => false);
        foreach (var range in subjects.Ranges) Change(_rangeOrders, range.Tac.Value, RangeOrders.None, o =>
            o.With(range, order), _ => false);
    }

    private ulong Intern(EquipmentPair pair) => pair.Text is null ? pair.Imei.Value : _texts.Intern(pair.Text);

    private bool TryKey(EquipmentPair pair, out ulong key)
    {
        key = pair.Imei.Value;
        return pair.Text is null || _texts.TryFind(pair.Text, out key);
    }

    // A text of which nothing is known any more.
    private void Forget(ulong key)
    {
        if (Key.IsText(key) && !_orders.Has(key) && !DependsOnSubscriber(key)) _texts.Release(key);
    }

    private static void Change<TKey, TOrders>(
        ConcurrentDictionary<TKey, TOrders> all, TKey key, TOrders none, Func<TOrders, TOrders> change,
        Func<TOrders, bool> isEmpty)
        where TKey : notnull
    {
        var after = change(all.GetValueOrDefault(key, none));
        if (isEmpty(after)) all.TryRemove(key, out _);
        else all[key] = after;
    }
}
