using DeviceRegistry.Contracts.V1;
using DeviceRegistry.Postgres.Journal;
using DeviceRegistry.Postgres.Schema;

namespace DeviceRegistry.Registrar.Parties.Changes;

/// <summary>A change that needs two people, its fields read. It is judged when it is proposed and again when it is
/// approved, since what it builds on may have changed in between.</summary>
internal abstract class ProposedChange
{
    /// <summary>What it is about.</summary>
    public abstract ChangeKind Kind { get; }

    /// <summary>Names of what it changes: a later change of one of them makes it stale.</summary>
    public abstract IReadOnlyCollection<string> Subjects { get; }

    /// <summary>Refuses what cannot be done as things are.</summary>
    public abstract Task JudgeAsync(RegistryContext db, CancellationToken ct);

    /// <summary>Does it, journalled. <paramref name="proposer"/> is whose idea it was; 0: the registry's own. Returns
    /// the id of the party or actor it is about, or 0.</summary>
    public abstract Task<ulong> ApplyAsync(RegistryWrite write, long proposer, CancellationToken ct);

    /// <summary>Reads a change as it was proposed.</summary>
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
