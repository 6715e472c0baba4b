using System.Diagnostics;

namespace DeviceRegistry.Benchmarks;

/// <summary>Quantiles of what was measured, and how it is measured.</summary>
internal static class Statistics
{
    public static async Task<double> MillisecondsAsync(Func<Task> act)
    {
        var start = Stopwatch.GetTimestamp();
        await act();
        return Stopwatch.GetElapsedTime(start).TotalMilliseconds;
    }

    public static void Say(string what, IReadOnlyCollection<double> values) =>
        Console.WriteLine(
            $"  {what,-30} p50 {Quantile(values, 0.5),8:0.00}   p99 {Quantile(values, 0.99),8:0.00}   max " +
            $"{values.Max(),8:0.00}");

    public static double Median(IReadOnlyCollection<double> values) => Quantile(values, 0.5);

    public static double Quantile(IReadOnlyCollection<double> values, double q) =>
        values.Order().ElementAt((int)Math.Min(values.Count - 1, q * values.Count));
}
