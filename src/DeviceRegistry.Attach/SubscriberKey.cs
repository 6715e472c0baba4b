using DeviceRegistry.Contracts.V1;
using DeviceRegistry.Core;

namespace DeviceRegistry.Attach;

/// <summary>The key by which a node knows its own operator's subscribers in what the journal says of them (DESIGN 8).
/// Kept beside the node's copy, so that it knows them after a restart while the centre is away. Without it no
/// subscriber is known, and nothing that depends on one refuses anybody.</summary>
/// <param name="folder">The node's own; null: the key is not kept.</param>
public sealed class SubscriberKey(string? folder)
{
    /// <summary>The version of keys that this node can use.</summary>
    public const uint Version = 1;

    private readonly string? _path = folder is null ? null : Path.Combine(folder, "subscribers.key");
    private volatile byte[]? _key;

    /// <summary>What stands for a subscriber; <see cref="SubscriberPseudonym.None"/> if it is not known. Allocates
    /// nothing.</summary>
    public ulong Of(ReadOnlySpan<char> imsi) =>
        _key is { } key ? SubscriberPseudonym.Of(key, imsi) : SubscriberPseudonym.None;

    /// <summary>Reads the key the node keeps, if it has one.</summary>
    internal void Recall()
    {
        if (_path is not null && File.Exists(_path)
            && File.ReadAllBytes(_path) is { Length: SubscriberPseudonym.KeySize } kept) _key = kept;
    }

    /// <summary>Asks the registrar for the key, and keeps it. What is wrong with it; empty: nothing. A key is never
    /// replaced by another of its version: by the new one the node would know nobody whom the journal spoke of
    /// before.</summary>
    internal async Task<string> AskAsync(FeedService.FeedServiceClient feed, CancellationToken ct)
    {
        var answer = await feed.GetPseudonymKeyAsync(new GetPseudonymKeyRequest(), cancellationToken: ct);
        var key = answer.Key.ToByteArray();
        if (answer.KeyVersion is not Version
            || key.Length is not SubscriberPseudonym.KeySize) return $"version {answer.KeyVersion} with {key.Length} " +
            $"bytes is none that this version knows; upgrade the node";
        if (_key is { } known) return known.AsSpan().SequenceEqual(key) ? ""
            : "the registrar has another key of the same version than it gave before; put its own back, or this node " +
            "and those that come after it know different subscribers";

        _key = key;
        if (_path is null) return "";

        try
        {
            AtomicFile.Write(_path, key, UnixFileMode.UserRead | UnixFileMode.UserWrite);
            return "";
        }
        catch (Exception wrong) when (wrong is IOException or UnauthorizedAccessException)
        {
            return $"it cannot be kept ({wrong.Message}); after a restart it must be asked for again";
        }
    }
}
