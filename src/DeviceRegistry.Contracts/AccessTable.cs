using System.Collections.Frozen;
using DeviceRegistry.Contracts.V1;
using DeviceRegistry.Core;
using PartyKind = DeviceRegistry.Core.PartyKind;
using ActorKind = DeviceRegistry.Core.ActorKind;

namespace DeviceRegistry.Contracts;

/// <summary>Kinds of callers, by kind of party and of actor.</summary>
[Flags]
public enum CallerKinds
{
    /// <summary>No caller.</summary>
    None = 0,

    /// <summary>People of the regulator.</summary>
    Regulator = 1,

    /// <summary>Auditors.</summary>
    Auditor = 2,

    /// <summary>People of operators.</summary>
    Operator = 4,

    /// <summary>Nodes of operators.</summary>
    OperatorNode = 8,

    /// <summary>People of manufacturers.</summary>
    Manufacturer = 16,

    /// <summary>People of importers.</summary>
    Importer = 32,

    /// <summary>People of lenders.</summary>
    Lender = 64,

    /// <summary>Every caller with a valid certificate.</summary>
    Anyone = 127,

    /// <summary>Also without a certificate.</summary>
    Open = 128,
}

/// <summary>Access table: the callers that each method allows. A method without a row allows no caller.</summary>
public static class AccessTable
{
    private const CallerKinds Makers = CallerKinds.Manufacturer | CallerKinds.Importer;
    private const CallerKinds Readers = CallerKinds.Regulator | CallerKinds.Auditor;

    private static readonly FrozenDictionary<string, CallerKinds> Rows = new Dictionary<string, CallerKinds>
    {
        [Of<AttachService.AttachServiceBase>(nameof(AttachService.AttachServiceBase.Check))] =
            CallerKinds.Operator | CallerKinds.OperatorNode,
        [Of<AttachService.AttachServiceBase>(nameof(AttachService.AttachServiceBase.CheckStream))] =
            CallerKinds.Operator | CallerKinds.OperatorNode,
        [Of<AttachService.AttachServiceBase>(nameof(AttachService.AttachServiceBase.CheckMany))] =
            CallerKinds.Operator | CallerKinds.OperatorNode,

        [Of<NodeService.NodeServiceBase>(nameof(NodeService.NodeServiceBase.GetNodeStatus))] = CallerKinds.Operator,
        [Of<NodeService.NodeServiceBase>(nameof(NodeService.NodeServiceBase.DrainNode))] = CallerKinds.Operator,
        [Of<NodeService.NodeServiceBase>(nameof(NodeService.NodeServiceBase.UndrainNode))] = CallerKinds.Operator,
        [Of<NodeService.NodeServiceBase>(nameof(NodeService.NodeServiceBase.ListPeers))] = CallerKinds.Operator,

        [Of<RegistrationService.RegistrationServiceBase>(
            nameof(RegistrationService.RegistrationServiceBase.ImportTacs))] = CallerKinds.Regulator,
        [Of<RegistrationService.RegistrationServiceBase>(
            nameof(RegistrationService.RegistrationServiceBase.OpenBatch))] = Makers,
        [Of<RegistrationService.RegistrationServiceBase>(
            nameof(RegistrationService.RegistrationServiceBase.SendChunks))] = Makers,
        [Of<RegistrationService.RegistrationServiceBase>(
            nameof(RegistrationService.RegistrationServiceBase.CompleteUpload))] = Makers,
        [Of<RegistrationService.RegistrationServiceBase>(
            nameof(RegistrationService.RegistrationServiceBase.WatchBatch))] = Readers | Makers,
        [Of<RegistrationService.RegistrationServiceBase>(
            nameof(RegistrationService.RegistrationServiceBase.ListLineErrors))] = Readers | Makers,
        [Of<RegistrationService.RegistrationServiceBase>(
            nameof(RegistrationService.RegistrationServiceBase.CancelUpload))] = Makers,
        [Of<RegistrationService.RegistrationServiceBase>(
            nameof(RegistrationService.RegistrationServiceBase.CertifyBatch))] = CallerKinds.Regulator,
        [Of<RegistrationService.RegistrationServiceBase>(
            nameof(RegistrationService.RegistrationServiceBase.ReleaseBatch))] = Makers,
        [Of<RegistrationService.RegistrationServiceBase>(
            nameof(RegistrationService.RegistrationServiceBase.RecallBatch))] = Makers,
        [Of<RegistrationService.RegistrationServiceBase>(
            nameof(RegistrationService.RegistrationServiceBase.RetireUnits))] = Makers,
        [Of<RegistrationService.RegistrationServiceBase>(
            nameof(RegistrationService.RegistrationServiceBase.SwapBoard))] = Makers,
        [Of<RegistrationService.RegistrationServiceBase>(
            nameof(RegistrationService.RegistrationServiceBase.ClearQuarantine))] = CallerKinds.Regulator,

        [Of<ChangesService.ChangesServiceBase>(nameof(ChangesService.ChangesServiceBase.ApproveChange))] =
            CallerKinds.Regulator,
        [Of<ChangesService.ChangesServiceBase>(nameof(ChangesService.ChangesServiceBase.RejectChange))] =
            CallerKinds.Regulator,
        [Of<ChangesService.ChangesServiceBase>(nameof(ChangesService.ChangesServiceBase.ListChanges))] = Readers,

        [Of<OrdersService.OrdersServiceBase>(nameof(OrdersService.OrdersServiceBase.DraftOrder))] =
            CallerKinds.Regulator,
        [Of<OrdersService.OrdersServiceBase>(nameof(OrdersService.OrdersServiceBase.DraftOrderAction))] =
            CallerKinds.Regulator,
        [Of<OrdersService.OrdersServiceBase>(nameof(OrdersService.OrdersServiceBase.PseudonymizeSubscribers))] =
            CallerKinds.Regulator,
        [Of<OrdersService.OrdersServiceBase>(nameof(OrdersService.OrdersServiceBase.GetDraft))] =
            CallerKinds.Regulator | CallerKinds.Auditor,
        [Of<OrdersService.OrdersServiceBase>(nameof(OrdersService.OrdersServiceBase.ApproveOrder))] =
            CallerKinds.Regulator,
        [Of<OrdersService.OrdersServiceBase>(nameof(OrdersService.OrdersServiceBase.RejectOrder))] =
            CallerKinds.Regulator,
        [Of<OrdersService.OrdersServiceBase>(nameof(OrdersService.OrdersServiceBase.WithdrawOrder))] =
            CallerKinds.Regulator,
        [Of<OrdersService.OrdersServiceBase>(nameof(OrdersService.OrdersServiceBase.RecordNotice))] =
            CallerKinds.Regulator,
        [Of<OrdersService.OrdersServiceBase>(nameof(OrdersService.OrdersServiceBase.WatchOrder))] =
            CallerKinds.Regulator | CallerKinds.Auditor,

        [Of<ProofService.ProofServiceBase>(nameof(ProofService.ProofServiceBase.GetLatestCheckpoint))] =
            CallerKinds.Regulator | CallerKinds.Auditor,
        [Of<ProofService.ProofServiceBase>(nameof(ProofService.ProofServiceBase.ProveOrder))] =
            CallerKinds.Regulator | CallerKinds.Auditor,

        [Of<AppealsService.AppealsServiceBase>(nameof(AppealsService.AppealsServiceBase.FileAppeal))] =
            CallerKinds.Regulator,
        [Of<AppealsService.AppealsServiceBase>(nameof(AppealsService.AppealsServiceBase.ReviewAppeal))] =
            CallerKinds.Regulator,
        [Of<AppealsService.AppealsServiceBase>(nameof(AppealsService.AppealsServiceBase.DecideAppeal))] =
            CallerKinds.Regulator,
        [Of<AppealsService.AppealsServiceBase>(nameof(AppealsService.AppealsServiceBase.WithdrawAppeal))] =
            CallerKinds.Regulator,
        [Of<AppealsService.AppealsServiceBase>(nameof(AppealsService.AppealsServiceBase.GetAppeal))] = Readers,
        [Of<AppealsService.AppealsServiceBase>(nameof(AppealsService.AppealsServiceBase.ListAppeals))] = Readers,

        [Of<PartiesService.PartiesServiceBase>(nameof(PartiesService.PartiesServiceBase.WhoAmI))] = CallerKinds.Anyone,
        [Of<PartiesService.PartiesServiceBase>(nameof(PartiesService.PartiesServiceBase.PutParty))] =
            CallerKinds.Regulator,
        [Of<PartiesService.PartiesServiceBase>(nameof(PartiesService.PartiesServiceBase.PutActor))] =
            CallerKinds.Regulator,
        [Of<PartiesService.PartiesServiceBase>(nameof(PartiesService.PartiesServiceBase.PutAuthorization))] =
            CallerKinds.Regulator,
        [Of<PartiesService.PartiesServiceBase>(nameof(PartiesService.PartiesServiceBase.PutTacMandate))] =
            CallerKinds.Regulator,
        [Of<PartiesService.PartiesServiceBase>(nameof(PartiesService.PartiesServiceBase.ListParties))] = Readers,
        [Of<PartiesService.PartiesServiceBase>(nameof(PartiesService.PartiesServiceBase.ListActors))] = Readers,
        [Of<PartiesService.PartiesServiceBase>(nameof(PartiesService.PartiesServiceBase.ListAuthorizations))] =
            Readers | Makers,
        [Of<PartiesService.PartiesServiceBase>(nameof(PartiesService.PartiesServiceBase.ListTacMandates))] =
            Readers | Makers,

        [Of<PolicyService.PolicyServiceBase>(nameof(PolicyService.PolicyServiceBase.GetPolicy))] = Readers,
        [Of<PolicyService.PolicyServiceBase>(nameof(PolicyService.PolicyServiceBase.ProposePolicy))] =
            CallerKinds.Regulator,
        [Of<PolicyService.PolicyServiceBase>(nameof(PolicyService.PolicyServiceBase.ApprovePolicy))] =
            CallerKinds.Regulator,

        [Of<RegistryService.RegistryServiceBase>(nameof(RegistryService.RegistryServiceBase.DescribeDevice))] =
            Readers | CallerKinds.Operator,
        [Of<RegistryService.RegistryServiceBase>(nameof(RegistryService.RegistryServiceBase.GetDevice))] =
            Readers | Makers,
        [Of<RegistryService.RegistryServiceBase>(nameof(RegistryService.RegistryServiceBase.GetBatch))] =
            Readers | Makers,
        [Of<RegistryService.RegistryServiceBase>(nameof(RegistryService.RegistryServiceBase.ListBatches))] =
            Readers | Makers,
        [Of<RegistryService.RegistryServiceBase>(nameof(RegistryService.RegistryServiceBase.CountUnits))] =
            Readers | Makers,
        [Of<RegistryService.RegistryServiceBase>(nameof(RegistryService.RegistryServiceBase.ListAlarms))] =
            Readers | Makers,
        [Of<RegistryService.RegistryServiceBase>(nameof(RegistryService.RegistryServiceBase.GetOrder))] = Readers,

        [Of<FeedService.FeedServiceBase>(nameof(FeedService.FeedServiceBase.Subscribe))] =
            Readers | CallerKinds.OperatorNode,
        [Of<FeedService.FeedServiceBase>(nameof(FeedService.FeedServiceBase.GetSnapshot))] =
            Readers | CallerKinds.OperatorNode,
        [Of<FeedService.FeedServiceBase>(nameof(FeedService.FeedServiceBase.ReportPosition))] =
            CallerKinds.OperatorNode,
        [Of<FeedService.FeedServiceBase>(nameof(FeedService.FeedServiceBase.GetPseudonymKey))] =
            CallerKinds.OperatorNode,

        [Of<SightingsService.SightingsServiceBase>(nameof(SightingsService.SightingsServiceBase.ReportSightings))] =
            CallerKinds.OperatorNode,

        [Of<RecoveryService.RecoveryServiceBase>(nameof(RecoveryService.RecoveryServiceBase.GetPendingRecovery))] =
            Readers,
        [Of<RecoveryService.RecoveryServiceBase>(nameof(RecoveryService.RecoveryServiceBase.Recover))] =
            CallerKinds.Regulator,
        [Of<RecoveryService.RecoveryServiceBase>(nameof(RecoveryService.RecoveryServiceBase.ListRecoveries))] =
            Readers | CallerKinds.OperatorNode,

        [Of<StateService.StateServiceBase>(nameof(StateService.StateServiceBase.VerifyState))] = Readers,

        ["/grpc.health.v1.Health/Check"] = CallerKinds.Open,
        ["/grpc.health.v1.Health/Watch"] = CallerKinds.Open,
        ["/grpc.reflection.v1.ServerReflection/ServerReflectionInfo"] = CallerKinds.Anyone,
    }.ToFrozenDictionary();

    /// <summary>Callers that may call the method, given as /package.Service/Method.</summary>
    public static CallerKinds Allowed(string method) => Rows.GetValueOrDefault(method, CallerKinds.None);

    /// <summary>Every method in the table.</summary>
    public static IEnumerable<string> Methods => Rows.Keys;

    /// <summary>Kind of a caller. A node of a party that is not an operator may call only methods open to every
    /// certificate.</summary>
    public static CallerKinds KindOf(Caller caller) => (caller.ActorKind, caller.PartyKind) switch
    {
        (ActorKind.Node, PartyKind.Operator) => CallerKinds.OperatorNode,
        (ActorKind.Node, _) => CallerKinds.None,
        (_, PartyKind.Regulator) => CallerKinds.Regulator,
        (_, PartyKind.Auditor) => CallerKinds.Auditor,
        (_, PartyKind.Operator) => CallerKinds.Operator,
        (_, PartyKind.Manufacturer) => CallerKinds.Manufacturer,
        (_, PartyKind.Importer) => CallerKinds.Importer,
        (_, PartyKind.Lender) => CallerKinds.Lender,
        _ => CallerKinds.None,
    };

    /// <summary>Whether the caller may call the method.</summary>
    public static bool Permits(Caller caller, string method)
    {
        var allowed = Allowed(method);
        return allowed is CallerKinds.Anyone or CallerKinds.Open || (allowed & KindOf(caller)) != 0;
    }

    // The base class is nested in the service's static class, whose name is the name of the service; nameof makes a
    // renamed method a compile error.
    private static string Of<TBase>(string method) =>
        $"/deviceregistry.v1.{typeof(TBase).DeclaringType!.Name}/{method}";
}
