using DeviceRegistry.Contracts;
using DeviceRegistry.Contracts.V1;
using DeviceRegistry.Core;
using DeviceRegistry.Postgres.Journal;
using DeviceRegistry.Postgres.Schema;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Microsoft.EntityFrameworkCore;
using PartyKind = DeviceRegistry.Core.PartyKind;

namespace DeviceRegistry.Registrar.Parties;

/// <summary>Policy versions: one person proposes a version, another puts it in force.</summary>
public sealed class PolicyCommands(IdempotentWrites writes, Database reads, TimeProvider time)
{
    /// <summary>The policy in force, or the built-in defaults.</summary>
    public Task<GetPolicyResponse> GetAsync(CancellationToken ct) => reads.ReadAsync(GetAsync, ct);

    private static async Task<GetPolicyResponse> GetAsync(RegistryContext db, CancellationToken ct)
    {
        if (await RowInForceAsync(db, ct) is not { } row) return new GetPolicyResponse
        {
            Policy =
            PolicyMapping.Defaults()
        };

        var policy = Policy.Parser.ParseFrom(row.Body);
        var names = await db.Parties.AsNoTracking().ToDictionaryAsync(p => (ulong)p.Id, p => p.Name, ct);
        foreach (var one in policy.Operators) one.Party = names.GetValueOrDefault(one.PartyId, "");
        foreach (var one in policy.AutoCertified) one.Party = names.GetValueOrDefault(one.PartyId, "");
        return new GetPolicyResponse
        {
            Version = (ulong)row.Version, Policy = policy,
            InForceAt = Timestamp.FromDateTime(row.InForceAt!.Value)
        };
    }

    /// <summary>The policy in force, read within an open transaction and without the names of parties.</summary>
    internal static async Task<Policy> InForceAsync(RegistryContext db, CancellationToken ct) =>
        await RowInForceAsync(db, ct) is { } row ? Policy.Parser.ParseFrom(row.Body) : PolicyMapping.Defaults();

    private static Task<PolicyRow?> RowInForceAsync(RegistryContext db, CancellationToken ct) =>
        db.Policies.AsNoTracking().Where(p => p.State == PolicyState.InForce).OrderByDescending(p => p.Version)
            .FirstOrDefaultAsync(ct);

    /// <summary>Proposes the next version.</summary>
    public Task<ProposePolicyResponse> ProposeAsync(Caller caller, ProposePolicyRequest request, CancellationToken ct)
    {
        Inputs.Require(request.Policy is not null, "policy", "the complete parameter set");
        PolicyMapping.Require(request.Policy!);

        // A protobuf map has no defined order: the entries are sorted, so that the same policy has the same content
        // from every client.
        var content = request.Clone();
        content.Policy.TacWaitDays.Clear();
        foreach (var (body, days) in request.Policy!.TacWaitDays.OrderBy(p => p.Key,
            StringComparer.Ordinal)) content.Policy.TacWaitDays[body] = days;
        foreach (var one in content.Policy.Operators) one.PartyId = 0;
        foreach (var one in content.Policy.AutoCertified) one.PartyId = 0;
        return writes.ExecutePerPersonAsync(caller, request.Reference, content, async (write, ct) =>
        {
            await write.LockAsync(WriteLock.Policy, ct);
            SyncPoints.Reached(SyncPoint.PolicyLocked);
            var version = (await write.Db.Policies.MaxAsync(p => (long?)p.Version, ct) ?? 0) + 1;
            var policy = await WithIdsAsync(write.Db, content.Policy, ct);
            write.Db.Policies.Add(new PolicyRow
            {
                Version = version, State = PolicyState.Proposed,
                Body = policy.ToByteArray(), ProposedBy = (long)caller.ActorId
            });
            write.Stage(JournalKind.PolicyProposed, new PolicyStep { Version = (ulong)version }, policy);
            return new ProposePolicyResponse { Version = (ulong)version };
        }, ct);
    }

    /// <summary>Puts a proposed version in force.</summary>
    public Task<ApprovePolicyResponse> ApproveAsync(Caller caller, ApprovePolicyRequest request,
        CancellationToken ct) =>
        writes.ExecutePerPersonAsync(caller, request.Reference, request, async (write, ct) =>
        {
            await write.LockAsync(WriteLock.Policy, ct);
            SyncPoints.Reached(SyncPoint.PolicyLocked);
            var row = await write.Db.Policies.SingleOrDefaultAsync(p => p.Version == request.Version.ToKey(), ct)
                ?? throw new RegistryException(RegistryError.NotFound, $"There is no policy version {request.Version}.",
                    "version", "a proposed version");
            if (row.State is not PolicyState.Proposed) throw new RegistryException(RegistryError.WrongState,
                $"Policy version {row.Version} was approved already.", "version", "a proposed version");
            if (await write.Db.Policies.AnyAsync(p => p.State == PolicyState.InForce && p.Version > row.Version, ct))
                throw new RegistryException(RegistryError.WrongState,
                    $"A later version than {row.Version} is in force. Propose what you want anew.", "version",
                    "a version later than the one in force");
            await write.Db.RequireAnotherPersonAsync(caller, [row.ProposedBy],
                $"You proposed policy version {row.Version}; another person must approve it.", ct);

            (row.State, row.ApprovedBy, row.InForceAt) = (PolicyState.InForce, (long)caller.ActorId, time.Now());
            write.Stage(JournalKind.PolicyInForce,
                new PolicyInForce { Version = (ulong)row.Version, Policy = Policy.Parser.ParseFrom(row.Body) });
            return new ApprovePolicyResponse();
        }, ct);

    // The journal names parties by id; their names stay in the registry.
    private static async Task<Policy> WithIdsAsync(RegistryContext db, Policy given, CancellationToken ct)
    {
        var policy = given.Clone();
        foreach (var one in policy.Operators)
        {
            one.PartyId = await IdAsync(db, "policy.operators.party", one.Party, [PartyKind.Operator],
                "the name of an operator", ct);
            one.Party = "";
        }

        foreach (var one in policy.AutoCertified)
        {
            one.PartyId = await IdAsync(db, "policy.auto_certified.party", one.Party,
                [PartyKind.Manufacturer, PartyKind.Importer], "the name of a manufacturer or importer", ct);
            one.Party = "";
        }

        Inputs.Require(policy.Operators.DistinctBy(o => o.PartyId).Count() == policy.Operators.Count,
            "policy.operators", "each operator once");
        return policy;
    }

    private static async Task<ulong> IdAsync(RegistryContext db, string field, string text, PartyKind[] kinds,
        string expected, CancellationToken ct)
    {
        var name = Inputs.Name(field, text);
        var party = await db.Parties.AsNoTracking()
            .SingleOrDefaultAsync(p => p.Name == name && kinds.Contains(p.Kind), ct);
        Inputs.Require(party is not null, field, expected);
        return (ulong)party!.Id;
    }
}
