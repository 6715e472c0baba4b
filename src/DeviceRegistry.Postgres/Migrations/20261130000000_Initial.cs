using DeviceRegistry.Postgres.Schema;
using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;

namespace DeviceRegistry.Postgres.Migrations;

/// <summary>Creates the whole schema from the scripts in Schema/.</summary>
[DbContext(typeof(RegistryContext))]
[Migration("20261130000000_Initial")]
public sealed class Initial : Migration
{
    // A script refers only to tables of the scripts before it; appeals.sql adds the only foreign key from an
    // earlier table (orders) to a later one (appeals).
    private static readonly string[] Scripts =
        ["members.sql", "registration.sql", "orders.sql", "appeals.sql", "sightings.sql", "journal.sql"];

    /// <inheritdoc/>
    protected override void Up(MigrationBuilder migrationBuilder)
    {
        foreach (var script in Scripts) migrationBuilder.Sql(RegistryDatabase.Script(script));
    }

    /// <inheritdoc/>
    protected override void Down(MigrationBuilder migrationBuilder) =>
        throw new NotSupportedException("A registry without its tables is no registry: drop the database instead.");
}
