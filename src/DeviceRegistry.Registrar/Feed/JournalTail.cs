using System.Collections.Immutable;
using DeviceRegistry.Contracts.V1;
using DeviceRegistry.Postgres;
using DeviceRegistry.Postgres.Journal;
using DeviceRegistry.Registrar.Parties;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace DeviceRegistry.Registrar.Feed;

/// <summary>The newest journal entries, shared by all subscribers. Immutable: the tail replaces the whole
/// state.</summary>
/// <param name="Entries">Consecutive entries up to the head.</param>
/// <param name="Head">Newest position.</param>
/// <param name="Epoch">Epoch of the head.</param>
/// <param name="CheckedAt">Last time the table was found to have no more entries.</param>
/// <param name="Changed">Completes when the head or the history differs from this state's.</param>
/// <param name="History">Incremented when the table has another history than before, because the database was restored
/// from a backup while the registrar ran.</param>
public sealed record TailState(ImmutableList<JournalRecord> Entries, ulong Head, uint Epoch, DateTimeOffset CheckedAt,
    TaskCompletionSource Changed, int History = 0)
{
    /// <summary>Gets the entries after a position. False if memory does not hold all of them.</summary>
    public bool TryAfter(ulong position, out IEnumerable<JournalRecord> entries)
    {
        entries = [];
        if (position >= Head) return true;
        if (Entries.IsEmpty || Entries[0].Position > position + 1) return false;

        entries = Entries.Skip((int)(position + 1 - Entries[0].Position));
        return true;
    }
}

/// <summary>Reads new entries from the journal table, on NOTIFY and, as a fallback, by polling. A subscriber costs the
/// tail only a reference.</summary>
public sealed partial class JournalTail(
    JournalReader journal, NpgsqlDataSource database, MemberDirectoryLoader loader, TimeProvider time,
    ILogger<JournalTail> log)
    : BackgroundService
{
    private long _bytes;
    private byte[] _headHash = [];
    private bool _disconnected;
    private volatile TailState _state = new([], 0, 1, DateTimeOffset.MinValue, NewSignal());

    /// <summary>The current state. Read it once per use: it is replaced concurrently.</summary>
    public TailState State => _state;

    /// <summary>True if the table was read within <see cref="Limits.TailAgeMax"/>: the state is then
    /// complete.</summary>
    public bool SeesTheTable => time.GetUtcNow() - _state.CheckedAt <= Limits.TailAgeMax;

    /// <summary>The open subscriptions that follow the journal.</summary>
    public Subscribers Subscribers { get; } = new();

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                await FollowAsync(stoppingToken);
            }
            catch (Exception fault) when (!stoppingToken.IsCancellationRequested)
            {
                // An environment failure, whatever its exception type (no connection, a full disk, a wrapper of EF
                // Core). Subscribers keep what they have and get no heartbeat until the database is reachable again.
                DatabaseMetrics.Failed("feed");
                if (DatabaseFault.IsOutOfReach(fault)) database.Clear();
                // once per outage, not four times a second
                if (!_disconnected) DatabaseUnreachable(log, fault);
                _disconnected = true;
                await Task.Delay(Limits.PollEvery, time, stoppingToken);
            }
            catch (Exception) when (stoppingToken.IsCancellationRequested)
            {
                return;
            }
        }
    }

    private async Task FollowAsync(CancellationToken ct)
    {
        await using var connection = await database.OpenConnectionAsync(ct);
        await using (var listen = new NpgsqlCommand("LISTEN journal", connection)) await listen.ExecuteNonQueryAsync(
            ct);

        // Start at the head: subscribers read older entries from the table. Do the same if the previous head is no
        // longer in the table.
        if (_state.Head is 0 || await journal.HashAtAsync(_state.Head, ct) is not { } hash || !hash.AsSpan()
            .SequenceEqual(_headHash))
        {
            var (head, epoch) = await journal.HeadAsync(ct);
            _headHash = head is 0 ? [] : await journal.HashAtAsync(head, ct) ?? [];
            await journal.DurableAsync(connection, ct);
            _bytes = 0;
            Replace(_state with
            {
                Entries = [],
                Head = head,
                Epoch = epoch,
                History = _state.History
                + (_state.Head is 0 ? 0 : 1)
            });
        }

        await ReloadMembersAsync(ct);
        while (true)
        {
            await ReadNewAsync(connection, ct);
            if (_disconnected) DatabaseReachable(log, _state.Head);
            _disconnected = false;

            // A notification may be lost with its connection; the poll then limits the delay to a quarter of a second.
            await connection.WaitAsync(Limits.PollEvery, ct);
        }
    }

    private async Task ReadNewAsync(NpgsqlConnection connection, CancellationToken ct)
    {
        List<JournalRecord> fresh;
        do
        {
            fresh = [];
            await foreach (var entry in journal.AfterAsync(_state.Head, long.MaxValue, Limits.FeedPageEntries,
                ct)) fresh.Add(entry);

            // Publish only durable entries: a crash must not undo an entry that a node has.
            if (fresh.Count > 0) await journal.DurableAsync(connection, ct);

            // A key revocation takes effect before the revoking entry is visible to any subscriber.
            if (fresh.Any(e => (JournalKind)e.Kind is JournalKind.PartyChanged
                or JournalKind.ActorChanged)) await ReloadMembersAsync(ct);
            var now = time.GetUtcNow();
            if (fresh.Count > 0) _headHash = fresh[^1].Hash;
            Replace(fresh is [.., var last]
                ? _state with
                {
                    Entries = Trim(_state.Entries.AddRange(fresh), fresh.Sum(SizeOf)),
                    Head = last.Position,
                    Epoch = last.Epoch,
                    CheckedAt = now
                }
                : _state with { CheckedAt = now });
        }
        while (fresh.Count == Limits.FeedPageEntries);
    }

    private async Task ReloadMembersAsync(CancellationToken ct)
    {
        var (parties, actors) = await loader.ReloadAsync(ct);
        MembersReloaded(log, parties, actors);
    }

    private ImmutableList<JournalRecord> Trim(ImmutableList<JournalRecord> entries, long added)
    {
        var drop = 0;
        for (_bytes += added; _bytes > Limits.RingBytesMax; drop++) _bytes -= SizeOf(entries[drop]);
        return entries.RemoveRange(0, drop);
    }

    private void Replace(TailState next)
    {
        var before = _state;
        var changed = next.Head != before.Head || next.History != before.History;
        _state = next with { Changed = changed ? NewSignal() : before.Changed };
        if (changed) before.Changed.TrySetResult();
    }

    private static long SizeOf(JournalRecord entry) => entry.PublicBytes.Length + entry.Scoped.Length + 200;

    private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    [LoggerMessage(EventId = 2001, Level = LogLevel.Warning,
        Message = "Database unreachable; journal feed paused")]
    private static partial void DatabaseUnreachable(ILogger log, Exception fault);

    [LoggerMessage(EventId = 2002, Level = LogLevel.Information,
        Message = "Database reachable again; head position {Position}")]
    private static partial void DatabaseReachable(ILogger log, ulong position);

    [LoggerMessage(EventId = 2003, Level = LogLevel.Information,
        Message = "Member directory reloaded: {Parties} parties, {Actors} people and nodes")]
    private static partial void MembersReloaded(ILogger log, int parties, int actors);
}
