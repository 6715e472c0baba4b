using System.Security.Cryptography;
using DeviceRegistry.Contracts.V1;
using DeviceRegistry.Core;
using Google.Protobuf;

namespace DeviceRegistry.Contracts;

/// <summary>End of a chain of entries: the newest verified entry.</summary>
public sealed record ChainEnd(ulong Position, uint Epoch, long AtUs, byte[] Hash)
{
    /// <summary>End of the empty chain.</summary>
    public static ChainEnd Genesis { get; } = new(0, 0, long.MinValue, JournalHash.Genesis);

    /// <summary>End of the chain after this entry.</summary>
    public static ChainEnd At(JournalEntry entry) =>
        new(entry.Position, entry.Epoch, entry.AtUs, entry.Hash.ToByteArray());
}

/// <summary>Rules for journal entries on the wire: kinds that a reader must understand, packing of identities,
/// verification of the chain.</summary>
public static class JournalEntryRules
{
    /// <summary>Size in bytes of the salt before a private part.</summary>
    public const int SaltSize = 16;

    /// <summary>Largest number of identities in one entry.</summary>
    public const int ChunkMax = 65_536;

    /// <summary>Kinds that a node must understand: if it ignored one, its checks would return wrong answers.</summary>
    public static bool MustUnderstand(JournalKind kind) => kind is JournalKind.PartyChanged or JournalKind.ActorChanged
        or JournalKind.PolicyInForce or JournalKind.TacsChanged or JournalKind.ImeisReleased or JournalKind.ImeisRetired
        or JournalKind.OrderArmed or JournalKind.OrderPairsArmed or JournalKind.OrderLifted
        or JournalKind.OrderStayed or JournalKind.OrderAnnulled or JournalKind.OrderWithdrawn or JournalKind.Recovered;

    /// <summary>Expected hash of the entry after <paramref name="previous"/>.</summary>
    public static byte[] HashOf(JournalEntry entry, ReadOnlySpan<byte> previous) => JournalHash.Of(
        previous,
        new JournalHeader(entry.Position, entry.Epoch, entry.AtUs, entry.Kind, entry.MustUnderstand, entry.Actor),
        entry.PublicBytes.Span,
        entry.PrivateDigest.Span);

    /// <summary>Whether the entry follows: next position, no earlier epoch, later time, correct hash. Otherwise
    /// <paramref name="fault"/> contains the reason.</summary>
    public static bool Follows(JournalEntry entry, ChainEnd end, out string fault)
    {
        fault = "";
        if (entry.Position != end.Position + 1) fault = $"expected position {end.Position + 1}, found {entry.Position}";
        else if (entry.Epoch < end.Epoch) fault =
            $"its epoch {entry.Epoch} is over; the entry before is of epoch {end.Epoch}";
        else if (entry.AtUs <= end.AtUs) fault = "its time is not later than the time of the entry before";
        else if (entry.PrivateDigest.Length != JournalHash.Size) fault =
            $"its private digest has {entry.PrivateDigest.Length} bytes, expected {JournalHash.Size}";
        else if (!entry.Hash.Span.SequenceEqual(HashOf(entry, end.Hash))) fault =
            "its hash does not match its contents and the entry before";
        else if (!entry.Scoped.IsEmpty && ScopedPart(entry) is null) fault =
            "the private part that came with it is not the one that was journalled";

        return fault.Length is 0;
    }

    /// <summary>Verifies a chain from its beginning; returns its end, or the first entry that does not follow and the
    /// reason.</summary>
    public static (ChainEnd End, JournalEntry? Broken, string Fault) Walk(IEnumerable<JournalEntry> entries)
    {
        var end = ChainEnd.Genesis;
        foreach (var entry in entries)
        {
            if (!Follows(entry, end, out var fault)) return (end, entry, fault);

            end = ChainEnd.At(entry);
        }

        return (end, null, "");
    }

    /// <summary>Packs sorted values as differences.</summary>
    public static IEnumerable<ulong> ToDeltas(IEnumerable<ulong> sorted)
    {
        var previous = 0ul;
        foreach (var value in sorted)
        {
            yield return value - previous;
            previous = value;
        }
    }

    /// <summary>The part of the entry for the caller's operator, if it was delivered and matches the journalled digest;
    /// otherwise null.</summary>
    public static byte[]? ScopedPart(JournalEntry entry) =>
        entry.Scoped.Length > SaltSize && SHA256.HashData(entry.Scoped.Span).AsSpan()
            .SequenceEqual(entry.PrivateDigest.Span) ? entry.Scoped.Span[SaltSize..].ToArray() : null;

    /// <summary>Unpacks differences.</summary>
    public static IEnumerable<ulong> FromDeltas(IEnumerable<ulong> deltas)
    {
        var value = 0ul;
        foreach (var delta in deltas) yield return value = unchecked(value + delta);
    }

    /// <summary>Parses the public message of an entry; false if the bytes are invalid.</summary>
    public static bool TryRead<T>(JournalEntry entry, MessageParser<T> parser, out T message)
        where T : class, IMessage<T>, new()
    {
        try
        {
            message = parser.ParseFrom(entry.PublicBytes);
            return true;
        }
        catch (InvalidProtocolBufferException)
        {
            message = new T();
            return false;
        }
    }
}
