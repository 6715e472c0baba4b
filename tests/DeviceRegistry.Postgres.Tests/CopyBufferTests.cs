using Npgsql;

namespace DeviceRegistry.Postgres.Tests;

/// <summary>Rows in PostgreSQL's binary COPY format.</summary>
public sealed class CopyBufferTests : OnDatabase
{
    private const string Copy = "COPY registry_copied (number, large, text, list) FROM STDIN (FORMAT BINARY)";

    [Test]
    public async Task Written_values_are_read_back_from_the_table()
    {
        (int Number, long Large, string Text, long[] List)[] rows =
        [
            (0, 0, "", []), (1, -1, "a", [1]),
            (int.MaxValue, long.MaxValue, "SN-000000000001", [35_290_611_000_001, 35_290_611_000_002]),
            (int.MinValue, long.MinValue, new string('x', 64), [1, 2, 3, 4, 5]),
        ];

        Assert.That(await CopiedAsync([rows]), Is.EqualTo(rows));
    }

    [Test]
    public async Task A_buffer_is_reused_after_it_was_sent()
    {
        (int Number, long Large, string Text, long[] List)[][] rounds =
            [[.. Enumerable.Range(0, 5_000).Select(n => (n, (long)n, $"{n}", new long[] { n }))],
            [(9_000, 1, "b", [2])], []];

        Assert.That(await CopiedAsync(rounds), Is.EqualTo(rounds.SelectMany(r => r)));
    }

    private async Task<List<(int Number, long Large, string Text, long[] List)>> CopiedAsync(
        (int Number, long Large, string Text, long[] List)[][] rounds)
    {
        await AsSuperuserAsync(
            "CREATE TABLE registry_copied (id serial, number int, large bigint, text text, list bigint[]); GRANT ALL " +
            "ON registry_copied TO registry_service; GRANT ALL ON SEQUENCE registry_copied_id_seq TO registry_service");
        await using var connection = await Service.OpenConnectionAsync();
        var buffer = new CopyBuffer();
        foreach (var rows in rounds)
        {
            foreach (var row in rows)
            {
                buffer.AddRow(4);
                buffer.AddInt(row.Number);
                buffer.AddBigint(row.Large);
                buffer.AddBytes(System.Text.Encoding.ASCII.GetBytes(row.Text));
                buffer.AddBigints(row.List);
            }

            Assert.That(buffer.Rows, Is.EqualTo(rows.Length));
            await buffer.SendAsync(connection, Copy, CancellationToken.None);
            Assert.That(buffer.Rows, Is.Zero);
        }

        var read = new List<(int, long, string, long[])>();
        await using var command = new NpgsqlCommand("SELECT number, large, text, list FROM registry_copied ORDER BY id",
            connection);
        await using var reader = await command.ExecuteReaderAsync();
        while (await reader.ReadAsync()) read.Add(
            (reader.GetInt32(0), reader.GetInt64(1), reader.GetString(2), reader.GetFieldValue<long[]>(3)));
        return read;
    }
}
