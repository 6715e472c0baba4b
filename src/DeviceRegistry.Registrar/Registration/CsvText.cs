using System.Text;
using DeviceRegistry.Core;

namespace DeviceRegistry.Registrar.Registration;

/// <summary>Decodes text files: UTF-8, with or without a byte order mark.</summary>
internal static class CsvText
{
    private static readonly UTF8Encoding Strict =
        new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    public static string Decode(ReadOnlySpan<byte> bytes)
    {
        if (bytes.StartsWith(Encoding.UTF8.Preamble)) bytes = bytes[Encoding.UTF8.Preamble.Length..];
        if (bytes.Contains((byte)0)) throw new RegistryException(RegistryError.FileInvalid,
            "The file is not a text: it has NUL bytes, as a spreadsheet or UTF-16 has. Save it as CSV in UTF-8.",
            "data", "UTF-8");

        if (bytes.Contains((byte)'\r') && !bytes.Contains((byte)'\n'))
            throw new RegistryException(RegistryError.FileInvalid,
                "The file's line ends are CR alone. Save it with LF or CRLF.", "data", "lines that end in LF or CRLF");

        RequireShortLines(bytes);
        try
        {
            return Strict.GetString(bytes);
        }
        catch (DecoderFallbackException fault)
        {
            var line = bytes[..Math.Clamp(fault.Index, 0, bytes.Length)].Count((byte)'\n') + 1;
            throw new RegistryException(RegistryError.FileInvalid,
                $"The file is not UTF-8: line {line} has bytes that are no character. Save it as UTF-8.", "data",
                "UTF-8");
        }
    }

    private static void RequireShortLines(ReadOnlySpan<byte> bytes)
    {
        for (var line = 1; !bytes.IsEmpty; line++)
        {
            var length = bytes.IndexOf((byte)'\n') is var end and >= 0 ? end : bytes.Length;
            if (length > Limits.LineBytesMax)
                throw new RegistryException(RegistryError.FileInvalid,
                    $"Line {line} has over {Limits.LineBytesMax} bytes. Is this the right file?", "data",
                    $"lines of at most {Limits.LineBytesMax} bytes");
            bytes = bytes[Math.Min(length + 1, bytes.Length)..];
        }
    }
}
