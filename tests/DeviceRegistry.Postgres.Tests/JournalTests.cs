using System.Collections.Concurrent;
using System.Text;
using DeviceRegistry.Contracts;
using DeviceRegistry.Contracts.V1;
using DeviceRegistry.Core;
using DeviceRegistry.Postgres.Journal;
using Google.Protobuf;
using Npgsql;

namespace DeviceRegistry.Postgres.Tests;

[CancelAfter(Patience.TestMs)]
public sealed class JournalTests : OnDatabase
{
    private RegistryWriter Writer => new(Service, new DurabilityGate());

    private JournalReader Reader => new(Service, new DurabilityGate());

    [Test]
    public async Task Two_hundred_concurrent_writers_leave_no_gap_and_an_intact_chain()
    {
        var last = new ConcurrentDictionary<ulong, string>();

        await Parallel.ForEachAsync(Enumerable.Range(0, 200), new ParallelOptions { MaxDegreeOfParallelism = 200 },
            async (n, ct) =>
        {
            for (var i = 0; i < 5; i++) last.TryAdd(await WriteAsync($"writer-{n}-{i}", entries: 1 + n % 3, ct),
                $"writer-{n}-{i} {n % 3}");
        });

        var entries = await ReadAllAsync();
        Assert.That(last, Has.Count.EqualTo(1_000), "each write has a position of its own");
        Assert.That(last.All(l => TextOf(entries[(int)l.Key - 1]) == l.Value),
            "the position that a write returned is that of its last entry");
        Assert.That(entries.Where(e => TextOf(e).EndsWith(" 1", StringComparison.Ordinal))
            .All(e => TextOf(entries[(int)e.Position - 2]) == TextOf(e)[..^1] + "0"),
            "the entries of a write stand together");
        Assert.That(entries, Has.Count.EqualTo(Enumerable.Range(0, 200).Sum(n => 5 * (1 + n % 3))));
        Assert.That(BrokenAt(entries), Is.Zero);
    }

    [Test]
    public async Task Entries_of_one_write_are_adjacent_in_staging_order()
    {
        await WriteAsync("first", entries: 3);

        var entries = await ReadAllAsync();
        Assert.That(entries.Select(TextOf), Is.EqualTo(["first 0", "first 1", "first 2"]));
    }

    [Test]
    public async Task A_rolled_back_write_leaves_no_rows()
    {
        await using (var write = await Writer.BeginAsync(Claim("abandoned"), CancellationToken.None)) write.Stage(
            Entry("abandoned 0"));

        Assert.That(await ReadAllAsync(), Is.Empty);
        Assert.That(await ScalarAsync<long>(Service, "SELECT count(*) FROM receipts"), Is.Zero);
    }

    [Test]
    public async Task A_repeated_reference_gets_the_first_answer_and_position()
    {
        var first = await WriteAsync("twice");

        await using var again = await Writer.BeginAsync(Claim("twice"), CancellationToken.None);

        Assert.That(again.Earlier?.Position, Is.EqualTo(first));
        Assert.That(Encoding.UTF8.GetString(again.Earlier!.Answer), Is.EqualTo("answer to twice"));
    }

    [Test]
    public async Task A_reference_with_other_content_is_rejected()
    {
        await WriteAsync("reused");

        Assert.That(
            async () => await Writer.BeginAsync(Claim("reused") with { Digest = WriteClaim.DigestOf("other", []) },
            CancellationToken.None),
            Throws.TypeOf<RegistryException>().With.Property(nameof(RegistryException.Error))
                .EqualTo(RegistryError.ReferenceReused));
    }

    [Test]
    public async Task The_same_reference_of_another_party_is_a_separate_reference()
    {
        await WriteAsync("shared");

        await using var other = await Writer.BeginAsync(Claim("shared") with { PartyId = 8 }, CancellationToken.None);

        Assert.That(other.Earlier, Is.Null);
    }

    [Test]
    public async Task Forty_concurrent_calls_with_one_reference_write_once()
    {
        await Parallel.ForEachAsync(Enumerable.Range(0, 40), new ParallelOptions { MaxDegreeOfParallelism = 40 },
            async (_, ct) => await WriteAsync("raced", ct: ct));

        Assert.That(await ReadAllAsync(), Has.Count.EqualTo(1));
    }

    [Test]
    public async Task Appending_under_another_isolation_level_is_rejected()
    {
        await using var connection = await Service.OpenConnectionAsync();
        await using var transaction = await connection.BeginTransactionAsync(System.Data.IsolationLevel.RepeatableRead);
        await using var append = new NpgsqlCommand("SELECT journal_append('{}')", connection, transaction);

        Assert.That(async () => await append.ExecuteNonQueryAsync(),
            Throws.TypeOf<PostgresException>().With.Message.Contains("READ COMMITTED"));
    }

    [TestCase(
        "UPDATE journal_payloads SET public_bytes = 'forged' WHERE id = (SELECT payload_id FROM journal WHERE " +
        "position = 3)", 3ul)]
    [TestCase(
        "UPDATE journal_payloads SET actor = actor + 1 WHERE id = (SELECT payload_id FROM journal WHERE position = 2)",
        2ul)]
    [TestCase("UPDATE journal SET at = at - interval '1 microsecond' WHERE position = 4", 4ul)]
    [TestCase("UPDATE journal SET hash = sha256('forged') WHERE position = 5", 5ul)]
    [TestCase("DELETE FROM journal WHERE position = 2", 3ul)]
    [TestCase(
        "UPDATE journal SET position = position + 100 WHERE position IN (2, 3); UPDATE journal SET position = 105 - " +
        "position WHERE position > 100", 2ul)]
    [TestCase(
        """
        UPDATE journal SET position = position + 100 WHERE position >= 3;
        UPDATE journal SET position = position - 99 WHERE position > 100;
        WITH forged AS (INSERT INTO journal_payloads (id, kind, must_understand, actor, public_bytes, private_digest)
          SELECT gen_random_uuid(), p.kind, p.must_understand, p.actor, 'forged', p.private_digest FROM journal j
            JOIN journal_payloads p ON p.id = j.payload_id WHERE j.position = 2 RETURNING id)
        INSERT INTO journal (position, epoch, at, payload_id, hash) SELECT 3, j.epoch, j.at + interval '1 microsecond',
          forged.id, sha256('forged') FROM forged, journal j WHERE j.position = 2
        """, 3ul)]
    public async Task A_row_altered_by_a_superuser_is_detected_at_its_position(string alteration, ulong position)
    {
        await WriteAsync("history", entries: 5);

        await AsSuperuserAsync(alteration);

        Assert.That(BrokenAt(await ReadAllAsync()), Is.EqualTo(position));
    }

    [Test]
    public async Task An_erased_private_part_does_not_break_the_chain()
    {
        await WriteAsync("private", entries: 2);

        await AsSuperuserAsync("DELETE FROM journal_private");

        Assert.That(BrokenAt(await ReadAllAsync()), Is.Zero);
    }

    [Test]
    public async Task Equal_private_parts_have_different_digests()
    {
        await WriteAsync("one");
        await WriteAsync("two");

        var entries = await ReadAllAsync();
        Assert.That(entries[0].PrivateDigest, Is.Not.EqualTo(entries[1].PrivateDigest));
    }

    private static WriteClaim Claim(string reference) =>
        new(42, 7, reference, WriteClaim.DigestOf("test", Encoding.UTF8.GetBytes(reference)));

    private static string TextOf(JournalRecord entry) => Encoding.UTF8.GetString(entry.PublicBytes);

    private static StagedEntry Entry(string text) =>
        new(1, true, Encoding.UTF8.GetBytes(text), "the same secret"u8.ToArray());

    private async Task<ulong> WriteAsync(string reference, int entries = 1, CancellationToken ct = default)
    {
        await using var write = await Writer.BeginAsync(Claim(reference), ct);
        if (write.Earlier is { } earlier) return earlier.Position;

        for (var i = 0; i < entries; i++) write.Stage(Entry($"{reference} {i}"));
        return await write.CommitAsync(Encoding.UTF8.GetBytes($"answer to {reference}"), ct);
    }

    private async Task<List<JournalRecord>> ReadAllAsync()
    {
        var all = new List<JournalRecord>();
        await foreach (var entry in Reader.AfterAsync(0, long.MaxValue, 10_000, CancellationToken.None)) all.Add(entry);
        return all;
    }

    // The position of the first entry that does not follow; 0 if the chain is intact.
    private static ulong BrokenAt(List<JournalRecord> entries) =>
        JournalEntryRules.Walk(entries.Select(e => new JournalEntry
        {
            Position = e.Position, Epoch = e.Epoch, AtUs = e.AtUs, Kind = e.Kind, MustUnderstand = e.MustUnderstand,
            Actor = e.Actor,
            PublicBytes = ByteString.CopyFrom(e.PublicBytes), PrivateDigest = ByteString.CopyFrom(e.PrivateDigest),
            Hash = ByteString.CopyFrom(e.Hash),
        })).Broken?.Position ?? 0;
}
