using System.Buffers.Binary;
using DeviceRegistry.Core;

namespace DeviceRegistry.Indexing;

/// <summary>Orders on identities: finds the orders of an identity, and the subjects of an order. One writer; readers
/// take no lock.</summary>
/// <remarks>An identity with orders has one record of 4 bytes in the table:
/// <code>
/// bit  31   30 .. 1                0
///      0    number of the order    0: its first identity, 1: its second   its only order, a simple one (OrderPages)
///      1    index of a list, 31 bits                                      any other case: the list of its orders
/// </code>
/// A record holds no key; the order or list that it refers to does. Invariant: the targets of a bucket's records exist
/// as long as the bucket is current, so a search that finds nothing in a bucket that is still current is
/// correct.</remarks>
internal sealed class OrderTable
{
    private const uint ListBit = 1u << 31;

    private readonly TextPool _texts;
    private readonly BucketTable _records;
    private readonly OrderPages _simple = new();

    // Used by the writer only: orders that are not simple, by number.
    private readonly Dictionary<ulong, OrderSubjects> _wide = [];
    private readonly Stack<int> _freeLists = new();
    private Listed?[] _lists = [];
    private int _listsUsed;

    public OrderTable(TextPool texts)
    {
        _texts = texts;
        _records = new BucketTable(sizeof(uint), record =>
            Key.Hash(KeyOf(BinaryPrimitives.ReadUInt32LittleEndian(record))));
    }

    /// <summary>Number of armed orders.</summary>
    public int Count => _simple.Count + _wide.Count;

    /// <summary>Orders that are not simple, by number.</summary>
    public IEnumerable<OrderSubjects> Wide => _wide.Values.OrderBy(s => s.Order.Number);

    /// <summary>Writer only: all orders with their subjects.</summary>
    public IEnumerable<OrderSubjects> All() =>
        _simple.Records().Where(r => !r.Second).Select(r => Find(r.Number)!).Concat(_wide.Values);

    /// <summary>Orders on an identity. A single simple order is returned in <paramref name="only"/>, with an empty
    /// list.</summary>
    public ReadOnlySpan<OrderTerm> On(ulong key, out OrderTerm only)
    {
        var hash = Key.Hash(key);
        while (true)
        {
            var bucket = _records.BucketOf(hash);
            var at = -1;
            while ((at = _records.Next(bucket, BucketTable.TagOf(hash), at + 1)) >= 0)
                if (TryResolve(HandleAt(bucket, at), key, out only, out var list)) return list;

            only = default;
            if (ReferenceEquals(bucket, _records.BucketOf(hash))) return [];
        }
    }

    /// <summary>Whether an identity has an order.</summary>
    public bool Has(ulong key) => On(key, out var only) is { Length: > 0 } || only.Number is not 0;

    public bool IsArmed(ulong number) =>
        _wide.ContainsKey(number) || _simple.TryRead(number, second: false, out _, out _);

    /// <summary>Writer only: the subjects of an order; null if it is not armed.</summary>
    public OrderSubjects? Find(ulong number)
    {
        if (_wide.TryGetValue(number, out var wide)) return wide;
        if (!TrySimple(number, out var order, out var keys)) return null;

        return Key.IsText(keys[0])
            ? new OrderSubjects(order, [], [], [], [.. keys.Select(k => _texts.TextOf(k)!)])
            : new OrderSubjects(order, keys, [], [], []);
    }

    /// <summary>Writer only: arms an order that is not armed, on each of its identities once.</summary>
    public void Arm(OrderSubjects subjects)
    {
        ulong[] keys = subjects is { Imeis.Length: 1, Texts.Length: 0 } ? subjects.Imeis
            : [.. subjects.Imeis.Distinct(), .. subjects.Texts.Distinct().Select(_texts.Intern)];
        if (!IsSimple(subjects, keys) || !_simple.TryPut(subjects.Order, keys))
        {
            _wide.Add(subjects.Order.Number, subjects);
            OrderTerm[] shared = [subjects.Order];
            foreach (var key in keys) Add(key, subjects.Order, null, shared);
            return;
        }

        for (var i = 0; i < keys.Length; i++) Add(keys[i], subjects.Order, HandleOf(subjects.Order.Number, i), null);
    }

    /// <summary>Writer only: ends an armed order. The caller releases texts without orders.</summary>
    public void Lift(OrderSubjects subjects)
    {
        var number = subjects.Order.Number;
        foreach (var imei in subjects.Imeis.Distinct()) Remove(imei, number);
        foreach (var text in subjects.Texts.Distinct())
            if (_texts.TryFind(text, out var key)) Remove(key, number);
        if (!_wide.Remove(number)) _simple.Remove(number);
    }

    /// <summary>Writer only: captures the current simple orders; the returned action writes them at any time and on any
    /// thread.</summary>
    public Action<IndexWriter> Capture() => _simple.Capture();

    /// <summary>Reads captured simple orders.</summary>
    public void ReadFrom(IndexReader from)
    {
        _simple.ReadFrom(from);
        var (count, before) = (0L, (Number: 0ul, Key: 0ul));
        foreach (var (number, second, key) in _simple.Records())
        {
            IndexReader.Require(number is not 0 && (!Key.IsText(key) || _texts.TextOf(key) is not null));
            IndexReader.Require(!second || (key != before.Key && Key.IsText(key) == Key.IsText(before.Key)));
            before = (number, key);
            count++;
        }

        _records.Fill(count, _simple.Records().Select(r => (Key.Hash(r.Key), HandleOf(r.Number, r.Second ? 1 : 0))));
        for (var i = 0; i < _records.Buckets; i++) RestoreLists(i);
    }

    // Restores the lists of identities with several orders.
    private void RestoreLists(int bucketAt)
    {
        for (var second = 1; second < _records.CountOf(_records.BucketAt(bucketAt)); second++)
        {
            var bucket = _records.BucketAt(bucketAt);
            var first = _records.Next(bucket, bucket[second], 0);
            while (first < second && KeyOf(HandleAt(bucket, first)) != KeyOf(HandleAt(bucket, second))) first =
                _records.Next(bucket, bucket[second], first + 1);
            if (first == second) continue;

            var handle = HandleAt(bucket, second);
            _simple.TryRead(handle >> 1, (handle & 1) is 1, out var key, out var order);
            _records.Remove(Key.Hash(key), second--);
            Add(key, order, handle, null);
        }
    }

    private static bool IsSimple(OrderSubjects subjects, ulong[] keys) =>
        subjects.Order.Number is not 0 && subjects.IsOnIdentitiesAlone && keys.Length is 1 or 2
        && (keys.Length == subjects.Imeis.Length ? subjects.Texts.Length is 0 : subjects.Imeis.Length is 0
        && keys.Length == subjects.Texts.Length);

    private static uint HandleOf(ulong number, int which) => ((uint)number << 1) | (uint)which;

    private uint HandleAt(byte[] bucket, int at) =>
        BinaryPrimitives.ReadUInt32LittleEndian(_records.RecordAt(bucket, at));

    private bool TryResolve(uint handle, ulong key, out OrderTerm only, out ReadOnlySpan<OrderTerm> list)
    {
        only = default;
        list = default;
        if ((handle & ListBit) is 0) return _simple.TryRead(handle >> 1, (handle & 1) is 1, out var found, out only)
            && found == key;
        if (Volatile.Read(ref Volatile.Read(ref _lists)[handle & ~ListBit]) is not { } listed
            || listed.Key != key) return false;

        list = listed.Orders;
        return true;
    }

    private ulong KeyOf(uint handle)
    {
        if ((handle & ListBit) is not 0) return _lists[handle & ~ListBit]!.Key;

        _simple.TryRead(handle >> 1, (handle & 1) is 1, out var key, out _);
        return key;
    }

    private bool TrySimple(ulong number, out OrderTerm order, out ulong[] keys)
    {
        keys = [];
        if (!_simple.TryRead(number, second: false, out var first, out order)) return false;

        keys = _simple.TryRead(number, second: true, out var second, out _) ? [first, second] : [first];
        return true;
    }

    private int PlaceOf(ulong key, ulong hash, out byte[] bucket)
    {
        bucket = _records.BucketOf(hash);
        var at = -1;
        while ((at = _records.Next(bucket, BucketTable.TagOf(hash), at + 1)) >= 0)
            if (KeyOf(HandleAt(bucket, at)) == key) return at;
        return -1;
    }

    // If it is the only order on its identity, a simple order is stored as a handle; any other order as a list, which
    // the identities of the order share.
    private void Add(ulong key, OrderTerm order, uint? handle, OrderTerm[]? shared)
    {
        var hash = Key.Hash(key);
        var at = PlaceOf(key, hash, out var bucket);
        Span<byte> record = stackalloc byte[sizeof(uint)];
        if (at < 0)
        {
            BinaryPrimitives.WriteUInt32LittleEndian(record, handle ?? NewList(new Listed(key, shared!)));
            _records.Insert(hash, 0, record);
            return;
        }

        var before = HandleAt(bucket, at);
        if ((before & ListBit) is not 0)
        {
            ref var listed = ref _lists[before & ~ListBit];
            Volatile.Write(ref listed, new Listed(key, OrderList.With(listed!.Orders, order)));
            return;
        }

        _simple.TryRead(before >> 1, second: false, out _, out var first);
        BinaryPrimitives.WriteUInt32LittleEndian(record, NewList(new Listed(key, OrderList.With([first], order))));
        _records.Replace(hash, at, record);
    }

    private void Remove(ulong key, ulong number)
    {
        var hash = Key.Hash(key);
        var at = PlaceOf(key, hash, out var bucket);
        if (at < 0) return;

        var handle = HandleAt(bucket, at);
        if ((handle & ListBit) is 0)
        {
            if (handle >> 1 == number) _records.Remove(hash, at);
            return;
        }

        ref var listed = ref _lists[handle & ~ListBit];
        var orders = OrderList.Without(listed!.Orders, number);
        if (orders.Length > 0)
        {
            Volatile.Write(ref listed, new Listed(key, orders));
            return;
        }

        _records.Remove(hash, at);
        Volatile.Write(ref listed, null);
        _freeLists.Push((int)(handle & ~ListBit));
    }

    private uint NewList(Listed listed)
    {
        if (!_freeLists.TryPop(out var at)) at = _listsUsed++;
        if (at == _lists.Length)
        {
            var larger = new Listed?[Math.Max(16, at + (at / 4))];
            _lists.CopyTo(larger, 0);
            Volatile.Write(ref _lists, larger);
        }

        Volatile.Write(ref _lists[at], listed);
        return ListBit | (uint)at;
    }

    /// <summary>An identity and its orders, by number.</summary>
    private sealed class Listed(ulong key, OrderTerm[] orders)
    {
        public ulong Key => key;

        public OrderTerm[] Orders => orders;
    }
}
