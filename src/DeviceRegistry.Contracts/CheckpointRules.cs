using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using DeviceRegistry.Contracts.V1;
using DeviceRegistry.Core;
using Google.Protobuf;

namespace DeviceRegistry.Contracts;

/// <summary>When a checkpoint is believed: its certificate is the registry's own authority's, for signing checkpoints,
/// and its key signed the statement.</summary>
public static class CheckpointRules
{
    /// <summary>Common name of the certificate that signs checkpoints; its authority must give it to nobody
    /// else.</summary>
    public const string CommonName = "checkpoint";

    private const string Kind = "checkpoint";

    /// <summary>Signs a statement.</summary>
    public static Checkpoint Sign(CheckpointStatement statement, X509Certificate2 certificate)
    {
        var bytes = statement.ToByteString();
        return new Checkpoint { Statement = bytes, Certificate = ByteString.CopyFrom(certificate.RawData),
            Signature = RegistryKey.Sign(Kind, bytes, certificate) };
    }

    /// <summary>Whether it is believed; otherwise <paramref name="fault"/> says why not.</summary>
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

/// <summary>Follows the journal and tells of each checkpoint whether it is believed and says what the chain says, and
/// the state, where whoever follows has one.</summary>
/// <param name="root">The registry's root.</param>
/// <param name="states">Digests of the own state; null: there is none.</param>
public sealed class Checkpoints(X509Certificate2 root, StateDigests? states = null)
{
    private readonly Queue<(ulong Position, uint Epoch, byte[] Hash)> _recent = [];

    /// <summary>Checkpoints that were believed.</summary>
    public int Believed { get; private set; }

    /// <summary>Of these, those that speak of a position too far back to be compared with.</summary>
    public int NotCompared { get; private set; }

    /// <summary>Position that the newest of them speaks of.</summary>
    public ulong Newest { get; private set; }

    /// <summary>Takes the next entry, whose place in the chain is checked. Empty: nothing is wrong with it; otherwise
    /// what is.</summary>
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

        // One of which the position lies before the entries that were given says nothing that could be compared.
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
