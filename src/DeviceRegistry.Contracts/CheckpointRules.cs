using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using DeviceRegistry.Contracts.V1;
using DeviceRegistry.Core;
using Google.Protobuf;

namespace DeviceRegistry.Contracts;

/// <summary>Verifies checkpoints: the registry's own CA issued the certificate for signing checkpoints, and its key
/// signed the statement.</summary>
public static class CheckpointRules
{
    /// <summary>Common name of the certificate that signs checkpoints; the CA must issue it to the registry
    /// only.</summary>
    public const string CommonName = "checkpoint";

    private const string Kind = "checkpoint";

    public static Checkpoint Sign(CheckpointStatement statement, X509Certificate2 certificate)
    {
        var bytes = statement.ToByteString();
        return new Checkpoint
        {
            Statement = bytes, Certificate = ByteString.CopyFrom(certificate.RawData),
            Signature = RegistryKey.Sign(Kind, bytes, certificate)
        };
    }

    /// <summary>Whether the checkpoint is valid; otherwise <paramref name="fault"/> contains the reason.</summary>
    public static bool IsSigned(Checkpoint checkpoint, X509Certificate2 root, out CheckpointStatement statement,
        out string fault)
    {
        statement = new CheckpointStatement();
        fault = "";
        try
        {
            statement = CheckpointStatement.Parser.ParseFrom(checkpoint.Statement);
            if (statement.Hash.Length != JournalHash.Size
                || statement.StateDigest.Length is not (0 or StateDigest.Size)) fault = "its statement is not whole";
            else fault = RegistryKey.FaultOf(Kind, checkpoint.Statement, checkpoint.Certificate, checkpoint.Signature,
                statement.AtUs, root);
        }
        catch (Exception unreadable) when (unreadable is InvalidProtocolBufferException or CryptographicException)
        {
            fault = "it cannot be read";
        }

        return fault.Length is 0;
    }
}

/// <summary>Follows the journal and verifies each checkpoint: its signature, its hash against the chain, and its state
/// digest against the follower's own state, if the follower has one.</summary>
/// <param name="root">The registry's root certificate.</param>
/// <param name="states">Digests of the follower's own state; null if it has none.</param>
public sealed class Checkpoints(X509Certificate2 root, StateDigests? states = null)
{
    private readonly Queue<(ulong Position, uint Epoch, byte[] Hash)> _recent = [];

    /// <summary>Number of valid checkpoints.</summary>
    public int Believed { get; private set; }

    /// <summary>Number of valid checkpoints whose position is too far back to be compared.</summary>
    public int NotCompared { get; private set; }

    /// <summary>Position of the newest valid checkpoint.</summary>
    public ulong Newest { get; private set; }

    /// <summary>Applies the next entry, whose place in the chain is already verified. Returns the error; empty if there
    /// is none.</summary>
    public string Take(JournalEntry entry)
    {
        var fault = (JournalKind)entry.Kind is JournalKind.Checkpoint ? FaultOf(entry) : "";
        _recent.Enqueue((entry.Position, entry.Epoch, entry.Hash.ToByteArray()));
        if (_recent.Count > StateDigests.Kept) _recent.Dequeue();
        return fault;
    }

    private string FaultOf(JournalEntry entry)
    {
        if (!JournalEntryRules.TryRead(entry, Checkpoint.Parser,
            out var checkpoint)) return "the checkpoint cannot be read";
        if (!CheckpointRules.IsSigned(checkpoint, root, out var statement,
            out var fault)) return $"the checkpoint is not believed: {fault}";

        // If the checkpoint's position lies before the first entry applied, there is nothing to compare.
        var (position, epoch, hash) = _recent.LastOrDefault(r => r.Position == statement.Position);
        if (position > 0 && (epoch != statement.Epoch
            || !statement.Hash.Span.SequenceEqual(
            hash))) return $"the checkpoint signs for another history at position {position}";
        if (statement.Position >= entry.Position) return "the checkpoint signs for what comes after it";
        if (statement.StateDigest.Length > 0 && states?.At(statement.Position, statement.Hash.Span) is { } own
            && !statement.StateDigest.Span.SequenceEqual(own))
            return $"the state here is not the one that the registry signed for at position {statement.Position}";

        if (position is 0) NotCompared++;
        Believed++;
        Newest = statement.Position;
        return "";
    }
}
