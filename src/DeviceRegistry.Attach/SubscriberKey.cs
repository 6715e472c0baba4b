using DeviceRegistry.Contracts.V1;
using DeviceRegistry.Core;

namespace DeviceRegistry.Attach;

/// <summary>The key by which a node knows its own operator's subscribers in what the journal says of them (DESIGN 8). Kept beside the node's copy, so that it knows them after a restart
/// while the centre is away. Without it no subscriber is known, and nothing that depends on one refuses anybody.</summary>
public sealed class SubscriberKey(string folder)
{
    private readonly string _path = Path.Combine(folder, "subscribers.key");
    private volatile byte[]? _key;

    /// <summary>Whether there is a key.</summary>
    public bool IsKnown => _key is not null;

    /// <summary>What stands for a subscriber; <see cref="SubscriberPseudonym.None"/> if it is not known. Allocates nothing.</summary>
    public ulong Of(ReadOnlySpan<char> imsi) => _key is { } key ? SubscriberPseudonym.Of(key, imsi) : SubscriberPseudonym.None;

    /// <summary>Reads the key the node keeps, if it has one.</summary>
    internal void Recall()
    {
        if (File.Exists(_path) && File.ReadAllBytes(_path) is { Length: SubscriberPseudonym.KeySize } kept) _key = kept;
    }

    /// <summary>Asks the registrar for the key, and keeps it.</summary>
    internal async Task AskAsync(FeedService.FeedServiceClient feed, CancellationToken ct)
    {
        var key = (await feed.GetPseudonymKeyAsync(new GetPseudonymKeyRequest(), cancellationToken: ct)).Key.ToByteArray();
        if (key.Length is not SubscriberPseudonym.KeySize || (_key is { } known && known.AsSpan().SequenceEqual(key))) return;

        var beside = _path + ".new";
        await File.WriteAllBytesAsync(beside, key, ct);
        if (!OperatingSystem.IsWindows()) File.SetUnixFileMode(beside, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        File.Move(beside, _path, overwrite: true);
        _key = key;
    }
}
