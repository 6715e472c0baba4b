using DeviceRegistry.Postgres.Schema;
using Microsoft.EntityFrameworkCore;

namespace DeviceRegistry.Registrar;

/// <summary>Reads the tables: the counterpart of <see cref="Writes"/>, under the same treatment of the database.</summary>
public sealed class TableReads(IDbContextFactory<RegistryContext> contexts, Resilience resilience)
{
    /// <summary>Runs <paramref name="read"/>, again from its beginning if the connection was lost.</summary>
    public async Task<T> ReadAsync<T>(Func<RegistryContext, CancellationToken, Task<T>> read, CancellationToken ct) =>
        await resilience.Work.ExecuteAsync(
            async token =>
            {
                await using var db = await contexts.CreateDbContextAsync(token);
                await resilience.Reach.ExecuteAsync(async first => await db.Database.OpenConnectionAsync(first), token);
                return await read(db, token);
            },
            ct);
}
