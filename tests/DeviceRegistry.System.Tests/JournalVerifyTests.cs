using System.Text.RegularExpressions;
using DeviceRegistry.Contracts.V1;
using DeviceRegistry.Postgres.Schema;
using DeviceRegistry.TestKit;
using Npgsql;

namespace DeviceRegistry.System.Tests;

/// <summary>The owner of the tables can change them. dreg recomputes every hash and names the changed place. The
/// running registrar still has the original entries in its memory and must not answer from there.</summary>
[CancelAfter(Patience.TestMs)]
public sealed partial class JournalVerifyTests
{
    // The primary key is checked for each row, so rows are moved through free positions. Each statement receives the
    // position of the entry that it changes.
    private static readonly (string What, string Sql)[] Alterations =
    [
        ("rewritten",
        "UPDATE journal_payloads SET public_bytes = public_bytes || '\\x0801'::bytea WHERE id = (SELECT payload_id " +
        "FROM journal WHERE position = $1)"),
        ("removed", "DELETE FROM journal WHERE position = $1"),
        ("inserted", """
            UPDATE journal SET position = position + 100000 WHERE position >= $1;
            UPDATE journal SET position = position - 99999 WHERE position > 100000;
            WITH forged AS (
              INSERT INTO journal_payloads (id, kind, must_understand, actor, public_bytes, private_digest)
              SELECT gen_random_uuid(), p.kind, p.must_understand, p.actor, p.public_bytes, p.private_digest
                FROM journal j JOIN journal_payloads p ON p.id = j.payload_id WHERE j.position = $1 + 1
              RETURNING id)
            INSERT INTO journal (position, epoch, at, payload_id, hash)
            SELECT $1, j.epoch, j.at + interval '1 microsecond', forged.id, sha256('forged') FROM forged, journal j
              WHERE j.position = $1 - 1
            """),
        ("swapped with the next", """
            UPDATE journal SET position = position + 100000 WHERE position IN ($1, $1 + 1);
            UPDATE journal SET position = 2 * $1 + 1 - (position - 100000) WHERE position > 100000
            """),
    ];

    [Test]
    public async Task A_journal_row_changed_in_the_database_is_named_by_dreg()
    {
        var database = await Registry.Cluster.CloneAsync();
        await using var registrar = await RegistryProcess.StartAsync(Registry.NewFolder(), "--roles", "Registrar,Web",
            "--demo", "--database", Registry.ConnectionString(database));
        var position = await BlockAsync(registrar);
        await BlockAsync(registrar);
        await using var owner = NpgsqlDataSource.Create(
            Registry.Cluster.Server.ConnectionString(RegistryDatabase.OwnerRole, database));
        await ExecuteAsync(owner,
            "CREATE TABLE kept_journal AS TABLE journal; CREATE TABLE kept_payloads AS SELECT id, public_bytes FROM " +
            "journal_payloads");

        var intact = await VerifyAsync(registrar);
        var named = new Dictionary<string, string>();
        foreach (var (what, sql) in Alterations)
        {
            await ExecuteAsync(owner, sql.Replace("$1",
                position.ToString(global::System.Globalization.CultureInfo.InvariantCulture),
                StringComparison.Ordinal));
            var (code, output) = await VerifyAsync(registrar);
            named.Add(what, $"{code}: {BrokenAt().Match(output).Value}");
            await ExecuteAsync(owner, """
                DELETE FROM journal; INSERT INTO journal SELECT * FROM kept_journal ORDER BY position;
                UPDATE journal_payloads p SET public_bytes = k.public_bytes FROM kept_payloads k WHERE k.id = p.id
                  AND k.public_bytes <> p.public_bytes
                """);
        }

        var again = await VerifyAsync(registrar);
        Assert.That(named, Is.EquivalentTo(
            Alterations.ToDictionary(a => a.What, _ => $"1: The journal is broken at position {position}:")));
        using (Assert.EnterMultipleScope())
        {
            Assert.That(intact.Code, Is.EqualTo(0), intact.Output);
            Assert.That(Intact().IsMatch(intact.Output), Is.True, intact.Output);
            Assert.That(again.Code, Is.EqualTo(0), "put back, it is whole");
            Assert.That(Intact().Match(again.Output).Value, Is.EqualTo(Intact().Match(intact.Output).Value),
                "put back, it is whole");
        }
    }

    // Position of the entry that arms the order. The approval is the entry before it, and more entries follow.
    private static async Task<ulong> BlockAsync(RegistryProcess registrar)
    {
        OrdersService.OrdersServiceClient As(string who) => new(registrar.Signer(who));
        var order = (await As("regulator-a").DraftOrderAsync(Registry.Draft(TestImei.Next()))).Order.OrderNumber;
        return (await As("regulator-b")
            .ApproveOrderAsync(new ApproveOrderRequest
            {
                Reference = Registry.NewReference(),
                OrderNumber = order
            })).JournalPosition;
    }

    private static Task<(int Code, string Output)> VerifyAsync(RegistryProcess registrar) =>
        Scripts.DregAsync(registrar, "journal", "verify");

    private static async Task ExecuteAsync(NpgsqlDataSource database, string sql)
    {
        await using var command = database.CreateCommand(sql);
        await command.ExecuteNonQueryAsync();
    }

    [GeneratedRegex("The journal is broken at position [0-9]+:")]
    private static partial Regex BrokenAt();

    [GeneratedRegex("journal intact: .*")]
    private static partial Regex Intact();
}
