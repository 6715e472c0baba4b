using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using System.Net;

namespace DeviceRegistry.Server;

/// <summary>Roles that one process may run, in any combination.</summary>
[Flags]
public enum Roles
{
    None = 0,

    /// <summary>The only writer of the database.</summary>
    Registrar = 1,

    /// <summary>Answers checks.</summary>
    Attach = 2,

    /// <summary>Health and metrics pages.</summary>
    Web = 4,
}

/// <summary>Format of log lines.</summary>
public enum LogFormat
{
    /// <summary>Readable text.</summary>
    Text,

    /// <summary>One JSON object per line.</summary>
    Json,
}

/// <summary>Options of the server. Each value comes from the command line (--registrar-port 7443) or the environment
/// (DEVICEREGISTRY_REGISTRAR_PORT=7443); the command line wins. --help prints the descriptions.</summary>
public sealed class ServerOptions
{
    [Description(
        "Roles of this process, comma-separated: Registrar (the only writer), Attach (answers checks), Web (health " +
        "and metrics).")]
    public Roles Roles { get; set; } = Roles.Registrar | Roles.Attach | Roles.Web;

    [Required, Description("IP address to listen on. The demo's certificates are refused on any but loopback.")]
    public string Listen { get; set; } = IPAddress.Loopback.ToString();

    [Range(0, 65535), Description("Port of the registrar's gRPC; 0: any free one, told in the file of addresses.")]
    public int RegistrarPort { get; set; } = 7443;

    [Range(0, 65535), Description("Port of the attach node's gRPC.")]
    public int AttachPort { get; set; } = 7444;

    [Description(
        "IP address, on the operator's core network, where the attach node answers checks without TLS and without a " +
        "certificate (h2c). Empty: nowhere. Whoever reaches it may ask, as a core node of the node's own operator, " +
        "and nothing else.")]
    public string AttachCleartextAddress { get; set; } = "";

    [Range(0, 65535), Description("Port of it.")]
    public int AttachCleartextPort { get; set; } = 7445;

    [Range(0, 65535), Description("Port of health and metrics, plain HTTP.")]
    public int WebPort { get; set; } = 8080;

    [Range(-1, 65535), Description(
        "Port of the attach node's N17, HTTP/2 in cleartext with prior knowledge, 7777 by custom; -1: closed.")]
    public int N17Port { get; set; } = -1;

    [Required, Description(
        "IP address of that port. Whoever reaches it is answered, so that it is loopback unless said otherwise here, " +
        "whatever --listen is.")]
    public string N17Listen { get; set; } = IPAddress.Loopback.ToString();

    [Range(-1, 65535), Description(
        "Port of the attach node's N17 over TLS, for machines of its own operator; -1: closed.")]
    public int N17TlsPort { get; set; } = -1;

    [Description(
        "API root of N17 as AMFs reach it, such as http://eir.example:7777/eir: told to the NRF, and its path is the " +
        "one answered under. Empty: the addresses of the ports, no path.")]
    public string N17ApiRoot { get; set; } = "";

    [Description(
        "File of the public keys by which an NRF's access tokens are believed, PEM or JWKS; N17 then asks for a " +
        "token. Empty: it asks for none.")]
    public string N17TokenKeys { get; set; } = "";

    [Range(0, 1_000_000), Description(
        "N17 checks a second that are answered on one connection, the rest being told to slow down; 0: all.")]
    public int N17RateMax { get; set; }

    [Description(
        "NRF where the attach node registers as 5G-EIR, such as http://nrf.example:7777. Empty: AMFs are told by " +
        "hand where it is.")]
    public string Nrf { get; set; } = "";

    [Description(
        "File of the Diameter peers that the attach node takes (S13), and of its own name to them. Empty: that door " +
        "is shut, but in the demo, which has such a file.")]
    public string S13Config { get; set; } = "";

    [Range(0, 65535), Description("Port of S13 over TCP.")]
    public int S13Port { get; set; } = 3868;

    [Range(0, 65535), Description("Port of S13 over TLS.")]
    public int S13TlsPort { get; set; } = 5658;

    [Description("Take S13 over SCTP too, at the port of TCP. The kernel must have it.")]
    public bool S13Sctp { get; set; }

    [Required, Description("Folder of certificates and node files.")]
    public string State { get; set; } = ".data";

    [Description(
        "Connection string of the database's service role. Empty: a private cluster, from the values of --pg-….")]
    public string Database { get; set; } = "";

    [Required, Description("Database of the private cluster.")]
    public string DatabaseName { get; set; } = "registry";

    [Description("Folder of PostgreSQL's programs.")]
    public string PgBin { get; set; } = "";

    [Description("Data folder of the private cluster, empty at first.")]
    public string PgData { get; set; } = "";

    [Description("Folder of its Unix socket.")]
    public string PgSocket { get; set; } = "";

    [Description("User of the operating system to run it as; empty: the current one.")]
    public string PgUser { get; set; } = "";

    [Required, Description("Name of the attach node: its certificate in the state folder.")]
    public string Node { get; set; } = "node-a1";

    [Description(
        "Where the attach node finds the registrar, such as https://registrar.example:7443. Empty: in this process.")]
    public string Registrar { get; set; } = "";

    [Range(0, 1_000_000), Description(
        "The registrar signs a checkpoint of the journal after so many entries; 0: whatever their number. With " +
        "--checkpoint-seconds 0 too it signs none.")]
    public int CheckpointEntries { get; set; } = 10_000;

    [Range(0, 86_400), Description(
        "The same after so many seconds in which something was written; 0: whatever the time.")]
    public int CheckpointSeconds { get; set; } = 300;

    [Range(0, 10_000_000), Description(
        "A snapshot of what the journal says is written after so many entries, or 8 MiB of them: by a node for its " +
        "next start, at the registrar for new nodes. 0: none is.")]
    public int SnapshotIntervalEntries { get; set; } = 50_000;

    [Range(1, 1_000_000_000), Description(
        "A node takes a snapshot of the registrar's, instead of the entries, if it is further behind than so many of " +
        "them. A new node always does.")]
    public int SnapshotFetchThreshold { get; set; } = 100_000;

    [Description("Make demo parties, people and certificates, and say what to try.")]
    public bool Demo { get; set; }

    [Description("File to write the addresses to once the server listens; empty: none.")]
    public string AddressFile { get; set; } = "";

    [Description("How log lines are written: Text for people, Json (one object a line) for programs.")]
    public LogFormat LogFormat { get; set; }

    [Description(
        "OpenTelemetry collector to send spans and instruments to (OTLP over HTTP), such as http://collector:4318. " +
        "Empty: nothing is sent.")]
    public string OtlpEndpoint { get; set; } = "";

    [Range(0.0, 1.0), Description(
        "Share of calls that are traced, 0 to 1, where the caller has not decided. Of interest with --otlp-endpoint " +
        "only.")]
    public double TraceSampleRatio { get; set; } = 0.01;

    /// <summary>Whether the attach node listens for S13.</summary>
    public bool HasS13 => Roles.HasFlag(Roles.Attach) && (Demo || S13Config.Length > 0);

    public string Certificates => Path.Combine(State, "certs");

    /// <summary>Folder of the operators' subscriber pseudonym keys.</summary>
    public string PseudonymKeys => Path.Combine(State, "pseudonyms");
}
