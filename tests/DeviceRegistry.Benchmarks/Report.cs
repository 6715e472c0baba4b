using System.Globalization;
using System.Runtime.InteropServices;
using DeviceRegistry.TestKit;

namespace DeviceRegistry.Benchmarks;

/// <summary>Head and end of a run's output: machine, load, versions, commit and command line.</summary>
internal static class Report
{
    /// <summary>Prints the head of a run.</summary>
    /// <param name="arguments">The command line.</param>
    /// <param name="programs">Programs of other projects that the run starts.</param>
    /// <exception cref="FigureException">A program is not installed.</exception>
    public static async Task BeginAsync(string[] arguments, IEnumerable<string> programs)
    {
        var memory = Field("/proc/meminfo", "MemTotal").Split(' ')[0];
        var gigabytes = double.TryParse(memory, CultureInfo.InvariantCulture, out var kilobytes)
            ? $"{kilobytes / 1024 / 1024:0.0} GiB" : "unknown";
        Console.WriteLine($"machine: {Field("/proc/cpuinfo", "model name")}, {Environment.ProcessorCount} cores, " +
            $"{gigabytes} of memory");
        Console.WriteLine($"load average at start: {Load()}");
        Console.WriteLine($"system: {Field("/etc/os-release", "PRETTY_NAME", '=').Trim('"')}, " +
            $"kernel {Field("/proc/version", "Linux", ' ').Split(' ')[1]}, {RuntimeInformation.FrameworkDescription}");
        foreach (var program in programs.Distinct())
            Console.WriteLine($"program: {program}, {await VersionAsync(program)}");
        Console.WriteLine($"commit: {await CommitAsync()}");
        Console.WriteLine($"command: dotnet run -c Release --project tests/DeviceRegistry.Benchmarks -- " +
            $"{string.Join(' ', arguments)}");
    }

    /// <summary>Prints the end of a run.</summary>
    public static void End() => Console.WriteLine($"load average at end: {Load()}");

    /// <summary>The path of a program: PostgreSQL's programs beside the server that tests use, any other on the
    /// PATH.</summary>
    public static string PathOf(string program)
    {
        string[] folders =
        [
            Environment.GetEnvironmentVariable("DEVICEREGISTRY_PGBIN") ?? "",
            .. Directory.Exists("/usr/lib/postgresql") ? Directory.GetDirectories("/usr/lib/postgresql")
                .OrderDescending().Select(v => Path.Combine(v, "bin")) : [],
            .. (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':'),
        ];
        return folders.Where(f => f.Length > 0).Select(f => Path.Combine(f, program)).FirstOrDefault(File.Exists)
            ?? throw new FigureException("the run", $"{program} is not installed; install its Debian package");
    }

    private static async Task<string> VersionAsync(string program)
    {
        var (_, output) = await Scripts.RunAsync("/", PathOf(program), ["--version"]);
        return output.Split('\n', 2)[0].Trim();
    }

    private static async Task<string> CommitAsync()
    {
        if (!Path.Exists(Path.Combine(Scripts.Checkout, ".git"))) return "unknown";

        var (code, output) = await Scripts.RunAsync(Scripts.Checkout, PathOf("git"),
            ["describe", "--always", "--dirty"]);
        return code is 0 ? output.Trim() : "unknown";
    }

    private static string Load() => string.Join(' ', File.ReadAllText("/proc/loadavg").Split(' ')[..3]);

    private static string Field(string file, string name, char separator = ':') => File.Exists(file)
        ? File.ReadLines(file).Where(l => l.StartsWith(name, StringComparison.Ordinal))
            .Select(l => l.Split(separator, 2)[1].Trim()).FirstOrDefault("unknown")
        : "unknown";
}
