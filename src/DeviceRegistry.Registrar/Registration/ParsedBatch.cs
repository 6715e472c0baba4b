using System.IO.Hashing;
using System.Security.Cryptography;
using DeviceRegistry.Core;

namespace DeviceRegistry.Registrar.Registration;

/// <summary>Contents of a units file in compact form, so that ten million IMEIs fit in memory beside other batches: the
/// sorted IMEIs and the errors of units. Texts stay in the file and are read again where they are needed. Not
/// thread-safe, except that <see cref="Overlaps"/> may run during <see cref="Dispose"/>.</summary>
/// <remarks>An IMEI is a key of 60 bits; sorting the keys sorts by IMEI, then by unit:
/// <code>
/// 59         47 46                27 26                    3 2     0
/// | tac 13     | serial 20          | unit 24               | slot 3|
/// </code>
/// "tac" is the rank among the TACs of this file; units count from 0, slots from 1.</remarks>
internal sealed class ParsedBatch : IUnitsSink, IDisposable
{
    private const int SlotBits = 3;
    private const int UnitBits = 24;
    private const int SerialBits = 20;
    private const int SerialsOfTac = 1_000_000;
    private const int HashBuffer = 64 * 1024;

    private readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
    private readonly byte[] _unhashed = new byte[HashBuffer];
    private readonly Dictionary<uint, int> _tacs = [];
    private readonly List<(byte[] Low, byte[] High)> _serialRanges = [];
    private readonly SerialBuffer _low = new();
    private readonly SerialBuffer _high = new();
    private readonly long[] _piece = new long[Limits.PieceImeis];
    private int _unhashedBytes;
    private ulong[] _keys;
    private ulong[] _serials;
    private byte[] _counts;
    private byte[] _errors = [];
    private uint[] _tacsByRank = [];

    /// <summary>Creates an empty batch with buffers for the expected number of units; the buffers grow.</summary>
    public ParsedBatch(int unitsExpected)
    {
        _keys = new ulong[2 * unitsExpected];
        _serials = new ulong[unitsExpected];
        _counts = new byte[unitsExpected];
    }

    /// <summary>Random seed of the serial number hashes, so that an attacker cannot construct collisions.</summary>
    public static long Seed { get; } = BitConverter.ToInt64(RandomNumberGenerator.GetBytes(sizeof(long)));

    /// <summary>Lines that are valid by themselves.</summary>
    public int Units { get; private set; }

    /// <summary>IMEIs of these units.</summary>
    public int Imeis { get; private set; }

    /// <summary>Lines that are invalid by themselves.</summary>
    public int InvalidLines { get; private set; }

    /// <summary>Units of valid lines that failed a later check.</summary>
    public int InvalidUnits { get; private set; }

    /// <summary>SHA-256 over the canonical lines, in file order.</summary>
    public byte[] ContentHash { get; private set; } = [];

    /// <summary>TACs of the file, sorted.</summary>
    public IReadOnlyList<uint> Tacs => _tacsByRank;

    /// <summary>Number of IMEIs per unit if it is the same for all units, otherwise null.</summary>
    public short? ImeisPerUnit => Units > 0 && Imeis % Units is 0 && !_counts.AsSpan(0, Units)
        .ContainsAnyExcept((byte)(Imeis / Units)) ? (short)(Imeis / Units) : null;

    /// <summary>First and last serial number of each <see cref="Limits.PieceUnits"/> units, in file order.</summary>
    public IReadOnlyList<(byte[] Low, byte[] High)> SerialRanges => _serialRanges;

    /// <summary>Hashes (<see cref="HashOf"/>) of all serial numbers, sorted.</summary>
    public ReadOnlySpan<ulong> SerialHashes => Filled(_serials, Units);

    /// <summary>Keys of all IMEIs, sorted.</summary>
    public ReadOnlySpan<ulong> Keys => Filled(_keys, Imeis);

    /// <inheritdoc/>
    public void Take(int line, in UnitRecord unit)
    {
        if (Imeis + unit.Count > Limits.ImeisMax) throw UnitsReader.Invalid(
            $"line {line}: over {Limits.ImeisMax} IMEIs in one file; split it into batches.");

        EnsureCapacity(ref _serials, Units + 1);
        EnsureCapacity(ref _counts, Units + 1);
        EnsureCapacity(ref _keys, Imeis + unit.Count);
        _serials[Units] = HashOf(unit.Serial);
        _counts[Units] = (byte)unit.Count;
        for (var slot = 0; slot < unit.Count; slot++) _keys[Imeis++] = KeyOf(unit.Imei(slot), slot + 1, line);
        ExtendRange(unit.Serial);
        Units++;
        if (_unhashed.Length - _unhashedBytes < UnitRecord.CanonicalMax) HashNow();
        _unhashedBytes += unit.WriteCanonical(_unhashed.AsSpan(_unhashedBytes));
    }

    /// <inheritdoc/>
    public void Reject(int line, UnitLineError error, ReadOnlySpan<byte> value) => InvalidLines++;

    /// <summary>Sorts after the end of the file, and finds repeated IMEIs. Serial numbers with equal hashes may be
    /// repeated; a second reading of the file decides.</summary>
    public void Sort()
    {
        HashNow();
        EndRange();
        ContentHash = _hash.GetHashAndReset();
        _errors = new byte[Units];
        RankTacs();
        Array.Sort(_keys, 0, Imeis);
        Array.Sort(_serials, 0, Units);
        for (var i = 1; i < Imeis; i++)
            if (IsSameImei(_keys[i], _keys[i - 1])) AddError(UnitOf(_keys[i]),
                new UnitLineError(ErrorReason.DuplicateImeiInFile, SlotOf(_keys[i])));
    }

    /// <summary>Whether any two units may have the same serial number, because the hashes are equal.</summary>
    public bool MayRepeatSerials()
    {
        for (var i = 1; i < Units; i++)
            if (_serials[i] == _serials[i - 1]) return true;
        return false;
    }

    /// <summary>Whether more than one unit may have the serial number with this hash.</summary>
    public bool MayRepeat(ulong hash)
    {
        var at = _serials.AsSpan(0, Units).BinarySearch(hash);
        return (at > 0 && _serials[at - 1] == hash) || (at + 1 < Units && _serials[at + 1] == hash);
    }

    /// <summary>Records an error of a unit; of several, the one with the lowest value is kept.</summary>
    public void AddError(int unit, UnitLineError error)
    {
        if (_errors[unit] is 0) InvalidUnits++;
        if (_errors[unit] is 0 || error.Value < _errors[unit]) _errors[unit] = error.Value;
    }

    /// <summary>The error of a unit, or NONE.</summary>
    public UnitLineError ErrorOf(int unit) => new(_errors[unit]);

    /// <summary>Number of IMEIs of a unit.</summary>
    public int CountOf(int unit) => _counts[unit];

    /// <summary>The IMEI of a key.</summary>
    public Imei ImeiOf(ulong key) =>
        new(_tacsByRank[RankOf(key)] * (ulong)SerialsOfTac
        + ((key >> (UnitBits + SlotBits)) & ((1 << SerialBits) - 1)));

    /// <summary>Rank of a key's TAC.</summary>
    public static int RankOf(ulong key) => (int)(key >> (SerialBits + UnitBits + SlotBits));

    /// <summary>Unit of a key, from 0.</summary>
    public static int UnitOf(ulong key) => (int)(key >> SlotBits) & ((1 << UnitBits) - 1);

    /// <summary>Slot of a key, from 1.</summary>
    public static int SlotOf(ulong key) => (int)key & ((1 << SlotBits) - 1);

    /// <summary>Hash of a serial number.</summary>
    public static ulong HashOf(ReadOnlySpan<byte> serial) => XxHash3.HashToUInt64(serial, Seed);

    /// <summary>A sorted piece of the IMEIs, starting at an index; valid until the next call.</summary>
    public long[] Piece(int at)
    {
        var piece = Imeis - at >= Limits.PieceImeis ? _piece : new long[Imeis - at];
        for (var i = 0; i < piece.Length; i++) piece[i] = (long)ImeiOf(_keys[at + i]).Value;
        return piece;
    }

    /// <summary>Index of the first key with this IMEI; negative if there is none.</summary>
    public int Find(Imei imei)
    {
        var rank = Array.BinarySearch(_tacsByRank, imei.Tac.Value);
        if (rank < 0) return -1;

        var least = (((ulong)rank << SerialBits) | (imei.Value % SerialsOfTac)) << (UnitBits + SlotBits);
        var at = _keys.AsSpan(0, Imeis).BinarySearch(least);
        at = at < 0 ? ~at : at;
        return at < Imeis && ImeiOf(_keys[at]) == imei ? at : -1;
    }

    /// <summary>Whether the two batches share an IMEI or, within one party, a serial number.</summary>
    public bool Overlaps(ParsedBatch other, bool ofOneParty) =>
        OverlapsByImei(other) || (ofOneParty && Intersect(SerialHashes, other.SerialHashes));

    /// <summary>Releases the memory at once, even if references to this object remain. A concurrent
    /// <see cref="Overlaps"/> may then see empty arrays, which it tolerates.</summary>
    public void Dispose()
    {
        _hash.Dispose();
        (_keys, _serials, _counts, _errors) = ([], [], [], []);
    }

    private static ReadOnlySpan<ulong> Filled(ulong[] array, int count) =>
        array.AsSpan(0, Math.Min(count, array.Length));

    private bool OverlapsByImei(ParsedBatch other)
    {
        if (!_tacsByRank.Intersect(other._tacsByRank).Any()) return false;

        var own = Keys;
        var others = other.Keys;
        for (int i = 0, j = 0; i < own.Length && j < others.Length;)
        {
            var order = ImeiOf(own[i]).Value.CompareTo(other.ImeiOf(others[j]).Value);
            if (order is 0) return true;
            if (order < 0) i++;
            else j++;
        }

        return false;
    }

    private static bool Intersect(ReadOnlySpan<ulong> one, ReadOnlySpan<ulong> other)
    {
        for (int i = 0, j = 0; i < one.Length && j < other.Length;)
        {
            if (one[i] == other[j]) return true;
            if (one[i] < other[j]) i++;
            else j++;
        }

        return false;
    }

    // Ranks are known only when all TACs are; until then the key holds the order of appearance.
    private ulong KeyOf(Imei imei, int slot, int line)
    {
        var tac = imei.Tac.Value;
        if (!_tacs.TryGetValue(tac, out var place))
        {
            if (_tacs.Count >= Limits.BatchTacsMax) throw UnitsReader.Invalid(
                $"line {line}: over {Limits.BatchTacsMax} TACs in one file; a batch is of one model.");
            _tacs[tac] = place = _tacs.Count;
        }

        return (((((ulong)place << SerialBits) | (imei.Value % SerialsOfTac)) << UnitBits) | (
            uint)Units) << SlotBits | (uint)slot;
    }

    private void RankTacs()
    {
        _tacsByRank = [.. _tacs.Keys.Order()];
        var ranks = new ulong[_tacs.Count];
        for (var rank = 0; rank < _tacsByRank.Length; rank++) ranks[_tacs[_tacsByRank[rank]]] = (ulong)rank;
        const int RankAt = SerialBits + UnitBits + SlotBits;
        foreach (ref var key in _keys.AsSpan(0, Imeis)) key =
            (ranks[RankOf(key)] << RankAt) | (key & ((1ul << RankAt) - 1));
    }

    private void ExtendRange(ReadOnlySpan<byte> serial)
    {
        if (Units % Limits.PieceUnits is 0)
        {
            EndRange();
            _low.Set(serial);
            _high.Set(serial);
        }
        else if (serial.SequenceCompareTo(_low.Bytes) < 0) _low.Set(serial);
        else if (serial.SequenceCompareTo(_high.Bytes) > 0) _high.Set(serial);
    }

    private void EndRange()
    {
        if (Units > 0) _serialRanges.Add((_low.Bytes.ToArray(), _high.Bytes.ToArray()));
    }

    private static bool IsSameImei(ulong one, ulong other) =>
        one >> (UnitBits + SlotBits) == other >> (UnitBits + SlotBits);

    private void HashNow()
    {
        _hash.AppendData(_unhashed.AsSpan(0, _unhashedBytes));
        _unhashedBytes = 0;
    }

    private static void EnsureCapacity<T>(ref T[] array, int needed)
    {
        if (needed > array.Length) Array.Resize(ref array, Math.Max(needed, array.Length + array.Length / 2 + 1024));
    }

    // Reuses its buffer, because most serial numbers are the highest so far.
    private sealed class SerialBuffer
    {
        private readonly byte[] _bytes = new byte[Limits.SerialMax];
        private int _length;

        public ReadOnlySpan<byte> Bytes => _bytes.AsSpan(0, _length);

        public void Set(ReadOnlySpan<byte> serial)
        {
            serial.CopyTo(_bytes);
            _length = serial.Length;
        }
    }
}
