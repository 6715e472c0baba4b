using System.Data;
using System.Net.Sockets;
using Npgsql;

namespace DeviceRegistry.Postgres;

/// <summary>Decides which faults are the database's and not ours: the only place that knows SQLSTATEs and exceptions of
/// the driver.</summary>
public static class DatabaseFault
{
    // Each is a SQLSTATE or the start of some.
    private static readonly string[] NotNow =
    [
        "08",       // connection exceptions
        "25006",    // read_only_sql_transaction: the connection leads to a server that is no longer the primary
        "25P03",    // idle_in_transaction_session_timeout
        "28",       // the login is refused: a password or pg_hba.conf changes
        "55P03",    // lock_not_available: lock_timeout
        "57014",    // query_canceled by the server; if our caller cancels, the driver throws OperationCanceledException
        "57P",      // the server stops, starts, crashed, or ended the session
    ];

    /// <summary>The database cannot be reached or cannot do it now: the same call may succeed later. Wrapped faults
    /// count: EF wraps what the driver throws, sometimes twice.</summary>
    public static bool IsOutOfReach(Exception fault) => Find(fault) switch
    {
        PostgresException answer => NotNow.Any(start => IsOfClass(answer, start)),
        NpgsqlException => true,
        _ => false,
    };

    /// <summary>The database works and lacks disk, memory or connections (class 53).</summary>
    public static bool LacksMeans(Exception fault) =>
        Find(fault) is PostgresException answer && IsOfClass(answer, "53");

    /// <summary>The write lost a race against another write; a retry finds it done or can do it.</summary>
    public static bool IsRace(Exception fault) =>
        Find(fault) is PostgresException
        {
            SqlState: PostgresErrorCodes.UniqueViolation
        or PostgresErrorCodes.DeadlockDetected
        };

    /// <summary>The connection is closed or broken.</summary>
    public static bool IsLost(NpgsqlConnection connection) => (connection.FullState & ConnectionState.Open) is 0;

    /// <summary>Runs <paramref name="work"/> on an open connection. If it fails because the connection was lost, throws
    /// an <see cref="NpgsqlException"/>, whatever the driver threw.</summary>
    /// <remarks>If the driver notices between two statements that the server cut a connection, the next statement ends
    /// with "connection is not open" or with an ObjectDisposedException of the driver's own objects, as if we had
    /// closed it.</remarks>
    public static async Task<T> OnAsync<T>(NpgsqlConnection connection, Func<Task<T>> work)
    {
        try
        {
            return await work();
        }
        catch (Exception fault) when (fault is not OperationCanceledException && IsLost(connection)
            && Find(fault) is null && IsOfABrokenConnection(fault))
        {
            throw new NpgsqlException("The connection to the database was lost.", fault);
        }
    }

    private static bool IsOfABrokenConnection(Exception fault) => Chain(fault)
        .Any(f => f is InvalidOperationException or ObjectDisposedException or IOException or SocketException);

    // The server's own answer, if there is one in the chain; otherwise the driver's fault. Not the database's fault if
    // the caller cancelled, though the server's answer to that is in the chain.
    private static NpgsqlException? Find(Exception fault)
    {
        NpgsqlException? found = null;
        foreach (var inner in Chain(fault))
        {
            if (inner is PostgresException answer) return answer;
            if (inner is OperationCanceledException) return null;
            found ??= inner as NpgsqlException;
        }

        return found;
    }

    private static IEnumerable<Exception> Chain(Exception fault)
    {
        for (var inner = fault; inner is not null; inner = inner.InnerException) yield return inner;
    }

    private static bool IsOfClass(PostgresException answer, string start) =>
        answer.SqlState.StartsWith(start, StringComparison.Ordinal);
}
