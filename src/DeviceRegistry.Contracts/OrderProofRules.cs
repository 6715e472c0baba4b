using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using DeviceRegistry.Contracts.V1;
using DeviceRegistry.Core;
using Google.Protobuf;

namespace DeviceRegistry.Contracts;

/// <summary>Verifies the proof of an order. Every entry must lie in a stretch of the journal that a checkpoint of the
/// registry covers, its private part must match the journalled digest, two people must have signed what took effect,
/// and the armed order must match the draft. Needs only the proof and the registry's root certificate. Does not prove
/// that no entry was left out.</summary>
public static class OrderProofRules
{
    /// <summary>Merges the parts of a proof.</summary>
    public static OrderProof Merge(IEnumerable<OrderProof> parts)
    {
        var whole = new OrderProof();
        foreach (var part in parts)
        {
            whole.OrderNumber = part.OrderNumber;
            whole.Entries.Add(part.Entries);
            foreach (var stretch in part.Ranges)
                if (whole.Ranges.LastOrDefault() is { } last && last.FirstPosition == stretch.FirstPosition)
                {
                    last.Links.Add(stretch.Links);
                    last.Checkpoint ??= stretch.Checkpoint;
                }
                else whole.Ranges.Add(stretch);
        }

        return whole;
    }

    /// <summary>Verifies a proof. Returns an empty text and the covering <paramref name="checkpoints"/> if the proof is
    /// valid; otherwise returns the error.</summary>
    public static string Check(OrderProof proof, X509Certificate2 root,
        out IReadOnlyList<CheckpointStatement> checkpoints)
    {
        var signed = new List<CheckpointStatement>();
        checkpoints = signed;

        // 1. Each stretch must end at the hash that its checkpoint signs.
        var links = new Dictionary<ulong, (ProofLink Link, byte[] Hash)>();
        foreach (var stretch in proof.Ranges)
        {
            if (stretch.Checkpoint is null) return $"the checkpoint after position {stretch.FirstPosition} is not " +
                $"believed: it is missing";
            if (!CheckpointRules.IsSigned(stretch.Checkpoint, root, out var statement,
                out var fault)) return $"the checkpoint after position {stretch.FirstPosition} is not believed: " +
                $"{fault}";
            if (Walk(stretch, links) is not { } end || end.Position != statement.Position
                || end.Epoch != statement.Epoch || !statement.Hash.Span.SequenceEqual(end.Hash))
                return $"the stretch from position {stretch.FirstPosition} does not lead to the checkpoint at " +
                    $"position {statement.Position}";

            signed.Add(statement);
        }

        // 2. Each entry must lie in one of them, with its own private part; the signatures must be valid for the
        // sequence of entries.
        using var orders = new SignedOrders();
        var drafts = new Dictionary<ulong, DraftOrderRequest?>();
        var before = 0ul;
        foreach (var proven in proof.Entries)
        {
            if (proven.Entry is not { } entry
                || !links.TryGetValue(entry.Position,
                out var at)) return $"entry {proven.Entry?.Position} stands in no stretch that a checkpoint signs for";
            if (entry.Position <= before) return "the entries are not in order";

            before = entry.Position;
            if (!IsThat(entry, at.Link, at.Hash)) return $"entry {entry.Position} is not the one that was journalled";
            if (!proven.PrivateBytes.IsEmpty && !SHA256.HashData([.. proven.Salt.Span, .. proven.PrivateBytes.Span])
                .AsSpan().SequenceEqual(entry.PrivateDigest.Span))
                return $"the private part of entry {entry.Position} is not the one that was journalled";
            if (FaultOfDraft(proven, drafts) is { Length: > 0 } unsigned) return $"entry {entry.Position}: {unsigned}";
            if (orders.Take(entry) is { Length: > 0 } order) return $"entry {entry.Position}: {order}";
            if (FaultOfArmed(proven, drafts) is { Length: > 0 } armed) return $"entry {entry.Position}: {armed}";
        }

        return drafts.ContainsKey(proof.OrderNumber) ? "" : $"it holds no draft of order {proof.OrderNumber}";
    }

    private static string FaultOfArmed(ProvenEntry proven, Dictionary<ulong, DraftOrderRequest?> drafts)
    {
        var differs = (JournalKind)proven.Entry.Kind switch
        {
            JournalKind.OrderArmed when JournalEntryRules.TryRead(proven.Entry, OrderArmed.Parser, out var armed)
                && drafts.GetValueOrDefault(armed.OrderNumber) is { } draft
                => ArmedRules.Differs(draft, armed, out _),
            JournalKind.OrderPairsArmed when JournalEntryRules.TryRead(proven.Entry, OrderPairsArmed.Parser,
                out var armed) && drafts.GetValueOrDefault(armed.OrderNumber) is { } draft
                && !proven.PrivateBytes.IsEmpty
                => TryRead(proven, OrderPairs.Parser, out var pairs) ? ArmedRules.Differs(draft, armed, pairs, out _)
                : "it cannot be read",
            _ => "",
        };
        return differs.Length is 0 ? "" : $"what is armed is not what was drafted: {differs}";
    }

    // The draft in the private part must match the signed digest. Stores the draft; null for an order action, and if
    // the private part is not in the proof.
    private static string FaultOfDraft(ProvenEntry proven, Dictionary<ulong, DraftOrderRequest?> drafts)
    {
        if ((JournalKind)proven.Entry.Kind is not JournalKind.OrderDrafted) return "";

        if (!TryRead(proven, OrderDraftedPrivate.Parser, out var privatePart)) return "the draft cannot be read";

        if (JournalEntryRules.TryRead(proven.Entry, OrderStep.Parser, out var step)) drafts[step.OrderNumber] =
            privatePart.Block;
        return proven.PrivateBytes.IsEmpty
            || (OrderSigning.DraftDigest(privatePart.Block, privatePart.Action) is { } digest
            && step.DraftDigest.Span.SequenceEqual(digest))
            ? ""
            : "what the draft says is not what was signed";
    }

    private static bool TryRead<T>(ProvenEntry proven, MessageParser<T> parser, out T message)
        where T : class, IMessage<T>, new()
    {
        try
        {
            message = parser.ParseFrom(proven.PrivateBytes);
            return true;
        }
        catch (InvalidProtocolBufferException)
        {
            message = new T();
            return false;
        }
    }

    private static ChainEnd? Walk(ProofRange stretch, Dictionary<ulong, (ProofLink Link, byte[] Hash)> links)
    {
        if (stretch.FirstPosition is 0 || stretch.HashBefore.Length != JournalHash.Size) return null;

        ChainEnd? end = null;
        var (position, hash) = (stretch.FirstPosition, stretch.HashBefore.ToByteArray());
        foreach (var link in stretch.Links)
        {
            if (link.PublicDigest.Length != JournalHash.Size
                || link.PrivateDigest.Length != JournalHash.Size) return null;

            hash = JournalHash.OfDigests(hash,
                new JournalHeader(position, link.Epoch, link.AtUs, link.Kind, link.MustUnderstand, link.Actor),
                link.PublicDigest.Span, link.PrivateDigest.Span);
            links[position] = (link, hash);
            end = new ChainEnd(position++, link.Epoch, link.AtUs, hash);
        }

        return end;
    }

    private static bool IsThat(JournalEntry entry, ProofLink link, byte[] hash) =>
        entry.Epoch == link.Epoch && entry.AtUs == link.AtUs && entry.Kind == link.Kind
            && entry.MustUnderstand == link.MustUnderstand && entry.Actor == link.Actor
        && SHA256.HashData(entry.PublicBytes.Span).AsSpan().SequenceEqual(link.PublicDigest.Span)
        && entry.PrivateDigest.Equals(link.PrivateDigest) && entry.Hash.Span.SequenceEqual(hash);
}
