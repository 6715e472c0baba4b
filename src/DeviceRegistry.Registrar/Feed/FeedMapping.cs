using DeviceRegistry.Contracts.V1;
using DeviceRegistry.Postgres.Journal;
using Google.Protobuf;

namespace DeviceRegistry.Registrar.Feed;

/// <summary>Journal records → the wire.</summary>
internal static class FeedMapping
{
    public static JournalEntry ToWire(this JournalRecord record) => new()
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
