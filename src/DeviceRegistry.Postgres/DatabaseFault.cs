using Npgsql;

namespace DeviceRegistry.Postgres;

/// <summary>Tells the world's faults from ours. EF wraps what the driver throws, sometimes twice.</summary>
public static class DatabaseFault
{
    private static readonly string[] AwayClasses = ["57P", "08", "53"];

    /// <summary>The database is out of reach, going down or coming up: the same call is worth sending again.</summary>
    public static bool IsAway(Exception fault)
    {
        for (var inner = fault; inner is not null; inner = inner.InnerException)
            switch (inner)
            {
                // An answer of the database: away only when it is going or coming (class 57P), the connection broke (08), or it lacks
                // connections, memory or disk (53).
                case PostgresException answer:
                    return AwayClasses.Any(c => answer.SqlState.StartsWith(c, StringComparison.Ordinal));
                case NpgsqlException:
                    return true;
            }

        return false;
    }

    /// <summary>The write lost a race against another and would find it done if it were judged again.</summary>
    public static bool IsRace(Exception fault)
    {
        for (var inner = fault; inner is not null; inner = inner.InnerException)
            if (inner is PostgresException { SqlState: PostgresErrorCodes.UniqueViolation or PostgresErrorCodes.DeadlockDetected }) return true;

        return false;
    }
}
