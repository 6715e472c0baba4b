using System.Runtime.InteropServices;
using DeviceRegistry.Core;

namespace DeviceRegistry.Indexing;

/// <summary>IMEIs that are or were on the market, with their status. One writer; readers take no lock.</summary>
/// <remarks>A TAC has 62 blocks: 61 of 16,384 serials, and 576 in the last.
/// <code>
/// number of a block of IMEIs    [TAC][6 bits: serial / 16,384]      place: serial % 16,384
/// </code></remarks>
internal sealed class DeviceBlocks
{
    private const int BlocksOfTac = 64;
    private const byte StatusMost = (byte)DeviceStatus.Retired;

    // How many numbers wait for the digest: eights are hashed at once, and 32 KB stay in the cache.
    private const int HeldMost = 4_096;

    private readonly BlockMap _blocks = new();
    private readonly BlockEditor _editor = new();
    private readonly List<ulong> _held = new(16);

    /// <summary>IMEIs.</summary>
    public int Count { get; private set; }

    /// <summary>Status of an IMEI.</summary>
    public DeviceStatus StatusOf(Imei imei)
    {
        var serial = (int)(imei.Value % SerialRange.SerialsOfTac);
        return (DeviceStatus)_blocks.CodeOf(NumberOf(imei.Tac.Value, serial), serial % Block.Places);
    }

    /// <summary>Writer only: gives IMEIs a status. Those that stand together, as the journal has them, go in together:
    /// a block is taken apart once for all of them.</summary>
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

            _held.Add(imei.Value);
            if (_held.Count == HeldMost) Flush(_held, status, ref digest);
        }

        Close(open);
        Flush(_held, status, ref digest);
    }

    /// <summary>Writer only: adds each of them to a digest.</summary>
    public void AddTo(ref StateDigest digest)
    {
        var held = new List<ulong>[StatusMost + 1];
        for (var status = 1; status <= StatusMost; status++) held[status] = new List<ulong>(HeldMost);
        foreach (var (number, block) in _blocks.All())
        {
            _editor.Load(block);
            var first = (number / BlocksOfTac * SerialRange.SerialsOfTac) + (number % BlocksOfTac * Block.Places);
            foreach (var (place, code) in _editor.Entries())
            {
                held[code].Add(first + (uint)place);
                if (held[code].Count == HeldMost) Flush(held[code], (DeviceStatus)code, ref digest);
            }
        }

        for (var status = 1; status <= StatusMost; status++) Flush(held[status], (DeviceStatus)status, ref digest);
    }

    /// <summary>Writer only: all of them as they are now, to be written whenever.</summary>
    public Action<IndexWriter> Capture() => _blocks.Capture();

    /// <summary>IMEIs as they were written.</summary>
    public void ReadFrom(IndexReader from) => Count = _blocks.ReadFrom(from, PlacesOf, StatusMost);

    private void Close(ulong number)
    {
        if (number is not ulong.MaxValue) _blocks.Put(number, _editor.ToBlock());
    }

    private static void Flush(List<ulong> held, DeviceStatus status, ref StateDigest digest)
    {
        digest.AddAll(StateElementEncoding.Device(status), CollectionsMarshal.AsSpan(held));
        held.Clear();
    }

    private static ulong NumberOf(uint tac, int serial) => ((ulong)tac * BlocksOfTac) + (uint)(serial / Block.Places);

    private static int PlacesOf(ulong number) =>
        number >= (ulong)Tac.Limit * BlocksOfTac ? 0
            : Math.Clamp(SerialRange.SerialsOfTac - ((int)(number % BlocksOfTac) * Block.Places), 0, Block.Places);
}
