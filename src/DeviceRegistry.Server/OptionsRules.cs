using System.ComponentModel.DataAnnotations;
using System.Net;
using Npgsql;

namespace DeviceRegistry.Server;

/// <summary>What must hold of the options before anything is started. Every fault is told at once, with what to do.</summary>
internal static class OptionsRules
{
    /// <summary>Every fault; none: the server may start.</summary>
    public static IEnumerable<string> FaultsOf(ServerOptions options) =>
        Ranges(options).Concat(Addresses(options)).Concat(Registrar(options)).Concat(Places(options));

    private static IEnumerable<string> Ranges(ServerOptions options)
    {
        foreach (var setting in Setting.All)
        {
            var faults = new List<ValidationResult>();
            var context = new ValidationContext(options) { MemberName = setting.Property.Name, DisplayName = setting.Option };
            Validator.TryValidateProperty(setting.Property.GetValue(options), context, faults);
            foreach (var fault in faults) yield return fault.ErrorMessage!;
        }
    }

    private static IEnumerable<string> Addresses(ServerOptions options)
    {
        if (options.Roles is Roles.None) yield return "--roles names no role. Name some of Registrar, Attach, Web.";
        if (!IPAddress.TryParse(options.Listen, out _)) yield return $"--listen is {options.Listen}, which is no IP address. Give one, such as 127.0.0.1 or 0.0.0.0.";

        (Roles Role, string Option, int Port)[] ports =
            [(Roles.Registrar, "--registrar-port", options.RegistrarPort), (Roles.Attach, "--attach-port", options.AttachPort), (Roles.Web, "--web-port", options.WebPort)];
        foreach (var same in ports.Where(p => p.Port is not 0 && options.Roles.HasFlag(p.Role)).GroupBy(p => p.Port).Where(g => g.Count() > 1))
            yield return $"{string.Join(" and ", same.Select(p => p.Option))} are both {same.Key}. Each door needs a port of its own.";

        if (options.AttachPlainAddress.Length > 0)
        {
            if (!options.Roles.HasFlag(Roles.Attach)) yield return "--attach-plain-address needs the role Attach: it is a door of the attach node.";
            if (!IPAddress.TryParse(options.AttachPlainAddress, out var plain))
                yield return $"--attach-plain-address is {options.AttachPlainAddress}, which is no IP address. Give the one of the core network's interface, such as 10.20.0.5.";
            else if (plain.Equals(IPAddress.Any) || plain.Equals(IPAddress.IPv6Any))
                yield return $"--attach-plain-address is {options.AttachPlainAddress}, which is every interface there is. Whoever reaches this door may ask without a certificate: name the one address on the core network.";
            foreach (var (_, option, port) in ports.Where(p => p.Port is not 0 && p.Port == options.AttachPlainPort && options.Roles.HasFlag(p.Role)))
                yield return $"--attach-plain-port and {option} are both {port}. Each door needs a port of its own.";
        }

        if (options.Otlp.Length > 0 && !(Uri.TryCreate(options.Otlp, UriKind.Absolute, out var collector) && collector.Scheme is "http" or "https" && collector.UserInfo.Length is 0))
            yield return "--otlp is no address of a collector. Give one such as http://collector:4318, without a name or password in it.";
    }

    private static IEnumerable<string> Registrar(ServerOptions options)
    {
        if (!options.Roles.HasFlag(Roles.Attach)) yield break;

        if (options.Node != Path.GetFileName(options.Node)) yield return $"--node is {options.Node}. It is a name, not a path.";
        var besideIt = options.Roles.HasFlag(Roles.Registrar) && (!IPAddress.TryParse(options.Listen, out var listen) || IPAddress.IsLoopback(listen));
        if (options.Registrar.Length is 0 && !besideIt)
            yield return "An attach node needs --registrar, the registrar's address such as https://registrar.example:7443, unless the registrar runs in the same process on loopback.";
        if (options.Registrar.Length > 0 && !(Uri.TryCreate(options.Registrar, UriKind.Absolute, out var registrar) && registrar.Scheme == Uri.UriSchemeHttps))
            yield return $"--registrar is {options.Registrar}; it must be an address such as https://registrar.example:7443.";
    }

    private static IEnumerable<string> Places(ServerOptions options)
    {
        if (File.Exists(options.State)) yield return $"--state is {options.State}, which is a file. Name a folder.";
        if (options.AddressFile.Length > 0 && !Directory.Exists(Path.GetDirectoryName(Path.GetFullPath(options.AddressFile))))
            yield return $"--address-file is {options.AddressFile}, whose folder does not exist. Make it first.";
        if (!options.Roles.HasFlag(Roles.Registrar)) yield break;

        if (options.Database.Length > 0)
        {
            if (!CanRead(options.Database)) yield return "--database is no connection string that can be read. One looks like Host=db.example;Database=registry;Username=registry_service;Password=….";
            yield break;
        }

        if (options.PgBin.Length is 0 || options.PgData.Length is 0 || options.PgSocket.Length is 0)
        {
            yield return "No database is named. Give --database, or start through deploy/run.sh, which finds PostgreSQL and names --pg-bin, --pg-data and --pg-socket.";
            yield break;
        }

        if (!File.Exists(Path.Combine(options.PgBin, "pg_ctl"))) yield return $"--pg-bin is {options.PgBin}, where there is no pg_ctl. Name the folder of PostgreSQL's programs.";
    }

    // The reader's own words would quote what it could not read, and that may be a password.
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
