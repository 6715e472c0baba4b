using System.Data;
using System.Security.Cryptography;
using DeviceRegistry.Core;
using Npgsql;

namespace DeviceRegistry.Registrar.Registration;

/// <summary>The file of a sealed batch, read from its stored chunks; can be read repeatedly.</summary>
internal sealed class BatchFile(NpgsqlConnection connection, int batch, int chunks)
{
    private const string ChunkSql = "SELECT bytes FROM upload_chunks WHERE batch_number = $1 AND sequence = $2";
    private readonly byte[] _chunk = new byte[Limits.ChunkBytesMax];

    /// <summary>Reads the file to its end. Calls <paramref name="between"/> with the chunk's number after each chunk,
    /// and again after the last line; the callback may use the connection. Returns SHA-256 of the file.</summary>
    public async Task<byte[]> ReadAsync(IUnitsSink sink, Func<UnitsReader, int, Task> between, CancellationToken ct)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var reader = new UnitsReader(sink);
        for (var sequence = 1; sequence <= chunks; sequence++)
        {
            var bytes = _chunk.AsMemory(0, await LoadAsync(sequence, ct));
            hash.AppendData(bytes.Span);
            reader.Read(bytes.Span);
            await between(reader, sequence);
        }

        reader.End();
        await between(reader, chunks);
        return hash.GetHashAndReset();
    }

    private async Task<int> LoadAsync(int sequence, CancellationToken ct)
    {
        await using var command = new NpgsqlCommand(ChunkSql,
            connection)
        { Parameters = { new() { Value = batch }, new() { Value = sequence } } };
        await using var row = await command.ExecuteReaderAsync(CommandBehavior.SequentialAccess, ct);
        if (!await row.ReadAsync(ct)) throw new InvalidOperationException(
            $"Chunk {sequence} of batch {batch} is not there.");

        await using var stream = await row.GetStreamAsync(0, ct);
        return await stream.ReadAtLeastAsync(_chunk, _chunk.Length, throwOnEndOfStream: false, ct);
    }
}
