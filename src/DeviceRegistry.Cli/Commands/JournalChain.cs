using System.Globalization;
using System.Security.Cryptography.X509Certificates;
using DeviceRegistry.Contracts;
using DeviceRegistry.Contracts.V1;
using Enum = System.Enum;

namespace DeviceRegistry.Cli.Commands;

/// <summary>Recomputes the hash chain entry by entry, from the given entries only, and verifies the signatures in it:
/// people's under orders, the registry's under checkpoints.</summary>
/// <param name="root">Root that the certificates of checkpoints are verified against; null to skip all
/// signatures.</param>
/// <param name="start">Where the chain starts: a verified checkpoint, or the first entry.</param>
internal sealed class JournalChain(X509Certificate2? root, ChainEnd start)
{
    // end of the year 9999; an invalid entry may contain any value
    private const long MicrosecondsMax = 253_402_300_799_999_999;

    private const int InvalidSignaturesMax = 100;

    private ChainEnd _end = start;
    private readonly List<(JournalEntry Entry, string Fault)> _invalidSignatures = [];

    /// <summary>Number of valid consecutive entries so far, which is also the newest position.</summary>
    public ulong Position => _end.Position;

    /// <summary>Hash of the newest entry.</summary>
    public byte[] Hash => _end.Hash;

    /// <summary>Signatures of people under orders.</summary>
    public SignedOrders Orders { get; } = new() { BeginsLater = start.Position > 0 };

    /// <summary>Checkpoints.</summary>
    public Checkpoints? Checkpoints { get; } = root is null ? null : new Checkpoints(root);

    /// <summary>The first hundred entries that are valid in the chain but carry an invalid signature.</summary>
    public IReadOnlyList<(JournalEntry Entry, string Fault)> InvalidSignatures => _invalidSignatures;

    /// <summary>Verifies and adds the next entry. Returns false with the reason if it does not follow the
    /// chain.</summary>
    public bool Take(JournalEntry entry, out string fault)
    {
        if (!JournalEntryRules.Follows(entry, _end, out fault)) return false;

        _end = ChainEnd.At(entry);
        if (Checkpoints is not null)
            foreach (var reason in (string[])[Orders.Take(entry), Checkpoints.Take(entry)])
                if (reason.Length > 0 && _invalidSignatures.Count < InvalidSignaturesMax) _invalidSignatures.Add(
                    (entry, reason));
        return true;
    }

    /// <summary>Name of an entry's kind; the number if this program does not know the kind.</summary>
    public static string KindOf(JournalEntry entry) =>
        Enum.IsDefined((JournalKind)entry.Kind) ? TextFormatter.Word((JournalKind)entry.Kind) : $"kind {entry.Kind}";

    /// <summary>Time of an entry, as the entry states it.</summary>
    public static string TimeOf(JournalEntry entry) => entry.AtUs is >= 0 and <= MicrosecondsMax
        ? DateTimeOffset.UnixEpoch.AddMicroseconds(entry.AtUs)
            .ToString("yyyy-MM-dd HH:mm:ss.ffffff 'UTC'", CultureInfo.InvariantCulture)
        : $"{entry.AtUs} µs";
}
