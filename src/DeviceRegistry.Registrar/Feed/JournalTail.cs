using System.Collections.Immutable;
using DeviceRegistry.Contracts.V1;
using DeviceRegistry.Postgres;
using DeviceRegistry.Postgres.Journal;
using DeviceRegistry.Registrar.Parties;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace DeviceRegistry.Registrar.Feed;

/// <summary>The newest entries, held once for all subscribers. An immutable state; the tail replaces it
/// whole.</summary>
/// <param name="Entries">Consecutive entries up to the head.</param>
/// <param name="Head">Newest position.</param>
/// <param name="Epoch">Its epoch.</param>
/// <param name="CheckedAt">When the table was last seen to have no more.</param>
/// <param name="Changed">Completes when this state has been replaced.</param>
/// <param name="History">Grows when the table was found to have another history than before: a database was put back
/// under a running registrar.</param>
public sealed record TailState(ImmutableList<JournalRecord> Entries, ulong Head, uint Epoch, DateTimeOffset CheckedAt,
    TaskCompletionSource Changed, int History = 0)
{
    /// <summary>The entries after a position, if all of them are held.</summary>
    public bool TryAfter(ulong position, out IEnumerable<JournalRecord> entries)
    {
        entries = [];
        if (position >= Head) return true;
        if (Entries.IsEmpty || Entries[0].Position > position + 1) return false;

        entries = Entries.Skip((int)(position + 1 - Entries[0].Position));
        return true;
    }
}

/// <summary>Follows the journal's table: woken by NOTIFY, backed up by a poll. A subscriber costs it nothing but a
/// reference.</summary>
public sealed partial class JournalTail(
    JournalReader journal, NpgsqlDataSource database, MemberDirectoryLoader roll, TimeProvider time,
    ILogger<JournalTail> log)
    : BackgroundService
{
    private long _bytes;
    private byte[] _headHash = [];
    private bool _cut;
    private volatile TailState _state = new([], 0, 1, DateTimeOffset.MinValue, NewSignal());

    /// <summary>What is known now. Read once, then use.</summary>
    public TailState State => _state;

    /// <summary>The table was seen a moment ago: what is held is all there is.</summary>
    public bool SeesTheTable => time.GetUtcNow() - _state.CheckedAt <= Limits.TailAgeMost;

    /// <summary>Who follows.</summary>
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
                // The world's fault, in whatever clothes (no connection to be had, a full disk, EF's wrapping):
                // subscribers keep what they have and hear no heartbeat until the database is back.
                DatabaseMetrics.Failed("feed");
                if (DatabaseFault.IsOutOfReach(fault)) database.Clear();
                if (!_cut) TailCut(log, fault);                     // once, not four times a second until it is back
                _cut = true;
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

        // Start at the head: what is older is read from the table by whoever needs it. So too if what was the head is
        // no more.
        if (_state.Head is 0 || await journal.HashAtAsync(_state.Head, ct) is not { } hash || !hash.AsSpan()
            .SequenceEqual(_headHash))
        {
            var (head, epoch) = await journal.HeadAsync(ct);
            _headHash = head is 0 ? [] : await journal.HashAtAsync(head, ct) ?? [];
            await journal.DurableAsync(connection, ct);
            _bytes = 0;
            Replace(_state with { Entries = [], Head = head, Epoch = epoch, History = _state.History
                + (_state.Head is 0 ? 0 : 1) });
        }

        await ReloadMembersAsync(ct);
        while (true)
        {
            await ReadNewAsync(connection, ct);
            if (_cut) TailBack(log, _state.Head);
            _cut = false;

            // A notification may be lost with its connection; the poll makes that a delay of a quarter of a second.
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

            // No node hears of what a crash would undo.
            if (fresh.Count > 0) await journal.DurableAsync(connection, ct);

            // A revoked key must be known before the entry that revokes it is seen by anyone.
            if (fresh.Any(e => (JournalKind)e.Kind is JournalKind.PartyChanged
                or JournalKind.ActorChanged)) await ReloadMembersAsync(ct);
            var now = time.GetUtcNow();
            if (fresh.Count > 0) _headHash = fresh[^1].Hash;
            Replace(fresh is [.., var last]
                ? _state with { Entries = Trim(_state.Entries.AddRange(fresh), fresh.Sum(SizeOf)), Head = last.Position,
                    Epoch = last.Epoch, CheckedAt = now }
                : _state with { CheckedAt = now });
        }
        while (fresh.Count == Limits.FeedPageEntries);
    }

    private async Task ReloadMembersAsync(CancellationToken ct)
    {
        var (parties, actors) = await roll.ReloadAsync(ct);
        MembersRead(log, parties, actors);
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
        Message = "The journal's table is out of reach; the feed stands still until it is back.")]
    private static partial void TailCut(ILogger log, Exception fault);

    [LoggerMessage(EventId = 2002, Level = LogLevel.Information,
        Message = "The journal's table is in reach again; its newest position is {Position}.")]
    private static partial void TailBack(ILogger log, ulong position);

    [LoggerMessage(EventId = 2003, Level = LogLevel.Information,
        Message = "Members were read: {Parties} parties, {Actors} people and nodes.")]
    private static partial void MembersRead(ILogger log, int parties, int actors);
}
