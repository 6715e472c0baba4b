using System.Runtime.CompilerServices;
using System.Security.Cryptography;
using DeviceRegistry.Contracts.V1;
using DeviceRegistry.Core;
using DeviceRegistry.Postgres.Journal;
using DeviceRegistry.Postgres.Schema;
using DeviceRegistry.Registrar.Feed;
using DeviceRegistry.Registrar.Orders;
using Google.Protobuf;

namespace DeviceRegistry.Registrar.Proof;

/// <summary>Builds the proof of an order: all journal entries about it, and the hash chain from them to signed
/// checkpoints.</summary>
internal sealed class OrderProofs(Database reads, JournalReader journal, CheckpointSigner signer)
{
    /// <summary>Streams the proof in parts, to be concatenated by the receiver.</summary>
    public async IAsyncEnumerable<OrderProof> ProveAsync(ulong order, [EnumeratorCancellation] CancellationToken ct)
    {
        // 1. All entries about the order and about the orders that changed it, and the registrations of their signers.
        var numbers = await reads.ReadAsync((db, ct) => db.RelatedOrdersAsync(order.ToKey(), ct), ct);
        if (numbers.Count is 0) throw OrderWorkflow.NoOrder(order);

        var entries = new SortedDictionary<ulong, StoredRecord>();
        foreach (var number in numbers)
            await foreach (var entry in journal.OfSubjectAsync(SubjectKind.Order, number, ct)) entries[
                entry.Record.Position] = entry;
        foreach (var member in await MembersAsync(entries.Values, ct)) entries[member.Record.Position] = member;

        // 2. A checkpoint that covers the last of these entries.
        await signer.EnsureAsync(entries.Keys.Max(), ct);
        if (await signer.FirstCoveringAsync(entries.Keys.Max(), ct) is null)
            throw new RegistryException(RegistryError.CheckpointsDisabled,
                "This registry signs no checkpoints (--checkpoint-entries and --checkpoint-seconds are 0), so " +
                "nothing of its journal can be proved without it.");

        await journal.SeenAsync(ct);
        foreach (var entry in entries.Values)
            yield return new OrderProof
            {
                OrderNumber = order,
                Entries = { Proven(entry) },
            };

        // 3. The chain from each entry to the first checkpoint that covers it. Entries with the same checkpoint share
        // one range.
        for (var next = entries.Keys.Min(); next > 0;)
        {
            var (checkpoint, statement) = await signer.FirstCoveringAsync(next, ct)
                ?? throw new InvalidOperationException($"no checkpoint speaks of position {next}");
            await foreach (var part in RangeAsync(order, next, checkpoint, statement.Position, ct)) yield return part;

            next = entries.Keys.FirstOrDefault(p => p > statement.Position);
        }
    }

    // The private parts of appeals are left out: appellants and grounds are not disclosed to a court that examines the
    // order.
    private static ProvenEntry Proven(StoredRecord entry) => (JournalKind)entry.Record.Kind is JournalKind.AppealFiled
        or JournalKind.AppealDecided or JournalKind.AppealWithdrawn
        ? new ProvenEntry { Entry = entry.Record.ToWire() }
        : new ProvenEntry
        {
            Entry = entry.Record.ToWire(), Salt = ByteString.CopyFrom(entry.Salt),
            PrivateBytes = ByteString.CopyFrom(entry.PrivateBytes)
        };

    private async IAsyncEnumerable<OrderProof> RangeAsync(ulong order, ulong first, JournalRecord checkpoint,
        ulong last, [EnumeratorCancellation] CancellationToken ct)
    {
        ProofRange NewRange() => new() { FirstPosition = first };
        var range = NewRange();
        range.HashBefore = ByteString.CopyFrom(first is 1 ? JournalHash.Genesis
            : (await journal.HashAtAsync(first - 1, ct))!);
        for (var position = first - 1; position < last;)
        {
            var before = position;
            await foreach (var record in journal.AfterAsync(position, last, Limits.ProofLinksPerMessage, ct))
            {
                range.Links.Add(new ProofLink
                {
                    Epoch = record.Epoch, AtUs = record.AtUs, Kind = record.Kind,
                    MustUnderstand = record.MustUnderstand, Actor = record.Actor,
                    PublicDigest = ByteString.CopyFrom(SHA256.HashData(record.PublicBytes)),
                    PrivateDigest = ByteString.CopyFrom(record.PrivateDigest),
                });
                position = record.Position;
            }

            if (position == before) throw new InvalidOperationException(
                $"the journal ends at position {position}, before the checkpoint that speaks of {last}");
            if (position >= last) range.Checkpoint = Checkpoint.Parser.ParseFrom(checkpoint.PublicBytes);
            yield return new OrderProof { OrderNumber = order, Ranges = { range } };
            range = NewRange();
        }
    }

    // The registration of each author and of the author's party at the time of the entry.
    private async Task<IEnumerable<StoredRecord>> MembersAsync(IReadOnlyCollection<StoredRecord> entries,
        CancellationToken ct)
    {
        var (actors, parties) = (new Dictionary<ulong, List<(
            StoredRecord Entry, ActorChanged Changed)>>(), new Dictionary<ulong, List<StoredRecord>>());
        await foreach (var member in journal.MembersAsync(ct))
            if ((JournalKind)member.Record.Kind is JournalKind.ActorChanged)
            {
                var changed = ActorChanged.Parser.ParseFrom(member.Record.PublicBytes);
                ListOf(actors, changed.ActorId).Add((member, changed));
            }
            else ListOf(parties, PartyChanged.Parser.ParseFrom(member.Record.PublicBytes).PartyId).Add(member);

        var needed = new HashSet<StoredRecord>();
        foreach (var entry in entries.Where(e => e.Record.Actor > 0))
            // The last two registrations, because the key may have been replaced in between.
            foreach (var actor in ListOf(actors, entry.Record.Actor)
                .Where(m => m.Entry.Record.Position < entry.Record.Position).TakeLast(2))
            {
                needed.Add(actor.Entry);
                if (ListOf(parties, actor.Changed.PartyId)
                    .LastOrDefault(p => p.Record.Position < entry.Record.Position) is { } party) needed.Add(party);
            }

        return needed;
    }

    private static List<T> ListOf<T>(Dictionary<ulong, List<T>> lists, ulong id)
    {
        if (!lists.TryGetValue(id, out var list)) lists[id] = list = [];
        return list;
    }
}
