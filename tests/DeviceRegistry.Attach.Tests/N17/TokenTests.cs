using System.Buffers.Text;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using DeviceRegistry.Attach.Interfaces.N17;

namespace DeviceRegistry.Attach.Tests.N17;

/// <summary>Verification of access tokens of an NRF; the test sets the clock.</summary>
public sealed class TokenTests
{
    private const string Known = "?pei=imei-86650704004053";
    private static readonly Guid Instance = N17Options.InstanceOf("KEY");
    private static readonly ECDsa Key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
    private static readonly RSA RsaKey = RSA.Create(2048);
    private readonly LocalN17 _n17 =
        new(new N17Options
        {
            Instance = Instance,
            TokenKeys = TokenKeys.Read(Key.ExportSubjectPublicKeyInfoPem() + "\n"
        + RsaKey.ExportSubjectPublicKeyInfoPem())
        });

    [OneTimeTearDown]
    public static void DisposeKeys()
    {
        Key.Dispose();
        RsaKey.Dispose();
    }

    [TearDown]
    public void TearDown() => _n17.Dispose();

    [TestCase(true)]
    [TestCase(false)]
    public async Task A_valid_token_gets_an_answer(bool rsa) =>
        Assert.That((await AskAsync(Good(rsa ? RsaKey : Key))).Status, Is.EqualTo(200));

    [Test]
    public async Task A_token_for_several_instances_including_this_one_is_valid()
    {
        Assert.That((await AskAsync(TestToken.Make(Key, new[] { Guid.NewGuid().ToString(), Instance.ToString() },
            "nudm-sdm n5g-eir-eic", InAnHour))).Status, Is.EqualTo(200));
    }

    [Test]
    public async Task A_request_without_a_token_gets_401_with_a_challenge()
    {
        var answer = await _n17.AskAsync(LocalN17.Path, Known);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(answer.Status, Is.EqualTo(401));
            Assert.That(answer.ContentType, Is.EqualTo("application/problem+json"));
            Assert.That(answer.Headers.WWWAuthenticate.ToString(), Is.EqualTo("Bearer realm=\"n5g-eir-eic\""));
        }
    }

    [TestCase("Basic bm9ib2R5Om5vYm9keQ==")]
    [TestCase("Bearer")]
    public async Task A_header_that_is_not_a_bearer_token_counts_as_no_token(string authorization)
    {
        Assert.That((await _n17.AskAsync(LocalN17.Path, Known, headers: h =>
            h.Authorization = authorization)).Headers.WWWAuthenticate.ToString(), Does.Not.Contain("error"));
    }

    [Test]
    public async Task An_expired_foreign_or_unsigned_token_is_invalid()
    {
        using var other = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        string[] bad =
        [
            TestToken.Make(Key, "5G_EIR", "n5g-eir-eic", _n17.Clock.GetUtcNow() - TimeSpan.FromSeconds(1)),
            TestToken.Make(Key, Guid.NewGuid().ToString(), "n5g-eir-eic", InAnHour),
            TestToken.Make(Key, "AMF", "n5g-eir-eic", InAnHour),
            Good(other),
            TestToken.Forged(TestToken.Make(Key, "5G_EIR", "nudm-sdm n5g-eir-eic", InAnHour), "n5g-eir-eic-more"),
            TestToken.WithoutSignature(Good(Key)),
            "not.a.token",
            "",
        ];

        foreach (var token in bad)
        {
            var answer = await AskAsync(token);

            using (Assert.EnterMultipleScope())
            {
                Assert.That(answer.Status, Is.EqualTo(401), token);
                Assert.That(answer.Headers.WWWAuthenticate.ToString()
                    .Contains("error=\"invalid_token\"", StringComparison.Ordinal) || token.Length is 0, Is.True,
                    token);
            }
        }
    }

    [TestCase("nudm-sdm")]
    [TestCase("n5g-eir-eic-more")]
    [TestCase("")]
    public async Task A_token_for_another_service_gets_403(string scope)
    {
        var answer = await AskAsync(TestToken.Make(Key, "5G_EIR", scope, InAnHour));

        Assert.That(answer.Status, Is.EqualTo(403));
        Assert.That(answer.Headers.WWWAuthenticate.ToString(),
            Does.Contain("error=\"insufficient_scope\"").And.Contain("scope=\"n5g-eir-eic\""));
    }

    [Test]
    public async Task A_signed_token_with_a_null_scope_is_for_another_service()
    {
        Assert.That((await AskAsync(TestToken.Make(Key, "5G_EIR", null, InAnHour))).Status, Is.EqualTo(403));
    }

    [Test]
    public async Task A_valid_token_is_cached_exactly_until_it_expires()
    {
        var token = TestToken.Make(Key, "5G_EIR", "n5g-eir-eic", _n17.Clock.GetUtcNow() + TimeSpan.FromSeconds(2));
        var (first, again) = (await AskAsync(token), await AskAsync(token));

        _n17.Clock.Move(TimeSpan.FromSeconds(2));

        using (Assert.EnterMultipleScope())
        {
            Assert.That(first.Status, Is.EqualTo(200));
            Assert.That(again.Status, Is.EqualTo(200));
            Assert.That((await AskAsync(token)).Status, Is.EqualTo(401));
        }
    }

    [Test]
    public void Keys_are_read_from_a_jwks_and_from_certificates()
    {
        var point = Key.ExportParameters(false).Q;
        var jwks =
            $$"""{"keys":[{"kty":"EC","crv":"P-256","x":"{{Encode(point.X!)}}","y":"{{Encode(point.Y!)}}"},"""
            + """{"kty":"oct","k":"c2VjcmV0"}]}""";
        using var certificate = new CertificateRequest("CN=nrf", Key, HashAlgorithmName.SHA256)
            .CreateSelfSigned(TimeProvider.System.GetUtcNow(), TimeProvider.System.GetUtcNow().AddDays(1));

        using (Assert.EnterMultipleScope())
        {
            Assert.That(TokenKeys.Read(jwks).Keys.Count, Is.EqualTo(1));
            Assert.That(TokenKeys.Read(certificate.ExportCertificatePem()).Keys.Count, Is.EqualTo(1));
        }
    }

    [TestCase("")]
    [TestCase("no keys")]
    [TestCase("{\"keys\":[]}")]
    [TestCase("{\"keys\":")]
    [TestCase("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----")]
    [TestCase("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----")]
    public void A_text_without_a_key_is_rejected_with_a_message(string text)
    {
        Assert.That(() => TokenKeys.Read(text), Throws.TypeOf<FormatException>());
    }

    [Test]
    public async Task A_token_with_the_public_key_as_an_hmac_secret_is_rejected()
    {
        var head = Base64Url.EncodeToString("""{"alg":"HS256"}"""u8);
        var claims = Good(Key).Split('.')[1];
        var secret = Encoding.ASCII.GetBytes(Key.ExportSubjectPublicKeyInfoPem());
        var signature = Base64Url.EncodeToString(
            HMACSHA256.HashData(secret, Encoding.ASCII.GetBytes($"{head}.{claims}")));

        Assert.That((await AskAsync($"{head}.{claims}.{signature}")).Status, Is.EqualTo(401));
    }

    private DateTimeOffset InAnHour => _n17.Clock.GetUtcNow() + TimeSpan.FromHours(1);

    private string Good(AsymmetricAlgorithm key) => TestToken.Make(key, "5G_EIR", "n5g-eir-eic", InAnHour);

    private Task<LocalAnswer> AskAsync(string token) =>
        _n17.AskAsync(LocalN17.Path, Known, headers: h => h.Authorization = "Bearer " + token);

    private static string Encode(byte[] bytes) => Base64Url.EncodeToString(bytes);
}
