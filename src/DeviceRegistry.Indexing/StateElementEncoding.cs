using System.Buffers.Binary;
using System.Text;
using DeviceRegistry.Core;

namespace DeviceRegistry.Indexing;

/// <summary>What holds, as the digest of the state takes it: one byte for what it is, then its numbers, big-endian.
/// What differs has different bytes.</summary>
internal static class StateElementEncoding
{
    public const byte Tac = (byte)'T';
    public const byte TacList = (byte)'L';

    /// <summary>What an IMEI of a status is.</summary>
    public static byte Device(DeviceStatus status) => (byte)('0' + (int)status);

    public static byte[] Of(byte what, params ReadOnlySpan<ulong> numbers)
    {
        var thing = new byte[1 + (numbers.Length * sizeof(ulong))];
        thing[0] = what;
        for (var i = 0; i < numbers.Length; i++) BinaryPrimitives.WriteUInt64BigEndian(
            thing.AsSpan(1 + (i * sizeof(ulong))), numbers[i]);
        return thing;
    }

    public static byte[] Of(OrderSubjects armed)
    {
        var order = armed.Order;
        var thing = Of((byte)'O', [
            order.Number, (ulong)order.Class, (ulong)order.Reason, (ulong)order.FromMs, (ulong)order.UntilMs,
            (ulong)armed.Imeis.Length, .. armed.Imeis, (ulong)armed.Tacs.Length, .. armed.Tacs,
            (ulong)armed.Ranges.Length, .. Ends(armed.Ranges)]);

        // Pairs are not in it: each operator's nodes have their own, and all compare their digests with one. That there
        // are some, the journal said (Told).
        return armed.Texts.Length is 0 ? thing : [.. thing, .. Encoding.UTF8.GetBytes(string.Join('\n', armed.Texts))];
    }

    public static byte[] Of(int kind, ulong id, ReadOnlySpan<byte> said) =>
        [.. Of((byte)'M', (ulong)kind), .. Of((byte)'M', id), .. said];

    private static ulong[] Ends(SerialRange[] ranges) =>
        ranges.Length is 0 ? [] : [.. ranges.SelectMany(r => (ulong[])[r.First.Value, r.Last.Value])];
}
