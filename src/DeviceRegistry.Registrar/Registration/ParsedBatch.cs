using System.IO.Hashing;
using System.Security.Cryptography;
using DeviceRegistry.Core;

namespace DeviceRegistry.Registrar.Registration;

/// <summary>What a units file holds, in so little memory that ten million IMEIs of it fit beside others: its numbers,
/// sorted, and what is wrong with its units. Texts stay in the file and are read again where they are needed.</summary>
/// <remarks>An IMEI is a key of 60 bits, so that sorting keys sorts IMEIs and equal ones by unit:
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
    private byte[] _flaws = [];
    private uint[] _tacsByRank = [];

    /// <summary>Begins with an estimate of how many units there will be.</summary>
    public ParsedBatch(int unitsExpected)
    {
        _keys = new ulong[2 * unitsExpected];
        _serials = new ulong[unitsExpected];
        _counts = new byte[unitsExpected];
    }

    /// <summary>Seed of the hashes of serial numbers: nobody outside can make them collide.</summary>
    public static long Seed { get; } = BitConverter.ToInt64(RandomNumberGenerator.GetBytes(sizeof(long)));

    /// <summary>Lines that are good by themselves.</summary>
    public int Units { get; private set; }

    /// <summary>Their IMEIs.</summary>
    public int Imeis { get; private set; }

    /// <summary>Lines that are not.</summary>
    public int Refused { get; private set; }

    /// <summary>Units of which something turned out to be wrong since.</summary>
    public int Flawed { get; private set; }

    /// <summary>SHA-256 over the canonical lines, in file order.</summary>
    public byte[] ContentHash { get; private set; } = [];

    /// <summary>TACs in it, sorted.</summary>
    public IReadOnlyList<uint> Tacs => _tacsByRank;

    /// <summary>IMEIs of each unit, if all have as many.</summary>
    public short? ImeisPerUnit => Units > 0 && Imeis % Units is 0 && !_counts.AsSpan(0, Units)
        .ContainsAnyExcept((byte)(Imeis / Units)) ? (short)(Imeis / Units) : null;

    /// <summary>First and last serial number of each <see cref="Limits.PieceUnits"/> units, in file order.</summary>
    public IReadOnlyList<(byte[] Low, byte[] High)> SerialRanges => _serialRanges;

    /// <summary>Hashes of all serial numbers, sorted. Of <see cref="HashOf"/>.</summary>
    public ReadOnlySpan<ulong> SerialHashes => Taken(_serials, Units);

    /// <summary>All IMEIs, sorted, as keys.</summary>
    public ReadOnlySpan<ulong> Keys => Taken(_keys, Imeis);

    /// <inheritdoc/>
    public void Take(int line, in UnitRecord unit)
    {
        if (Imeis + unit.Count > Limits.ImeisMax) throw UnitsReader.Invalid(
            $"line {line}: over {Limits.ImeisMax} IMEIs in one file; split it into batches.");

        Room(ref _serials, Units + 1);
        Room(ref _counts, Units + 1);
        Room(ref _keys, Imeis + unit.Count);
        _serials[Units] = HashOf(unit.Serial);
        _counts[Units] = (byte)unit.Count;
        for (var slot = 0; slot < unit.Count; slot++) _keys[Imeis++] = KeyOf(unit.Imei(slot), slot + 1, line);
        RememberRange(unit.Serial);
        Units++;
        if (_unhashed.Length - _unhashedBytes < UnitRecord.CanonicalMax) HashNow();
        _unhashedBytes += unit.WriteCanonical(_unhashed.AsSpan(_unhashedBytes));
    }

    /// <inheritdoc/>
    public void Refuse(int line, UnitLineError flaw, ReadOnlySpan<byte> value) => Refused++;

    /// <summary>The file was read to its end: sorts, and finds what it repeats. Serial numbers whose hashes repeat are
    /// suspects until they are read again.</summary>
    public void Sort()
    {
        HashNow();
        EndRange();
        ContentHash = _hash.GetHashAndReset();
        _flaws = new byte[Units];
        RankTacs();
        Array.Sort(_keys, 0, Imeis);
        Array.Sort(_serials, 0, Units);
        for (var i = 1; i < Imeis; i++)
            if (IsSameImei(_keys[i], _keys[i - 1])) Flaw(UnitOf(_keys[i]),
                new UnitLineError(ErrorReason.DuplicateImeiInFile, SlotOf(_keys[i])));
    }

    /// <summary>Whether two units may have one serial number: their hashes are the same.</summary>
    public bool MayRepeatSerials()
    {
        for (var i = 1; i < Units; i++)
            if (_serials[i] == _serials[i - 1]) return true;
        return false;
    }

    /// <summary>Whether another unit may have the serial number of this hash.</summary>
    public bool MayRepeat(ulong hash)
    {
        var at = _serials.AsSpan(0, Units).BinarySearch(hash);
        return (at > 0 && _serials[at - 1] == hash) || (at + 1 < Units && _serials[at + 1] == hash);
    }

    /// <summary>Something is wrong with a unit; the first reason in the order of the rules counts.</summary>
    public void Flaw(int unit, UnitLineError flaw)
    {
        if (_flaws[unit] is 0) Flawed++;
        if (_flaws[unit] is 0 || flaw.Value < _flaws[unit]) _flaws[unit] = flaw.Value;
    }

    /// <summary>What is wrong with a unit; none: nothing.</summary>
    public UnitLineError FlawOf(int unit) => new(_flaws[unit]);

    /// <summary>How many IMEIs a unit has.</summary>
    public int CountOf(int unit) => _counts[unit];

    /// <summary>The IMEI of a key.</summary>
    public Imei ImeiOf(ulong key) =>
        new(_tacsByRank[RankOf(key)] * (ulong)SerialsOfTac
        + ((key >> (UnitBits + SlotBits)) & ((1 << SerialBits) - 1)));

    /// <summary>Rank of its TAC.</summary>
    public static int RankOf(ulong key) => (int)(key >> (SerialBits + UnitBits + SlotBits));

    /// <summary>Its unit, from 0.</summary>
    public static int UnitOf(ulong key) => (int)(key >> SlotBits) & ((1 << UnitBits) - 1);

    /// <summary>Its slot, from 1.</summary>
    public static int SlotOf(ulong key) => (int)key & ((1 << SlotBits) - 1);

    /// <summary>Hash of a serial number.</summary>
    public static ulong HashOf(ReadOnlySpan<byte> serial) => XxHash3.HashToUInt64(serial, Seed);

    /// <summary>A piece of the IMEIs, sorted, from one on; good until the next is asked for.</summary>
    public long[] Piece(int at)
    {
        var piece = Imeis - at >= Limits.PieceImeis ? _piece : new long[Imeis - at];
        for (var i = 0; i < piece.Length; i++) piece[i] = (long)ImeiOf(_keys[at + i]).Value;
        return piece;
    }

    /// <summary>Where an IMEI stands among the keys; negative: it is not among them.</summary>
    public int Find(Imei imei)
    {
        var rank = Array.BinarySearch(_tacsByRank, imei.Tac.Value);
        if (rank < 0) return -1;

        var least = (((ulong)rank << SerialBits) | (imei.Value % SerialsOfTac)) << (UnitBits + SlotBits);
        var at = _keys.AsSpan(0, Imeis).BinarySearch(least);
        at = at < 0 ? ~at : at;
        return at < Imeis && ImeiOf(_keys[at]) == imei ? at : -1;
    }

    /// <summary>Whether both have an IMEI, or both have a serial number while they are one party's.</summary>
    public bool Overlaps(ParsedBatch other, bool ofOneParty) =>
        OverlapsByImei(other) || (ofOneParty && Intersect(SerialHashes, other.SerialHashes));

    /// <summary>Gives back the memory at once, whoever still knows of it. Somebody may be comparing at this moment, and
    /// finds as much as there is.</summary>
    public void Dispose()
    {
        _hash.Dispose();
        (_keys, _serials, _counts, _flaws) = ([], [], [], []);
    }

    private static ReadOnlySpan<ulong> Taken(ulong[] array, int count) =>
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

    // The rank is not known before all TACs are: until then it is the order of appearance.
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

    private void RememberRange(ReadOnlySpan<byte> serial)
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

    private static void Room<T>(ref T[] array, int needed)
    {
        if (needed > array.Length) Array.Resize(ref array, Math.Max(needed, array.Length + array.Length / 2 + 1024));
    }

    // Kept in place: most serial numbers are the highest so far.
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
