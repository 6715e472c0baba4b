using System.Globalization;
using System.Security.Cryptography.X509Certificates;
using DeviceRegistry.Contracts;
using DeviceRegistry.Contracts.V1;
using Enum = System.Enum;

namespace DeviceRegistry.Cli.Commands;

/// <summary>Recomputes the chain, entry by entry, from what it is given and nothing else, and judges the signatures in
/// it: of people under orders, of the registry under checkpoints.</summary>
/// <param name="root">By whose certificates checkpoints are believed; null: signatures are not looked at.</param>
/// <param name="start">Where it begins: a checkpoint that was believed, or the beginning.</param>
internal sealed class JournalChain(X509Certificate2? root, ChainEnd start)
{
    // the end of the year 9999; a broken entry may say anything
    private const long MicrosecondsMax = 253_402_300_799_999_999;

    private const int DoubtsNamed = 100;

    private ChainEnd _end = start;
    private readonly List<(JournalEntry Entry, string Fault)> _doubts = [];

    /// <summary>Entries that follow one another so far; also the newest position.</summary>
    public ulong Position => _end.Position;

    /// <summary>Hash of the newest entry.</summary>
    public byte[] Hash => _end.Hash;

    /// <summary>Signatures of people under orders.</summary>
    public SignedOrders Orders { get; } = new() { BeginsLater = start.Position > 0 };

    /// <summary>Checkpoints.</summary>
    public Checkpoints? Checkpoints { get; } = root is null ? null : new Checkpoints(root);

    /// <summary>Entries that follow, but whose signatures do not hold, the first hundred of them.</summary>
    public IReadOnlyList<(JournalEntry Entry, string Fault)> Doubts => _doubts;

    /// <summary>Takes the next entry, or says what is wrong with it.</summary>
    public bool Take(JournalEntry entry, out string fault)
    {
        if (!JournalEntryRules.Follows(entry, _end, out fault)) return false;

        _end = ChainEnd.At(entry);
        if (Checkpoints is not null)
            foreach (var doubt in (string[])[Orders.Take(entry), Checkpoints.Take(entry)])
                if (doubt.Length > 0 && _doubts.Count < DoubtsNamed) _doubts.Add((entry, doubt));
        return true;
    }

    /// <summary>Kind of an entry; a number where it is younger than this program.</summary>
    public static string KindOf(JournalEntry entry) =>
        Enum.IsDefined((JournalKind)entry.Kind) ? TextFormatter.Word((JournalKind)entry.Kind) : $"kind {entry.Kind}";

    /// <summary>When an entry was written, as it says.</summary>
    public static string TimeOf(JournalEntry entry) => entry.AtUs is >= 0 and <= MicrosecondsMax
        ? DateTimeOffset.UnixEpoch.AddMicroseconds(entry.AtUs)
            .ToString("yyyy-MM-dd HH:mm:ss.ffffff 'UTC'", CultureInfo.InvariantCulture)
        : $"{entry.AtUs} µs";
}
