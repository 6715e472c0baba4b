using DeviceRegistry.Core;
using DeviceRegistry.Postgres.Journal;
using Npgsql;

namespace DeviceRegistry.Postgres.Tests;

/// <summary>Rules of journal epochs that the database enforces, independently of the service.</summary>
[CancelAfter(Patience.TestMs)]
public sealed class EpochTests : OnDatabase
{
    private const int Statement = 17;
    private const int Anything = 1;

    [Test]
    public async Task After_a_restore_no_entry_precedes_the_recovery_statement()
    {
        await WriteAsync("before", Anything);
        await BeginEpochAsync(restored: true);

        var refusal = (await Assert.ThrowsAsync<RegistryException>(async () =>
            await WriteAsync("too early", Anything)))!;
        var pending = await new JournalReader(Service, new DurabilityGate())
            .PendingRecoveryAsync(CancellationToken.None);
        await WriteAsync("statement", Statement);
        await WriteAsync("after", Anything);

        Assert.That(refusal.Error, Is.EqualTo(RegistryError.RecoveryPending));

        using (Assert.EnterMultipleScope())
        {
            Assert.That(pending!.Epoch, Is.EqualTo(2u));
            Assert.That(pending.AfterPosition, Is.EqualTo(1ul));
        }

        Assert.That(await ScalarAsync<string>(Service,
            "SELECT string_agg(epoch || ':' || kind, ' ' ORDER BY position) FROM journal JOIN journal_payloads ON id " +
            "= payload_id"), Is.EqualTo("1:1 2:17 2:1"));
        Assert.That(await ScalarAsync<long>(Service, "SELECT count(*) FROM receipts"), Is.EqualTo(3),
            "the write that came too early left nothing");
        Assert.That(await new JournalReader(Service, new DurabilityGate()).PendingRecoveryAsync(CancellationToken.None),
            Is.Null);
    }

    [TestCase(false)]
    [TestCase(true)]
    public async Task A_recovery_statement_is_only_the_first_entry_of_a_restored_epoch(bool afterOne)
    {
        await WriteAsync("before", Anything);
        await BeginEpochAsync(restored: afterOne);
        if (afterOne) await WriteAsync("the one", Statement);

        Assert.That(async () => await WriteAsync("another", Statement),
            Throws.InstanceOf<PostgresException>().With.Message.Contains("first entry of its epoch"));
    }

    [Test]
    public async Task An_epoch_without_a_restore_needs_no_statement()
    {
        await WriteAsync("before", Anything);
        await BeginEpochAsync(restored: false);

        Assert.That(await WriteAsync("after", Anything), Is.EqualTo(2));
    }

    [Test]
    public async Task An_earlier_epoch_accepts_no_entry_even_from_a_superuser()
    {
        await BeginEpochAsync(restored: false);
        await WriteAsync("in the second", Anything);
        await AsSuperuserAsync(
            "INSERT INTO journal_payloads (id, kind, must_understand, actor, public_bytes, private_digest) VALUES " +
            "('00000000-0000-0000-0000-000000000001', 1, false, 0, '', '')");

        Assert.That(
            async () => await AsSuperuserAsync(
            "INSERT INTO journal (position, epoch, at, payload_id, hash) VALUES (2, 1, now(), " +
            "'00000000-0000-0000-0000-000000000001', '')"),
            Throws.InstanceOf<PostgresException>().With.Message.Contains("epoch 1 is over"));
    }

    private Task BeginEpochAsync(bool restored) =>
        AsSuperuserAsync(
            $"INSERT INTO journal_epochs (epoch, reason, restored) SELECT max(epoch) + 1, 'a test', {restored} FROM " +
            $"journal_epochs");

    private async Task<ulong> WriteAsync(string reference, int kind)
    {
        await using var write = await new RegistryWriter(Service, new DurabilityGate())
            .BeginAsync(new WriteClaim(0, 0, reference, WriteClaim.DigestOf("test", [])), CancellationToken.None);
        write.Stage(new StagedEntry(kind, MustUnderstand: false, [], []));
        return await write.CommitAsync([], CancellationToken.None);
    }
}
