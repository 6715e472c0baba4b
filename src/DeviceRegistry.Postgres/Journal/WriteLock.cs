namespace DeviceRegistry.Postgres.Journal;

/// <summary>What writes wait for each other over. Taken as pg_advisory_xact_lock(7212, number); number 0 guards the roles
/// (roles.sql) and 1 the journal (journal.sql), which is always the last to be taken.</summary>
public enum WriteLock
{
    /// <summary>Policy versions: two proposals must not get one number.</summary>
    Policy = 2,

    /// <summary>Members and their rights: each put reads what it changes.</summary>
    Members = 3,

    /// <summary>Orders against units: an order looks for siblings, a batch for orders, and neither sees the other before it commits.</summary>
    Subjects = 4,

    /// <summary>The statement about a restore: there is one.</summary>
    Recovery = 5,
}
