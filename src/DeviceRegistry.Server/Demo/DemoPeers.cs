using DeviceRegistry.Server.Access;
using DeviceRegistry.Server.Certificates;

namespace DeviceRegistry.Server.Demo;

/// <summary>The demo's file of Diameter peers. It is written once and may be edited.</summary>
internal static class DemoPeers
{
    /// <summary>Returns the path of the file; creates the file if it is missing.</summary>
    public static string Ensure(string state, CertificateFolder certificates)
    {
        var path = Path.Combine(state, "s13-peers.json");
        if (!File.Exists(path)) File.WriteAllText(path,
            Text(CertificateAuthenticator.KeyOf(certificates.WithKey("core-a1"))));
        return path;
    }

    private static string Text(string key) => $$"""
        {
          // Who this node is to its Diameter peers.
          "originHost": "eir-a1.opco-a.example",
          "originRealm": "opco-a.example",
          "peers": [
            // Every host of the operator's realm, from this machine.
            { "originRealm": "opco-a.example", "addresses": ["127.0.0.0/8", "::1"] },
            // One host of a partner, from anywhere, by the key of its certificate (core-a1's).
            { "originHost": "mme1.partner.example", "originRealm": "partner.example", "certificates": ["{{key}}"] }
          ]
        }

        """;
}
