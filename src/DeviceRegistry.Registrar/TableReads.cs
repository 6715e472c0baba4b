using DeviceRegistry.Postgres.Journal;
using DeviceRegistry.Postgres.Schema;
using Microsoft.EntityFrameworkCore;
using Npgsql;

namespace DeviceRegistry.Registrar;

/// <summary>Reads the tables: the counterpart of <see cref="Writes"/>, under the same treatment of the
/// database.</summary>
public sealed class TableReads(IDbContextFactory<RegistryContext> contexts, Resilience resilience,
    Durability durability)
{
    /// <summary>Runs <paramref name="read"/>, again from its beginning if the connection was lost.</summary>
    public async Task<T> ReadAsync<T>(Func<RegistryContext, CancellationToken, Task<T>> read, CancellationToken ct) =>
        await resilience.Work.ExecuteAsync(
            async token =>
            {
                await using var db = await contexts.CreateDbContextAsync(token);
                await resilience.Reach.ExecuteAsync(async first => await db.Database.OpenConnectionAsync(first), token);
                var result = await read(db, token);

                // Nobody is told what a crash would undo.
                if (durability.MayBeUndone) await durability.WaitAsync((NpgsqlConnection)db.Database.GetDbConnection(),
                    token);
                return result;
            },
            ct);
}
