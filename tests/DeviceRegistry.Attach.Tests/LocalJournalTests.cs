using DeviceRegistry.Attach;
using DeviceRegistry.Contracts.V1;
using Google.Protobuf;

namespace DeviceRegistry.Attach.Tests;

/// <summary>The node's local journal, in parts that begin at the positions of snapshots.</summary>
public sealed class LocalJournalTests
{
    [Test]
    public void Appended_entries_are_read_from_any_snapshot_on()
    {
        var folder = TemporaryFolder.New();
        using (var copy = Loaded(folder, 0, out _))
        {
            Append(copy, 1, 5);
            copy.BeginPart(5);
            Append(copy, 6, 9);
            copy.BeginPart(9);
            Append(copy, 10, 11);
        }

        foreach (var (from, expected) in new (ulong, ulong[])[] { (0, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]),
            (5, [6, 7, 8, 9, 10, 11]), (7, [8, 9, 10, 11]), (9, [10, 11]), (11, []) })
            using (Loaded(folder, from, out var read)) Assert.That(read, Is.EqualTo(expected), $"from {from}");
    }

    [Test]
    public void Entries_covered_by_the_oldest_snapshot_are_deleted_and_others_kept()
    {
        var folder = TemporaryFolder.New();
        using (var copy = Loaded(folder, 0, out _))
        {
            Append(copy, 1, 5);
            copy.BeginPart(5);
            Append(copy, 6, 9);
            copy.BeginPart(9);
            Append(copy, 10, 11);
            copy.DropBefore(5);
            Assert.That(copy.Begin, Is.EqualTo(5));
        }

        using (Loaded(folder, 5, out var read)) Assert.That(read, Is.EqualTo((ulong[])[6, 7, 8, 9, 10, 11]));
        Assert.That(Directory.GetFiles(folder, "feed-*.log").Select(Path.GetFileName),
            Is.EquivalentTo(["feed-5.log", "feed-9.log"]));
    }

    [Test]
    public void A_torn_part_ends_the_local_journal_and_later_parts_are_deleted()
    {
        var folder = TemporaryFolder.New();
        using (var copy = Loaded(folder, 0, out _))
        {
            Append(copy, 1, 5);
            copy.BeginPart(5);
            Append(copy, 6, 9);
        }

        var first = Path.Combine(folder, "feed-0.log");
        File.WriteAllBytes(first, File.ReadAllBytes(first)[..^1]);

        using (var copy = Loaded(folder, 0, out var read))
        {
            Assert.That(read, Is.EqualTo((ulong[])[1, 2, 3, 4]));
            Append(copy, 5, 7);
        }

        using (Loaded(folder, 0, out var again)) Assert.That(again, Is.EqualTo((ulong[])[1, 2, 3, 4, 5, 6, 7]));
    }

    [Test]
    public void A_local_journal_with_a_gap_to_the_snapshot_restarts_at_the_snapshot()
    {
        var (behind, ahead) = (TemporaryFolder.New(), TemporaryFolder.New());
        using (var copy = Loaded(behind, 0, out _)) Append(copy, 1, 5);
        using (var copy = Loaded(ahead, 20, out _)) Append(copy, 21, 25);

        foreach (var folder in (string[])[behind, ahead])
        {
            using (var copy = Loaded(folder, 9, out var read))
            {
                Assert.That(read, Is.Empty);
                Append(copy, 10, 11);
            }

            using (Loaded(folder, 9, out var again)) Assert.That(again, Is.EqualTo((ulong[])[10, 11]));
        }
    }

    [Test]
    public void Going_back_cuts_across_parts_and_saves_the_discarded_entries()
    {
        var folder = TemporaryFolder.New();
        using (var copy = Loaded(folder, 0, out _))
        {
            Append(copy, 1, 5);
            copy.BeginPart(5);
            Append(copy, 6, 9);
            copy.BeginPart(9);
            Append(copy, 10, 11);

            var end = copy.Read(5, e => e.Position <= 7);
            copy.SaveAs("void", end);
            copy.CutAt(end);
            Append(copy, 8, 8);
        }

        using (Loaded(folder, 0, out var read)) Assert.That(read, Is.EqualTo((ulong[])[1, 2, 3, 4, 5, 6, 7, 8]));
        var kept = File.ReadAllBytes(Path.Combine(folder, "void"));
        foreach (var position in (ulong[])[8, 9, 10, 11]) Assert.That(kept.AsSpan()
            .IndexOf(Entry(position).ToByteArray()), Is.Not.Negative, $"entry {position}");
    }

    private static LocalJournal Loaded(string folder, ulong after, out List<ulong> read)
    {
        var taken = read = [];
        var copy = new LocalJournal(folder);
        copy.Load(after, entry =>
        {
            if (entry.Position != (taken is [.., var last] ? last : after) + 1) return false;

            taken.Add(entry.Position);
            return true;
        });
        return copy;
    }

    private static void Append(LocalJournal copy, ulong first, ulong last)
    {
        for (var position = first; position <= last; position++) Assert.That(
            copy.TryAppend([Entry(position)], out var fault), Is.True, fault);
    }

    private static JournalEntry Entry(ulong position) =>
        new() { Position = position, PublicBytes = ByteString.CopyFromUtf8($"entry number {position}") };
}
