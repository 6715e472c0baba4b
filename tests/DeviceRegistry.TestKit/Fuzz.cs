using Google.Protobuf;

namespace DeviceRegistry.TestKit;

/// <summary>Random and mostly invalid bytes, from the seed of the run.</summary>
public sealed class Fuzz
{
    private readonly Random _random = Seed.NewRandom();

    /// <summary>A number from 0 up to a limit, exclusive.</summary>
    public int Below(int limit) => _random.Next(limit);

    /// <summary>One of several values.</summary>
    public T Of<T>(params IReadOnlyList<T> some) => some[_random.Next(some.Count)];

    /// <summary>Random bytes.</summary>
    public byte[] Bytes(int most = 400)
    {
        var bytes = new byte[_random.Next(most)];
        _random.NextBytes(bytes);
        return bytes;
    }

    /// <summary>Random bytes that mostly parse as protobuf: low field numbers, any wire type, and values at their
    /// limits.</summary>
    public byte[] Protobuf(int depth = 3)
    {
        using var bytes = new MemoryStream();
        using (var output = new CodedOutputStream(bytes, leaveOpen: true))
        {
            for (var fields = _random.Next(8); fields > 0; fields--)
            {
                var type = Of(
                    WireFormat.WireType.Varint, WireFormat.WireType.Fixed32, WireFormat.WireType.Fixed64,
                    WireFormat.WireType.LengthDelimited, WireFormat.WireType.LengthDelimited);
                output.WriteTag(_random.Next(1, 12), type);
                if (type is WireFormat.WireType.Varint) output.WriteUInt64(Number());
                else if (type is WireFormat.WireType.Fixed32) output.WriteFixed32((uint)Number());
                else if (type is WireFormat.WireType.Fixed64) output.WriteFixed64(Number());
                else output.WriteBytes(ByteString.CopyFrom(Value(depth)));
            }
        }

        return bytes.ToArray();
    }

    private ulong Number() => Of<ulong>(
        0, 1, 2, 7, 65_536, int.MaxValue, uint.MaxValue, 99_999_999_999_999, 100_000_000_000_000, long.MaxValue,
        1ul << 63, ulong.MaxValue, (ulong)_random.NextInt64());

    private byte[] Value(int depth) => _random.Next(6) switch
    {
        0 => [],
        1 => new byte[32],
        2 => ByteString.CopyFromUtf8(Of("x", "opco-a", "35290611000001", "35290611", "2026-01-01", "STOLEN", "a\0b",
            "\u202E")).ToByteArray(),
        3 => Bytes(40),
        _ => depth > 0 ? Protobuf(depth - 1) : [],
    };
}
