using System.Diagnostics.CodeAnalysis;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace DeviceRegistry.Core;

/// <summary>Sum, modulo 2^256, of the SHA-256 hashes (FIPS 180-4) of many elements of nine bytes: a type byte and a
/// number. Hashes eight elements in parallel.</summary>
/// <remarks>Perf: 58 ns per element instead of 502 with one call of <c>SHA256.HashData</c> each (benchmark index,
/// "digest of an IMEI"). The state of a country has a hundred million elements, and a node that is built from the feed
/// hashes each.</remarks>
internal static class Sha256Sums
{
    /// <summary>32-bit words of a sum, the highest first.</summary>
    public const int Words = 8;

    private const int Lanes = 8;

    // The first 32 bits of the fractional parts of the square roots of the first 8 primes, and of the cube roots of the
    // first 64.
    private static readonly uint[] Start =
        [0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19];

    private static readonly uint[] Rounds =
    [
        0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5, 0xd807aa98,
        0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
        0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da, 0x983e5152,
        0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
        0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1,
        0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
        0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3, 0x748f82ee,
        0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
    ];

    /// <summary>Sums the hashes of the largest multiple of eight elements, or of none if the machine lacks 256-bit
    /// vectors; returns the number of elements in the sum.</summary>
    public static int Sum(byte type, ReadOnlySpan<ulong> numbers, Span<uint> sum)
    {
        sum.Clear();
        if (!Vector256.IsHardwareAccelerated) return 0;

        var whole = numbers.Length - (numbers.Length % Lanes);
        Span<ulong> columns = stackalloc ulong[Words];
        columns.Clear();
        for (var i = 0; i < whole; i += Lanes) Add(type, numbers.Slice(i, Lanes), columns);

        // A column is below 2^32 times the number of elements: no 64-bit word overflows. Carries propagate from the
        // lowest word to the highest; the last carry is dropped.
        var carry = 0ul;
        for (var i = Words - 1; i >= 0; i--)
        {
            var column = columns[i] + carry;
            (sum[i], carry) = ((uint)column, column >> 32);
        }

        return whole;
    }

    private static void Add(byte type, ReadOnlySpan<ulong> numbers, Span<ulong> columns)
    {
        // The single block of each element: nine bytes, a one bit, zeros, and the length of 72 bits.
        Span<Vector256<uint>> w = stackalloc Vector256<uint>[16];
        w.Clear();
        for (var i = 0; i < Lanes; i++)
        {
            w[0] = w[0].WithElement(i, ((uint)type << 24) | (uint)(numbers[i] >> 40));
            w[1] = w[1].WithElement(i, (uint)(numbers[i] >> 8));
            w[2] = w[2].WithElement(i, ((uint)numbers[i] << 24) | 0x0080_0000);
        }

        w[15] = Vector256.Create(72u);

        Vector256<uint> a = Vector256.Create(Start[0]), b = Vector256.Create(Start[1]), c = Vector256.Create(Start[2]),
            d = Vector256.Create(Start[3]);
        Vector256<uint> e = Vector256.Create(Start[4]), f = Vector256.Create(Start[5]), g = Vector256.Create(Start[6]),
            h = Vector256.Create(Start[7]);
        for (var t = 0; t < Rounds.Length; t++)
        {
            if (t >= 16)
            {
                var (w15, w2) = (w[(t - 15) & 15], w[(t - 2) & 15]);
                w[t & 15] += w[(t - 7) & 15] + (RotateRight(w15, 7) ^ RotateRight(w15, 18) ^ (w15 >>> 3))
                    + (RotateRight(w2, 17) ^ RotateRight(w2, 19) ^ (w2 >>> 10));
            }

            var one = h + (RotateRight(e, 6) ^ RotateRight(e, 11) ^ RotateRight(e, 25))
                + Vector256.ConditionalSelect(e, f, g)
                + Vector256.Create(Rounds[t]) + w[t & 15];
            var two = (RotateRight(a, 2) ^ RotateRight(a, 13) ^ RotateRight(a, 22))
                + Vector256.ConditionalSelect(a ^ b, c, b);
            (h, g, f, e, d, c, b, a) = (g, f, e, d + one, c, b, a, one + two);
        }

        columns[0] += SumLanes(a, Start[0]);
        columns[1] += SumLanes(b, Start[1]);
        columns[2] += SumLanes(c, Start[2]);
        columns[3] += SumLanes(d, Start[3]);
        columns[4] += SumLanes(e, Start[4]);
        columns[5] += SumLanes(f, Start[5]);
        columns[6] += SumLanes(g, Start[6]);
        columns[7] += SumLanes(h, Start[7]);
    }

    private static Vector256<uint> RotateRight(Vector256<uint> x, [ConstantExpected] byte by) =>
        Avx512F.VL.IsSupported ? Avx512F.VL.RotateRight(x, by) : (x >>> by) | (x << (32 - by));

    private static ulong SumLanes(Vector256<uint> state, uint start)
    {
        var (low, high) = Vector256.Widen(state + Vector256.Create(start));
        return Vector256.Sum(low + high);
    }
}
