using System.ComponentModel.DataAnnotations;
using System.Net;
using DeviceRegistry.Attach.Interfaces.S13;
using Npgsql;

namespace DeviceRegistry.Server;

/// <summary>Validates the options before anything is started. Reports all errors together, each with its fix.</summary>
internal static class OptionsRules
{
    /// <summary>All errors; empty if the server may start.</summary>
    public static IEnumerable<string> FaultsOf(ServerOptions options) =>
        Ranges(options).Concat(Addresses(options)).Concat(Registrar(options)).Concat(N17(options)).Concat(S13(options))
            .Concat(Paths(options));

    private static IEnumerable<string> Ranges(ServerOptions options)
    {
        foreach (var setting in Setting.All)
        {
            var faults = new List<ValidationResult>();
            var context = new ValidationContext(options)
            {
                MemberName = setting.Property.Name,
                DisplayName = setting.Option
            };
            Validator.TryValidateProperty(setting.Property.GetValue(options), context, faults);
            foreach (var fault in faults) yield return fault.ErrorMessage!;
        }
    }

    private static IEnumerable<string> Addresses(ServerOptions options)
    {
        if (options.Roles is Roles.None) yield return "--roles names no role. Name some of Registrar, Attach, Web.";
        if (!IPAddress.TryParse(options.Listen,
            out _)) yield return $"--listen is {options.Listen}, which is no IP address. Give one, such as 127.0.0.1 " +
            $"or 0.0.0.0.";

        (bool IsOpen, string Option, int Port)[] ports =
        [
            (options.Roles.HasFlag(Roles.Registrar), "--registrar-port", options.RegistrarPort),
            (options.Roles.HasFlag(Roles.Attach), "--attach-port", options.AttachPort),
            (options.Roles.HasFlag(Roles.Web), "--web-port", options.WebPort),
            (options.Roles.HasFlag(Roles.Attach), "--n17-port", options.N17Port),
            (options.Roles.HasFlag(Roles.Attach), "--n17-tls-port", options.N17TlsPort),
            (options.HasS13, "--s13-port", options.S13Port),
            (options.HasS13, "--s13-tls-port", options.S13TlsPort),
        ];
        foreach (var same in ports.Where(p => p.Port > 0 && p.IsOpen).GroupBy(p => p.Port).Where(g => g.Count() > 1))
            yield return $"{string.Join(" and ", same.Select(p => p.Option))} are both {same.Key}. Each door needs a " +
                $"port of its own.";

        if (options.AttachCleartextAddress.Length > 0)
        {
            if (!options.Roles.HasFlag(
                Roles.Attach)) yield return "--attach-cleartext-address needs the role Attach: it is a door of the " +
                "attach node.";
            if (!IPAddress.TryParse(options.AttachCleartextAddress, out var plain))
                yield return $"--attach-cleartext-address is {options.AttachCleartextAddress}, which is no IP " +
                    $"address. Give " +
                    $"the one of the core network's interface, such as 10.20.0.5.";
            else if (plain.Equals(IPAddress.Any) || plain.Equals(IPAddress.IPv6Any))
                yield return $"--attach-cleartext-address is {options.AttachCleartextAddress}, which is every " +
                    $"interface " +
                    $"there is. Whoever reaches this door may ask without a certificate: name the one address on the " +
                    $"core network.";
            foreach (var (_, option, port) in ports.Where(p => p.Port is not 0 && p.IsOpen
                && p.Port == options.AttachCleartextPort))
                yield return $"--attach-cleartext-port and {option} are both {port}. Each door needs a port of its " +
                    $"own.";
        }

        if (options.OtlpEndpoint.Length > 0
            && !(Uri.TryCreate(options.OtlpEndpoint, UriKind.Absolute, out var collector)
            && collector.Scheme is "http" or "https" && collector.UserInfo.Length is 0))
            yield return "--otlp-endpoint is no address of a collector. Give one such as http://collector:4318, " +
                "without a " +
                "name or password in it.";
    }

    private static IEnumerable<string> Registrar(ServerOptions options)
    {
        if (!options.Roles.HasFlag(Roles.Attach)) yield break;

        if (options.Node != Path.GetFileName(
            options.Node)) yield return $"--node is {options.Node}. It is a name, not a path.";
        var registrarInProcess = options.Roles.HasFlag(Roles.Registrar)
            && (!IPAddress.TryParse(options.Listen, out var listen) || IPAddress.IsLoopback(listen));
        if (options.Registrar.Length is 0 && !registrarInProcess)
            yield return "An attach node needs --registrar, the registrar's address such as " +
                "https://registrar.example:7443, unless the registrar runs in the same process on loopback.";
        if (options.Registrar.Length > 0
            && !(Uri.TryCreate(options.Registrar, UriKind.Absolute, out var registrar)
            && registrar.Scheme == Uri.UriSchemeHttps))
            yield return $"--registrar is {options.Registrar}; it must be an address such as " +
                $"https://registrar.example:7443.";
    }

    private static IEnumerable<string> N17(ServerOptions options)
    {
        var open = options.N17Port >= 0 || options.N17TlsPort >= 0;
        if (open && !options.Roles.HasFlag(
            Roles.Attach)) yield return "--n17-port and --n17-tls-port are doors of an attach node. Add Attach to " +
            "--roles, or leave them out.";
        if (!IPAddress.TryParse(options.N17Listen,
            out var listen)) yield return $"--n17-listen is {options.N17Listen}, which is no IP address. Give one, " +
            $"such as 127.0.0.1.";
        if (options.N17ApiRoot.Length > 0
            && !IsHttp(
            options.N17ApiRoot)) yield return $"--n17-api-root is {options.N17ApiRoot}; it must be an address such " +
            $"as http://eir.example:7777 or http://eir.example:7777/eir.";
        if (options.N17TokenKeys.Length > 0
            && !File.Exists(
            options.N17TokenKeys)) yield return $"--n17-token-keys is {options.N17TokenKeys}, and there is no such " +
            $"file. Name the NRF's public keys, PEM or JWKS.";
        if (options.Nrf.Length is 0) yield break;

        if (!IsHttp(
            options.Nrf)) yield return $"--nrf is {options.Nrf}; it must be an address such as " +
            $"http://nrf.example:7777.";
        if (!open) yield return "--nrf is named, but no N17 door is open. Give --n17-port or --n17-tls-port.";
        var everywhere = IPAddress.TryParse(options.Listen, out var tls) && options.N17TlsPort >= 0 && IsAny(tls)
            || listen is not null && options.N17Port >= 0 && IsAny(listen);
        if (everywhere
            && options.N17ApiRoot.Length is 0) yield return "The NRF must be told one address of N17, and it listens " +
            "on all. Give --n17-api-root, as AMFs reach it.";
    }

    private static bool IsAny(IPAddress address) => address.Equals(IPAddress.Any) || address.Equals(IPAddress.IPv6Any);

    private static bool IsHttp(string address) =>
        Uri.TryCreate(address, UriKind.Absolute, out var uri) && uri.Scheme is "http" or "https" && uri.Host.Length > 0
            && uri.UserInfo.Length is 0 && uri.Query.Length is 0 && uri.Fragment.Length is 0;

    private static List<string> S13(ServerOptions options)
    {
        var faults = new List<string>();
        if (options.S13Config.Length > 0
            && !options.Roles.HasFlag(Roles.Attach)) faults.Add(
            "--s13-config is of an attach node, and --roles names none.");
        else if (options.S13Config.Length > 0) S13Settings.Read(options.S13Config, faults);
        return faults;
    }

    private static IEnumerable<string> Paths(ServerOptions options)
    {
        if (File.Exists(options.State)) yield return $"--state is {options.State}, which is a file. Name a folder.";
        if (options.AddressFile.Length > 0
            && !Directory.Exists(Path.GetDirectoryName(Path.GetFullPath(options.AddressFile))))
            yield return $"--address-file is {options.AddressFile}, whose folder does not exist. Make it first.";
        if (!options.Roles.HasFlag(Roles.Registrar)) yield break;

        if (options.Database.Length > 0)
        {
            if (!CanRead(
                options.Database)) yield return "--database is no connection string that can be read. One looks like " +
                "Host=db.example;Database=registry;Username=registry_service;Password=….";
            yield break;
        }

        if (options.PgBin.Length is 0 || options.PgData.Length is 0 || options.PgSocket.Length is 0)
        {
            yield return "No database is named. Give --database, or start through deploy/run.sh, which finds " +
                "PostgreSQL and names --pg-bin, --pg-data and --pg-socket.";
            yield break;
        }

        if (!File.Exists(Path.Combine(options.PgBin,
            "pg_ctl"))) yield return $"--pg-bin is {options.PgBin}, where there is no pg_ctl. Name the folder of " +
            $"PostgreSQL's programs.";
    }

    // Npgsql's exception message would quote the connection string, which may contain a password.
    private static bool CanRead(string connectionString)
    {
        try
        {
            return new NpgsqlConnectionStringBuilder(connectionString).Host is { Length: > 0 };
        }
        catch (Exception fault) when (fault is ArgumentException or FormatException or KeyNotFoundException)
        {
            return false;
        }
    }
}
