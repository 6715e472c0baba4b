using DeviceRegistry.Postgres;
using DeviceRegistry.Postgres.Journal;
using DeviceRegistry.Postgres.Schema;
using Microsoft.EntityFrameworkCore;
using Npgsql;

namespace DeviceRegistry.Registrar;

/// <summary>Runs queries, and statements that need neither a journal entry nor a receipt, with the retries and circuit
/// breaker of <see cref="Resilience"/>. Thread-safe.</summary>
public sealed class Database(IDbContextFactory<RegistryContext> contexts, Resilience resilience,
    DurabilityGate durability)
{
    /// <summary>Runs <paramref name="read"/> on a connection of the pool; runs it again from its beginning if the
    /// connection was lost.</summary>
    public async Task<T> ReadAsync<T>(Func<RegistryContext, CancellationToken, Task<T>> read, CancellationToken ct) =>
        await resilience.Work.ExecuteAsync(
            async token =>
            {
                await using var db = await contexts.CreateDbContextAsync(token);
                await resilience.Reach.ExecuteAsync(async first => await db.Database.OpenConnectionAsync(first), token);
                var connection = (NpgsqlConnection)db.Database.GetDbConnection();
                return await DatabaseFault.OnAsync(connection, async () =>
                {
                    var result = await read(db, token);

                    // No caller gets an answer that a crash could undo.
                    if (durability.HasUnflushedCommits) await durability.WaitAsync(connection, token);
                    return result;
                });
            },
            ct);
}
