using System.Globalization;
using System.Runtime.InteropServices;
using DeviceRegistry.TestKit;

namespace DeviceRegistry.Benchmarks;

/// <summary>CPU time of processes, independent of other load on the machine.</summary>
internal static class ServerCpu
{
    private const double TicksPerSecond = 100;                      // USER_HZ, the same on every Linux
    private const int CpuClockOfProcess = 2;                        // CPUCLOCK_SCHED
    private static readonly TimeSpan StableLimit = TimeSpan.FromSeconds(10);

    /// <summary>CPU seconds of a process so far, by its CPU clock (clock_getcpuclockid(3)): nanosecond resolution, all
    /// threads, including ended ones.</summary>
    /// <exception cref="FigureException">The process ended.</exception>
    public static double Of(int process) => Clock(process)
        ?? throw new FigureException($"CPU time of process {process}", "it ended before its CPU time was read");

    /// <summary>CPU seconds of this process.</summary>
    public static double OfThis() => Of(Environment.ProcessId);

    /// <summary>CPU seconds of PostgreSQL so far: the postmaster, its child processes, and ended child processes, which
    /// the kernel adds to the postmaster's "waited-for children". Resolution 10 ms.</summary>
    /// <remarks>A process that ends between two reads would be counted twice or not at all. So everything is read until
    /// the list of processes and the time of the waited-for children are the same before and after.</remarks>
    public static double OfPostgres(TestCluster cluster)
    {
        var postmaster = int.Parse(File.ReadAllLines(Path.Combine(cluster.Places.Data, "postmaster.pid"))[0],
            CultureInfo.InvariantCulture);
        for (var limit = TimeProvider.System.GetUtcNow() + StableLimit; TimeProvider.System.GetUtcNow() < limit;
            Task.Delay(TimeSpan.FromMilliseconds(5), TimeProvider.System).Wait())
        {
            var (waited, children) = (Waited(postmaster), Children(postmaster));
            var clocks = children.Select(Clock).ToList();
            var own = Of(postmaster);
            if (clocks.Contains(null) || Waited(postmaster) != waited
                || !Children(postmaster).SequenceEqual(children)) continue;

            return own + waited + clocks.Sum()!.Value;
        }

        throw new FigureException("CPU time of PostgreSQL", $"its processes came and went for {StableLimit}");
    }

    // Null: the process ended, whether or not its parent waited for it.
    private static double? Clock(int process) =>
        Fields(process) is [not "Z", ..] && ClockGetTime((~process << 3) | CpuClockOfProcess, out var time) is 0
            ? time.Seconds + time.Nanoseconds / 1e9 : null;

    private static double Waited(int postmaster) => Fields(postmaster) is { Length: > 14 } fields
        ? (double.Parse(fields[13], CultureInfo.InvariantCulture)
            + double.Parse(fields[14], CultureInfo.InvariantCulture)) / TicksPerSecond
        : throw new FigureException("CPU time of PostgreSQL", "the postmaster ended before it was read");

    private static int[] Children(int parent) =>
        [.. Directory.EnumerateDirectories("/proc").Select(Path.GetFileName)
            .Where(n => int.TryParse(n, CultureInfo.InvariantCulture, out _))
            .Select(n => int.Parse(n!, CultureInfo.InvariantCulture))
            .Where(p => Fields(p) is { Length: > 1 } fields && fields[1] == $"{parent}").Order()];

    // proc(5): the name may contain any character and ends with the last parenthesis; state is the first field after
    // it.
    private static string[] Fields(int process)
    {
        try
        {
            var stat = File.ReadAllText($"/proc/{process}/stat");
            return stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
        }
        catch (IOException)
        {
            return [];                                              // the process ended
        }
    }

    [DllImport("libc", EntryPoint = "clock_gettime")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int ClockGetTime(int clock, out TimeSpec time);

    [StructLayout(LayoutKind.Sequential)]
    private struct TimeSpec
    {
        public nint Seconds;
        public nint Nanoseconds;
    }
}
