using System.Globalization;
using DeviceRegistry.Contracts;
using DeviceRegistry.Contracts.V1;
using Enum = System.Enum;

namespace DeviceRegistry.Cli.Commands;

/// <summary>Recomputes the chain, entry by entry, from what it is given and nothing else.</summary>
internal sealed class JournalChain
{
    private const long MicrosecondsMax = 253_402_300_799_999_999;      // the end of the year 9999; a broken entry may say anything

    private ChainEnd _end = ChainEnd.Genesis;

    /// <summary>Entries that follow one another so far; also the newest position.</summary>
    public ulong Position => _end.Position;

    /// <summary>Hash of the newest entry.</summary>
    public byte[] Hash => _end.Hash;

    /// <summary>Takes the next entry, or says what is wrong with it.</summary>
    public bool Take(JournalEntry entry, out string fault)
    {
        if (!JournalEntryRules.Follows(entry, _end, out fault)) return false;

        _end = ChainEnd.At(entry);
        return true;
    }

    /// <summary>Kind of an entry; a number where it is younger than this program.</summary>
    public static string KindOf(JournalEntry entry) =>
        Enum.IsDefined((JournalKind)entry.Kind) ? Layouts.Word((JournalKind)entry.Kind) : $"kind {entry.Kind}";

    /// <summary>When an entry was written, as it says.</summary>
    public static string TimeOf(JournalEntry entry) => entry.AtUs is >= 0 and <= MicrosecondsMax
        ? DateTimeOffset.UnixEpoch.AddMicroseconds(entry.AtUs).ToString("yyyy-MM-dd HH:mm:ss.ffffff 'UTC'", CultureInfo.InvariantCulture)
        : $"{entry.AtUs} µs";
}
