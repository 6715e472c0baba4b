using System.Collections.Concurrent;
using Microsoft.Extensions.Primitives;
using Microsoft.IdentityModel.JsonWebTokens;
using Microsoft.IdentityModel.Tokens;

namespace DeviceRegistry.Attach.Interfaces.N17;

/// <summary>Judges access tokens of an NRF (TS 33.501 §13.4.1; claims of TS 29.510 §6.3.5.2.4): signature, audience,
/// end and scope. A good one is remembered until it ends, for a caller sends the same with every check and a signature
/// costs what a hundred checks do.</summary>
internal sealed class AccessTokens
{
    private const string Scheme = "Bearer ";
    private const string NfType = "5G_EIR";
    private readonly JsonWebTokenHandler _handler = new() { MapInboundClaims = false };
    private readonly ConcurrentDictionary<string, DateTimeOffset> _good = new(StringComparer.Ordinal);
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

            // Whoever holds the key is the NRF; its name adds nothing to that.
            ValidateIssuer = false,

            // Of this instance, or of any of its type.
            AudienceValidator = (audiences, _, _) =>
                audiences.Any(a => a.Equals(self, StringComparison.OrdinalIgnoreCase) || a == NfType),
            RequireExpirationTime = true,
            LifetimeValidator = (from, until, _, _) => IsInTime(from, until),
        };
    }

    /// <summary>The header holds a token that was judged good, and has not ended since. Allocates nothing.</summary>
    public bool Remembers(StringValues authorization) =>
        authorization.Count is 1 && authorization[0] is { } header && _good.TryGetValue(header, out var until)
            && _time.GetUtcNow() < until;

    /// <summary>Null: the token is good. Otherwise what to answer.</summary>
    public async Task<N17Reply?> RefusalAsync(StringValues authorization)
    {
        if (authorization.Count is not 1 || authorization[0] is not { } header
            || !header.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase)) return N17Reply.TokenMissing;

        var judged = await _handler.ValidateTokenAsync(header[Scheme.Length..].Trim(), _rules);
        if (!judged.IsValid || judged.SecurityToken is not JsonWebToken token) return N17Reply.TokenInvalid;
        if (!token.TryGetPayloadValue<string>("scope", out var scope) || scope is null || !scope.Split(' ')
            .Contains(N17Options.Service)) return N17Reply.TokenScope;

        Remember(header, token.ValidTo);
        return null;
    }

    // Forgotten all at once when there are too many: each costs one signature to come back.
    private void Remember(string header, DateTime until)
    {
        if (_good.Count >= Limits.TokensRememberedMax) _good.Clear();
        _good[header] = new DateTimeOffset(until, TimeSpan.Zero);
    }

    private bool IsInTime(DateTime? from, DateTime? until)
    {
        var now = _time.GetUtcNow().UtcDateTime;
        return until > now && (from is null || from - Limits.TokenEarlyMost <= now);
    }
}
