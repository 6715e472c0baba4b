using System.Text;
using DeviceRegistry.Contracts.V1;
using DeviceRegistry.Core;
using CheckReason = DeviceRegistry.Contracts.V1.CheckReason;
using UnitState = DeviceRegistry.Contracts.V1.UnitState;

namespace DeviceRegistry.System.Tests.Registration;

/// <summary>A line error that the model expects.</summary>
internal sealed record ModelFault(int Line, string Field, string Reason);

/// <summary>A unit in the model.</summary>
internal sealed record ModelUnit(string Serial, ulong[] Imeis)
{
    public UnitState State { get; set; } = UnitState.Declared;

    public bool WasOnMarket { get; set; }
}

/// <summary>A batch in the model.</summary>
internal sealed record ModelBatch(ulong Number, string Reference, BatchReceipt Receipt, byte[] File,
    IReadOnlyList<ModelUnit> Units)
{
    public bool IsCertified { get; set; }
}

/// <summary>A plain model of the registry: which numbers are used, by which unit and in which state, and a second,
/// simple implementation of the rules for lines of dual-SIM units of one TAC.</summary>
internal sealed class BatchModel
{
    public Dictionary<ulong, ModelBatch> Batches { get; } = [];

    public int Rejected { get; set; }

    public IEnumerable<ModelUnit> Units => Batches.Values.SelectMany(b => b.Units);

    public void Register(ulong number, string reference, BatchReceipt receipt, byte[] file) =>
        Batches[number] = new ModelBatch(number, reference, receipt, file,
            [.. LinesOf(file).Select(l => l.Split(','))
            .Select(f => new ModelUnit(f[0], [ulong.Parse(f[1][..14], null), ulong.Parse(f[2][..14], null)]))]);

    public void Certify(ModelBatch batch)
    {
        batch.IsCertified = true;
        foreach (var unit in batch.Units.Where(u => u.State is UnitState.Declared)) unit.State = UnitState.Certified;
    }

    public void Move(IEnumerable<ModelUnit> units, UnitState to)
    {
        foreach (var unit in units) (unit.State, unit.WasOnMarket) = (to, unit.WasOnMarket || to is UnitState.Released);
    }

    /// <summary>Answer of an attach node: compliant for units that are or were on the market.</summary>
    public CheckReason AnswerFor(ulong imei) => Units.FirstOrDefault(u => u.Imeis.Contains(imei)) switch
    {
        { State: UnitState.Released } => CheckReason.Compliant,
        { WasOnMarket: true } => CheckReason.RetiredImeiSeen,
        _ => CheckReason.FirstSeen,
    };

    /// <summary>Every line error: the first error of each line in the order of the rules.</summary>
    public IReadOnlyList<ModelFault> Judge(byte[] file)
    {
        var faults = new List<ModelFault>();
        var (serials, imeis) = (new HashSet<string>(StringComparer.Ordinal), new HashSet<ulong>());
        foreach (var (line, n) in LinesOf(file).Select((l, n) => (l, n + 2)))
        {
            var fields = line.Split(',');
            if (OfItself(fields) is { } own)
            {
                faults.Add(own with { Line = n });
                continue;
            }

            var numbers = fields.Skip(1).Where(f => f.Length > 0).Select(f => ulong.Parse(f[..14], null)).ToArray();
            var repeated = -1;
            for (var slot = 0; slot < numbers.Length; slot++)
                if (!imeis.Add(numbers[slot]) && repeated < 0) repeated = slot;
            var isSerialRepeated = !serials.Add(fields[0]);
            if (Known(fields[0], numbers) is { } known) faults.Add(known with { Line = n });
            else if (isSerialRepeated) faults.Add(new ModelFault(n, "serial_number", "DUPLICATE_SERIAL_IN_FILE"));
            else if (repeated >= 0) faults.Add(new ModelFault(n, $"imei_{repeated + 1}", "DUPLICATE_IMEI_IN_FILE"));
        }

        return faults;
    }

    // Errors of a line by itself.
    private static ModelFault? OfItself(string[] fields)
    {
        if (fields.Length is not 3) return new ModelFault(0, "line", "LINE_MALFORMED");
        if (fields[0].Length is 0) return new ModelFault(0, "serial_number", "SERIAL_INVALID");

        for (var slot = 1; slot <= 2; slot++)
        {
            var (text, field) = (fields[slot], $"imei_{slot}");
            if (text.Length is 0 && slot is 2) return null;
            if (text.Length is 0) return new ModelFault(0, field, "IMEI_MISSING");
            if (!text.All(char.IsAsciiDigit)) return new ModelFault(0, field, "IMEI_NOT_DIGITS");
            if (text.Length is not (14 or 15)) return new ModelFault(0, field, "IMEI_LENGTH");
            if (text.Length is 15 && CheckDigit(text) != text[14]) return new ModelFault(0, field, "IMEI_CHECK_DIGIT");
            if (text[8..14] is "000000") return new ModelFault(0, field, "IMEI_IMPLAUSIBLE");
        }

        return null;
    }

    // Errors of a line against the registry: first TACs, then IMEIs, then their number, then the serial number.
    private ModelFault? Known(string serial, ulong[] imeis)
    {
        var unknown = Array.FindIndex(imeis, i => i / 1_000_000 == 35_999_999);
        if (unknown >= 0) return new ModelFault(0, $"imei_{unknown + 1}", "TAC_UNKNOWN");

        var taken = Array.FindIndex(imeis, i => Units.Any(u => u.Imeis.Contains(i)));
        if (taken >= 0) return new ModelFault(0, $"imei_{taken + 1}", "IMEI_TAKEN");
        if (imeis.Length < 2) return new ModelFault(0, "imei_1", "IMEI_COUNT_MISMATCH");

        return Units.Any(u => u.Serial == serial) ? new ModelFault(0, "serial_number", "SERIAL_TAKEN") : null;
    }

    // TS 23.003 Annex B: every second digit is doubled, all digits are summed, and the sum is filled up to a multiple
    // of ten.
    private static char CheckDigit(string text)
    {
        var sum = 0;
        for (var i = 0; i < 14; i++)
        {
            var digit = text[i] - '0';
            sum += i % 2 is 0 ? digit : digit * 2 / 10 + digit * 2 % 10;
        }

        return (char)('0' + (10 - sum % 10) % 10);
    }

    private static IEnumerable<string> LinesOf(byte[] file) =>
        Encoding.ASCII.GetString(file).Split('\n', StringSplitOptions.RemoveEmptyEntries).Skip(1);
}
