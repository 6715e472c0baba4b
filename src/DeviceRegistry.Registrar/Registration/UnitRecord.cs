using System.Buffers.Text;
using System.Runtime.CompilerServices;
using DeviceRegistry.Core;

namespace DeviceRegistry.Registrar.Registration;

/// <summary>Why a line of a batch is not taken, in the order of DOMAIN 5.3. The name in upper snake case is the code on
/// the wire.</summary>
internal enum ErrorReason : byte
{
    None,
    LineMalformed,
    SerialInvalid,
    ImeiMissing,
    ImeiNotDigits,
    ImeiLength,
    ImeiCheckDigit,
    ImeiImplausible,
    TacUnknown,
    TacBarred,
    TacNotMandated,
    TacModelMismatch,
    ImeiTaken,
    ImeiBlocked,
    ImeiCountMismatch,
    SerialTaken,
    DuplicateSerialInFile,
    DuplicateImeiInFile,
}

/// <summary>What is wrong with a line: why, and where. Of several, the one with the lowest value is told: reasons in
/// the order of the rules, then slots.</summary>
/// <param name="Value">reason 5 bits | slot 3 bits</param>
internal readonly record struct UnitLineError(byte Value)
{
    public UnitLineError(ErrorReason reason, int slot = 0)
        : this((byte)(((int)reason << 3) | slot))
    {
    }

    /// <summary>Why.</summary>
    public ErrorReason Reason => (ErrorReason)(Value >> 3);

    /// <summary>IMEI from 1; 0: the serial number, or the line.</summary>
    public int Slot => Value & 7;

    /// <summary>Name of the field.</summary>
    public string Field => Slot > 0 ? $"imei_{Slot}" : Reason is ErrorReason.LineMalformed ? "line" : "serial_number";
}

/// <summary>The IMEIs of a unit, as many as one can have.</summary>
[InlineArray(UnitRecord.ImeisMax)]
internal struct ImeiSlots
{
    private ulong _first;
}

/// <summary>A line of a units file, taken apart. Its serial number is a part of the line's own bytes.</summary>
internal ref struct UnitRecord
{
    /// <summary>Most IMEIs that a line can hold (DOMAIN 4, device.max_imeis).</summary>
    public const int ImeisMax = 5;

    /// <summary>Bytes of the longest canonical line.</summary>
    public const int CanonicalMax = Limits.SerialMax + ImeisMax * (Core.Imei.Length + 1) + 1;

    private ReadOnlySpan<byte> _line;
    private ImeiSlots _imeis;

    /// <summary>The serial number, printable ASCII.</summary>
    public ReadOnlySpan<byte> Serial { get; private set; }

    /// <summary>How many IMEIs it has.</summary>
    public int Count { get; private set; }

    /// <summary>An IMEI by slot, from 0.</summary>
    public readonly Imei Imei(int slot) => new(_imeis[slot]);

    /// <summary>A field as it was given; 0: the serial number.</summary>
    public readonly ReadOnlySpan<byte> AsGiven(int field)
    {
        var line = _line;
        var value = Next(ref line);
        for (; field > 0; field--) value = Next(ref line);
        return value;
    }

    /// <summary>The line as it is hashed and journalled: serial,imei,imei LF. Returns its length.</summary>
    public readonly int WriteCanonical(Span<byte> to)
    {
        Serial.CopyTo(to);
        var at = Serial.Length;
        for (var slot = 0; slot < Count; slot++)
        {
            to[at++] = (byte)',';
            Utf8Formatter.TryFormat(_imeis[slot], to[at..], out _, new('D', Core.Imei.Length));
            at += Core.Imei.Length;
        }

        to[at++] = (byte)'\n';
        return at;
    }

    /// <summary>Takes a line apart: the first check of DOMAIN 5.3. Otherwise says what is wrong, and with which of its
    /// bytes.</summary>
    public static bool TryRead(
        ReadOnlySpan<byte> line, int columns, out UnitRecord unit, out UnitLineError flaw, out ReadOnlySpan<byte> value)
    {
        unit = default;
        unit._line = value = line;
        flaw = new UnitLineError(ErrorReason.LineMalformed);
        if (line.Count((byte)',') != columns - 1) return false;

        value = Next(ref line);
        flaw = new UnitLineError(ErrorReason.SerialInvalid);
        if (!IsSerial(value)) return false;

        unit.Serial = value;
        for (var slot = 1; slot < columns; slot++)
        {
            value = Next(ref line);

            // Slots may be empty from the right; the first may not.
            if (value.IsEmpty && slot > 1 && IsBlankFromHere(line)) break;
            if (!TryImei(value, slot, ref unit, out flaw)) return false;
        }

        return true;
    }

    private static bool TryImei(ReadOnlySpan<byte> value, int slot, ref UnitRecord unit, out UnitLineError flaw)
    {
        Span<char> text = stackalloc char[Core.Imei.Length + 2];
        for (var i = 0; i < Math.Min(value.Length, text.Length); i++) text[i] = (char)value[i];
        var typed = value.Length <= text.Length ? Core.Imei.FromTyped(text[..value.Length])
            : new TypedImei(value.ContainsAnyExceptInRange((byte)'0', (byte)'9') ? TypedImeiError.NotDigits
                : TypedImeiError.Length, default, 0);
        flaw = new UnitLineError(
            typed.Fault switch
            {
                TypedImeiError.Empty => ErrorReason.ImeiMissing,
                TypedImeiError.NotDigits => ErrorReason.ImeiNotDigits,
                TypedImeiError.Length => ErrorReason.ImeiLength,
                TypedImeiError.CheckDigit => ErrorReason.ImeiCheckDigit,
                _ => IsImplausible(typed.Imei) ? ErrorReason.ImeiImplausible : ErrorReason.None,
            },
            slot);
        if (flaw.Reason is not ErrorReason.None) return false;

        unit._imeis[unit.Count++] = typed.Imei.Value;
        return true;
    }

    /// <summary>DOMAIN 3: well-formed but invalid. One such value was found on 39.1 million phones.</summary>
    public static bool IsImplausible(Imei imei)
    {
        const ulong Ones = 11_111_111_111_111;
        return imei.Value % 1_000_000 is 0 || imei.Value is 01010101010101 or 12345678901234 || imei.Value % Ones is 0;
    }

    /// <summary>1 to 64 printable ASCII characters without blanks, commas and quotes.</summary>
    public static bool IsSerial(ReadOnlySpan<byte> text) =>
        text.Length is >= 1 and <= Limits.SerialMax && !text.ContainsAnyExceptInRange((byte)'!', (byte)'~')
            && !text.ContainsAny((byte)',', (byte)'"');

    // The next field, without the blanks and the quotes around it. Nothing that may stand inside a field needs quotes,
    // so they are decoration.
    private static ReadOnlySpan<byte> Next(scoped ref ReadOnlySpan<byte> line)
    {
        var end = line.IndexOf((byte)',');
        var field = (end < 0 ? line : line[..end]).Trim(" \t"u8);
        line = end < 0 ? [] : line[(end + 1)..];
        return field.Length >= 2 && field[0] is (byte)'"' && field[^1] is (byte)'"' ? field[1..^1].Trim(" \t"u8)
            : field;
    }

    private static bool IsBlankFromHere(ReadOnlySpan<byte> line)
    {
        while (!line.IsEmpty)
            if (!Next(ref line).IsEmpty) return false;
        return true;
    }
}
