namespace DeviceRegistry.Cli.Commands;

/// <summary>Counts the units of a file. The registry validates the lines.</summary>
internal static class UnitsFile
{
    private const int ReadBytes = 1024 * 1024;

    /// <summary>Counts the non-blank lines, without the header.</summary>
    public static async Task<uint> CountAsync(FileStream file, Progress progress, CancellationToken ct)
    {
        var stage = new Stage($"counting {Path.GetFileName(file.Name)}", $"counted {Path.GetFileName(file.Name)}",
            Quantity.Bytes, IsAside: true);
        var lines = new LineCount();
        var buffer = new byte[ReadBytes];
        while (await file.ReadAsync(buffer, ct) is > 0 and var read)
        {
            lines.Add(buffer.AsSpan(0, read));
            progress.Show(stage, file.Position, file.Length);
        }

        if (lines.End() is > 1 and var all) return (uint)Math.Min(all - 1, uint.MaxValue);

        throw new CommandException(Fault.Usage(
            $"{Path.GetFileName(file.Name)} has no units.",
            "Expected a header, serial_number,imei_1[,imei_2…], and one unit a line below it; lines end in LF or CRLF.",
            "FILE"));
    }

    /// <summary>Counts non-blank lines as the registry does: spaces, tabs and the CR before an LF count as
    /// blank.</summary>
    private sealed class LineCount
    {
        private long _lines;
        private bool _hasText;

        public void Add(ReadOnlySpan<byte> bytes)
        {
            while (bytes.IndexOf((byte)'\n') is var end and >= 0)
            {
                Take(bytes[..end]);
                if (_hasText) _lines++;
                _hasText = false;
                bytes = bytes[(end + 1)..];
            }

            Take(bytes);
        }

        public long End() => _hasText ? _lines + 1 : _lines;

        private void Take(ReadOnlySpan<byte> part) => _hasText |= part.ContainsAnyExcept(" \t\r"u8);
    }
}
