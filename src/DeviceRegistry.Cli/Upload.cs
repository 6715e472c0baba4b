using System.Runtime.CompilerServices;
using Google.Protobuf;
using Grpc.Core;

namespace DeviceRegistry.Cli;

/// <summary>Sends a file in chunks.</summary>
internal static class Upload
{
    // A quarter of the largest chunk that the registry accepts: progress moves often, and a slow line meets its
    // deadline.
    private const int ChunkBytes = 256 * 1024;

    /// <summary>Sends the header, then the file, and completes the stream. A server that has already refused ends the
    /// call; the call's status gives the reason, so the exception of the write is ignored.</summary>
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
