using System.Text;
using DeviceRegistry.Core;

namespace DeviceRegistry.Registrar.Registration;

/// <summary>Bytes of a text file as text: UTF-8, with or without a byte order mark.</summary>
internal static class CsvText
{
    private static readonly UTF8Encoding Strict = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    public static string Decode(ReadOnlySpan<byte> bytes)
    {
        if (bytes.StartsWith(Encoding.UTF8.Preamble)) bytes = bytes[Encoding.UTF8.Preamble.Length..];
        if (bytes.Contains((byte)0)) throw new RegistryException(RegistryError.FileInvalid, "The file is not a text: it has zero bytes. UTF-8 is expected.", "data", "UTF-8");

        try
        {
            return Strict.GetString(bytes);
        }
        catch (DecoderFallbackException fault)
        {
            var line = bytes[..Math.Clamp(fault.Index, 0, bytes.Length)].Count((byte)'\n') + 1;
            throw new RegistryException(RegistryError.FileInvalid, $"The file is not UTF-8: line {line} has bytes that are no character. Save it as UTF-8.", "data", "UTF-8");
        }
    }
}
