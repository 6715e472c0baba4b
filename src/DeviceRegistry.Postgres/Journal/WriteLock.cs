using Npgsql;

namespace DeviceRegistry.Postgres.Journal;

/// <summary>What writes wait for each other over. Taken as pg_advisory_xact_lock(7212, number); number 0 guards the
/// roles (roles.sql) and 1 the journal (journal.sql), which is always the last to be taken.</summary>
public enum WriteLock
{
    /// <summary>Policy versions: two proposals must not get one number.</summary>
    Policy = 2,

    /// <summary>Members and their rights: each change reads what it changes.</summary>
    Members = 3,

    /// <summary>Orders against units: an order looks for siblings, a batch for orders, and neither sees the other
    /// before it commits. Orders share it, which do not look for each other; who stores units takes it alone.</summary>
    Subjects = 4,

    /// <summary>The statement about a restore: there is one.</summary>
    Recovery = 5,

    /// <summary>Sightings against units: the intake looks for units, a batch for sightings. The intake takes it alone;
    /// those who store units share it.</summary>
    Sightings = 6,
}

/// <summary>Taking the locks.</summary>
public static class WriteLocks
{
    /// <summary>Waits until nobody else holds the lock; held until the transaction of the connection ends.</summary>
    public static Task TakeAsync(this WriteLock what, NpgsqlConnection connection, CancellationToken ct) =>
        TakeAsync("pg_advisory_xact_lock", what, connection, ct);

    /// <summary>Waits until nobody holds the lock alone; held until the transaction of the connection ends.</summary>
    public static Task ShareAsync(this WriteLock what, NpgsqlConnection connection, CancellationToken ct) =>
        TakeAsync("pg_advisory_xact_lock_shared", what, connection, ct);

    private static async Task TakeAsync(string function, WriteLock what, NpgsqlConnection connection,
        CancellationToken ct)
    {
        await using var command = new NpgsqlCommand($"SELECT {function}(7212, $1)",
            connection)
        { Parameters = { new() { Value = (int)what } } };
        await command.ExecuteNonQueryAsync(ct);
    }
}
