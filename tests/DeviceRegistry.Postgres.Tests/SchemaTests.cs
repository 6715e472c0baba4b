using System.Diagnostics;
using System.Globalization;
using System.Security.Cryptography;
using System.Text.RegularExpressions;
using DeviceRegistry.Postgres.Schema;
using DeviceRegistry.TestKit;
using Microsoft.EntityFrameworkCore;
using Npgsql;

namespace DeviceRegistry.Postgres.Tests;

/// <summary>The schema as PostgreSQL has it, against the approved dump and against the EF model.</summary>
public sealed partial class SchemaTests : OnDatabase
{
    // The approved file is what pg_dump of this major version prints (Debian 12, as in CI).
    private const int ApprovedMajor = 15;

    private static readonly string Folder =
        Path.Combine(Scripts.Checkout, "tests", "DeviceRegistry.Postgres.Tests", "Schema");

    [Test]
    public async Task A_migrated_database_is_the_approved_schema()
    {
        var approved = await File.ReadAllLinesAsync(Path.Combine(Folder, "schema.approved.sql"));
        var received = Normalised(await DumpAsync());

        // Other major versions word statements otherwise. They still list the same objects, each with its type and
        // owner.
        var major = await MajorAsync();
        if (major is not ApprovedMajor)
        {
            await TestContext.Out.WriteLineAsync(
                $"PostgreSQL {major}: compared the list of objects only; the text was approved on {ApprovedMajor}.");
            (approved, received) = (Objects(approved), Objects(received));
        }

        if (received.SequenceEqual(approved)) return;
        var file = Path.Combine(TestContext.CurrentContext.WorkDirectory, "schema.received.sql");
        await File.WriteAllLinesAsync(file, received);
        Assert.Fail($"The schema differs from schema.approved.sql.\n{FirstDifference(approved, received)}\n" +
            $"If the change is meant, copy {file} over it.");
    }

    [Test]
    public async Task The_scripts_create_all_that_the_model_maps()
    {
        var modelled = await Cluster.Shared.CreateAsync();
        try
        {
            await using var database = NpgsqlDataSource.Create(
                Cluster.Shared.Server.ConnectionString(RegistryDatabase.OwnerRole, modelled) + ";Pooling=false");
            await using var context = new RegistryContext(new DbContextOptionsBuilder<RegistryContext>()
                .UseNpgsql(database).Options);
            await ExecuteAsync(database, context.Database.GenerateCreateScript());
            await using var owner = As(RegistryDatabase.OwnerRole);

            Assert.That(await ShapeAsync(database), Has.Count.GreaterThan(200).And.SubsetOf(await ShapeAsync(owner)));
        }
        finally
        {
            await Cluster.Shared.DropAsync(modelled);
        }
    }

    [Test]
    public async Task A_released_script_never_changes()
    {
        var released = (await File.ReadAllLinesAsync(Path.Combine(Folder, "released.sha256")))
            .Where(l => !l.StartsWith('#')).ToList();
        var (_, tag) = await Scripts.RunAsync(Scripts.Checkout, "git", ["tag", "--list", "v1.0.0"]);

        Assert.That(released.Count > 0 || !tag.Contains("v1.0.0", StringComparison.Ordinal), Is.True,
            "released.sha256 lists the scripts of v1.0.0");
        foreach (var line in released)
        {
            var (hash, path) = (line[..64], line[64..].Trim());
            var bytes = await File.ReadAllBytesAsync(Path.Combine(Scripts.Checkout, path));

            Assert.That(Convert.ToHexStringLower(SHA256.HashData(bytes)), Is.EqualTo(hash),
                $"{path} is part of a release: add a migration instead.");
        }
    }

    // Columns, constraints and indexes; not defaults, which only the scripts know.
    private static async Task<List<string>> ShapeAsync(NpgsqlDataSource database)
    {
        await using var command = database.CreateCommand(
            """
            SELECT 'column ' || a.attrelid::regclass::text || '.' || a.attname || ' '
              || format_type(a.atttypid, a.atttypmod)
              || CASE WHEN a.attnotnull THEN ' not null' ELSE '' END || ' identity ' || a.attidentity::text
              || ' generated ' || a.attgenerated::text || ' collation ' || a.attcollation::text
            FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
            WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace AND a.attnum > 0 AND NOT a.attisdropped
            UNION ALL
            SELECT 'constraint ' || conrelid::regclass::text || ' ' || conname || ' ' || pg_get_constraintdef(oid)
            FROM pg_constraint WHERE connamespace = 'public'::regnamespace
            UNION ALL
            SELECT 'index ' || pg_get_indexdef(indexrelid) FROM pg_index
            WHERE indrelid IN (SELECT oid FROM pg_class WHERE relnamespace = 'public'::regnamespace)
            """);
        await using var reader = await command.ExecuteReaderAsync();
        var shape = new List<string>();
        while (await reader.ReadAsync()) shape.Add(reader.GetString(0));
        return shape;
    }

    private async Task<int> MajorAsync()
    {
        await using var owner = As(RegistryDatabase.OwnerRole);
        return int.Parse(await ScalarAsync<string>(owner, "SHOW server_version_num"), CultureInfo.InvariantCulture)
            / 10_000;
    }

    private async Task<string> DumpAsync()
    {
        var places = Cluster.Shared.Places;
        string[] dump = [Path.Combine(places.Binaries, "pg_dump"), "--schema-only", "-h", places.Sockets,
            "-U", RegistryDatabase.OwnerRole, Name];
        string[] whole = places.OsUser.Length is 0 ? dump : ["runuser", "-u", places.OsUser, "--", .. dump];
        using var process = Process.Start(new ProcessStartInfo(whole[0], whole[1..])
        {
            WorkingDirectory = "/", RedirectStandardOutput = true,
        })!;
        var text = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        Assert.That(process.ExitCode, Is.Zero, "pg_dump");
        return text;
    }

    // Without the versions, the random token of newer pg_dumps, and repeated empty lines.
    private static string[] Normalised(string dump)
    {
        var lines = new List<string>();
        foreach (var line in dump.Split('\n'))
            if (!Varying().IsMatch(line) && (line.Length > 0 || lines is [.., { Length: > 0 }] or [])) lines.Add(line);
        if (lines is [.., ""]) lines.RemoveAt(lines.Count - 1);
        return [.. lines];
    }

    private static string[] Objects(string[] dump) =>
        [.. dump.Where(l => l.StartsWith("-- Name: ", StringComparison.Ordinal)).Order(StringComparer.Ordinal)];

    private static string FirstDifference(string[] approved, string[] received)
    {
        var at = approved.Zip(received).TakeWhile(p => p.First == p.Second).Count();
        static string Part(string[] lines, int at, char mark) =>
            string.Join('\n', lines.Skip(at).Take(5).Select(l => $"{mark} {l}"));
        return $"Line {at + 1}:\n{Part(approved, at, '-')}\n{Part(received, at, '+')}";
    }

    [GeneratedRegex(@"^(\\(un)?restrict |-- Dumped )")]
    private static partial Regex Varying();
}
