using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using DeviceRegistry.Core;
using DeviceRegistry.Postgres.Schema;
using DeviceRegistry.Registrar;
using DeviceRegistry.Registrar.Proof;
using DeviceRegistry.Registrar.Orders;
using DeviceRegistry.Registrar.Parties;
using DeviceRegistry.Server.Access;

namespace DeviceRegistry.Server;

/// <summary>The commands <c>DeviceRegistry.Server database …</c>, which prepare the database before a server uses it.
/// Each connects with the role of least privilege that suffices.</summary>
internal static class DatabaseCommands
{
    /// <summary>Runs a command and returns its output text.</summary>
    public static Task<string> RunAsync(string[] arguments, CancellationToken ct) => arguments switch
    {
        ["migrate", .. var options] => MigrateAsync(DatabaseOf("migrate", "the schema's owner", options), ct),
        ["bootstrap", .. var rest] =>
            BootstrapAsync(DatabaseOf("bootstrap", "the service", [.. rest.SkipWhile(IsFile)]),
                [.. rest.TakeWhile(IsFile)],
            ct),
        _ => throw new ConfigurationFault(
            "The commands for the database are migrate and found; --help says how they are written."),
    };

    private static bool IsFile(string argument) => !argument.StartsWith("--", StringComparison.Ordinal);

    private static string DatabaseOf(string command, string whose, IReadOnlyList<string> options) =>
        OptionsReader.Read(options).Database is { Length: > 0 } database ? database
            : throw new ConfigurationFault($"database {command} needs --database, the connection string of {whose}.");

    private static async Task<string> MigrateAsync(string owner, CancellationToken ct)
    {
        await RegistryDatabase.MigrateAsync(owner, ct);
        return "The schema is up to date.";
    }

    private static async Task<string> BootstrapAsync(string service, IReadOnlyList<string> files, CancellationToken ct)
    {
        var people = files.Select(Read).ToList();
        if (people.Select(p => p.Party).Distinct().ToList() is not [var regulator])
            throw new ConfigurationFault(
                "database bootstrap needs the certificates of at least two people of one regulator, all with the " +
                "same O.");

        var services = new ServiceCollection().AddLogging().AddSingleton(TimeProvider.System)
            .AddSingleton<MemberDirectory>()
                .AddRegistrar(service, CheckpointOptions.None, new PseudonymKeyOptions(null));
        await using var registrar = services.BuildServiceProvider();
        await registrar.GetRequiredService<PartyCommands>()
            .FoundAsync(regulator, people.Select(p => (p.Name, p.Key)), ct);
        return $"The registry has its first members: {string.Join(", ", people.Select(p => p.Name))} of {regulator}.";
    }

    // Name and party come from the certificate, so that they cannot be typed differently.
    private static (string Name, string Party, byte[] Key) Read(string file)
    {
        try
        {
            using var certificate = X509Certificate2.CreateFromPem(File.ReadAllText(file));
            var (name, party) = CertificateAuthenticator.HolderOf(certificate);
            return name.Length > 0 && party.Length > 0
                ? (name, party, Convert.FromHexString(CertificateAuthenticator.KeyOf(certificate)))
                : throw new ConfigurationFault($"{file} names no person (CN) of a party (O).");
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException or CryptographicException)
        {
            throw new ConfigurationFault($"{file} is no certificate that can be read: {fault.Message}");
        }
    }
}
