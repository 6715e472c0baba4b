using System.Security.Cryptography.X509Certificates;
using DeviceRegistry.Contracts.V1;
using DeviceRegistry.Server.Access;
using DeviceRegistry.TestKit;
using Google.Protobuf;
using Grpc.Core;
using Grpc.Health.V1;
using Grpc.Reflection.V1;

namespace DeviceRegistry.System.Tests;

[CancelAfter(Patience.TestMs)]
public sealed class AccessTests
{
    [Test]
    public async Task A_person_and_the_registrant_of_their_key_count_as_one_person()
    {
        using var certificate = Issue("regulator-z", TimeProvider.System.GetUtcNow().AddDays(-1),
            TimeProvider.System.GetUtcNow().AddDays(1), "pta");
        await PutAsync("regulator-z", "pta", MembershipState.Active, certificate);
        var draft = await Registry.Orders("regulator-a").DraftOrderAsync(Registry.Draft(TestImei.Next()));
        var sameControllerIdentity = new OrdersService.OrdersServiceClient(Registry.Server.Signer(certificate));

        var refusal = await Registry.RefusalOfAsync(async () =>
            await sameControllerIdentity.ApproveOrderAsync(
            new ApproveOrderRequest { Reference = Registry.NewReference(), OrderNumber = draft.Order.OrderNumber }));

        Assert.That(Registry.ReasonOf(refusal), Is.EqualTo("SECOND_PERSON_REQUIRED"));
    }

    [Test]
    public async Task A_person_who_changes_their_own_key_still_counts_as_its_registrant()
    {
        using var first = Issue("regulator-y", TimeProvider.System.GetUtcNow().AddDays(-1),
            TimeProvider.System.GetUtcNow().AddDays(1),
            "pta");
        using var second = Issue("regulator-y", TimeProvider.System.GetUtcNow().AddDays(-1),
            TimeProvider.System.GetUtcNow().AddDays(1),
            "pta");
        await PutAsync("regulator-y", "pta", MembershipState.Active, first);
        await Members.ChangeAsync(Registry.Server.Channel("registrar", first).CreateCallInvoker(),
            Registry.Server.Channel("registrar", "regulator-d").CreateCallInvoker(), new Change
            {
                Actor = new PutActorRequest
                {
                    Name = "regulator-y", Party = "pta", Kind = ActorKind.Person, State = MembershipState.Active,
                    KeyDigest = ByteString.CopyFrom(Convert.FromHexString(CertificateAuthenticator.KeyOf(second))),
                },
            });
        var draft = await Registry.Orders("regulator-a").DraftOrderAsync(Registry.Draft(TestImei.Next()));
        var sameControllerIdentity = new OrdersService.OrdersServiceClient(Registry.Server.Signer(second));

        var refusal = await Registry.RefusalOfAsync(async () =>
            await sameControllerIdentity.ApproveOrderAsync(
            new ApproveOrderRequest { Reference = Registry.NewReference(), OrderNumber = draft.Order.OrderNumber }));

        Assert.That(Registry.ReasonOf(refusal), Is.EqualTo("SECOND_PERSON_REQUIRED"));
    }

    [Test]
    public async Task A_stream_ends_when_its_caller_is_retired()
    {
        using var certificate = Issue("operator-s", TimeProvider.System.GetUtcNow().AddDays(-1),
            TimeProvider.System.GetUtcNow().AddDays(1));
        await Registry.AppliedAsync(await PutAsync("operator-s", "opco-a", MembershipState.Active, certificate));
        using var stream = new AttachService.AttachServiceClient(Registry.Server.Channel("attach", certificate))
            .CheckStream();
        var check = new CheckStreamRequest { Checks = { new NumberedCheck { Id = 1, Check = new CheckRequest() } } };
        await stream.RequestStream.WriteAsync(check);
        await stream.ResponseStream.MoveNext(CancellationToken.None);

        await Registry.AppliedAsync(await PutAsync("operator-s", "opco-a", MembershipState.Retired, certificate));
        await stream.RequestStream.WriteAsync(check);

        var refusal = await Registry.RefusalOfAsync(async () =>
            await stream.ResponseStream.MoveNext(CancellationToken.None));
        Assert.That(Registry.ReasonOf(refusal), Is.EqualTo("CERT_REVOKED"));
    }

    [TestCase("a\0b")]
    [TestCase("Pta")]
    [TestCase("")]
    public async Task An_invalid_party_name_is_refused_as_a_field_error(string party)
    {
        var refusal = await Registry.RefusalOfAsync(async () => await Registry.Parties("regulator-a")
            .PutAuthorizationAsync(new PutAuthorizationRequest
            {
                Reference = Registry.NewReference(), Number = "X-1", Party = party, Kind = AuthorizationKind.Import,
                State = AuthorizationState.Active,
                ValidFrom = "2026-01-01", ValidUntil = "2026-12-31", LegalBasis = "law",
            }));

        using (Assert.EnterMultipleScope())
        {
            Assert.That(refusal.StatusCode, Is.EqualTo(StatusCode.InvalidArgument));
            Assert.That(Registry.ReasonOf(refusal), Is.EqualTo("FIELD_INVALID"));
        }
    }

    [Test]
    public async Task A_retired_person_is_refused_at_the_registrar_and_at_the_node()
    {
        using var certificate = Issue("operator-r", TimeProvider.System.GetUtcNow().AddDays(-1),
            TimeProvider.System.GetUtcNow().AddDays(1));
        await Registry.AppliedAsync(await PutAsync("operator-r", "opco-a", MembershipState.Active, certificate));
        await CallAsync("registrar", certificate);
        await CallAsync("attach", certificate);

        await Registry.AppliedAsync(await PutAsync("operator-r", "opco-a", MembershipState.Retired, certificate));

        var atRegistrar = await Registry.RefusalOfAsync(async () => await CallAsync("registrar", certificate));
        var atNode = await Registry.RefusalOfAsync(async () => await CallAsync("attach", certificate));
        using (Assert.EnterMultipleScope())
        {
            Assert.That(Registry.ReasonOf(atRegistrar), Is.EqualTo("CERT_REVOKED"));
            Assert.That(Registry.ReasonOf(atNode), Is.EqualTo("CERT_REVOKED"));
        }
    }

    [Test]
    public async Task A_replaced_key_is_revoked_and_the_new_one_works()
    {
        using var first = Issue("operator-k", TimeProvider.System.GetUtcNow().AddDays(-1),
            TimeProvider.System.GetUtcNow().AddDays(1));
        using var second = Issue("operator-k", TimeProvider.System.GetUtcNow().AddDays(-1),
            TimeProvider.System.GetUtcNow().AddDays(1));
        await PutAsync("operator-k", "opco-a", MembershipState.Active, first);
        await PutAsync("operator-k", "opco-a", MembershipState.Active, second);

        var refusal = await Registry.RefusalOfAsync(async () => await CallAsync("registrar", first));

        Assert.That(Registry.ReasonOf(refusal), Is.EqualTo("CERT_REVOKED"));
        Assert.That(async () => await CallAsync("registrar", second), Throws.Nothing);
    }

    [Test]
    public async Task A_key_of_one_actor_cannot_be_registered_to_another()
    {
        using var certificate = Issue("operator-1", TimeProvider.System.GetUtcNow().AddDays(-1),
            TimeProvider.System.GetUtcNow().AddDays(1));
        await PutAsync("operator-1", "opco-a", MembershipState.Active, certificate);

        var refusal = await Registry.RefusalOfAsync(async () =>
            await PutAsync("operator-2", "opco-b", MembershipState.Active, certificate));

        using (Assert.EnterMultipleScope())
        {
            Assert.That(refusal.StatusCode, Is.EqualTo(StatusCode.AlreadyExists));
            Assert.That(Registry.ReasonOf(refusal), Is.EqualTo("KEY_IN_USE"));
        }
    }

    [Test]
    public async Task An_auditor_may_not_change_anything()
    {
        var refusal = await Registry.RefusalOfAsync(async () => await Registry.Parties("auditor-a")
            .PutPartyAsync(new PutPartyRequest()));

        Assert.That(refusal.StatusCode, Is.EqualTo(StatusCode.PermissionDenied));
    }

    [Test]
    public async Task A_service_is_unimplemented_on_the_other_listener()
    {
        var refusal = await Registry.RefusalOfAsync(async () =>
            await new OrdersService.OrdersServiceClient(Registry.Server.Channel("attach", "regulator-a"))
            .DraftOrderAsync(new DraftOrderRequest()));

        Assert.That(refusal.StatusCode, Is.EqualTo(StatusCode.Unimplemented));
    }

    [TestCase("registrar")]
    [TestCase("attach")]
    public async Task Health_needs_no_certificate(string listener)
    {
        var health = await new Health.HealthClient(Registry.Server.Channel(listener, identity: null))
            .CheckAsync(new HealthCheckRequest());

        Assert.That(health.Status, Is.EqualTo(HealthCheckResponse.Types.ServingStatus.Serving));
    }

    [Test]
    public async Task Reflection_needs_a_valid_certificate()
    {
        using var known = new ServerReflection.ServerReflectionClient(Registry.Server.Channel("registrar", "maker-a"))
            .ServerReflectionInfo();
        using var unknown = new ServerReflection.ServerReflectionClient(
            Registry.Server.Channel("registrar", identity: null)).ServerReflectionInfo();

        await known.RequestStream.WriteAsync(new ServerReflectionRequest { ListServices = "*" });
        await known.ResponseStream.MoveNext(CancellationToken.None);
        var refusal = await Registry.RefusalOfAsync(async () =>
            await unknown.ResponseStream.MoveNext(CancellationToken.None));

        Assert.That(known.ResponseStream.Current.ListServicesResponse.Service.Select(s => s.Name),
            Does.Contain("deviceregistry.v1.OrdersService").And.Contain("grpc.health.v1.Health"));
        Assert.That(Registry.ReasonOf(refusal), Is.EqualTo("CERT_MISSING"));
    }

    [Test]
    public async Task WhoAmI_returns_the_callers_actor_and_party()
    {
        var me = await Registry.Parties("node-b1").WhoAmIAsync(new WhoAmIRequest());

        using (Assert.EnterMultipleScope())
        {
            Assert.That(me.Actor, Is.EqualTo("node-b1"));
            Assert.That(me.ActorKind, Is.EqualTo(ActorKind.Node));
            Assert.That(me.Party, Is.EqualTo("opco-b"));
            Assert.That(me.PartyKind, Is.EqualTo(PartyKind.Operator));
        }
    }

    private static async Task CallAsync(string listener, X509Certificate2? certificate)
    {
        var channel = Registry.Server.Channel(listener, certificate);
        if (listener == "attach") await new AttachService.AttachServiceClient(channel).CheckAsync(new CheckRequest());
        else await new PartiesService.PartiesServiceClient(channel).WhoAmIAsync(new WhoAmIRequest());
    }

    private static Task<ulong> PutAsync(string name, string party, MembershipState state,
        X509Certificate2 certificate) => Registry.ChangeAsync(new Change
        {
            Actor = new PutActorRequest
            {
                Name = name, Party = party, Kind = ActorKind.Person, State = state,
                KeyDigest = ByteString.CopyFrom(Convert.FromHexString(CertificateAuthenticator.KeyOf(certificate))),
            },
        });

    private static X509Certificate2 Issue(string name, DateTimeOffset from, DateTimeOffset until,
        string party = "opco-a") =>
        TestCertificate.Issue(Registry.Server.State, name, party, from, until);
}
