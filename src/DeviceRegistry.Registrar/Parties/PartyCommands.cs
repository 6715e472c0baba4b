using System.Text;
using DeviceRegistry.Contracts.V1;
using DeviceRegistry.Core;
using DeviceRegistry.Postgres.Journal;
using DeviceRegistry.Registrar.Parties.Changes;
using Google.Protobuf;
using Microsoft.EntityFrameworkCore;
using ActorKind = DeviceRegistry.Core.ActorKind;
using PartyKind = DeviceRegistry.Core.PartyKind;

namespace DeviceRegistry.Registrar.Parties;

/// <summary>Registers members on behalf of the registry itself, without a second person: the first members of an empty
/// registry, and the members of the demo.</summary>
public sealed class PartyCommands(IdempotentWrites writes, MemberDirectoryLoader loader)
{
    /// <summary>The caller that represents the registry itself in the journal (author 0).</summary>
    public static Caller Registry { get; } = new(0, ActorKind.Node, 0, PartyKind.Regulator);

    /// <summary>Registers the regulator and its first people in one transaction, if the registry has no members.
    /// Repeating the call with the same content changes nothing. No one of these people counts as having set the key
    /// of another, so any two of them can approve for each other.</summary>
    public async Task FoundAsync(string regulator, IEnumerable<(string Name, byte[] KeyDigest)> people,
        CancellationToken ct)
    {
        var first = people.OrderBy(p => p.Name, StringComparer.Ordinal).ToList();
        Inputs.Require(first.DistinctBy(p => p.Name).Count() == first.Count && first.Count >= 2, "people",
            "at least two different ones, since whatever blocks a handset needs two");
        var party = new PartyChange(new PutPartyRequest
        {
            Name = regulator, Kind = Contracts.V1.PartyKind.Regulator,
            State = MembershipState.Active
        });
        var actors = first.Select(p => new ActorChange(new PutActorRequest
        {
            Name = p.Name, Party = regulator, Kind = Contracts.V1.ActorKind.Person, State = MembershipState.Active,
            KeyDigest = ByteString.CopyFrom(p.KeyDigest),
        })).ToList();

        // The digest of the content is the reference: the same content finds its receipt, and any other content fails
        // because members exist.
        var digest = WriteClaim.DigestOf("founding",
            Encoding.UTF8.GetBytes(string.Join('\n', first.Select(p => $"{p.Name} {Convert.ToHexString(p.KeyDigest)}")
            .Prepend(regulator))));
        await writes.ExecuteAsync(Registry, $"founding-{Convert.ToHexString(digest)}", digest, async (write, ct) =>
        {
            await write.LockAsync(WriteLock.Members, ct);
            if (await write.Db.Parties.AnyAsync(ct) || await write.Db.Journal.AnyAsync(ct))
                throw new RegistryException(RegistryError.WrongState,
                    "This registry has members already, and others than these were its first. Nothing was changed. " +
                    "Its regulator registers people: dreg person put.");

            await party.ApplyAsync(write, proposer: 0, ct);
            foreach (var actor in actors) await actor.ApplyAsync(write, proposer: 0, ct);
            return new PutPartyResponse();
        }, ct);
        await loader.ReloadAsync(ct);
    }

    /// <summary>Registers or changes members and rights in one transaction without a second person. For the demo only:
    /// everywhere else a change needs two people.</summary>
    public async Task PutAllAsync(string reference, IReadOnlyList<Change> changes, CancellationToken ct)
    {
        var digest = WriteClaim.DigestOf("demo", [.. changes.SelectMany(c => c.ToByteArray())]);
        await writes.ExecuteAsync(Registry, reference, digest, async (write, ct) =>
        {
            await write.LockAsync(WriteLock.Members, ct);
            foreach (var change in changes)
            {
                await ProposedChange.From(change).ApplyAsync(write, proposer: 0, ct);
                await write.Db.SaveChangesAsync(ct);
            }

            return new PutPartyResponse();
        }, ct);
        await loader.ReloadAsync(ct);
    }
}
