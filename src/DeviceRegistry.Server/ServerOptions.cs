using System.ComponentModel.DataAnnotations;
using System.Net;

namespace DeviceRegistry.Server;

/// <summary>Roles one process may run, in any set.</summary>
[Flags]
public enum Roles
{
    /// <summary>None.</summary>
    None = 0,

    /// <summary>The only writer.</summary>
    Registrar = 1,

    /// <summary>Answers checks.</summary>
    Attach = 2,

    /// <summary>Health and metrics pages.</summary>
    Web = 4,
}

/// <summary>How the server runs. Each value comes from the command line (--registrar-port 7443) or the environment
/// (DEVICEREGISTRY_REGISTRAR_PORT=7443); the command line wins.</summary>
public sealed class ServerOptions
{
    /// <summary>Roles of this process, comma-separated.</summary>
    public Roles Roles { get; set; } = Roles.Registrar | Roles.Attach | Roles.Web;

    /// <summary>Address to listen on. The development authority's certificates are refused on any but loopback.</summary>
    [Required]
    public string Listen { get; set; } = IPAddress.Loopback.ToString();

    /// <summary>Port of the registrar's gRPC; 0: any free one, told in the file of addresses.</summary>
    [Range(0, 65535)]
    public int RegistrarPort { get; set; } = 7443;

    /// <summary>Port of the attach node's gRPC.</summary>
    [Range(0, 65535)]
    public int AttachPort { get; set; } = 7444;

    /// <summary>Port of health and metrics, plain HTTP.</summary>
    [Range(0, 65535)]
    public int WebPort { get; set; } = 8080;

    /// <summary>Folder of certificates and node files.</summary>
    [Required]
    public string State { get; set; } = ".data";

    /// <summary>Connection string of the service role. Empty: a private cluster, from the four values below.</summary>
    public string Database { get; set; } = "";

    /// <summary>Database of the private cluster.</summary>
    [Required]
    public string DatabaseName { get; set; } = "registry";

    /// <summary>Folder of PostgreSQL's programs.</summary>
    public string PgBin { get; set; } = "";

    /// <summary>Data folder of the private cluster.</summary>
    public string PgData { get; set; } = "";

    /// <summary>Folder of its Unix socket.</summary>
    public string PgSocket { get; set; } = "";

    /// <summary>User of the operating system to run it as; empty: the current one.</summary>
    public string PgUser { get; set; } = "";

    /// <summary>Name of the attach node: its certificate in the state folder.</summary>
    [Required]
    public string Node { get; set; } = "node-a1";

    /// <summary>Where the attach node finds the registrar. Empty: in this process.</summary>
    public string Registrar { get; set; } = "";

    /// <summary>Make demo parties, people and certificates, and say what to try.</summary>
    public bool Demo { get; set; }

    /// <summary>File to write the addresses to once the server listens; empty: none.</summary>
    public string AddressFile { get; set; } = "";

    /// <summary>Folder of certificates.</summary>
    public string Certificates => Path.Combine(State, "certs");
}
