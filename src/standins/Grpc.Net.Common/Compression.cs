using System.IO.Compression;

namespace Grpc.Net.Compression;

/// <summary>One way to make messages smaller.</summary>
public interface ICompressionProvider
{
    /// <summary>Its name in the grpc-encoding header.</summary>
    string EncodingName { get; }

    /// <summary>A stream that compresses into <paramref name="stream" /> and leaves it open.</summary>
    Stream CreateCompressionStream(Stream stream, CompressionLevel? compressionLevel);

    /// <summary>A stream that decompresses from <paramref name="stream" /> and leaves it open.</summary>
    Stream CreateDecompressionStream(Stream stream);
}

/// <summary>gzip.</summary>
/// <remarks>Trap, the same in the real package: .NET writes nothing for empty input, so that an empty message comes out
/// invalid.</remarks>
public sealed class GzipCompressionProvider(CompressionLevel defaultCompressionLevel) : ICompressionProvider
{
    /// <inheritdoc />
    public string EncodingName => "gzip";

    /// <inheritdoc />
    public Stream CreateCompressionStream(Stream stream, CompressionLevel? compressionLevel) =>
        new GZipStream(stream, compressionLevel ?? defaultCompressionLevel, leaveOpen: true);

    /// <inheritdoc />
    public Stream CreateDecompressionStream(Stream stream) =>
        new GZipStream(stream, CompressionMode.Decompress, leaveOpen: true);
}

/// <summary>deflate, which HTTP takes to mean the zlib format of RFC 1950.</summary>
public sealed class DeflateCompressionProvider(CompressionLevel defaultCompressionLevel) : ICompressionProvider
{
    /// <inheritdoc />
    public string EncodingName => "deflate";

    /// <inheritdoc />
    public Stream CreateCompressionStream(Stream stream, CompressionLevel? compressionLevel) =>
        new ZLibStream(stream, compressionLevel ?? defaultCompressionLevel, leaveOpen: true);

    /// <inheritdoc />
    public Stream CreateDecompressionStream(Stream stream) =>
        new ZLibStream(stream, CompressionMode.Decompress, leaveOpen: true);
}
