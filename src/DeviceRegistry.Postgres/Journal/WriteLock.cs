using Npgsql;

namespace DeviceRegistry.Postgres.Journal;

/// <summary>Advisory locks between writes, taken as pg_advisory_xact_lock(7212, number). Number 0 guards the roles
/// (roles.sql) and 1 the journal (journal.sql); the journal lock is always taken last.</summary>
public enum WriteLock
{
    /// <summary>Policy versions: two proposals must not get the same number.</summary>
    Policy = 2,

    /// <summary>Members and their rights: each change reads the rows that it changes.</summary>
    Members = 3,

    /// <summary>Orders and new units: an order looks for the other IMEIs of a unit, a batch looks for orders, and
    /// neither sees the other before it commits. Orders take it shared, because they do not look for each other; a
    /// write that registers units takes it exclusively.</summary>
    Subjects = 4,

    /// <summary>The recovery statement: only one may be written.</summary>
    Recovery = 5,

    /// <summary>Sightings and new units: the intake of sightings looks for units, a batch looks for sightings. The
    /// intake takes it exclusively; writes that store units take it shared.</summary>
    Sightings = 6,
}

public static class WriteLocks
{
    /// <summary>Takes the lock exclusively; waits while another transaction holds it. Released when the transaction of
    /// the connection ends.</summary>
    public static Task TakeAsync(this WriteLock what, NpgsqlConnection connection, CancellationToken ct) =>
        TakeAsync("pg_advisory_xact_lock", what, connection, ct);

    /// <summary>Takes the lock shared; waits while another transaction holds it exclusively. Released when the
    /// transaction of the connection ends.</summary>
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
