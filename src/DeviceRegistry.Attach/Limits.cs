namespace DeviceRegistry.Attach;

/// <summary>Every input of an attach node has a limit, and here it is.</summary>
internal static class Limits
{
    /// <summary>Checks in one stream message: 256 × about 60 bytes are 15 KB, one read of a socket.</summary>
    public const int ChecksPerMessageMax = 256;

    /// <summary>Bytes of one journal entry: 64 Ki IMEIs of at most 7 bytes are 460 KB; eight times that.</summary>
    public const int EntryBytesMax = 4 * 1024 * 1024;

    /// <summary>Bytes of entries the node's copy keeps while its disk does not take them.</summary>
    public const int UnwrittenBytesMax = 64 * 1024 * 1024;

    /// <summary>Bytes of one feed message: the registrar sends 1 MiB, or one entry.</summary>
    public const int FeedMessageBytesMax = EntryBytesMax + 64 * 1024;
}
