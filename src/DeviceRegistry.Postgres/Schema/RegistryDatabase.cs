using System.Reflection;
using Microsoft.EntityFrameworkCore;
using Npgsql;

namespace DeviceRegistry.Postgres.Schema;

/// <summary>Creates and migrates a registry database. Creating it needs a login that may create roles; the registrar's
/// own login may not.</summary>
public static class RegistryDatabase
{
    /// <summary>Owner of the schema; applies migrations.</summary>
    public const string OwnerRole = "registry_owner";

    /// <summary>Role of the registrar.</summary>
    public const string ServiceRole = "registry_service";

    /// <summary>Role of reports.</summary>
    public const string ReaderRole = "registry_reader";

    /// <summary>Creates the roles and the database if they are missing. <paramref name="admin"/> is a connection
    /// string to any database of the cluster.</summary>
    public static async Task CreateAsync(string admin, string database, CancellationToken ct)
    {
        await using var connection = new NpgsqlConnection(admin);
        await connection.OpenAsync(ct);
        await ExecuteAsync(connection, Script("roles.sql"), ct);

        await using var exists = new NpgsqlCommand("SELECT FROM pg_database WHERE datname = $1",
            connection)
        { Parameters = { new() { Value = database } } };
        await using (var reader = await exists.ExecuteReaderAsync(ct))
            if (await reader.ReadAsync(ct)) return;

        // A database name cannot be a parameter; it comes from configuration, never from a caller.
        await ExecuteAsync(connection,
            $"CREATE DATABASE \"{database.Replace("\"", "\"\"", StringComparison.Ordinal)}\" OWNER {OwnerRole}", ct);
    }

    /// <summary>Applies the missing migrations. <paramref name="owner"/> logs in as <see
    /// cref="OwnerRole"/>.</summary>
    public static async Task MigrateAsync(string owner, CancellationToken ct)
    {
        await using var context = new RegistryContext(new DbContextOptionsBuilder<RegistryContext>()
            .UseNpgsql(owner).Options);
        var applied = await context.Database.GetAppliedMigrationsAsync(ct);
        if (applied.Except(context.Database.GetMigrations()).Any())
            throw new InvalidOperationException("The database was created by another version of the registry. Start " +
                "that version, or give this one a new database (DEVICEREGISTRY_STATE or --database).");
        await context.Database.MigrateAsync(ct);
    }

    /// <summary>Text of a script of this folder, as the migrations apply it.</summary>
    public static string Script(string name)
    {
        var assembly = Assembly.GetExecutingAssembly();
        using var stream = assembly.GetManifestResourceStream($"DeviceRegistry.Postgres.Schema.{name}")
            ?? throw new InvalidOperationException($"The script {name} is not in the assembly.");
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd();
    }

    private static async Task ExecuteAsync(NpgsqlConnection connection, string sql, CancellationToken ct)
    {
        await using var command = new NpgsqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync(ct);
    }
}
