using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace DeviceRegistry.Cli;

/// <summary>A certificate with its key, and the only root that server certificates are verified against.</summary>
internal sealed class ClientIdentity(X509Certificate2 certificate, X509Certificate2 root) : IDisposable
{
    public X509Certificate2 Certificate => certificate;

    public X509Certificate2 Root => root;

    /// <summary>Reads root.pem of a folder. The caller disposes the certificate.</summary>
    public static X509Certificate2 LoadRoot(string folder)
    {
        RequireRoot(folder);
        try
        {
            return X509CertificateLoader.LoadCertificateFromFile(Path.Combine(folder, "root.pem"));
        }
        catch (CryptographicException fault)
        {
            throw new CommandException(Fault.Usage(
                $"root.pem in {Path.GetFullPath(folder)} cannot be read: {fault.Message}",
                "Put back the PEM file that the registry made.", "CERT_MISSING"), fault);
        }
    }

    private static void RequireRoot(string folder)
    {
        if (!File.Exists(Path.Combine(folder, "root.pem")))
            throw new CommandException(Fault.Usage(
                $"There are no certificates in {Path.GetFullPath(folder)}: root.pem is missing.",
                "Start the registry once with deploy/run.sh, which makes them, or name their folder with --certs or " +
                "DEVICEREGISTRY_STATE.",
                "CERT_MISSING"));
    }

    /// <summary>Reads NAME.pem, NAME.key and root.pem of a folder.</summary>
    public static ClientIdentity Load(string folder, string name)
    {
        RequireRoot(folder);
        var (certificate, key) = (Path.Combine(folder, $"{name}.pem"), Path.Combine(folder, $"{name}.key"));
        if (!File.Exists(certificate) || !File.Exists(key))
            throw new CommandException(Fault.Usage(
                $"There is no {name}.pem with {name}.key in {Path.GetFullPath(folder)}.",
                $"Name another with --as: {Names(folder)}.", "CERT_MISSING"));

        try
        {
            return new ClientIdentity(
                X509Certificate2.CreateFromPemFile(certificate, key),
                X509CertificateLoader.LoadCertificateFromFile(Path.Combine(folder, "root.pem")));
        }
        catch (CryptographicException fault)
        {
            throw new CommandException(Fault.Usage(
                $"The certificates of {name} in {Path.GetFullPath(folder)} cannot be read: {fault.Message}",
                "Put back the PEM files that the registry made.", "CERT_MISSING"), fault);
        }
    }

    public void Dispose()
    {
        certificate.Dispose();
        root.Dispose();
    }

    private static string Names(string folder)
    {
        var names = Directory.EnumerateFiles(folder, "*.key").Select(f => Path.GetFileNameWithoutExtension(f))
            .Where(n => n is not "root").Order(StringComparer.Ordinal);
        return string.Join(", ", names.DefaultIfEmpty("there is none"));
    }
}
