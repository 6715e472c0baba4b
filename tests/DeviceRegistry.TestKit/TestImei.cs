using System.Globalization;
using System.Text;
using DeviceRegistry.Core;

namespace DeviceRegistry.TestKit;

/// <summary>IMEIs that no other test of the run uses.</summary>
public static class TestImei
{
    private static int _serial;

    /// <summary>A new IMEI under a TAC.</summary>
    public static Imei Next(uint tac = 35290611) => new(tac * 1_000_000ul + (ulong)Interlocked.Increment(ref _serial));

    /// <summary>A units file of new dual-SIM units, with check digits.</summary>
    public static (byte[] File, IReadOnlyList<(string Serial, Imei First, Imei Second)> Units) DualSim(int units,
        uint tac = 35290611)
    {
        var all = Enumerable.Range(0, units).Select(_ => (First: Next(tac), Second: Next(tac)))
            .Select(u => (Serial: $"T{u.First.Value.ToString(CultureInfo.InvariantCulture)}", u.First, u.Second))
                .ToList();
        var text = new StringBuilder("serial_number,imei_1,imei_2\n");
        foreach (var unit in all) text.Append(CultureInfo.InvariantCulture,
            $"{unit.Serial},{unit.First.Printed},{unit.Second.Printed}\n");
        return (Encoding.UTF8.GetBytes(text.ToString()), all);
    }
}
