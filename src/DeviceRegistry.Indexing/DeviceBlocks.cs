using System.Runtime.InteropServices;
using DeviceRegistry.Core;

namespace DeviceRegistry.Indexing;

/// <summary>Status of the IMEIs that are or were on the market. One writer; readers take no lock.</summary>
/// <remarks>A TAC has 62 blocks: 61 of 16,384 serials, and 576 in the last.
/// <code>
/// number of a block of IMEIs    [TAC][6 bits: serial / 16,384]      place: serial % 16,384
/// </code></remarks>
internal sealed class DeviceBlocks
{
    private const int BlocksOfTac = 64;
    private const byte StatusMax = (byte)DeviceStatus.Retired;

    // Numbers buffered for the digest: eight are hashed at once, and 32 KB stay in the cache.
    private const int BufferedMax = 4_096;

    private readonly BlockMap _blocks = new();
    private readonly BlockEditor _editor = new();
    private readonly List<ulong> _buffered = new(16);

    /// <summary>Number of IMEIs.</summary>
    public int Count { get; private set; }

    public DeviceStatus StatusOf(Imei imei)
    {
        var serial = (int)(imei.Value % SerialRange.SerialsOfTac);
        return (DeviceStatus)_blocks.CodeOf(NumberOf(imei.Tac.Value, serial), serial % Block.Places);
    }

    /// <summary>Writer only: sets the status of IMEIs. Consecutive IMEIs, as in the journal, share one decode of their
    /// block.</summary>
    public void Put(IEnumerable<Imei> imeis, DeviceStatus status, ref StateDigest digest)
    {
        var open = ulong.MaxValue;
        foreach (var imei in imeis)
        {
            var serial = (int)(imei.Value % SerialRange.SerialsOfTac);
            var number = NumberOf(imei.Tac.Value, serial);
            if (number != open)
            {
                Close(open);
                _editor.Load(_blocks.BlockOf(number));
                open = number;
            }

            var before = (DeviceStatus)_editor.Set(serial % Block.Places, (byte)status);
            if (before == status) continue;

            if (before is DeviceStatus.NotRegistered) Count++;
            else digest.Remove(StateElementEncoding.Of(StateElementEncoding.Device(before), imei.Value));
            if (status is DeviceStatus.NotRegistered)
            {
                Count--;
                continue;
            }

            _buffered.Add(imei.Value);
            if (_buffered.Count == BufferedMax) Flush(_buffered, status, ref digest);
        }

        Close(open);
        Flush(_buffered, status, ref digest);
    }

    /// <summary>Writer only: adds all IMEIs to a digest.</summary>
    public void AddTo(ref StateDigest digest)
    {
        var buffered = new List<ulong>[StatusMax + 1];
        for (var status = 1; status <= StatusMax; status++) buffered[status] = new List<ulong>(BufferedMax);
        foreach (var (number, block) in _blocks.All())
        {
            _editor.Load(block);
            var first = (number / BlocksOfTac * SerialRange.SerialsOfTac) + (number % BlocksOfTac * Block.Places);
            foreach (var (place, code) in _editor.Entries())
            {
                buffered[code].Add(first + (uint)place);
                if (buffered[code].Count == BufferedMax) Flush(buffered[code], (DeviceStatus)code, ref digest);
            }
        }

        for (var status = 1; status <= StatusMax; status++) Flush(buffered[status], (DeviceStatus)status, ref digest);
    }

    /// <summary>Writer only: captures the current state; the returned action writes it at any time and on any
    /// thread.</summary>
    public Action<IndexWriter> Capture() => _blocks.Capture();

    public void ReadFrom(IndexReader from) => Count = _blocks.ReadFrom(from, PlacesOf, StatusMax);

    private void Close(ulong number)
    {
        if (number is not ulong.MaxValue) _blocks.Put(number, _editor.ToBlock());
    }

    private static void Flush(List<ulong> buffered, DeviceStatus status, ref StateDigest digest)
    {
        digest.AddAll(StateElementEncoding.Device(status), CollectionsMarshal.AsSpan(buffered));
        buffered.Clear();
    }

    private static ulong NumberOf(uint tac, int serial) => ((ulong)tac * BlocksOfTac) + (uint)(serial / Block.Places);

    private static int PlacesOf(ulong number) =>
        number >= (ulong)Tac.Limit * BlocksOfTac ? 0
            : Math.Clamp(SerialRange.SerialsOfTac - ((int)(number % BlocksOfTac) * Block.Places), 0, Block.Places);
}
