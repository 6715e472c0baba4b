using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Design;

namespace DeviceRegistry.Postgres.Schema;

/// <summary>The context for <c>dotnet ef</c>, which compares models and does not connect to a database.</summary>
internal sealed class DesignTimeContext : IDesignTimeDbContextFactory<RegistryContext>
{
    /// <inheritdoc/>
    public RegistryContext CreateDbContext(string[] args) =>
        new(new DbContextOptionsBuilder<RegistryContext>().UseNpgsql().Options);
}
