using System.Buffers.Text;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using DeviceRegistry.Attach.Interfaces.N17;

namespace DeviceRegistry.Attach.Tests.N17;

/// <summary>Access tokens of an NRF, judged with the clock in the test's hand.</summary>
public sealed class TokenTests
{
    private const string Known = "?pei=imei-86650704004053";
    private static readonly Guid Instance = N17Options.InstanceOf("KEY");
    private static readonly ECDsa Key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
    private static readonly RSA RsaKey = RSA.Create(2048);
    private readonly LocalDoor _door =
        new(new N17Options { Instance = Instance,
        TokenKeys = TokenKeys.Read(Key.ExportSubjectPublicKeyInfoPem() + "\n"
        + RsaKey.ExportSubjectPublicKeyInfoPem()) });

    [OneTimeTearDown]
    public static void DisposeKeys()
    {
        Key.Dispose();
        RsaKey.Dispose();
    }

    [TearDown]
    public void TearDown() => _door.Dispose();

    [TestCase(true)]
    [TestCase(false)]
    public async Task A_good_token_is_answered(bool rsa) =>
        Assert.That((await AskAsync(Good(rsa ? RsaKey : Key))).Status, Is.EqualTo(200));

    [Test]
    public async Task A_token_for_this_instance_among_others_is_good()
    {
        Assert.That((await AskAsync(TestToken.Make(Key, new[] { Guid.NewGuid().ToString(), Instance.ToString() },
            "nudm-sdm n5g-eir-eic", InAnHour))).Status, Is.EqualTo(200));
    }

    [Test]
    public async Task Without_a_token_one_is_asked_for()
    {
        var said = await _door.AskAsync(LocalDoor.Path, Known);

        Assert.That((said.Status, said.ContentType, said.Headers.WWWAuthenticate.ToString()),
            Is.EqualTo((401, "application/problem+json", "Bearer realm=\"n5g-eir-eic\"")));
    }

    [TestCase("Basic bm9ib2R5Om5vYm9keQ==")]
    [TestCase("Bearer")]
    public async Task What_is_no_bearer_token_is_none(string authorization)
    {
        Assert.That((await _door.AskAsync(LocalDoor.Path, Known, headers: h =>
            h.Authorization = authorization)).Headers.WWWAuthenticate.ToString(), Does.Not.Contain("error"));
    }

    [Test]
    public async Task A_token_that_is_over_for_somebody_else_or_not_the_nrfs_is_invalid()
    {
        using var other = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        string[] bad =
        [
            TestToken.Make(Key, "5G_EIR", "n5g-eir-eic", _door.Clock.GetUtcNow() - TimeSpan.FromSeconds(1)),
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
            var said = await AskAsync(token);

            Assert.That((said.Status, said.Headers.WWWAuthenticate.ToString()
                .Contains("error=\"invalid_token\"", StringComparison.Ordinal) || token.Length is 0),
                Is.EqualTo((401, true)), token);
        }
    }

    [TestCase("nudm-sdm")]
    [TestCase("n5g-eir-eic-more")]
    [TestCase("")]
    public async Task A_token_for_another_service_is_not_enough(string scope)
    {
        var said = await AskAsync(TestToken.Make(Key, "5G_EIR", scope, InAnHour));

        Assert.That(said.Status, Is.EqualTo(403));
        Assert.That(said.Headers.WWWAuthenticate.ToString(),
            Does.Contain("error=\"insufficient_scope\"").And.Contain("scope=\"n5g-eir-eic\""));
    }

    [Test]
    public async Task A_signed_token_whose_scope_is_null_is_for_another_service()
    {
        Assert.That((await AskAsync(TestToken.Make(Key, "5G_EIR", null, InAnHour))).Status, Is.EqualTo(403));
    }

    [Test]
    public async Task A_good_token_is_remembered_until_it_ends_and_no_longer()
    {
        var token = TestToken.Make(Key, "5G_EIR", "n5g-eir-eic", _door.Clock.GetUtcNow() + TimeSpan.FromSeconds(2));
        var (first, again) = (await AskAsync(token), await AskAsync(token));

        _door.Clock.Move(TimeSpan.FromSeconds(2));

        Assert.That((first.Status, again.Status, (await AskAsync(token)).Status), Is.EqualTo((200, 200, 401)));
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

        Assert.That((TokenKeys.Read(jwks).Keys.Count, TokenKeys.Read(certificate.ExportCertificatePem()).Keys.Count),
            Is.EqualTo((1, 1)));
    }

    [TestCase("")]
    [TestCase("no keys")]
    [TestCase("{\"keys\":[]}")]
    [TestCase("{\"keys\":")]
    [TestCase("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----")]
    [TestCase("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----")]
    public void What_holds_no_key_is_refused_in_words(string text)
    {
        Assert.That(() => TokenKeys.Read(text), Throws.TypeOf<FormatException>());
    }

    [Test]
    public async Task A_token_made_with_the_public_key_as_a_secret_is_forged()
    {
        var head = Base64Url.EncodeToString("""{"alg":"HS256"}"""u8);
        var claims = Good(Key).Split('.')[1];
        var secret = Encoding.ASCII.GetBytes(Key.ExportSubjectPublicKeyInfoPem());
        var signature = Base64Url.EncodeToString(
            HMACSHA256.HashData(secret, Encoding.ASCII.GetBytes($"{head}.{claims}")));

        Assert.That((await AskAsync($"{head}.{claims}.{signature}")).Status, Is.EqualTo(401));
    }

    private DateTimeOffset InAnHour => _door.Clock.GetUtcNow() + TimeSpan.FromHours(1);

    private string Good(AsymmetricAlgorithm key) => TestToken.Make(key, "5G_EIR", "n5g-eir-eic", InAnHour);

    private Task<Said> AskAsync(string token) =>
        _door.AskAsync(LocalDoor.Path, Known, headers: h => h.Authorization = "Bearer " + token);

    private static string Encode(byte[] bytes) => Base64Url.EncodeToString(bytes);
}
