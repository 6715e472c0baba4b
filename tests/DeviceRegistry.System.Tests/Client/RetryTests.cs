using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using DeviceRegistry.Client;
using DeviceRegistry.Contracts;
using DeviceRegistry.Contracts.V1;
using DeviceRegistry.TestKit;
using Google.Protobuf;
using Grpc.Core;
using Npgsql;

namespace DeviceRegistry.System.Tests.Client;

/// <summary>Which calls the client retries at the registrar.</summary>
[CancelAfter(Patience.TestMs)]
public sealed class RetryTests
{
    [TestCase(true)]
    [TestCase(false)]
    public async Task A_draft_succeeds_once_when_its_registrar_is_killed_or_stopped_and_restarted(bool isKilled)
    {
        var (state, database, port) = (Registry.NewFolder(), await Registry.Cluster.CloneAsync(), Scripts.FreePort());
        await using var first = await StartRegistrarAsync(state, database, port);
        var (certificate, root) = TwoNodes.Certificates("regulator-a", state);
        using var client = new RegistryClient(
            new ClientOptions
            {
                Registrar = new Uri($"https://localhost:{port}"), Certificate = certificate,
                Root = root
            });
        var orders = new OrdersService.OrdersServiceClient(new OrderSigner(client.Registrar, certificate));
        var draft = Registry.Draft(TestImei.Next());

        // A lock on the table stops the call after it began and before it commits.
        await using var admin = new NpgsqlConnection(Registry.Cluster.Server.AdminConnectionString(database)
            + ";Pooling=false");
        await admin.OpenAsync();
        await using (var hold = await admin.BeginTransactionAsync())
        {
            await ScalarAsync(admin, "LOCK TABLE orders IN ACCESS EXCLUSIVE MODE");
            var call = orders.DraftOrderAsync(draft, deadline: Patience.Deadline).ResponseAsync;
            await Registry.UntilAsync(async _ =>
                await ScalarAsync(admin, "SELECT count(*) FROM pg_locks WHERE NOT granted") is > 0L);
            await (isKilled ? first.KillAsync() : first.StopAsync());
            await hold.RollbackAsync();
            await using var back = await StartRegistrarAsync(state, database, port);

            var answer = await call;
            var again = await orders.DraftOrderAsync(draft);

            Assert.That(again.Order.OrderNumber, Is.EqualTo(answer.Order.OrderNumber));
            Assert.That(await ScalarAsync(admin, "SELECT count(*) FROM orders"), Is.EqualTo(1L));
        }
    }

    [Test]
    public async Task An_approval_by_the_drafter_is_not_retried()
    {
        using var client = Client("regulator-a");
        var orders = new OrdersService.OrdersServiceClient(
            new OrderSigner(client.Registrar, TwoNodes.Certificates("regulator-a").Certificate));
        var draft = Registry.Draft(TestImei.Next());
        draft.Signature = OrderSigning.SignDraft(draft,
            TwoNodes.Certificates("regulator-a").Certificate.GetECDsaPrivateKey()!);
        var drafted = await orders.DraftOrderAsync(draft);
        var approval = new ApproveOrderRequest
        {
            Reference = Registry.NewReference(), OrderNumber = drafted.Order.OrderNumber,
            DraftDigest = ByteString.CopyFrom(OrderSigning.DraftDigest(draft, draft.Signature)),
        };
        using var attempts = new Attempts();

        var refusal = await Registry.RefusalOfAsync(async () => await orders.ApproveOrderAsync(approval));

        Assert.That(Registry.ReasonOf(refusal), Is.EqualTo("SECOND_PERSON_REQUIRED"));
        Assert.That(attempts.Count, Is.EqualTo(1));
    }

    [Test]
    public async Task A_call_without_permission_is_not_retried()
    {
        using var client = Client("maker-a");
        using var attempts = new Attempts();

        var refusal = await Registry.RefusalOfAsync(async () =>
            await new OrdersService.OrdersServiceClient(client.Registrar)
            .DraftOrderAsync(Registry.Draft(TestImei.Next())));

        Assert.That(Registry.ReasonOf(refusal), Is.EqualTo("NOT_ALLOWED"));
        Assert.That(attempts.Count, Is.EqualTo(1));
    }

    [TestCase(0)]
    [TestCase(2)]
    public async Task An_unreachable_registrar_is_tried_as_often_as_the_options_say(int retriesMax)
    {
        using var client = Client("regulator-a", new Uri($"https://localhost:{Scripts.FreePort()}"), retriesMax);
        using var attempts = new Attempts();

        var fault = await Registry.RefusalOfAsync(async () =>
            await new PartiesService.PartiesServiceClient(client.Registrar).WhoAmIAsync(new WhoAmIRequest()));

        Assert.That(fault.StatusCode, Is.EqualTo(StatusCode.Unavailable));
        Assert.That(attempts.Count, Is.EqualTo(retriesMax + 1));
    }

    [Test]
    public async Task An_untrusted_server_is_tried_once()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var other = new CertificateRequest("CN=another root", key, HashAlgorithmName.SHA256)
            .CreateSelfSigned(TimeProvider.System.GetUtcNow().AddDays(-1), TimeProvider.System.GetUtcNow().AddDays(1));
        using var client = Client("regulator-a", root: other);
        using var attempts = new Attempts();

        var fault = await Registry.RefusalOfAsync(async () =>
            await new PartiesService.PartiesServiceClient(client.Registrar).WhoAmIAsync(new WhoAmIRequest()));

        Assert.That(fault.ToString(),
            Does.Contain(nameof(global::System.Security.Authentication.AuthenticationException)));
        Assert.That(attempts.Count, Is.EqualTo(1));
    }

    [Test]
    public void A_blocking_call_is_answered()
    {
        using var client = Client("regulator-a");

        Assert.That(new PartiesService.PartiesServiceClient(client.Registrar).WhoAmI(new WhoAmIRequest()).Actor,
            Is.EqualTo("regulator-a"));
    }

    [Test]
    public void An_address_that_is_not_https_is_refused() =>
        Assert.That(() => Client("regulator-a", new Uri("http://localhost:1")),
            Throws.ArgumentException.With.Message.Contains("http://localhost:1"));

    private static RegistryClient Client(string identity, Uri? registrar = null, int retriesMax = int.MaxValue,
        X509Certificate2? root = null)
    {
        var (certificate, ownRoot) = TwoNodes.Certificates(identity);
        return new RegistryClient(new ClientOptions
        {
            Registrar = registrar ?? new Uri($"https://localhost:{Registry.Server.Address("registrar").Port}"),
            Certificate = certificate,
            Root = root ?? ownRoot,
            RetriesMax = retriesMax,
        });
    }

    private static Task<RegistryProcess> StartRegistrarAsync(string state, string database, string port) =>
        RegistryProcess.StartAsync(state, "--roles", "Registrar,Web", "--demo", "--database",
            Registry.ConnectionString(database), "--registrar-port", port);

    private static async Task<object?> ScalarAsync(NpgsqlConnection connection, string sql)
    {
        await using var command = new NpgsqlCommand(sql, connection);
        return await command.ExecuteScalarAsync();
    }
}
