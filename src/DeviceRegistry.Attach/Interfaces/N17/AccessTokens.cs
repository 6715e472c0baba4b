using System.Collections.Concurrent;
using Microsoft.Extensions.Primitives;
using Microsoft.IdentityModel.JsonWebTokens;
using Microsoft.IdentityModel.Tokens;

namespace DeviceRegistry.Attach.Interfaces.N17;

/// <summary>Verifies access tokens of an NRF (TS 33.501 §13.4.1; claims of TS 29.510 §6.3.5.2.4): signature, audience,
/// expiry and scope. Valid tokens are cached until they expire, because a client sends the same token with every check
/// and one signature costs as much as a hundred checks. Thread-safe.</summary>
internal sealed class AccessTokens
{
    private const string Scheme = "Bearer ";
    private const string NfType = "5G_EIR";
    private readonly JsonWebTokenHandler _handler = new() { MapInboundClaims = false };
    private readonly ConcurrentDictionary<string, DateTimeOffset> _cached = new(StringComparer.Ordinal);
    private readonly TokenValidationParameters _rules;
    private readonly TimeProvider _time;

    public AccessTokens(TokenKeys keys, Guid instance, TimeProvider time)
    {
        _time = time;
        var self = instance.ToString();
        _rules = new TokenValidationParameters
        {
            IssuerSigningKeys = keys.Keys,
            TryAllIssuerSigningKeys = true,
            ValidAlgorithms = [SecurityAlgorithms.RsaSha256, SecurityAlgorithms.EcdsaSha256],

            // The holder of the key is the NRF; the issuer's name proves nothing more.
            ValidateIssuer = false,

            // The audience is this instance, or its NF type.
            AudienceValidator = (audiences, _, _) =>
                audiences.Any(a => a.Equals(self, StringComparison.OrdinalIgnoreCase) || a == NfType),
            RequireExpirationTime = true,
            LifetimeValidator = (from, until, _, _) => IsInTime(from, until),
        };
    }

    /// <summary>Whether the header contains a token that was verified and has not expired. Allocates nothing.</summary>
    public bool IsCached(StringValues authorization) =>
        authorization.Count is 1 && authorization[0] is { } header && _cached.TryGetValue(header, out var until)
            && _time.GetUtcNow() < until;

    /// <summary>Null if the token is valid; otherwise the reply to send.</summary>
    public async Task<N17Reply?> RefusalAsync(StringValues authorization)
    {
        if (authorization.Count is not 1 || authorization[0] is not { } header
            || !header.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase)) return N17Reply.TokenMissing;

        var result = await _handler.ValidateTokenAsync(header[Scheme.Length..].Trim(), _rules);
        if (!result.IsValid || result.SecurityToken is not JsonWebToken token) return N17Reply.TokenInvalid;
        if (!token.TryGetPayloadValue<string>("scope", out var scope) || scope is null || !scope.Split(' ')
            .Contains(N17Options.Service)) return N17Reply.TokenScope;

        Cache(header, token.ValidTo);
        return null;
    }

    // A full cache is cleared: each token then costs one more verification.
    private void Cache(string header, DateTime until)
    {
        if (_cached.Count >= Limits.TokensCachedMax) _cached.Clear();
        _cached[header] = new DateTimeOffset(until, TimeSpan.Zero);
    }

    private bool IsInTime(DateTime? from, DateTime? until)
    {
        var now = _time.GetUtcNow().UtcDateTime;
        return until > now && (from is null || from - Limits.TokenClockSkewMax <= now);
    }
}
