using System.Runtime.CompilerServices;
using Google.Protobuf;
using Grpc.Core;

namespace DeviceRegistry.Cli;

/// <summary>Sends a file in chunks.</summary>
internal static class Upload
{
    // A quarter of what the registry takes in one message: progress moves, and a slow line keeps its deadline.
    private const int ChunkBytes = 256 * 1024;

    /// <summary>Sends the header, then the file, and ends the stream. A server that has refused already stops it; the
    /// call's own status says why, so the writer's complaint is dropped.</summary>
    public static async Task SendAsync<T>(
        IClientStreamWriter<T> stream, T header, FileInfo file, Func<ByteString, T> wrap, Output output,
        CancellationToken ct)
        where T : class
    {
        try
        {
            await stream.WriteAsync(header, ct);
            await foreach (var chunk in ChunksAsync(file, output, ct)) await stream.WriteAsync(wrap(chunk), ct);
            await stream.CompleteAsync();
        }
        catch (Exception refused) when (refused is RpcException or InvalidOperationException)
        {
        }
    }

    private static async IAsyncEnumerable<ByteString> ChunksAsync(FileInfo file, Output output,
        [EnumeratorCancellation] CancellationToken ct)
    {
        var stage = new Stage($"sending {file.Name}", $"sent {file.Name}", Quantity.Bytes);
        using var progress = new Progress(output);
        await using var source = file.OpenRead();
        var buffer = new byte[ChunkBytes];
        var sent = 0L;
        while (await source.ReadAtLeastAsync(buffer, buffer.Length, throwOnEndOfStream: false, ct) is > 0 and var read)
        {
            yield return ByteString.CopyFrom(buffer, 0, read);
            sent += read;
            progress.Show(stage, sent, source.Length);
        }

        progress.End();
    }
}
