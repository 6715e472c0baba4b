using DeviceRegistry.Postgres.Schema;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Design;

Console.Error.WriteLine("This project only gives the migration tool a context. Run: dotnet ef migrations add NAME -p src/DeviceRegistry.Postgres -s src/SchemaDesign");
return 2;

namespace DeviceRegistry.SchemaDesign
{
    /// <summary>The context the migration tool works on; it never connects.</summary>
    public sealed class DesignContextFactory : IDesignTimeDbContextFactory<RegistryContext>
    {
        /// <inheritdoc/>
        public RegistryContext CreateDbContext(string[] args) =>
            new(new DbContextOptionsBuilder<RegistryContext>().UseNpgsql("Host=design-time-only").Options);
    }
}
