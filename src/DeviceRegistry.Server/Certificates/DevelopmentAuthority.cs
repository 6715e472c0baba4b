using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using DeviceRegistry.Contracts;

namespace DeviceRegistry.Server.Certificates;

/// <summary>Issues the demo's certificates on first run. Its root carries a marker extension, and the server refuses
/// that root on any listener that is not loopback.</summary>
/// <remarks>ECDSA P-256. Certificates are valid for 397 days and are issued again, for the same key, when less than 30
/// days are left.</remarks>
internal sealed class DevelopmentAuthority(string folder, TimeProvider time)
{
    // An OID below 2.25 is a UUID and therefore unique.
    private const string Marker = "2.25.259203410931230671045289873342911827466";
    private static readonly TimeSpan RootLife = TimeSpan.FromDays(3650);
    private static readonly TimeSpan LeafLife = TimeSpan.FromDays(397);
    private static readonly TimeSpan RenewBefore = TimeSpan.FromDays(30);

    /// <summary>Whether a root was made by a development authority.</summary>
    public static bool IsDevelopmentRoot(X509Certificate2 root) => root.Extensions.Any(e => e.Oid?.Value == Marker);

    /// <summary>Creates the missing ones of: the root, the server's certificate for loopback names, and the certificate
    /// that signs checkpoints.</summary>
    public void EnsureRootAndServer()
    {
        Directory.CreateDirectory(folder);
        if (!OperatingSystem.IsWindows()) File.SetUnixFileMode(folder,
            UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        if (!File.Exists(Of("root", ".pem"))) IssueRoot();
        Ensure("server", "device-registry", isServer: true);
        Ensure(CheckpointRules.CommonName, "device-registry");
    }

    /// <summary>Returns the certificate of a person or node. Issues it if it is missing or expires within 30
    /// days.</summary>
    public X509Certificate2 Ensure(string name, string party, bool isServer = false)
    {
        if (File.Exists(Of(name, ".pem")))
        {
            var known = X509Certificate2.CreateFromPem(File.ReadAllText(Of(name, ".pem")));
            if (time.GetUtcNow() < known.NotAfter.ToUniversalTime() - RenewBefore) return known;
        }

        using var key = KeyOf(name);
        var request = new CertificateRequest($"CN={name}, O={party}", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(false, false, 0, true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.DigitalSignature, true));
        request.CertificateExtensions.Add(
            new X509EnhancedKeyUsageExtension([new Oid(isServer ? "1.3.6.1.5.5.7.3.1" : "1.3.6.1.5.5.7.3.2")], true));
        if (isServer) request.CertificateExtensions.Add(LoopbackNames());

        using var root = X509Certificate2.CreateFromPemFile(Of("root", ".pem"), Of("root", ".key"));
        var now = time.GetUtcNow();
        var issued = request.Create(root, now - TimeSpan.FromMinutes(5), now + LeafLife,
            RandomNumberGenerator.GetBytes(16));
        Write(Of(name, ".pem"), issued.ExportCertificatePem());
        return issued;
    }

    private void IssueRoot()
    {
        using var key = KeyOf("root");
        var request = new CertificateRequest("CN=Development authority, O=Device Registry demo - never for production",
            key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign, true));
        request.CertificateExtensions.Add(new X509Extension(Marker, [5, 0], false));            // 5, 0: ASN.1 NULL
        var now = time.GetUtcNow();
        using var root = request.CreateSelfSigned(now - TimeSpan.FromMinutes(5), now + RootLife);
        Write(Of("root", ".pem"), root.ExportCertificatePem());
    }

    private ECDsa KeyOf(string name)
    {
        var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        if (File.Exists(Of(name, ".key"))) key.ImportFromPem(File.ReadAllText(Of(name, ".key")));
        else Write(Of(name, ".key"), key.ExportPkcs8PrivateKeyPem());
        return key;
    }

    private static X509Extension LoopbackNames()
    {
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName("localhost");
        names.AddIpAddress(IPAddress.Loopback);
        names.AddIpAddress(IPAddress.IPv6Loopback);
        return names.Build();
    }

    private string Of(string name, string kind) => Path.Combine(folder, name + kind);

    // Atomic, and readable by the owner only.
    private static void Write(string path, string pem)
    {
        var temporary = path + ".new";
        File.WriteAllText(temporary, pem + "\n");
        if (!OperatingSystem.IsWindows()) File.SetUnixFileMode(temporary,
            UnixFileMode.UserRead | UnixFileMode.UserWrite);
        File.Move(temporary, path, overwrite: true);
    }
}
