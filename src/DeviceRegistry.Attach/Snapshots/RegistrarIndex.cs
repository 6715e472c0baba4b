using DeviceRegistry.Contracts;
using DeviceRegistry.Contracts.V1;
using DeviceRegistry.Core;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace DeviceRegistry.Attach.Snapshots;

/// <summary>The registrar's journal, for followers in the same process.</summary>
/// <param name="Has">Whether the journal has an entry with this position and hash.</param>
/// <param name="After">Endless stream of the entries after a position, in pages. Each page says whether it reaches the
/// current head. Ends with an exception when the journal was replaced by another one.</param>
public sealed record JournalSource(
    Func<ulong, byte[], CancellationToken, Task<bool>> Has, Func<ulong, CancellationToken, IAsyncEnumerable<(
    IReadOnlyList<JournalEntry> Entries, bool Level)>> After);

/// <summary>The state computed by the registrar: the same replay as on every node, of public bytes alone. Nodes
/// download its snapshots, and checkpoints contain its digests if no node runs in the registrar's process.</summary>
/// <remarks>An attach node in the same process has its own index. The private parts for one operator must not enter a
/// snapshot that others receive, and this index never sees them.</remarks>
internal sealed partial class RegistrarIndex(
    NodeState state, SnapshotStore snapshots, SnapshotCatalog catalog, JournalSource journal, SnapshotOptions options,
    TimeProvider time, ILogger<RegistrarIndex> log) : BackgroundService
{
    private readonly JournalVerifier _verifier = new(state);
    private long _entries;
    private long _bytes;

    // After a restore, nodes may need a snapshot of that position to follow it, so the next one is written at once.
    private bool _restored;

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        var logged = false;
        while (!stoppingToken.IsCancellationRequested)
            try
            {
                await BeginAsync(stoppingToken);
                await foreach (var (entries, level) in journal.After(_verifier.End.Position, stoppingToken))
                {
                    foreach (var entry in entries) Apply(entry);
                    if (IsDue(level)) Write();
                    logged = false;
                }
            }
            catch (Exception) when (stoppingToken.IsCancellationRequested)
            {
                return;
            }
            catch (Exception fault)
            {
                if (!logged) Interrupted(log, fault);
                logged = true;
                await Task.Delay(Limits.RetryDelayMax, time, stoppingToken)
                    .ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
    }

    // Continues from the current position if the journal has it; otherwise from the newest snapshot that the journal
    // has; otherwise from the first entry.
    private async Task BeginAsync(CancellationToken ct)
    {
        if (_verifier.End.Position > 0 && await HasAsync(_verifier, ct)) return;

        catalog.Clear();
        while (snapshots.Newest(NewState) is { } newest)
        {
            if (await HasAsync(newest.State, ct) && DigestMatches(newest.State))
            {
                ReplaceWith(newest.State);
                Publish(newest.State.End, state.Index.Digest.ToBytes(), newest.Digest);
                Resumed(log, _verifier.End.Position);
                return;
            }

            snapshots.DeleteAfter(newest.State.End.Position - 1);
        }

        ReplaceWith(new JournalVerifier(NewState()));
        Resumed(log, 0);
    }

    private Task<bool> HasAsync(JournalVerifier verifier, CancellationToken ct) =>
        journal.Has(verifier.End.Position, verifier.End.Hash, ct);

    private NodeState NewState() => new("", new MemberDirectory());

    private void ReplaceWith(JournalVerifier other)
    {
        _verifier.ReplaceWith(other);
        (_entries, _bytes, _restored) = (0, 0, false);
    }

    private void Apply(JournalEntry entry)
    {
        if (!_verifier.TryApply(entry, out var why)) throw new InvalidDataException(why);

        _entries++;
        _bytes += entry.PublicBytes.Length;
        _restored |= (JournalKind)entry.Kind is JournalKind.Recovered;
    }

    private bool IsDue(bool level) =>
        options.Entries > 0 && _verifier.End.Position > 0 && snapshots.IsRested
            && (_restored || _entries >= options.Entries || _bytes >= Limits.SnapshotBytes)
        && (level || _bytes > snapshots.NewestBytes);

    private void Write()
    {
        (_entries, _bytes, _restored) = (0, 0, false);
        var started = time.GetTimestamp();
        var image = NodeSnapshot.Of(_verifier);
        var (position, digest) = (image.Header.Position, snapshots.Write(image));
        snapshots.Register(position);

        // Read the file as a node will read it.
        var matches = snapshots.Newest(NewState, max: position) is { } read && read.State.End.Position == position
            && DigestMatches(read.State);
        snapshots.CountWriteSince(started);
        if (!matches)
        {
            snapshots.DeleteAfter(position - 1);
            return;
        }

        Publish(_verifier.End, image.Header.State, digest);
        SnapshotPublished(log, position, snapshots.NewestBytes);
    }

    // The digest was updated entry by entry and will be signed, so recompute it from the contents of the file.
    private bool DigestMatches(JournalVerifier read)
    {
        var matches = read.Node.Index.DigestOfContents().Equals(read.Node.Index.Digest);
        if (!matches) DigestMismatch(log, read.End.Position);
        return matches;
    }

    private void Publish(ChainEnd end, byte[] stateDigest, byte[] digest) =>
        catalog.Put(new PublishedSnapshot(end.Position, end.Epoch, end.Hash, stateDigest, digest, snapshots.NewestBytes,
            snapshots.All[^1].Path));

    [LoggerMessage(EventId = 3047, Level = LogLevel.Information,
        Message = "Registrar index resumed at position {Position}")]
    private static partial void Resumed(ILogger log, ulong position);

    [LoggerMessage(EventId = 3048, Level = LogLevel.Information,
        Message = "Snapshot published at position {Position}, {Bytes} bytes")]
    private static partial void SnapshotPublished(ILogger log, ulong position, long bytes);

    [LoggerMessage(EventId = 3052, Level = LogLevel.Error,
        Message =
        "Snapshot {Position} digest mismatch; not served, nodes follow the feed; check memory and disk of this " +
        "machine, then restart the registrar")]
    private static partial void DigestMismatch(ILogger log, ulong position);

    [LoggerMessage(EventId = 3049, Level = LogLevel.Warning,
        Message = "Registrar index interrupted, retrying; nodes follow the feed")]
    private static partial void Interrupted(ILogger log, Exception fault);
}
