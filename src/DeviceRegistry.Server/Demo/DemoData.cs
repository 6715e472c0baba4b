using System.Security.Cryptography;
using DeviceRegistry.Contracts;
using DeviceRegistry.Contracts.V1;
using DeviceRegistry.Core;
using DeviceRegistry.Postgres.Schema;
using DeviceRegistry.Registrar.Parties;
using DeviceRegistry.Server.Access;
using DeviceRegistry.Server.Certificates;
using Google.Protobuf;
using Microsoft.EntityFrameworkCore;
using ActorKind = DeviceRegistry.Contracts.V1.ActorKind;
using PartyKind = DeviceRegistry.Contracts.V1.PartyKind;
using AuthorizationKind = DeviceRegistry.Contracts.V1.AuthorizationKind;
using AuthorizationState = DeviceRegistry.Contracts.V1.AuthorizationState;
using EnforcementMode = DeviceRegistry.Contracts.V1.EnforcementMode;

namespace DeviceRegistry.Server.Demo;

/// <summary>Demo parties, people, nodes and rights. They are journalled like all others, under references of their own,
/// so that a second start changes nothing.</summary>
internal sealed class DemoData(PartyCommands parties, PolicyCommands policies,
    IDbContextFactory<RegistryContext> contexts,
    DevelopmentAuthority authority)
{
    private static readonly (string Party, PartyKind Kind, string[] Plmns, string[] People, string[] Nodes)[] Members =
    [
        ("pta", PartyKind.Regulator, [], ["regulator-a", "regulator-b", "regulator-c", "regulator-d"], []),
        ("audit-office", PartyKind.Auditor, [], ["auditor-a"], []),
        ("opco-a", PartyKind.Operator, ["41001"], ["operator-a"], ["node-a1", "core-a1"]),
        ("opco-b", PartyKind.Operator, ["41006"], ["operator-b"], ["node-b1", "core-b1"]),
        ("maker-a-mobiles", PartyKind.Manufacturer, [], ["maker-a"], []),
        ("maker-b-mobiles", PartyKind.Manufacturer, [], ["maker-b"], []),
        ("importer-a-trading", PartyKind.Importer, [], ["importer-a"], []),
    ];

    /// <summary>Creates the missing certificates.</summary>
    public static void EnsureCertificates(DevelopmentAuthority authority)
    {
        authority.EnsureRootAndServer();
        foreach (var member in Members)
            foreach (var name in member.People.Concat(member.Nodes)) authority.Ensure(name, member.Party).Dispose();
    }

    /// <summary>Creates the missing members and rights, as writes of the registry itself. The reference is a digest of
    /// the names and keys, so that new certificates are a new registration and not a contradiction.</summary>
    public async Task EnsureAsync(CancellationToken ct)
    {
        List<Change> changes = [.. Members.Select(PartyOf), .. Members.SelectMany(ActorsOf), .. Rights()];
        var content = Convert.ToHexStringLower(SHA256.HashData([.. changes.SelectMany(c => c.ToByteArray())]));
        await parties.PutAllAsync($"demo-members-{content[..32]}", changes, ct);
        await PutPolicyAsync(await RegulatorAsync("regulator-a", ct), await RegulatorAsync("regulator-b", ct), ct);
    }

    private static Change PartyOf(
        (string Party, PartyKind Kind, string[] Plmns, string[] People, string[] Nodes) member) => new()
        {
            Party = new PutPartyRequest
            {
                Name = member.Party, Kind = member.Kind, State = MembershipState.Active,
                Plmns = { member.Plmns }
            },
        };

    private IEnumerable<Change> ActorsOf(
        (string Party, PartyKind Kind, string[] Plmns, string[] People, string[] Nodes) member) =>
        member.People.Select(name => (Name: name, Kind: ActorKind.Person))
            .Concat(member.Nodes.Select(name => (Name: name, Kind: ActorKind.Node))).Select(actor => new Change
            {
                Actor = new PutActorRequest
                {
                    Name = actor.Name, Party = member.Party, Kind = actor.Kind, State = MembershipState.Active,
                    KeyDigest = ByteString.CopyFrom(
                    Convert.FromHexString(CertificateAuthenticator.KeyOf(authority.Ensure(actor.Name, member.Party)))),
                },
            });

    private static IEnumerable<Change> Rights() =>
    [
        new()
        {
            Authorization = new PutAuthorizationRequest
            {
                Number = "MDM-0001", Party = "maker-a-mobiles", Kind = AuthorizationKind.Manufacturing,
                ValidFrom = "2021-04-01", ValidUntil = "2031-03-31",
                LegalBasis = "Mobile Device Manufacturing Regulations 2021", State = AuthorizationState.Active,
            },
        },
        new()
        {
            Authorization = new PutAuthorizationRequest
            {
                Number = "IMP-0001", Party = "importer-a-trading", Kind = AuthorizationKind.Import,
                ValidFrom = "2021-04-01", ValidUntil = "2031-03-31",
                LegalBasis = "S.R.O. 904(I)/2017", State = AuthorizationState.Active,
            },
        },
        new()
        {
            TacMandate = new PutTacMandateRequest
            {
                Party = "maker-a-mobiles", Tacs = { "35290611" }, BrandOwner = "Nova", ValidFrom = "2021-04-01",
                ValidUntil = "2031-03-31",
                DocumentHash = ByteString.CopyFrom(SHA256.HashData("demo mandate"u8)),
            },
        },
    ];

    private async Task PutPolicyAsync(Caller first, Caller second, CancellationToken ct)
    {
        // Only the first policy: a person may have changed it since, and other defaults of a later program version must
        // not overwrite it.
        if ((await policies.GetAsync(ct)).Version > 0) return;

        var policy = PolicyMapping.Defaults();
        policy.Operators.Add(new OperatorPolicy { Party = "opco-a", Mode = EnforcementMode.Enforce });
        policy.Operators.Add(new OperatorPolicy { Party = "opco-b", Mode = EnforcementMode.Enforce });
        var proposed = await policies.ProposeAsync(first,
            new ProposePolicyRequest { Reference = "demo-policy", Policy = policy }, ct);
        await policies.ApproveAsync(second,
            new ApprovePolicyRequest { Reference = "demo-policy-approval", Version = proposed.Version }, ct);
    }

    private async Task<Caller> RegulatorAsync(string name, CancellationToken ct)
    {
        await using var db = await contexts.CreateDbContextAsync(ct);
        var actor = await db.Actors.AsNoTracking().SingleAsync(a => a.Name == name, ct);
        return new Caller((ulong)actor.Id, Core.ActorKind.Person, (ulong)actor.PartyId, Core.PartyKind.Regulator);
    }
}
