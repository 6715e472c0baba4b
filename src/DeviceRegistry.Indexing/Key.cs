using DeviceRegistry.Core;

namespace DeviceRegistry.Indexing;

/// <summary>48-bit key of equipment inside the index.</summary>
/// <remarks><code>
/// bit  47   46 .. 0
///      0    value of an IMEI, below 10^14
///      1    number of a text in the TextPool
/// </code></remarks>
internal static class Key
{
    public const int Bits = 48;
    public const ulong Mask = (1ul << Bits) - 1;
    public const ulong TextBit = 1ul << 47;

    public static bool IsText(ulong key) => (key & TextBit) is not 0;

    public static bool IsValid(ulong key) => IsText(key) ? (key & ~TextBit) <= uint.MaxValue : key < Imei.Limit;

    /// <summary>Hashes a key to 64 bits, each depending on the whole key (the finaliser of SplitMix64).</summary>
    public static ulong Hash(ulong key)
    {
        key = (key ^ (key >> 30)) * 0xBF58_476D_1CE4_E5B9;
        key = (key ^ (key >> 27)) * 0x94D0_49BB_1331_11EB;
        return key ^ (key >> 31);
    }
}
