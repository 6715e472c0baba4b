using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace DeviceRegistry.TestKit;

/// <summary>Client certificates that the demo authority does not issue: other validity, names and roots.</summary>
public static class TestCertificate
{
    private const string ClientUse = "1.3.6.1.5.5.7.3.2";

    /// <summary>A certificate under the root of a server's data folder; with a new key if none is given.</summary>
    public static X509Certificate2 Issue(string state, string name, string party, DateTimeOffset from,
        DateTimeOffset until, ECDsa? key = null)
    {
        var folder = Path.Combine(state, "certs");
        using var root = X509Certificate2.CreateFromPemFile(Path.Combine(folder, "root.pem"),
            Path.Combine(folder, "root.key"));
        using var own = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        key ??= own;
        var request = new CertificateRequest($"CN={name}, O={party}", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([new Oid(ClientUse)], true));
        using var rootKey = root.GetECDsaPrivateKey()!;
        using var bare = request.Create(root.SubjectName, X509SignatureGenerator.CreateForECDsa(rootKey), from, until,
            RandomNumberGenerator.GetBytes(16));
        return bare.CopyWithPrivateKey(key);
    }

    /// <summary>A self-signed certificate.</summary>
    public static X509Certificate2 OfAnotherRoot(string name, string party)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        return new CertificateRequest($"CN={name}, O={party}", key, HashAlgorithmName.SHA256)
            .CreateSelfSigned(TimeProvider.System.GetUtcNow().AddDays(-1), TimeProvider.System.GetUtcNow().AddDays(1));
    }
}
