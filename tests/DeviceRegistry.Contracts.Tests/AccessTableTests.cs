using System.Reflection;
using Google.Protobuf.Reflection;
using DeviceRegistry.Core;
using Grpc.Health.V1;
using Grpc.Reflection.V1;

namespace DeviceRegistry.Contracts.Tests;

/// <summary>The table of access rights, compared with every method of every service in the contract. A new method fails
/// here, by name, until the table lists it.</summary>
public sealed class AccessTableTests
{
    private static readonly CallerKinds[] Everybody = [CallerKinds.Anyone, CallerKinds.Open];

    private static IEnumerable<ServiceDescriptor> Services() => typeof(AccessTable).Assembly.GetTypes()
        .Select(type => type.GetProperty("Descriptor", BindingFlags.Public | BindingFlags.Static)?.GetValue(null))
        .OfType<FileDescriptor>()
        .SelectMany(file => file.Services)
        .Append(Health.Descriptor).Append(ServerReflection.Descriptor);

    private static IEnumerable<string> Methods() =>
        Services().SelectMany(s => s.Methods).Select(m => $"/{m.Service.FullName}/{m.Name}").Order();

    private static IEnumerable<string> Rows() => AccessTable.Methods.Order();

    private static IEnumerable<string> MethodsNotForEverybody() =>
        Rows().Where(m => !Everybody.Contains(AccessTable.Allowed(m)));

    private static IEnumerable<Caller> ConnectionIdentityCache() =>
        from party in Enum.GetValues<PartyKind>()
        from actor in Enum.GetValues<ActorKind>()
        select new Caller(1, actor, 1, party);

    private static IEnumerable<Caller> NodesOfNonOperators() =>
        ConnectionIdentityCache().Where(c => c is { ActorKind: ActorKind.Node, PartyKind: not PartyKind.Operator });

    [Test]
    public void The_contract_has_services_in_exactly_these_packages()
    {
        var packages = Services().Select(s => s.File.Package).Distinct();

        Assert.That(packages, Is.EquivalentTo(new[] { "deviceregistry.v1", "grpc.health.v1", "grpc.reflection.v1" }));
    }

    [TestCaseSource(nameof(Methods))]
    public void Every_method_of_the_contract_is_in_the_table(string method)
    {
        Assert.That(AccessTable.Methods, Has.Member(method));
    }

    [TestCaseSource(nameof(Methods))]
    public void Every_method_of_the_contract_has_a_permitted_caller(string method)
    {
        Assert.That(AccessTable.Allowed(method), Is.Not.EqualTo(CallerKinds.None));
    }

    [TestCaseSource(nameof(Rows))]
    public void Every_row_of_the_table_is_a_method_of_the_contract(string row)
    {
        Assert.That(Methods(), Has.Member(row));
    }

    [Test]
    public void A_method_that_is_not_in_the_table_permits_no_caller(
        [ValueSource(nameof(ConnectionIdentityCache))] Caller caller,
        [Values("/deviceregistry.v1.OrdersService/DropOrder", "/deviceregistry.v1.OrdersService",
            "/deviceregistry.v1.ordersservice/draftorder", "")] string method)
    {
        Assert.That(AccessTable.Permits(caller, method), Is.False);
    }

    [Test]
    public void A_node_of_a_party_that_is_not_an_operator_may_call_only_the_open_methods(
        [ValueSource(nameof(NodesOfNonOperators))] Caller node,
        [ValueSource(nameof(MethodsNotForEverybody))] string method)
    {
        Assert.That(AccessTable.Permits(node, method), Is.False);
    }

    [TestCaseSource(nameof(MethodsNotForEverybody))]
    public void A_lender_may_call_only_the_open_methods(string method)
    {
        Assert.That(AccessTable.Permits(Person(PartyKind.Lender), method), Is.False);
    }

    [TestCaseSource(nameof(ConnectionIdentityCache))]
    public void Every_valid_caller_may_call_WhoAmI(Caller caller)
    {
        Assert.That(AccessTable.Permits(caller, "/deviceregistry.v1.PartiesService/WhoAmI"), Is.True);
    }

    [Test]
    public void A_caller_with_a_certificate_may_call_methods_open_without_one()
    {
        Assert.That(AccessTable.Permits(Person(PartyKind.Regulator), "/grpc.health.v1.Health/Check"), Is.True);
    }

    [TestCase("/deviceregistry.v1.OrdersService/DraftOrder")]
    [TestCase("/deviceregistry.v1.OrdersService/DraftOrderAction")]
    [TestCase("/deviceregistry.v1.OrdersService/ApproveOrder")]
    [TestCase("/deviceregistry.v1.AppealsService/FileAppeal")]
    [TestCase("/deviceregistry.v1.AppealsService/ReviewAppeal")]
    [TestCase("/deviceregistry.v1.AppealsService/DecideAppeal")]
    [TestCase("/deviceregistry.v1.AppealsService/WithdrawAppeal")]
    [TestCase("/deviceregistry.v1.PolicyService/ProposePolicy")]
    [TestCase("/deviceregistry.v1.PolicyService/ApprovePolicy")]
    [TestCase("/deviceregistry.v1.PartiesService/PutParty")]
    [TestCase("/deviceregistry.v1.PartiesService/PutActor")]
    [TestCase("/deviceregistry.v1.PartiesService/PutAuthorization")]
    [TestCase("/deviceregistry.v1.PartiesService/PutTacMandate")]
    [TestCase("/deviceregistry.v1.RegistrationService/ImportTacs")]
    [TestCase("/deviceregistry.v1.RegistrationService/CertifyBatch")]
    [TestCase("/deviceregistry.v1.RegistrationService/ClearQuarantine")]
    [TestCase("/deviceregistry.v1.ChangesService/ApproveChange")]
    [TestCase("/deviceregistry.v1.ChangesService/RejectChange")]
    public void Only_people_of_the_regulator_may_call_the_methods_of_the_regulator(string method)
    {
        Assert.That(AccessTable.Allowed(method), Is.EqualTo(CallerKinds.Regulator));
    }

    [TestCase("/deviceregistry.v1.RegistrationService/OpenBatch")]
    [TestCase("/deviceregistry.v1.RegistrationService/SendChunks")]
    [TestCase("/deviceregistry.v1.RegistrationService/CompleteUpload")]
    [TestCase("/deviceregistry.v1.RegistrationService/CancelUpload")]
    [TestCase("/deviceregistry.v1.RegistrationService/ReleaseBatch")]
    [TestCase("/deviceregistry.v1.RegistrationService/RecallBatch")]
    [TestCase("/deviceregistry.v1.RegistrationService/RetireUnits")]
    [TestCase("/deviceregistry.v1.RegistrationService/SwapBoard")]
    public void Only_manufacturers_and_importers_may_register_batches_and_change_units(string method)
    {
        Assert.That(AccessTable.Allowed(method), Is.EqualTo(CallerKinds.Manufacturer | CallerKinds.Importer));
    }

    [Test]
    public void An_auditor_may_call_exactly_the_reads()
    {
        var allowed = MethodsNotForEverybody().Where(m => AccessTable.Permits(Person(PartyKind.Auditor), m));

        Assert.That(allowed, Is.EquivalentTo(new[]
        {
            "/deviceregistry.v1.AppealsService/GetAppeal",
            "/deviceregistry.v1.AppealsService/ListAppeals",
            "/deviceregistry.v1.ChangesService/ListChanges",
            "/deviceregistry.v1.FeedService/GetSnapshot",
            "/deviceregistry.v1.FeedService/Subscribe",
            "/deviceregistry.v1.OrdersService/GetDraft",
            "/deviceregistry.v1.OrdersService/WatchOrder",
            "/deviceregistry.v1.PartiesService/ListActors",
            "/deviceregistry.v1.PartiesService/ListAuthorizations",
            "/deviceregistry.v1.PartiesService/ListParties",
            "/deviceregistry.v1.PartiesService/ListTacMandates",
            "/deviceregistry.v1.PolicyService/GetPolicy",
            "/deviceregistry.v1.ProofService/GetLatestCheckpoint",
            "/deviceregistry.v1.ProofService/ProveOrder",
            "/deviceregistry.v1.RecoveryService/GetPendingRecovery",
            "/deviceregistry.v1.RecoveryService/ListRecoveries",
            "/deviceregistry.v1.RegistrationService/ListLineErrors",
            "/deviceregistry.v1.RegistrationService/WatchBatch",
            "/deviceregistry.v1.RegistryService/CountUnits",
            "/deviceregistry.v1.RegistryService/DescribeDevice",
            "/deviceregistry.v1.RegistryService/GetBatch",
            "/deviceregistry.v1.RegistryService/GetDevice",
            "/deviceregistry.v1.RegistryService/GetOrder",
            "/deviceregistry.v1.RegistryService/ListAlarms",
            "/deviceregistry.v1.RegistryService/ListBatches",
            "/deviceregistry.v1.StateService/VerifyState",
        }));
    }

    [Test]
    public void A_node_of_an_operator_may_call_exactly_the_methods_of_an_attach_node()
    {
        var node = new Caller(1, ActorKind.Node, 1, PartyKind.Operator);

        var allowed = MethodsNotForEverybody().Where(m => AccessTable.Permits(node, m));

        Assert.That(allowed, Is.EquivalentTo(new[]
        {
            "/deviceregistry.v1.AttachService/CheckMany",
            "/deviceregistry.v1.AttachService/Check",
            "/deviceregistry.v1.AttachService/CheckStream",
            "/deviceregistry.v1.FeedService/GetPseudonymKey",
            "/deviceregistry.v1.FeedService/GetSnapshot",
            "/deviceregistry.v1.FeedService/ReportPosition",
            "/deviceregistry.v1.FeedService/Subscribe",
            "/deviceregistry.v1.RecoveryService/ListRecoveries",
            "/deviceregistry.v1.SightingsService/ReportSightings",
        }));
    }

    [Test]
    public void A_person_of_an_operator_may_call_exactly_checks_and_reads_of_its_nodes()
    {
        var allowed = MethodsNotForEverybody().Where(m => AccessTable.Permits(Person(PartyKind.Operator), m));

        Assert.That(allowed, Is.EquivalentTo(new[]
        {
            "/deviceregistry.v1.AttachService/CheckMany",
            "/deviceregistry.v1.AttachService/Check",
            "/deviceregistry.v1.AttachService/CheckStream",
            "/deviceregistry.v1.NodeService/DrainNode", "/deviceregistry.v1.NodeService/UndrainNode",
            "/deviceregistry.v1.NodeService/GetNodeStatus",
            "/deviceregistry.v1.NodeService/ListPeers",
            "/deviceregistry.v1.RegistryService/DescribeDevice",
        }));
    }

    [Test]
    public void A_party_of_an_unknown_kind_has_no_rights()
    {
        Assert.That(AccessTable.KindOf(Person((PartyKind)99)), Is.EqualTo(CallerKinds.None));
    }

    private static Caller Person(PartyKind kind) => new(1, ActorKind.Person, 1, kind);
}
