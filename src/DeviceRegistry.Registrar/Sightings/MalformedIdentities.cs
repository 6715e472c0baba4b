using Npgsql;

namespace DeviceRegistry.Registrar.Sightings;

/// <summary>Identities that are not valid IMEIs, each with a negative id. Ids are assigned only here.</summary>
internal static class MalformedIdentities
{
    // Sorted, so that two transactions that add the same texts wait for each other instead of deadlocking.
    private const string AddSql =
        """
        INSERT INTO malformed_identities (text) SELECT t FROM unnest($1) AS u (t) ORDER BY t COLLATE "C"
        ON CONFLICT (text) DO NOTHING
        """;

    // A separate statement: the first one does not see rows that other transactions committed after it started.
    private const string FindSql = "SELECT id, text FROM malformed_identities WHERE text = ANY ($1)";

    /// <summary>Returns the ids of texts in canonical form, without duplicates; adds those that have none.</summary>
    public static async Task<Dictionary<string, long>> InternAsync(
        NpgsqlConnection connection, IReadOnlyCollection<string> texts, CancellationToken ct)
    {
        var ids = new Dictionary<string, long>(StringComparer.Ordinal);
        if (texts.Count is 0) return ids;

        await using (var add = Command(connection, AddSql, texts)) await add.ExecuteNonQueryAsync(ct);
        await using var find = Command(connection, FindSql, texts);
        await using var rows = await find.ExecuteReaderAsync(ct);
        while (await rows.ReadAsync(ct)) ids[rows.GetString(1)] = rows.GetInt64(0);
        return ids;
    }

    private static NpgsqlCommand Command(NpgsqlConnection connection, string sql, IReadOnlyCollection<string> texts) =>
        // one parameter, not one a text
        new(sql, connection) { Parameters = { new() { Value = texts.ToArray() } } };
}
