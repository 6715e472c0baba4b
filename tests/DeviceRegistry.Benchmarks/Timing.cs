using System.Diagnostics;
using DeviceRegistry.TestKit;

namespace DeviceRegistry.Benchmarks;

/// <summary>Runs code or a program and measures it from outside.</summary>
internal static class Timing
{
    /// <summary>Elapsed milliseconds.</summary>
    public static async Task<double> MillisecondsAsync(Func<Task> act)
    {
        var start = Stopwatch.GetTimestamp();
        await act();
        return Stopwatch.GetElapsedTime(start).TotalMilliseconds;
    }

    /// <summary>CPU seconds of this process.</summary>
    public static double CpuSeconds(Action act)
    {
        var before = ServerCpu.OfThis();
        act();
        return ServerCpu.OfThis() - before;
    }

    /// <summary>Runs a program to its end and returns its output.</summary>
    /// <exception cref="InvalidOperationException">The program failed.</exception>
    public static async Task<string> ProgramAsync(string program, params string[] arguments)
    {
        var (code, output) = await Scripts.RunAsync("/tmp", Report.PathOf(program), arguments);
        return code is 0 ? output : throw new InvalidOperationException($"{program} ended with {code}: {output}");
    }
}
