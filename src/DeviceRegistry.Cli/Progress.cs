using System.Diagnostics;
using System.Globalization;

namespace DeviceRegistry.Cli;

/// <summary>How far something long has come, on the error stream: one line that moves on a terminal, one plain line at the end elsewhere.</summary>
internal sealed class Progress(Output output, string doing, string done, string unit)
{
    private const long EveryMs = 100;                       // more often than eyes read costs time and nothing else

    private readonly long _started = Stopwatch.GetTimestamp();
    private readonly bool _moves = !output.IsJson && !Console.IsErrorRedirected;
    private long _shownAtMs;

    /// <summary>Shows how far it has come, if it is time to.</summary>
    public void Show(long count, long total = 0)
    {
        var now = (long)Stopwatch.GetElapsedTime(_started).TotalMilliseconds;
        if (!_moves || now - _shownAtMs < EveryMs) return;

        _shownAtMs = now;
        var of = total > 0 ? $" of {Thousands(total)}, {100 * count / total} %" : "";
        Console.Error.Write($"\r{doing}: {Thousands(count)}{of} {unit}   ");
    }

    /// <summary>Ends it.</summary>
    public void End(long count)
    {
        if (_moves) Console.Error.Write($"\r{new string(' ', 78)}\r");
        else if (!output.IsJson) Console.Error.WriteLine($"{done}: {Thousands(count)} {unit}");
    }

    private static string Thousands(long count) => count.ToString("N0", CultureInfo.InvariantCulture);
}
