using DeviceRegistry.Contracts;
using DeviceRegistry.Contracts.V1;
using DeviceRegistry.Core;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace DeviceRegistry.Attach.Snapshots;

/// <summary>The journal as the registrar has it, for who runs beside it.</summary>
/// <param name="Has">Whether it has a position with a hash.</param>
/// <param name="After">Entries after a position, for ever, page by page; each with whether there are no more at the
/// moment. Ends with an exception when the journal became another one.</param>
public sealed record JournalSource(
    Func<ulong, byte[], CancellationToken, Task<bool>> Has, Func<ulong, CancellationToken, IAsyncEnumerable<(
    IReadOnlyList<JournalEntry> Entries, bool Level)>> After);

/// <summary>The state that the journal makes, at the centre: the same replay as every node's, of public bytes alone.
/// Its snapshots are what new nodes are given, and its digests what checkpoints say where no node runs beside the
/// registrar.</summary>
/// <remarks>An operator's node in the same process has an index of its own: what concerns one operator's subscribers
/// must not come into a snapshot that others get, and never gets here.</remarks>
internal sealed partial class RegistrarIndex(
    NodeState state, SnapshotStore snapshots, SnapshotCatalog given, JournalSource journal, SnapshotOptions plan,
    TimeProvider time, ILogger<RegistrarIndex> log) : BackgroundService
{
    private readonly JournalVerifier _replay = new(state);
    private long _entries;
    private long _bytes;

    // A restore is a point that nodes may have to be taken to by a snapshot: they should not wait for the next one that
    // is due.
    private bool _restored;

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        var cut = false;
        while (!stoppingToken.IsCancellationRequested)
            try
            {
                await BeginAsync(stoppingToken);
                await foreach (var (entries, level) in journal.After(_replay.End.Position, stoppingToken))
                {
                    foreach (var entry in entries) Take(entry);
                    if (IsDue(level)) Write();
                    cut = false;
                }
            }
            catch (Exception) when (stoppingToken.IsCancellationRequested)
            {
                return;
            }
            catch (Exception fault)
            {
                if (!cut) Interrupted(log, fault);
                cut = true;
                await Task.Delay(Limits.RetryMost, time, stoppingToken)
                    .ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
    }

    // Where it stands, if that is a point of the journal; otherwise the newest snapshot that is; otherwise before the
    // first entry.
    private async Task BeginAsync(CancellationToken ct)
    {
        if (_replay.End.Position > 0 && await HasAsync(_replay, ct)) return;

        given.Clear();
        while (snapshots.Newest(Fresh) is { } newest)
        {
            if (await HasAsync(newest.State, ct) && HoldsWhatItSays(newest.State))
            {
                Become(newest.State);
                Give(newest.State.End, state.Index.Digest.ToBytes(), newest.Digest);
                Begun(log, _replay.End.Position);
                return;
            }

            snapshots.DropAfter(newest.State.End.Position - 1);
        }

        Become(new JournalVerifier(Fresh()));
        Begun(log, 0);
    }

    private Task<bool> HasAsync(JournalVerifier replay, CancellationToken ct) =>
        journal.Has(replay.End.Position, replay.End.Hash, ct);

    private NodeState Fresh() => new("", new MemberDirectory());

    private void Become(JournalVerifier other)
    {
        _replay.Become(other);
        (_entries, _bytes, _restored) = (0, 0, false);
    }

    private void Take(JournalEntry entry)
    {
        if (!_replay.TryTake(entry, out var why)) throw new InvalidDataException(why);

        _entries++;
        _bytes += entry.PublicBytes.Length;
        _restored |= (JournalKind)entry.Kind is JournalKind.Recovered;
    }

    private bool IsDue(bool level) =>
        plan.Entries > 0 && _replay.End.Position > 0 && snapshots.IsRested
            && (_restored || _entries >= plan.Entries || _bytes >= Limits.SnapshotBytes)
        && (level || _bytes > snapshots.NewestBytes);

    private void Write()
    {
        (_entries, _bytes, _restored) = (0, 0, false);
        var begun = time.GetTimestamp();
        var image = NodeSnapshot.Of(_replay);
        var (position, digest) = (image.Header.Position, snapshots.Write(image));
        snapshots.Take(position);

        // Read back as a node will read it.
        var holds = snapshots.Newest(Fresh, most: position) is { } read && read.State.End.Position == position
            && HoldsWhatItSays(read.State);
        snapshots.TookSince(begun);
        if (!holds)
        {
            snapshots.DropAfter(position - 1);
            return;
        }

        Give(_replay.End, image.Header.State, digest);
        Written(log, position, snapshots.NewestBytes);
    }

    // The digest is a sum that was kept as entries came, and what a signature will vouch for: what is in the file must
    // make the same.
    private bool HoldsWhatItSays(JournalVerifier read)
    {
        var holds = read.Node.Index.DigestOfContents().Equals(read.Node.Index.Digest);
        if (!holds) Wrong(log, read.End.Position);
        return holds;
    }

    private void Give(ChainEnd end, byte[] stateDigest, byte[] digest) =>
        given.Put(new PublishedSnapshot(end.Position, end.Epoch, end.Hash, stateDigest, digest, snapshots.NewestBytes,
            snapshots.All[^1].Path));

    [LoggerMessage(EventId = 3047, Level = LogLevel.Information,
        Message = "The index at the centre goes on from position {Position}.")]
    private static partial void Begun(ILogger log, ulong position);

    [LoggerMessage(EventId = 3048, Level = LogLevel.Information,
        Message = "A snapshot of position {Position}, {Bytes} bytes, is there for nodes that ask.")]
    private static partial void Written(ILogger log, ulong position, long bytes);

    [LoggerMessage(EventId = 3052, Level = LogLevel.Error,
        Message =
        "ALARM: what is in the snapshot of position {Position} at the centre does not make its digest, and it is " +
        "given to nobody; nodes follow the feed. Check this machine's memory and disk, and restart the registrar.")]
    private static partial void Wrong(ILogger log, ulong position);

    [LoggerMessage(EventId = 3049, Level = LogLevel.Warning,
        Message = "The index at the centre stands still; nodes follow the feed as ever, and it is tried again.")]
    private static partial void Interrupted(ILogger log, Exception fault);
}
