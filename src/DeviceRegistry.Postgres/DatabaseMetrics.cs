using System.Diagnostics.Metrics;

namespace DeviceRegistry.Postgres;

/// <summary>Metrics of the database: committed writes, and attempts that found it unreachable.</summary>
public static class DatabaseMetrics
{
    public const string Name = "DeviceRegistry.Postgres";

    private static readonly Meter Meter = new(Name);

    private static readonly Counter<long> Commits =
        Meter.CreateCounter<long>("device_registry.journal.commits", "{commit}",
        "Transactions committed with journal entries.");

    private static readonly Counter<long> Entries =
        Meter.CreateCounter<long>("device_registry.journal.entries", "{entry}",
        "Journal entries committed by this process.");

    private static readonly Histogram<double> CommitSeconds = Meter.CreateHistogram(
        "device_registry.journal.commit.duration", "s",
        "Duration of a write, from saving its rows to the end of its commit.",
        advice: new InstrumentAdvice<double>
        {
            HistogramBucketBoundaries =
            [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]
        });

    private static readonly Counter<long> Failures =
        Meter.CreateCounter<long>("device_registry.database.failures", "{failure}",
        "Attempts that found the database unreachable.");

    /// <summary>Counts a committed write.</summary>
    public static void Committed(int entries, TimeSpan took)
    {
        Commits.Add(1);
        Entries.Add(entries);
        CommitSeconds.Record(took.TotalSeconds);
    }

    /// <summary>Counts an attempt that found the database unreachable, by the kind of work that made it: call, feed or
    /// batch.</summary>
    public static void Failed(string work) => Failures.Add(1, new KeyValuePair<string, object?>("work", work));
}
