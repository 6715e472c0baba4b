using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace DeviceRegistry.TestKit;

/// <summary>Access tokens like those of an NRF, built from RFC 7515 and TS 29.510 §6.3.5.2.4.</summary>
public static class TestToken
{
    /// <summary>A token signed with ES256 or RS256, according to the key.</summary>
    public static string Make(AsymmetricAlgorithm key, object audience, string? scope, DateTimeOffset until)
    {
        var claims = JsonSerializer.Serialize(
            new
            {
                iss = "d2b1f1d0-2c52-4b2c-8c2f-000000000001", sub = "d2b1f1d0-2c52-4b2c-8c2f-000000000002",
                aud = audience, scope, exp = until.ToUnixTimeSeconds()
            });
        var content = $"{Part($"{{\"alg\":\"{(key is RSA ? "RS256" : "ES256")}\",\"typ\":\"JWT\"}}")}.{Part(claims)}";
        var bytes = Encoding.ASCII.GetBytes(content);
        var signature = key is RSA rsa ? rsa.SignData(bytes, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1)
            : ((ECDsa)key).SignData(bytes, HashAlgorithmName.SHA256);
        return $"{content}.{Base64Url.EncodeToString(signature)}";
    }

    /// <summary>The token without a signature.</summary>
    public static string WithoutSignature(string token) => $"{Part("""{"alg":"none"}""")}.{token.Split('.')[1]}.";

    /// <summary>The token with another scope and the old signature.</summary>
    public static string Forged(string token, string scope)
    {
        var parts = token.Split('.');
        var claims = Encoding.UTF8.GetString(Base64Url.DecodeFromChars(parts[1]))
            .Replace("n5g-eir-eic", scope, StringComparison.Ordinal);
        return $"{parts[0]}.{Part(claims)}.{parts[2]}";
    }

    private static string Part(string json) => Base64Url.EncodeToString(Encoding.UTF8.GetBytes(json));
}
