using System.Buffers.Binary;
using System.Text;
using DeviceRegistry.Core;

namespace DeviceRegistry.Indexing;

/// <summary>Encodes an element of the state for the state digest: one type byte, then numbers, big-endian. Different
/// elements have different bytes.</summary>
internal static class StateElementEncoding
{
    public const byte Tac = (byte)'T';
    public const byte TacList = (byte)'L';

    /// <summary>Type byte of an IMEI with a status.</summary>
    public static byte Device(DeviceStatus status) => (byte)('0' + (int)status);

    public static byte[] Of(byte type, params ReadOnlySpan<ulong> numbers)
    {
        var element = new byte[1 + (numbers.Length * sizeof(ulong))];
        element[0] = type;
        for (var i = 0; i < numbers.Length; i++) BinaryPrimitives.WriteUInt64BigEndian(
            element.AsSpan(1 + (i * sizeof(ulong))), numbers[i]);
        return element;
    }

    public static byte[] Of(OrderSubjects armed)
    {
        var order = armed.Order;
        var element = Of((byte)'O', [
            order.Number, (ulong)order.Class, (ulong)order.Reason, (ulong)order.FromMs, (ulong)order.UntilMs,
            (ulong)armed.Imeis.Length, .. armed.Imeis, (ulong)armed.Tacs.Length, .. armed.Tacs,
            (ulong)armed.Ranges.Length, .. Ends(armed.Ranges)]);

        // Pairs are excluded: the nodes of each operator have only their own pairs, and all nodes compare their digests
        // with the same checkpoint. The journal entry of the pairs is a record (PutRecord).
        return armed.Texts.Length is 0 ? element
            : [.. element, .. Encoding.UTF8.GetBytes(string.Join('\n', armed.Texts))];
    }

    public static byte[] Of(int kind, ulong id, ReadOnlySpan<byte> payload) =>
        [.. Of((byte)'M', (ulong)kind), .. Of((byte)'M', id), .. payload];

    private static ulong[] Ends(SerialRange[] ranges) =>
        ranges.Length is 0 ? [] : [.. ranges.SelectMany(r => (ulong[])[r.First.Value, r.Last.Value])];
}
