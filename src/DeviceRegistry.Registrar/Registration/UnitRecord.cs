using System.Buffers.Text;
using System.Runtime.CompilerServices;
using DeviceRegistry.Core;

namespace DeviceRegistry.Registrar.Registration;

/// <summary>Reasons for which a line of a batch is invalid, in the order of the checks (proto/docs/errors.md, line
/// errors). The name in upper snake case is the code on the wire.</summary>
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

/// <summary>The error of a line: reason and position. If a line has several, the one with the lowest value is reported:
/// by order of the checks, then by slot.</summary>
/// <param name="Value">reason 5 bits | slot 3 bits</param>
internal readonly record struct UnitLineError(byte Value)
{
    public UnitLineError(ErrorReason reason, int slot = 0)
        : this((byte)(((int)reason << 3) | slot))
    {
    }

    public ErrorReason Reason => (ErrorReason)(Value >> 3);

    /// <summary>IMEI from 1; 0: the serial number or the whole line.</summary>
    public int Slot => Value & 7;

    /// <summary>Name of the field in the report.</summary>
    public string Field => Slot > 0 ? $"imei_{Slot}" : Reason is ErrorReason.LineMalformed ? "line" : "serial_number";
}

/// <summary>Inline array for the maximum number of IMEIs of a unit.</summary>
[InlineArray(UnitRecord.ImeisMax)]
internal struct ImeiSlots
{
    private ulong _first;
}

/// <summary>A parsed line of a units file. The serial number is a span over the line's bytes.</summary>
internal ref struct UnitRecord
{
    /// <summary>Maximum number of IMEIs in a line (device_max_imeis, proto/docs/parameters.md).</summary>
    public const int ImeisMax = 5;

    /// <summary>Bytes of the longest canonical line.</summary>
    public const int CanonicalMax = Limits.SerialMax + ImeisMax * (Core.Imei.Length + 1) + 1;

    private ReadOnlySpan<byte> _line;
    private ImeiSlots _imeis;

    /// <summary>The serial number, printable ASCII.</summary>
    public ReadOnlySpan<byte> Serial { get; private set; }

    /// <summary>Number of IMEIs.</summary>
    public int Count { get; private set; }

    /// <summary>The IMEI in a slot, from 0.</summary>
    public readonly Imei Imei(int slot) => new(_imeis[slot]);

    /// <summary>A field as it is in the file; 0: the serial number, otherwise the IMEI from 1.</summary>
    public readonly ReadOnlySpan<byte> AsGiven(int field)
    {
        var line = _line;
        var value = Next(ref line);
        for (; field > 0; field--) value = Next(ref line);
        return value;
    }

    /// <summary>Writes the line in the form that is hashed and journalled: serial,imei,imei LF. Returns its
    /// length.</summary>
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

    /// <summary>Parses a line, the first of the checks. If the line is invalid, returns false, the error and the bytes
    /// it refers to.</summary>
    public static bool TryRead(
        ReadOnlySpan<byte> line, int columns, out UnitRecord unit, out UnitLineError error,
        out ReadOnlySpan<byte> value)
    {
        unit = default;
        unit._line = value = line;
        error = new UnitLineError(ErrorReason.LineMalformed);
        if (line.Count((byte)',') != columns - 1) return false;

        value = Next(ref line);
        error = new UnitLineError(ErrorReason.SerialInvalid);
        if (!IsSerial(value)) return false;

        unit.Serial = value;
        for (var slot = 1; slot < columns; slot++)
        {
            value = Next(ref line);

            // IMEI fields may be empty from the right; the first may not.
            if (value.IsEmpty && slot > 1 && IsBlankFromHere(line)) break;
            if (!TryImei(value, slot, ref unit, out error)) return false;
        }

        return true;
    }

    private static bool TryImei(ReadOnlySpan<byte> value, int slot, ref UnitRecord unit, out UnitLineError error)
    {
        Span<char> text = stackalloc char[Core.Imei.Length + 2];
        for (var i = 0; i < Math.Min(value.Length, text.Length); i++) text[i] = (char)value[i];
        var typed = value.Length <= text.Length ? Core.Imei.FromTyped(text[..value.Length])
            : new TypedImei(value.ContainsAnyExceptInRange((byte)'0', (byte)'9') ? TypedImeiError.NotDigits
                : TypedImeiError.Length, default, 0);
        error = new UnitLineError(
            typed.Fault switch
            {
                TypedImeiError.Empty => ErrorReason.ImeiMissing,
                TypedImeiError.NotDigits => ErrorReason.ImeiNotDigits,
                TypedImeiError.Length => ErrorReason.ImeiLength,
                TypedImeiError.CheckDigit => ErrorReason.ImeiCheckDigit,
                _ => IsImplausible(typed.Imei) ? ErrorReason.ImeiImplausible : ErrorReason.None,
            },
            slot);
        if (error.Reason is not ErrorReason.None) return false;

        unit._imeis[unit.Count++] = typed.Imei.Value;
        return true;
    }

    /// <summary>IMEIs that are well-formed but known filler values: rejected. One such value was found on 39.1 million
    /// devices.</summary>
    public static bool IsImplausible(Imei imei)
    {
        const ulong Ones = 11_111_111_111_111;
        return imei.Value % 1_000_000 is 0 || imei.Value is 01010101010101 or 12345678901234 || imei.Value % Ones is 0;
    }

    /// <summary>Whether the text has 1 to 64 printable ASCII characters without blanks, commas and quotes.</summary>
    public static bool IsSerial(ReadOnlySpan<byte> text) =>
        text.Length is >= 1 and <= Limits.SerialMax && !text.ContainsAnyExceptInRange((byte)'!', (byte)'~')
            && !text.ContainsAny((byte)',', (byte)'"');

    // Returns the next field without surrounding blanks and quotes. Characters that need quoting are not allowed in a
    // field, so quotes have no meaning.
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
