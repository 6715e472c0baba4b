using Npgsql;

namespace DeviceRegistry.Postgres;

/// <summary>Tells the world's faults from ours. EF wraps what the driver throws, sometimes twice.</summary>
public static class DatabaseFault
{
    /// <summary>The connection broke (class 08) or was given up (25P03), the database is going or coming (57P), or
    /// nothing answered: the same call is worth sending again.</summary>
    public static bool IsOutOfReach(Exception fault) => Find(fault) switch
    {
        PostgresException answer => IsOfClass(answer, "08") || IsOfClass(answer, "57P") || answer.SqlState is "25P03",
        NpgsqlException => true,
        _ => false,
    };

    /// <summary>The database is there and lacks disk, memory or connections (class 53).</summary>
    public static bool LacksMeans(Exception fault) =>
        Find(fault) is PostgresException answer && IsOfClass(answer, "53");

    /// <summary>The write lost a race against another and would find it done if it were judged again.</summary>
    public static bool IsRace(Exception fault) =>
        Find(fault) is PostgresException { SqlState: PostgresErrorCodes.UniqueViolation
        or PostgresErrorCodes.DeadlockDetected };

    // The database's own answer, if there is one in the chain; otherwise the driver's fault.
    private static NpgsqlException? Find(Exception fault)
    {
        NpgsqlException? found = null;
        for (var inner = fault; inner is not null; inner = inner.InnerException)
        {
            if (inner is PostgresException answer) return answer;
            found ??= inner as NpgsqlException;
        }

        return found;
    }

    private static bool IsOfClass(PostgresException answer, string start) =>
        answer.SqlState.StartsWith(start, StringComparison.Ordinal);
}
