using System.Globalization;

namespace DeviceRegistry.Benchmarks;

/// <summary>A number that a benchmark takes on the command line.</summary>
/// <param name="Name">As the list prints it.</param>
/// <param name="Meaning">What it counts, with the unit.</param>
/// <param name="Default">Its value if the command line has none.</param>
/// <param name="Min">The smallest value it may have.</param>
/// <param name="Dry">Its value in a dry run, which may be below <paramref name="Min"/>.</param>
internal sealed record Parameter(string Name, string Meaning, int Default, int Min, int Dry);

/// <summary>A benchmark: its command, one sentence, its parameters, the programs of other projects that it starts, and
/// the code, which takes the parameters in their order.</summary>
internal sealed record Benchmark(string Name, string Sentence, Parameter[] Parameters, string[] Programs,
    Func<int[], Task> RunAsync)
{
    /// <summary>Parses the values of the parameters from the command line.</summary>
    /// <exception cref="ArgumentException">A value is not a number or too small, or there are too many
    /// values.</exception>
    public int[] Read(string[] typed)
    {
        if (typed.Length > Parameters.Length) throw new ArgumentException(
            $"{Name} takes {Parameters.Length} parameters, not {typed.Length}.");

        return [.. Parameters.Select((parameter, i) => i >= typed.Length ? parameter.Default
            : int.TryParse(typed[i], NumberStyles.None, CultureInfo.InvariantCulture, out var number)
                && number >= parameter.Min ? number
            : throw new ArgumentException(
                $"{Name}: {parameter.Name} must be a whole number of at least {parameter.Min}, not '{typed[i]}'."))];
    }
}

/// <summary>Every benchmark, and the commands that run them.</summary>
internal static class Catalog
{
    private static readonly Benchmark[] All =
    [
        Doors.Benchmark, N17Checks.Benchmark, S13.Benchmark, Rivals.Benchmark, IndexSize.Benchmark, Restart.Benchmark,
        Storm.Benchmark, ApprovalToDenial.Benchmark, OrderRate.Benchmark, Registration.Benchmark,
        JournalVerify.Benchmark,
    ];

    /// <summary>Prints every benchmark with its parameters.</summary>
    public static int List(TextWriter to)
    {
        to.WriteLine("dotnet run -c Release --project tests/DeviceRegistry.Benchmarks -- COMMAND");
        to.WriteLine();
        to.WriteLine("  list, --help                print this list");
        to.WriteLine("  dry [NAME...]               run every benchmark, or those named, at its smallest size");
        foreach (var benchmark in All)
        {
            to.WriteLine($"  {benchmark.Name} {string.Join(' ', benchmark.Parameters.Select(p => $"[{p.Name}]"))}");
            to.WriteLine($"      {benchmark.Sentence}");
            foreach (var parameter in benchmark.Parameters) to.WriteLine(
                $"      {parameter.Name,-12} {parameter.Meaning} (default {parameter.Default}, " +
                $"at least {parameter.Min})");
        }

        return 0;
    }

    /// <summary>Runs one benchmark. Returns 0 if all its figures were measured, 1 if not, 2 if the command is
    /// wrong.</summary>
    public static async Task<int> RunAsync(string[] arguments)
    {
        if (Array.Find(All, b => b.Name == arguments[0]) is not { } benchmark) return Unknown(arguments[0]);

        int[] values;
        try
        {
            values = benchmark.Read(arguments[1..]);
        }
        catch (ArgumentException wrong)
        {
            await Console.Error.WriteLineAsync($"error: {wrong.Message} See: list");
            return 2;
        }

        return await TryAsync(benchmark.Name, () => Report.BeginAsync(arguments, benchmark.Programs))
            && await MeasureAsync(benchmark, values) ? 0 : 1;
    }

    /// <summary>Runs the named benchmarks, or all of them, at their smallest size. The figures of a dry run only show
    /// that the benchmark works.</summary>
    public static async Task<int> DryAsync(string[] names)
    {
        if (names.FirstOrDefault(n => All.All(b => b.Name != n)) is { } unknown) return Unknown(unknown);

        Figure.RoundsMin = 1;
        var chosen = names.Length is 0 ? All : [.. All.Where(b => names.Contains(b.Name))];
        if (!await TryAsync("dry", () =>
            Report.BeginAsync(["dry", .. names], chosen.SelectMany(b => b.Programs)))) return 1;

        var passed = 0;
        foreach (var benchmark in chosen)
        {
            Console.WriteLine();
            Console.WriteLine($"dry run of {benchmark.Name}; its figures are no measurements:");
            if (await MeasureAsync(benchmark, [.. benchmark.Parameters.Select(p => p.Dry)])) passed++;
        }

        Console.WriteLine($"{passed} passed, {chosen.Length - passed} failed");
        return passed == chosen.Length ? 0 : 1;
    }

    private static async Task<bool> MeasureAsync(Benchmark benchmark, int[] values)
    {
        Console.WriteLine($"{benchmark.Name}: " +
            string.Join(", ", benchmark.Parameters.Zip(values, (p, v) => $"{p.Name} {v}")));
        var succeeded = await TryAsync(benchmark.Name, () => benchmark.RunAsync(values));
        Report.End();
        return succeeded;
    }

    private static async Task<bool> TryAsync(string name, Func<Task> run)
    {
        try
        {
            await run();
            return true;
        }
        catch (FigureException figure)
        {
            await Console.Error.WriteLineAsync($"error: {name}: {figure.Message}");
            return false;
        }
        catch (Exception failure)
        {
            await Console.Error.WriteLineAsync($"error: {name}: {failure}");
            return false;
        }
    }

    private static int Unknown(string name)
    {
        Console.Error.WriteLine($"error: there is no benchmark '{name}'.");
        List(Console.Error);
        return 2;
    }
}
