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
    public async Task Who_registered_a_persons_key_and_that_person_are_not_two_people()
    {
        using var certificate = Issue("regulator-z", TimeProvider.System.GetUtcNow().AddDays(-1),
            TimeProvider.System.GetUtcNow().AddDays(1), "pta");
        await PutAsync("regulator-z", "pta", MembershipState.Active, certificate);
        var draft = await Registry.Orders("regulator-a").DraftOrderAsync(Registry.Draft(TestImei.Next()));
        var puppet = new OrdersService.OrdersServiceClient(Registry.Server.Signer(certificate));

        var refusal = await Registry.RefusalOfAsync(async () =>
            await puppet.ApproveOrderAsync(
            new ApproveOrderRequest { Reference = Registry.NewReference(), OrderNumber = draft.Order.OrderNumber }));

        Assert.That(Registry.ReasonOf(refusal), Is.EqualTo("SECOND_PERSON_REQUIRED"));
    }

    [Test]
    public async Task A_puppet_that_changes_its_own_key_is_a_puppet_still()
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
        var puppet = new OrdersService.OrdersServiceClient(Registry.Server.Signer(second));

        var refusal = await Registry.RefusalOfAsync(async () =>
            await puppet.ApproveOrderAsync(
            new ApproveOrderRequest { Reference = Registry.NewReference(), OrderNumber = draft.Order.OrderNumber }));

        Assert.That(Registry.ReasonOf(refusal), Is.EqualTo("SECOND_PERSON_REQUIRED"));
    }

    [Test]
    public async Task A_stream_is_cut_when_its_caller_is_retired()
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
    public async Task A_party_name_that_none_can_have_is_a_bad_field(string party)
    {
        var refusal = await Registry.RefusalOfAsync(async () => await Registry.Parties("regulator-a")
            .PutAuthorizationAsync(new PutAuthorizationRequest
        {
            Reference = Registry.NewReference(), Number = "X-1", Party = party, Kind = AuthorizationKind.Import,
            State = AuthorizationState.Active,
            ValidFrom = "2026-01-01", ValidUntil = "2026-12-31", LegalBasis = "law",
        }));

        Assert.That((refusal.StatusCode, Registry.ReasonOf(refusal)),
            Is.EqualTo((StatusCode.InvalidArgument, "FIELD_INVALID")));
    }

    [Test]
    public async Task A_retired_person_is_cut_off_at_the_registrar_and_at_the_node()
    {
        using var certificate = Issue("operator-r", TimeProvider.System.GetUtcNow().AddDays(-1),
            TimeProvider.System.GetUtcNow().AddDays(1));
        await Registry.AppliedAsync(await PutAsync("operator-r", "opco-a", MembershipState.Active, certificate));
        await CallAsync("registrar", certificate);
        await CallAsync("attach", certificate);

        await Registry.AppliedAsync(await PutAsync("operator-r", "opco-a", MembershipState.Retired, certificate));

        var atRegistrar = await Registry.RefusalOfAsync(async () => await CallAsync("registrar", certificate));
        var atNode = await Registry.RefusalOfAsync(async () => await CallAsync("attach", certificate));
        Assert.That((Registry.ReasonOf(atRegistrar), Registry.ReasonOf(atNode)),
            Is.EqualTo(("CERT_REVOKED", "CERT_REVOKED")));
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
    public async Task A_key_belongs_to_one_actor_for_ever()
    {
        using var certificate = Issue("operator-1", TimeProvider.System.GetUtcNow().AddDays(-1),
            TimeProvider.System.GetUtcNow().AddDays(1));
        await PutAsync("operator-1", "opco-a", MembershipState.Active, certificate);

        var refusal = await Registry.RefusalOfAsync(async () =>
            await PutAsync("operator-2", "opco-b", MembershipState.Active, certificate));

        Assert.That((refusal.StatusCode, Registry.ReasonOf(refusal)),
            Is.EqualTo((StatusCode.AlreadyExists, "KEY_IN_USE")));
    }

    [Test]
    public async Task An_auditor_may_not_change_anything()
    {
        var refusal = await Registry.RefusalOfAsync(async () => await Registry.Parties("auditor-a")
            .PutPartyAsync(new PutPartyRequest()));

        Assert.That(refusal.StatusCode, Is.EqualTo(StatusCode.PermissionDenied));
    }

    [Test]
    public async Task A_service_is_not_there_behind_the_other_door()
    {
        var refusal = await Registry.RefusalOfAsync(async () =>
            await new OrdersService.OrdersServiceClient(Registry.Server.Channel("attach", "regulator-a"))
            .DraftOrderAsync(new DraftOrderRequest()));

        Assert.That(refusal.StatusCode, Is.EqualTo(StatusCode.Unimplemented));
    }

    [TestCase("registrar")]
    [TestCase("attach")]
    public async Task Health_is_open_to_everybody(string door)
    {
        var health = await new Health.HealthClient(Registry.Server.Channel(door, identity: null))
            .CheckAsync(new HealthCheckRequest());

        Assert.That(health.Status, Is.EqualTo(HealthCheckResponse.Types.ServingStatus.Serving));
    }

    [Test]
    public async Task Reflection_lists_the_services_for_any_valid_certificate_and_for_nobody_else()
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
    public async Task Everyone_is_told_who_they_are()
    {
        var me = await Registry.Parties("node-b1").WhoAmIAsync(new WhoAmIRequest());

        Assert.That((me.Actor, me.ActorKind, me.Party, me.PartyKind),
            Is.EqualTo(("node-b1", ActorKind.Node, "opco-b", PartyKind.Operator)));
    }

    private static async Task CallAsync(string door, X509Certificate2? certificate)
    {
        var channel = Registry.Server.Channel(door, certificate);
        if (door == "attach") await new AttachService.AttachServiceClient(channel).CheckAsync(new CheckRequest());
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
