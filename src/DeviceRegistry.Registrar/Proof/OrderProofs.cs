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

/// <summary>Gathers what the journal says of an order, and the way from there to signed checkpoints.</summary>
internal sealed class OrderProofs(Database reads, JournalReader journal, CheckpointSigner signer)
{
    /// <summary>The proof in parts, which together are it.</summary>
    public async IAsyncEnumerable<OrderProof> OfAsync(ulong order, [EnumeratorCancellation] CancellationToken ct)
    {
        // 1. Everything about the order and what changed it, and who signed.
        var numbers = await reads.ReadAsync((db, ct) => db.RelatedOrdersAsync(order.ToKey(), ct), ct);
        if (numbers.Count is 0) throw OrderWorkflow.NoOrder(order);

        var entries = new SortedDictionary<ulong, StoredRecord>();
        foreach (var number in numbers)
            await foreach (var entry in journal.OfSubjectAsync(SubjectKind.Order, number, ct)) entries[
                entry.Record.Position] = entry;
        foreach (var member in await MembersAsync(entries.Values, ct)) entries[member.Record.Position] = member;

        // 2. A signature over all of it.
        await signer.EnsureAsync(entries.Keys.Max(), ct);
        if (await signer.OfAsync(entries.Keys.Max(), ct) is null)
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

        // 3. From each entry to the first checkpoint that speaks of it; those with the same one share a stretch.
        for (var next = entries.Keys.Min(); next > 0;)
        {
            var (checkpoint, statement) = await signer.OfAsync(next, ct)
                ?? throw new InvalidOperationException($"no checkpoint speaks of position {next}");
            await foreach (var part in StretchAsync(order, next, checkpoint, statement.Position, ct)) yield return part;

            next = entries.Keys.FirstOrDefault(p => p > statement.Position);
        }
    }

    // Who else appealed, and why, is nobody's business in a court that looks at the order.
    private static ProvenEntry Proven(StoredRecord entry) => (JournalKind)entry.Record.Kind is JournalKind.AppealFiled
        or JournalKind.AppealDecided or JournalKind.AppealWithdrawn
        ? new ProvenEntry { Entry = entry.Record.ToWire() }
        : new ProvenEntry { Entry = entry.Record.ToWire(), Salt = ByteString.CopyFrom(entry.Salt),
            PrivateBytes = ByteString.CopyFrom(entry.PrivateBytes) };

    private async IAsyncEnumerable<OrderProof> StretchAsync(ulong order, ulong first, JournalRecord checkpoint,
        ulong last, [EnumeratorCancellation] CancellationToken ct)
    {
        ProofRange Begin() => new() { FirstPosition = first };
        var stretch = Begin();
        stretch.HashBefore = ByteString.CopyFrom(first is 1 ? JournalHash.Genesis
            : (await journal.HashAtAsync(first - 1, ct))!);
        for (var position = first - 1; position < last;)
        {
            var before = position;
            await foreach (var record in journal.AfterAsync(position, last, Limits.ProofLinksPerMessage, ct))
            {
                stretch.Links.Add(new ProofLink
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
            if (position >= last) stretch.Checkpoint = Checkpoint.Parser.ParseFrom(checkpoint.PublicBytes);
            yield return new OrderProof { OrderNumber = order, Ranges = { stretch } };
            stretch = Begin();
        }
    }

    // The registration of whoever acted, and of their party, as it was when they did.
    private async Task<IEnumerable<StoredRecord>> MembersAsync(IReadOnlyCollection<StoredRecord> entries,
        CancellationToken ct)
    {
        var (actors, parties) = (new Dictionary<ulong, List<(
            StoredRecord Entry, ActorChanged Said)>>(), new Dictionary<ulong, List<StoredRecord>>());
        await foreach (var member in journal.MembersAsync(ct))
            if ((JournalKind)member.Record.Kind is JournalKind.ActorChanged)
            {
                var said = ActorChanged.Parser.ParseFrom(member.Record.PublicBytes);
                ListOf(actors, said.ActorId).Add((member, said));
            }
            else ListOf(parties, PartyChanged.Parser.ParseFrom(member.Record.PublicBytes).PartyId).Add(member);

        var needed = new HashSet<StoredRecord>();
        foreach (var entry in entries.Where(e => e.Record.Actor > 0))
            // a key may have been replaced under way
            foreach (var actor in ListOf(actors, entry.Record.Actor)
                .Where(m => m.Entry.Record.Position < entry.Record.Position).TakeLast(2))
            {
                needed.Add(actor.Entry);
                if (ListOf(parties, actor.Said.PartyId)
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
