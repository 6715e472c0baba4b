using System.Diagnostics.Metrics;

namespace DeviceRegistry.Postgres;

/// <summary>What the database is seen doing: writes committed, and attempts that found it away.</summary>
public static class DatabaseMeter
{
    /// <summary>Name of the meter.</summary>
    public const string Name = "DeviceRegistry.Postgres";

    private static readonly Meter Meter = new(Name);

    private static readonly Counter<long> Commits =
        Meter.CreateCounter<long>("device_registry_journal_commits",
        description: "Writes committed with their journal entries.");

    private static readonly Counter<long> Entries =
        Meter.CreateCounter<long>("device_registry_journal_entries",
        description: "Journal entries committed by this process.");

    private static readonly Histogram<double> CommitSeconds = Meter.CreateHistogram(
        "device_registry_journal_commit_duration", "s", "From the save of a write's rows to the end of its commit.",
        advice: new InstrumentAdvice<double> { HistogramBucketBoundaries =
            [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10] });

    private static readonly Counter<long> Failures =
        Meter.CreateCounter<long>("device_registry_database_failures",
        description: "Attempts that found the database out of reach.");

    /// <summary>A write was committed.</summary>
    public static void Committed(int entries, TimeSpan took)
    {
        Commits.Add(1);
        Entries.Add(entries);
        CommitSeconds.Record(took.TotalSeconds);
    }

    /// <summary>The database was away. <paramref name="whose"/> says for whom, in a word: a call, the feed.</summary>
    public static void Failed(string whose) => Failures.Add(1, new KeyValuePair<string, object?>("whose", whose));
}
