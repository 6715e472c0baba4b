namespace Grpc.Core;

/// <summary>TLS, with own roots and an own certificate if wanted.</summary>
/// <remarks>Grpc.Net.Client takes only the plain form; roots and certificates go into its HTTP handler.</remarks>
public sealed class SslCredentials(
    string? rootCertificates, KeyCertificatePair? keyCertificatePair, VerifyPeerCallback? verifyPeerCallback)
    : ChannelCredentials
{
    /// <summary>With the machine's roots.</summary>
    public SslCredentials() : this(null, null, null)
    {
    }

    /// <summary>With own roots, in PEM.</summary>
    public SslCredentials(string? rootCertificates) : this(rootCertificates, null, null)
    {
    }

    /// <summary>With own roots and an own certificate, in PEM.</summary>
    public SslCredentials(string? rootCertificates, KeyCertificatePair? keyCertificatePair)
        : this(rootCertificates, keyCertificatePair, null)
    {
    }

    /// <summary>The roots in PEM; null for the machine's.</summary>
    public string? RootCertificates { get; } = rootCertificates;

    /// <summary>The own certificate; null for none.</summary>
    public KeyCertificatePair? KeyCertificatePair { get; } = keyCertificatePair;

    internal override bool IsComposable => true;

    /// <inheritdoc />
    public override void InternalPopulateConfiguration(
        ChannelCredentialsConfiguratorBase configurator, object? state) =>
        configurator.SetSslCredentials(state, RootCertificates, KeyCertificatePair, verifyPeerCallback);
}

/// <summary>A certificate chain and its private key, in PEM.</summary>
public sealed class KeyCertificatePair(string certificateChain, string privateKey)
{
    /// <summary>The chain.</summary>
    public string CertificateChain { get; } = certificateChain ?? throw new ArgumentNullException(nameof(certificateChain));

    /// <summary>The key.</summary>
    public string PrivateKey { get; } = privateKey ?? throw new ArgumentNullException(nameof(privateKey));
}

/// <summary>Judges a peer TLS has already accepted; false refuses it.</summary>
public delegate bool VerifyPeerCallback(VerifyPeerContext context);

/// <summary>The peer to judge.</summary>
public class VerifyPeerContext
{
    internal VerifyPeerContext(string targetName, string peerPem)
    {
        TargetName = targetName;
        PeerPem = peerPem;
    }

    /// <summary>The name it was asked for under.</summary>
    public string TargetName { get; }

    /// <summary>Its certificate, in PEM.</summary>
    public string PeerPem { get; }
}
