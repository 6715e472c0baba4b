namespace DeviceRegistry.Benchmarks;

/// <summary>A figure could not be measured. The run fails, names the figure and prints no number for it.</summary>
internal sealed class FigureException(string figure, string reason)
    : Exception($"{figure} could not be measured: {reason}");

/// <summary>One measured quantity and its samples, one per round or per operation. It rejects samples that no
/// measurement can give, and statistics of too few samples.</summary>
internal sealed class Figure(string name)
{
    /// <summary>Fewest samples of a 99th percentile: with fewer samples it would equal the maximum.</summary>
    private const int PercentileSamplesMin = 100;

    private readonly List<double> _samples = [];

    /// <summary>Fewest rounds of a median. A dry run sets 1.</summary>
    public static int RoundsMin { get; set; } = 3;

    /// <summary>The measured quantity, as errors name it.</summary>
    public string Name => name;

    public int Count => _samples.Count;

    public double Median => Quantile(0.5);

    /// <summary>The latest sample.</summary>
    public double Last => _samples[^1];

    public double Min => Sorted()[0];

    public double Max => Sorted()[^1];

    /// <summary>Adds one sample.</summary>
    public void Add(double sample) => _samples.Add(Require(name, sample));

    /// <summary>Returns the value if it is finite and above zero, as every quantity here must be.</summary>
    /// <exception cref="FigureException">It is not.</exception>
    public static double Require(string name, double value) => double.IsFinite(value) && value > 0
        ? value : throw new FigureException(name, FormattableString.Invariant($"{value} is not above zero"));

    /// <summary>The ratio of two figures, round by round.</summary>
    /// <exception cref="FigureException">The figures have different numbers of rounds.</exception>
    public static Figure Ratio(Figure of, Figure to)
    {
        var ratio = new Figure($"{of.Name} / {to.Name}");
        if (of.Count != to.Count) throw new FigureException(ratio.Name, $"{of.Count} rounds beside {to.Count}");

        foreach (var (one, other) in of._samples.Zip(to._samples)) ratio.Add(one / other);
        return ratio;
    }

    /// <summary>Median, 99th percentile, maximum and number of many operations.</summary>
    public string Distribution()
    {
        var percentile = Count >= PercentileSamplesMin ? $"{Quantile(0.99),8:0.00}"
            : $"not stated (needs {PercentileSamplesMin} samples)";
        return $"{name,-40} p50 {Median,8:0.00}   p99 {percentile}   max {Max,8:0.00}   of {Count:N0}";
    }

    /// <summary>The sample below which this share of all samples lies.</summary>
    public double Quantile(double q)
    {
        var sorted = Sorted();
        return sorted[(int)Math.Min(sorted.Length - 1, q * sorted.Length)];
    }

    private double[] Sorted() => Count >= RoundsMin ? [.. _samples.Order()]
        : throw new FigureException(name, $"{Count} samples, at least {RoundsMin} are needed");
}
