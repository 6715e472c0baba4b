using System.Data;
using System.Net.Sockets;
using Npgsql;

namespace DeviceRegistry.Postgres;

/// <summary>Classifies exceptions of the database. Only this class interprets SQLSTATEs and exceptions of the
/// driver.</summary>
public static class DatabaseFault
{
    // SQLSTATEs, or prefixes of SQLSTATEs.
    private static readonly string[] TransientStates =
    [
        "08",       // connection exceptions
        "25006",    // read_only_sql_transaction: the server is no longer the primary
        "25P03",    // idle_in_transaction_session_timeout
        "28",       // login rejected: a password or pg_hba.conf changes
        "55P03",    // lock_not_available: lock_timeout
        "57014",    // query_canceled by the server; if our caller cancels, the driver throws OperationCanceledException
        "57P",      // the server stops, starts or crashed, or ended the session
    ];

    /// <summary>The database cannot be reached, or cannot execute the call now: the same call may succeed later. Inner
    /// exceptions count, because EF wraps exceptions of the driver, sometimes twice.</summary>
    public static bool IsOutOfReach(Exception fault) => Find(fault) switch
    {
        PostgresException serverError => TransientStates.Any(start => IsOfClass(serverError, start)),
        NpgsqlException => true,
        _ => false,
    };

    /// <summary>The database runs and has too little disk, memory or connections (SQLSTATE class 53).</summary>
    public static bool LacksMeans(Exception fault) =>
        Find(fault) is PostgresException serverError && IsOfClass(serverError, "53");

    /// <summary>The write lost a race against another write (unique violation or deadlock). A retry either finds the
    /// write already done or succeeds.</summary>
    public static bool IsRace(Exception fault) =>
        Find(fault) is PostgresException
        {
            SqlState: PostgresErrorCodes.UniqueViolation
        or PostgresErrorCodes.DeadlockDetected
        };

    /// <summary>The connection is closed or broken.</summary>
    public static bool IsLost(NpgsqlConnection connection) => (connection.FullState & ConnectionState.Open) is 0;

    /// <summary>Runs <paramref name="work"/> on an open connection. If the work fails because the connection was lost,
    /// throws an <see cref="NpgsqlException"/>, whatever exception the driver threw. An OperationCanceledException is
    /// passed on unchanged.</summary>
    /// <remarks>If the driver notices between two statements that the server closed a connection, the next statement
    /// fails with "connection is not open" or with an ObjectDisposedException of the driver's own objects, as if the
    /// caller had closed the connection.</remarks>
    public static async Task<T> OnAsync<T>(NpgsqlConnection connection, Func<Task<T>> work)
    {
        try
        {
            return await work();
        }
        catch (Exception fault) when (fault is not OperationCanceledException && IsLost(connection)
            && Find(fault) is null && IsConnectionError(fault))
        {
            throw new NpgsqlException("The connection to the database was lost.", fault);
        }
    }

    private static bool IsConnectionError(Exception fault) => Chain(fault)
        .Any(f => f is InvalidOperationException or ObjectDisposedException or IOException or SocketException);

    // Returns the server's error if the chain has one, otherwise the driver's exception. Returns null if an
    // OperationCanceledException comes first: the caller cancelled, although the server's error about that follows.
    private static NpgsqlException? Find(Exception fault)
    {
        NpgsqlException? found = null;
        foreach (var inner in Chain(fault))
        {
            if (inner is PostgresException serverError) return serverError;
            if (inner is OperationCanceledException) return null;
            found ??= inner as NpgsqlException;
        }

        return found;
    }

    private static IEnumerable<Exception> Chain(Exception fault)
    {
        for (var inner = fault; inner is not null; inner = inner.InnerException) yield return inner;
    }

    private static bool IsOfClass(PostgresException serverError, string start) =>
        serverError.SqlState.StartsWith(start, StringComparison.Ordinal);
}
