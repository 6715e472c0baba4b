using System.Numerics;
using DeviceRegistry.Core;

namespace DeviceRegistry.Indexing;

/// <summary>Simple orders by number: each on one or two identities of a unit, 8 bytes per identity. One writer; readers
/// take no lock.</summary>
/// <remarks>Order numbers are consecutive, so 64 orders share a page, an array that is replaced as a whole:
/// <code>
/// word  0                    1                       2 ..
///      [bitmap of orders    ][with a second identity][records, by number, a second after its first]
/// record  63 .. 48  47 .. 0
///         terms     key of the identity
/// </code>
/// Terms are the fields of an order except its number: class, reason, start, end. Equal terms are stored once; most
/// orders of a country share a few. When 65,536 terms are in use, and for numbers from 2^30 on, orders are not simple
/// (<see cref="OrderTable"/>).</remarks>
internal sealed class OrderPages
{
    /// <summary>1 + the highest number of a simple order.</summary>
    public const ulong NumberLimit = 1ul << 30;

    private const int PageBits = 6;
    private const int PageOrders = 1 << PageBits;
    private const int SegmentBits = 10;
    private const int HeadWords = 2;
    private const int TermsMax = 1 << 16;

    private readonly Dictionary<OrderTerm, int> _termsNumbers = [];

    // A segment has 1,024 pages, so that an isolated high number costs 8 KB and not a directory of all numbers below
    // it.
    private ulong[]?[]?[] _segments = [];
    private OrderTerm[] _terms = [];

    /// <summary>Number of orders.</summary>
    public int Count { get; private set; }

    /// <summary>An order and the key of one of its identities; false if there is no such order, or no second
    /// identity.</summary>
    public bool TryRead(ulong number, bool second, out ulong key, out OrderTerm order)
    {
        (key, order) = (0, default);
        var page = PageOf(number);
        var bit = 1ul << (int)number;
        if (page is null || (page[second ? 1 : 0] & bit) is 0) return false;

        var record = page[PlaceOf(page, bit) + (second ? 1 : 0)];
        key = record & Key.Mask;
        order = Volatile.Read(ref _terms)[record >> Key.Bits] with { Number = number };
        return true;
    }

    /// <summary>Writer only: adds an order on one or two identities; false if the table of terms is full or the number
    /// is too high.</summary>
    public bool TryPut(OrderTerm order, ReadOnlySpan<ulong> keys)
    {
        if (order.Number >= NumberLimit || !TryIntern(order with { Number = 0 }, out var terms)) return false;

        Span<ulong> records = stackalloc ulong[keys.Length];
        for (var i = 0; i < keys.Length; i++) records[i] = (terms << Key.Bits) | keys[i];
        Put(order.Number, records);
        Count++;
        return true;
    }

    /// <summary>Writer only: removes an order.</summary>
    public void Remove(ulong number)
    {
        Put(number, []);
        Count--;
    }

    /// <summary>Writer only: captures the current orders; the returned action writes them at any time and on any
    /// thread. Unused terms are not written, which leaves room for others after reading.</summary>
    public Action<IndexWriter> Capture()
    {
        // Terms are only ever appended, so the captured prefix does not change.
        var (terms, count, pages) = (_terms, _termsNumbers.Count, Pages().ToList());
        return to => Write(to, terms.AsSpan(0, count), pages);
    }

    /// <summary>Reads captured orders. The caller validates the keys of texts.</summary>
    public void ReadFrom(IndexReader from)
    {
        for (var left = from.Count(); left > 0; left--)
        {
            var before = _termsNumbers.Count;
            IndexReader.Require(TryIntern(from.Terms(), out _) && _termsNumbers.Count > before);
        }

        var after = 0ul;
        for (var left = from.Count(); left > 0; left--)
        {
            var number = from.NumberBelow(NumberLimit);
            var page = from.Words(HeadWords + (2 * PageOrders));
            IndexReader.Require(number >= after && number % PageOrders is 0 && IsValid(page));
            Place(number) = page;
            Count += BitOperations.PopCount(page[0]);
            after = number + PageOrders;
        }
    }

    /// <summary>Every identity of every order, by order number.</summary>
    public IEnumerable<(ulong Number, bool Second, ulong Key)> Records()
    {
        foreach (var (number, page) in Pages())
        {
            var at = HeadWords;
            for (var word = page[0]; word is not 0; word &= word - 1)
            {
                var order = BitOperations.TrailingZeroCount(word);
                yield return (number + (ulong)order, false, page[at++] & Key.Mask);
                if ((page[1] >> order & 1) is 1) yield return (number + (ulong)order, true, page[at++] & Key.Mask);
            }
        }
    }

    private static void Write(IndexWriter to, ReadOnlySpan<OrderTerm> terms, List<(ulong Number, ulong[] Page)> pages)
    {
        var numbers = new int[terms.Length];
        foreach (var (_, page) in pages)
            foreach (var record in page.AsSpan(HeadWords)) numbers[record >> Key.Bits] = 1;
        var used = 0;
        for (var i = 0; i < numbers.Length; i++) numbers[i] = numbers[i] is 0 ? -1 : used++;

        to.Count(used);
        for (var i = 0; i < numbers.Length; i++)
            if (numbers[i] >= 0) to.Terms(terms[i]);
        to.Count(pages.Count);
        var words = new ulong[HeadWords + (2 * PageOrders)];
        foreach (var (number, page) in pages)
        {
            page.CopyTo(words, 0);
            for (var i = HeadWords; i < page.Length; i++) words[i] =
                ((ulong)numbers[words[i] >> Key.Bits] << Key.Bits) | (words[i] & Key.Mask);
            to.Number(number);
            to.Words(words.AsSpan(0, page.Length));
        }
    }

    private bool IsValid(ulong[] page)
    {
        if (page.Length < HeadWords || page[0] is 0 || (page[1] & ~page[0]) is not 0 || page.Length != HeadWords
            + BitOperations.PopCount(page[0]) + BitOperations.PopCount(page[1])) return false;

        foreach (var record in page.AsSpan(HeadWords))
            if (!Key.IsValid(record & Key.Mask) || record >> Key.Bits >= (ulong)_termsNumbers.Count) return false;
        return true;
    }

    private ulong[]? PageOf(ulong number)
    {
        var segments = Volatile.Read(ref _segments);
        var at = number >> (PageBits + SegmentBits);
        if (at >= (ulong)segments.Length || Volatile.Read(ref segments[at]) is not { } pages) return null;

        return Volatile.Read(ref pages[(number >> PageBits) % (1 << SegmentBits)]);
    }

    private ref ulong[]? Place(ulong number)
    {
        var at = (int)(number >> (PageBits + SegmentBits));
        if (at >= _segments.Length)
        {
            var segments = new ulong[]?[]?[at + 1];
            _segments.CopyTo(segments, 0);
            Volatile.Write(ref _segments, segments);
        }

        if (_segments[at] is null) Volatile.Write(ref _segments[at], new ulong[]?[1 << SegmentBits]);
        return ref _segments[at]![(number >> PageBits) % (1 << SegmentBits)];
    }

    private void Put(ulong number, ReadOnlySpan<ulong> records)
    {
        ref var place = ref Place(number);
        ReadOnlySpan<ulong> before = place ?? [0, 0];
        var bit = 1ul << (int)number;
        var at = PlaceOf(before, bit);
        var gone = BitOperations.PopCount(before[0] & bit) + BitOperations.PopCount(before[1] & bit);
        var (first, second) = (before[0] & ~bit | (records.Length > 0 ? bit : 0),
            before[1] & ~bit | (records.Length > 1 ? bit : 0));
        Volatile.Write(ref place, first is 0 ? null
            : [first, second, .. before[HeadWords..at], .. records, .. before[(at + gone)..]]);
    }

    private static int PlaceOf(ReadOnlySpan<ulong> page, ulong bit) =>
        HeadWords + BitOperations.PopCount(page[0] & (bit - 1)) + BitOperations.PopCount(page[1] & (bit - 1));

    private bool TryIntern(OrderTerm terms, out ulong number)
    {
        number = 0;
        if (!_termsNumbers.TryGetValue(terms, out var at))
        {
            if (_termsNumbers.Count == TermsMax) return false;

            at = _termsNumbers.Count;
            _termsNumbers.Add(terms, at);
            if (at == _terms.Length)
            {
                var larger = new OrderTerm[Math.Max(16, 2 * at)];
                _terms.CopyTo(larger, 0);
                Volatile.Write(ref _terms, larger);
            }

            _terms[at] = terms;
        }

        number = (ulong)at;
        return true;
    }

    private IEnumerable<(ulong Number, ulong[] Page)> Pages()
    {
        for (var s = 0; s < _segments.Length; s++)
        {
            if (_segments[s] is not { } pages) continue;

            for (var p = 0; p < pages.Length; p++)
                if (pages[p] is { } page) yield return ((((ulong)s << SegmentBits) | (uint)p) << PageBits, page);
        }
    }
}
