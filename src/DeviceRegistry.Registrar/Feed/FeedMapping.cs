using System.Security.Cryptography;
using DeviceRegistry.Contracts;
using DeviceRegistry.Contracts.V1;
using DeviceRegistry.Postgres.Journal;
using Google.Protobuf;

namespace DeviceRegistry.Registrar.Feed;

/// <summary>Maps journal records to messages of the contract.</summary>
internal static class FeedMapping
{
    /// <summary>The public entry. The scoped part is added only if it is meant for <paramref name="operatorId"/> and
    /// matches the journalled private digest. 0: never add it.</summary>
    public static JournalEntry ToWire(this JournalRecord record, ulong operatorId = 0)
    {
        var entry = ToPublic(record);
        if (operatorId is not 0 && record.Scoped.Length > 0
            && JournalEntryRules.TryRead(entry, OrderPairsArmed.Parser, out var armed)
            && armed.OperatorPartyId == operatorId
            && SHA256.HashData(record.Scoped).AsSpan().SequenceEqual(record.PrivateDigest))
            entry.Scoped = ByteString.CopyFrom(record.Scoped);
        return entry;
    }

    private static JournalEntry ToPublic(JournalRecord record) => new()
    {
        Position = record.Position,
        Epoch = record.Epoch,
        AtUs = record.AtUs,
        Kind = record.Kind,
        MustUnderstand = record.MustUnderstand,
        Actor = record.Actor,
        PublicBytes = ByteString.CopyFrom(record.PublicBytes),
        PrivateDigest = ByteString.CopyFrom(record.PrivateDigest),
        Hash = ByteString.CopyFrom(record.Hash),
    };
}
