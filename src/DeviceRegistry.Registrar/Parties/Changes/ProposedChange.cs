using DeviceRegistry.Contracts.V1;
using DeviceRegistry.Postgres.Journal;
using DeviceRegistry.Postgres.Schema;

namespace DeviceRegistry.Registrar.Parties.Changes;

/// <summary>A validated change that needs two people. It is checked when it is proposed and again when it is approved,
/// because the state it depends on may have changed in between.</summary>
internal abstract class ProposedChange
{
    public abstract ChangeKind Kind { get; }

    /// <summary>Names of the changed objects. A later change of one of them that is in force makes this change
    /// stale.</summary>
    public abstract IReadOnlyCollection<string> Subjects { get; }

    /// <summary>Throws if the change is not possible in the current state.</summary>
    public abstract Task ValidateAsync(RegistryContext db, CancellationToken ct);

    /// <summary>Applies the change and stages its journal entry. <paramref name="proposer"/> is the id of the person
    /// who proposed it, or 0 for the registry itself. Returns the id of the affected party or actor, or 0.</summary>
    public abstract Task<ulong> ApplyAsync(RegistryWrite write, long proposer, CancellationToken ct);

    /// <summary>Validates the stored body of a change.</summary>
    public static ProposedChange From(Change change) => change.SubjectCase switch
    {
        Change.SubjectOneofCase.Party => new PartyChange(change.Party),
        Change.SubjectOneofCase.Actor => new ActorChange(change.Actor),
        Change.SubjectOneofCase.Authorization => new AuthorizationChange(change.Authorization),
        Change.SubjectOneofCase.TacMandate => new TacMandateChange(change.TacMandate),
        Change.SubjectOneofCase.Quarantine => new QuarantineChange(change.Quarantine),
        _ => throw new InvalidOperationException("A change is about nothing."),
    };
}
