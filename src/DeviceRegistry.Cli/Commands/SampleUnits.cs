using DeviceRegistry.Core;

namespace DeviceRegistry.Cli.Commands;

/// <summary>The numbering of sample units. The same plan gives the same lines.</summary>
/// <param name="Tacs">TACs; each is used up before the next.</param>
/// <param name="SecondTac">TAC of the second IMEI of a unit, if it is another.</param>
/// <param name="Each">IMEIs per unit.</param>
/// <param name="FirstSerial">Serial number of the first IMEI of each TAC.</param>
internal sealed record SampleUnits(IReadOnlyList<Tac> Tacs, Tac? SecondTac, uint Each, uint FirstSerial)
{
    /// <summary>Highest serial number of a TAC.</summary>
    public const uint SerialMax = 999_999;

    private const uint EachMax = 5;

    // Serial numbers of a TAC that one unit uses.
    private uint Step => SecondTac is null ? Each : 1;

    private ulong UnitsOfTac => FirstSerial is >= 1 and <= SerialMax ? (SerialMax - FirstSerial + 1) / Step : 0;

    /// <summary>Throws a usage fault if the plan cannot number so many units.</summary>
    public void Require(uint units)
    {
        if (Each is < 1 or > EachMax) throw Refused($"A unit has 1 to {EachMax} IMEIs, not {Each}.",
            "Give another number with --imeis-per-unit.");
        if (SecondTac is not null && (Each is not 2 || Tacs.Count is not 1))
            throw Refused("A second TAC is for one TAC and two IMEIs a unit.",
                "Leave out --second-tac, or give --tac once.");
        var most = UnitsOfTac * (ulong)Tacs.Count;
        if (units < 1 || units > most)
            throw Refused(
                $"{units} units do not fit: a TAC has serials {FirstSerial} to {SerialMax} and each unit takes " +
                $"{Step}, so that {Tacs.Count} of them number {most} units.",
                "Take fewer units, or more TACs: --tac may be repeated.");
    }

    /// <summary>The lines of the file, header first.</summary>
    public IEnumerable<string> Lines(uint units)
    {
        yield return string.Join(',', Enumerable.Range(1, (int)Each).Select(n => $"imei_{n}").Prepend("serial_number"));
        for (var unit = 0ul; unit < units; unit++)
        {
            var tac = Tacs[(int)(unit / UnitsOfTac)];
            var serial = FirstSerial + (unit % UnitsOfTac) * Step;
            var first = new Imei((tac.Value * 1_000_000ul) + serial);
            var others = SecondTac is { } other
                ? [new Imei((other.Value * 1_000_000ul) + serial)]
                : Enumerable.Range(1, (int)Each - 1).Select(slot => new Imei(first.Value + (ulong)slot));
            yield return $"SN-{first.Digits},{string.Join(',', others.Prepend(first).Select(i => i.Printed))}";
        }
    }

    private static CommandException Refused(string what, string next) => new(Fault.Usage(what, next));
}
