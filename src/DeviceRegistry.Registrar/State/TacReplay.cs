using System.Text;
using DeviceRegistry.Contracts;
using DeviceRegistry.Contracts.V1;

namespace DeviceRegistry.Registrar.State;

/// <summary>Replays entries about TACs: each has whole records, of which the newest counts.</summary>
internal static class TacReplay
{
    private static readonly DateOnly Epoch = new(2000, 1, 1);

    public static void Take(ReplayPage page, ReplayedEntry entry)
    {
        if (entry.IsErased)
        {
            foreach (var tac in JournalEntryRules.FromDeltas(
                entry.Read(TacsChanged.Parser).TacDeltas.Select(d => (ulong)d))) page.Erase("tacs", (long)tac);
            return;
        }

        foreach (var record in entry.ReadPrivate(TacsChangedPrivate.Parser).Records) Add(page, (long)entry.Position,
            record);
    }

    private static void Add(ReplayPage page, long position, TacRecord record)
    {
        var to = page.Added.Tacs;
        to.AddRow(9);
        to.AddBigint(position);
        to.AddInt((int)record.Tac);
        foreach (var text in (ReadOnlySpan<string>)[record.Manufacturer, record.Brand, record.Model, record.DeviceType,
            record.Bands]) to.AddBytes(Encoding.UTF8.GetBytes(text));
        if (record.AllocatedOn.Length is 0) to.AddNull();
        else to.AddInt(Inputs.Date("allocated_on", record.AllocatedOn).DayNumber - Epoch.DayNumber);
        to.AddSmallint((short)record.SimSlots);
    }
}
