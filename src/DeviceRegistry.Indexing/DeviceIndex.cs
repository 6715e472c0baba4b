using System.Collections.Concurrent;
using DeviceRegistry.Core;

namespace DeviceRegistry.Indexing;

/// <summary>In-memory index of a node: devices, TACs, orders and pairs. One writer applies changes in journal order;
/// readers take no lock.</summary>
/// <remarks>A reader may see the effect of an entry shortly before <see cref="Position"/> covers it, never after: it
/// reads the position first, so an answer is at least as new as the position it carries. Blocks, buckets and lists are
/// immutable and replaced as a whole.</remarks>
public sealed class DeviceIndex
{
    private const ulong FormatVersion = 2;

    // A journal entry has at most 4 MiB.
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

    // Used by the writer only. Invariant: an order in _pairsNamed is armed.
    private readonly Dictionary<ulong, EquipmentPair[]> _pairsNamed = [];
    private readonly Dictionary<(int Kind, ulong Id), byte[]> _records = [];
    private StateDigest _digest;
    private long _position;
    private long _knownAtMs;
    private long _tacListAsOfMs;

    /// <summary>Creates an empty index.</summary>
    public DeviceIndex() => _orders = new OrderTable(_texts);

    /// <summary>Position of the newest entry that is fully applied; 0: none.</summary>
    public ulong Position => (ulong)Volatile.Read(ref _position);

    /// <summary>Last time when the node had the whole journal, ms since 1970; 0: never.</summary>
    public long KnownAtMs => Volatile.Read(ref _knownAtMs);

    /// <summary>Number of registered IMEIs that are or were on the market.</summary>
    public int Devices => _devices.Count;

    /// <summary>Number of TACs in the list.</summary>
    public int Tacs => _tacs.Count;

    /// <summary>Number of armed orders that are not lifted.</summary>
    public int Orders => _orders.Count;

    /// <summary>Number of pairs of equipment and subscriber.</summary>
    public long Pairings => _pairings.Count;

    /// <summary>Writer only: digest of the state that every node has, which excludes pairs.</summary>
    public StateDigest Digest => _digest;

    /// <summary>Writer only, or while no writer runs: computes the digest from the contents. A difference to
    /// <see cref="Digest"/> means that the memory, or the bytes that were read, are corrupt. 100 million IMEIs take
    /// about 5 s.</summary>
    public StateDigest DigestOfContents()
    {
        var digest = default(StateDigest);
        _devices.AddTo(ref digest);
        _tacs.AddTo(ref digest);
        if (_tacListAsOfMs is not 0) digest.Add(
            StateElementEncoding.Of(StateElementEncoding.TacList, (ulong)_tacListAsOfMs));
        foreach (var subjects in _orders.All()) digest.Add(StateElementEncoding.Of(subjects));
        foreach (var (kind, id, payload) in Records) digest.Add(StateElementEncoding.Of(kind, id, payload.Span));
        return digest;
    }

    /// <summary>Writer only: latest payload of each member and policy record, by kind and id; used to rebuild the
    /// member directory and the policy after loading a snapshot.</summary>
    public IEnumerable<(int Kind, ulong Id, ReadOnlyMemory<byte> Payload)> Records =>
        _records.OrderBy(t => t.Key).Select(t => (t.Key.Kind, t.Key.Id, (ReadOnlyMemory<byte>)t.Value));

    /// <summary>Data of an identity and, if the subscriber is known, of the pair; an identity that is not an IMEI is
    /// found by its text as the network sent it. Allocates nothing; the spans refer to immutable lists.</summary>
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

    /// <summary>Whether the data of an identity depends on the subscriber: only then is it worth computing the
    /// pseudonym (an HMAC).</summary>
    public bool DependsOnSubscriber(EquipmentIdentity equipment, ReadOnlySpan<char> text = default)
    {
        if (equipment.Kind is EquipmentKind.Imei) return DependsOnSubscriber(equipment.Imei.Value);

        // If the key is reused for another text in the meantime, the pseudonym is computed needlessly or not at all;
        // FactsOf looks up the key again.
        Span<char> buffer = stackalloc char[EquipmentIdentity.TextMax];
        return _texts.TryFind(EquipmentIdentity.Normal(text, buffer), out var key) && DependsOnSubscriber(key);
    }

    /// <summary>Writer only: marks IMEIs as on the market.</summary>
    public void Release(IEnumerable<Imei> imeis) => _devices.Put(imeis, DeviceStatus.Released, ref _digest);

    /// <summary>Writer only: marks IMEIs as retired or recalled.</summary>
    public void Retire(IEnumerable<Imei> imeis) => _devices.Put(imeis, DeviceStatus.Retired, ref _digest);

    /// <summary>Writer only: adds TACs to the list.</summary>
    public void AddTacs(IEnumerable<Tac> tacs) => _tacs.Add(tacs, ref _digest);

    /// <summary>Writer only: sets the time of the last TAC import, ms since 1970.</summary>
    public void TacListIsFresh(long asOfMs)
    {
        if (_tacListAsOfMs is not 0) _digest.Remove(
            StateElementEncoding.Of(StateElementEncoding.TacList, (ulong)_tacListAsOfMs));
        Volatile.Write(ref _tacListAsOfMs, asOfMs);
        _digest.Add(StateElementEncoding.Of(StateElementEncoding.TacList, (ulong)asOfMs));
    }

    /// <summary>Writer only: stores the latest payload of a member or policy record, whose meaning is kept elsewhere,
    /// for the state digest.</summary>
    public void PutRecord(int kind, ulong id, ReadOnlySpan<byte> payload)
    {
        if (_records.TryGetValue((kind, id), out var before)) _digest.Remove(
            StateElementEncoding.Of(kind, id, before));
        _digest.Add(StateElementEncoding.Of(kind, id, payload));
        _records[(kind, id)] = payload.ToArray();
    }

    /// <summary>Writer only: removes a member or policy record.</summary>
    public void RemoveRecord(int kind, ulong id)
    {
        if (_records.Remove((kind, id), out var before)) _digest.Remove(
            StateElementEncoding.Of(kind, id, before));
    }

    /// <summary>Writer only: latest payload of a record; empty if there is none.</summary>
    public ReadOnlySpan<byte> RecordOf(int kind, ulong id) => _records.GetValueOrDefault((kind, id));

    /// <summary>Writer only: adds pairs. An existing pair is ignored.</summary>
    public void Pair(IEnumerable<EquipmentPair> pairs)
    {
        foreach (var pair in pairs)
            _pairings.Add(Intern(pair), pair.Subscriber);
    }

    /// <summary>Writer only: removes pairs. A missing pair is ignored.</summary>
    public void Unpair(IEnumerable<EquipmentPair> pairs)
    {
        foreach (var pair in pairs)
            if (TryKey(pair, out var key) && _pairings.Remove(key, pair.Subscriber)) ReleaseIfUnused(key);
    }

    /// <summary>Writer only: arms an order against its subjects. Texts are in canonical form; a pair matches if
    /// equipment and subscriber both match. Arming an armed order changes nothing.</summary>
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

    /// <summary>Writer only: adds pairs to an armed order. Ignored if the order is not armed.</summary>
    public void ArmPairs(ulong orderNumber, IReadOnlyList<EquipmentPair> pairs)
    {
        if (_orders.Find(orderNumber) is not { Order: var order }) return;

        EquipmentPair[] before = _pairsNamed.GetValueOrDefault(orderNumber, []), added = [.. pairs.Except(before)];
        _pairsNamed[orderNumber] = [.. before, .. added];
        foreach (var pair in added) Change(_pairOrders, Intern(pair), PairOrders.None, o =>
            o.With(pair.Subscriber, order), _ => false);
    }

    /// <summary>Writer only: ends an order; other orders on the same subjects remain.</summary>
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
            ReleaseIfUnused(key);
        }

        foreach (var text in subjects.Texts)
            if (_texts.TryFind(text, out var key)) ReleaseIfUnused(key);
    }

    /// <summary>Writer only, after all effects of the entry: publishes the position.</summary>
    public void Publish(ulong position) => Volatile.Write(ref _position, (long)position);

    /// <summary>Writer only: records that the node had the whole journal at this time, ms since 1970.</summary>
    public void KnewEverythingAt(long nowMs) => Volatile.Write(ref _knownAtMs, nowMs);

    /// <summary>Writer only, or while no writer runs: captures the current state. The returned action writes it in the
    /// format of <see cref="ReadFrom"/>, at any time and on any thread. Copies only the arrays that refer to immutable
    /// data: 50 MB for a hundred million IMEIs.</summary>
    public Action<Stream> Capture()
    {
        ulong[] numbers = [FormatVersion, Position, (ulong)KnownAtMs, (ulong)_tacListAsOfMs];
        var digest = _digest.ToBytes();
        Action<IndexWriter>[] parts =
            [_devices.Capture(), _tacs.Capture(), _texts.Capture(), _orders.Capture(), CaptureWide(), CapturePairs(),
            _pairings.Capture(), CaptureRecords()];
        return stream =>
        {
            var to = new IndexWriter(stream);
            foreach (var number in numbers) to.Number(number);
            to.Bytes(digest);
            foreach (var part in parts) part(to);
            to.End();
        };
    }

    /// <summary>Writer only, or while no writer runs: writes the current state.</summary>
    public void WriteTo(Stream stream) => Capture()(stream);

    /// <summary>Reads an index; does not read beyond its end. Throws <see cref="InvalidDataException"/>, and no other
    /// exception of its own, if the bytes are invalid. Allocates at most a few times the size of the input.</summary>
    /// <remarks>The digest is taken from the bytes: hashing a hundred million IMEIs again takes longer than a node may
    /// need to start. The signer or verifier of the bytes is responsible for the digest.</remarks>
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
            IndexReader.Require(index._records.TryAdd((from.Count(), from.Number()), from.Bytes(RecordBytesMax)));
        from.End();
        return index;
    }

    private Action<IndexWriter> CaptureWide()
    {
        var wide = _orders.Wide.ToList();
        return to =>
        {
            to.Count(wide.Count);
            foreach (var subjects in wide) subjects.WriteTo(to);
        };
    }

    private Action<IndexWriter> CapturePairs()
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

    private Action<IndexWriter> CaptureRecords()
    {
        var records = Records.ToList();
        return to =>
        {
            to.Count(records.Count);
            foreach (var (kind, id, payload) in records)
            {
                to.Count(kind);
                to.Number(id);
                to.Bytes(payload.Span);
            }
        };
    }

    private AttachFacts FactsOf(ReadOnlySpan<char> text, IReadOnlyList<string> registeredPlmns, ulong subscriber)
    {
        Span<char> buffer = stackalloc char[EquipmentIdentity.TextMax];
        var normal = EquipmentIdentity.Normal(text, buffer);
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

            // The text may have been removed in the meantime, and its key reused.
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

    // Releases the text of a key that has no orders and no pairs left.
    private void ReleaseIfUnused(ulong key)
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
