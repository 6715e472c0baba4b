using DeviceRegistry.Contracts.V1;
using DeviceRegistry.Core;

namespace DeviceRegistry.Attach;

/// <summary>The operator's pseudonym key: computes the pseudonyms by which the journal names the operator's subscribers
/// (proto/docs/canonical-forms.md, Pseudonym of a subscriber). Stored on the node's disk, so that it is available after
/// a restart while the registrar is unreachable. Without the key, no order for a device with a subscriber denies
/// anything on this node.</summary>
/// <param name="folder">Data folder of the node; null: the key is not stored.</param>
public sealed class SubscriberKey(string? folder)
{
    /// <summary>The key version that this node supports.</summary>
    public const uint Version = 1;

    private readonly string? _path = folder is null ? null : Path.Combine(folder, "subscribers.key");
    private volatile byte[]? _key;

    /// <summary>Pseudonym of an IMSI; <see cref="SubscriberPseudonym.None"/> if there is no key or the text is not an
    /// IMSI. Allocates nothing.</summary>
    public ulong Of(ReadOnlySpan<char> imsi) =>
        _key is { } key ? SubscriberPseudonym.Of(key, imsi) : SubscriberPseudonym.None;

    /// <summary>Loads the stored key, if there is one.</summary>
    internal void Load()
    {
        if (_path is not null && File.Exists(_path)
            && File.ReadAllBytes(_path) is { Length: SubscriberPseudonym.KeySize } stored) _key = stored;
    }

    /// <summary>Fetches the key from the registrar and stores it. Returns what is wrong with it; empty: nothing. A key
    /// is never replaced by another one of the same version: the pseudonyms already in the journal would match no
    /// subscriber.</summary>
    internal async Task<string> FetchAsync(FeedService.FeedServiceClient feed, CancellationToken ct)
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
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            return $"it cannot be kept ({failure.Message}); after a restart it must be asked for again";
        }
    }
}
