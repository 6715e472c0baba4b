using System.Runtime.CompilerServices;
using DeviceRegistry.Contracts.V1;
using DeviceRegistry.Core;
using DeviceRegistry.Postgres.Journal;
using Google.Protobuf;
using Grpc.Core;

namespace DeviceRegistry.Registrar.Feed;

/// <summary>The public part of the journal: new entries from memory, older ones from the table. Thread-safe.</summary>
public sealed class PublicJournal(JournalTail tail, JournalReader journal, TimeProvider time)
{
    /// <summary>The current state of the tail.</summary>
    public TailState State => tail.State;

    /// <summary>The open subscriptions that follow the journal.</summary>
    public Subscribers Subscribers => tail.Subscribers;

    public async Task<ulong> HeadAsync(CancellationToken ct) => (await journal.HeadAsync(ct)).Position;

    /// <summary>Whether the entry at a position has this hash.</summary>
    public async Task<bool> HasAsync(ulong position, byte[] hash, CancellationToken ct) =>
        await journal.HashAtAsync(position, ct) is { } ours && ours.AsSpan().SequenceEqual(hash);

    /// <summary>Throws if the caller's last entry is not part of this journal: a caller with another history must not
    /// receive the continuation of this one.</summary>
    public async Task RequireSameHistoryAsync(ulong position, ByteString hash, CancellationToken ct)
    {
        Inputs.Require(hash.Length == (position is 0 ? 0 : JournalHash.Size), "hash",
            "32 bytes, or none after position 0");
        if (position is 0) return;

        var ours = await journal.HashAtAsync(position, ct);
        if (ours is null || !hash.Span.SequenceEqual(ours))
            throw new RegistryException(RegistryError.ChainMismatch,
                $"The registrar {(ours is null ? "has no" : "has another")} entry at position {position}: your " +
                $"journal is not a part of its.", "after_position", "a position and hash of this registrar's journal");
    }

    /// <summary>One page of entries after <paramref name="position"/>, up to <paramref name="through"/>. Always read
    /// from the table, so that an audit finds entries that others wrote into it. Empty if there are no more.</summary>
    public Task<IReadOnlyList<JournalRecord>> PageAsync(ulong position, ulong through, CancellationToken ct) =>
        PageOfAsync(journal.AfterAsync(position, through, Limits.FeedPageEntries, ct));

    /// <summary>One page of entries after a position, from memory if it holds all of them, otherwise from the table.
    /// Empty if there are none at the moment.</summary>
    /// <remarks>The page is a copy and references no other part of the state, so that a slow receiver does not keep
    /// alive a ring of 32 MiB that the tail has already replaced.</remarks>
    /// <exception cref="RpcException">UNAVAILABLE: the database was restored from a backup since <paramref
    /// name="history"/>.</exception>
    public Task<IReadOnlyList<JournalRecord>> NextAsync(ulong position, int history, CancellationToken ct)
    {
        var state = tail.State;
        if (state.History != history) throw new RpcException(
            new Status(StatusCode.Unavailable,
            "The registrar's database was put back. Subscribe again from where you are."));

        return state.Head >= position && state.TryAfter(position, out var entries) ? Task.FromResult(PageOf(entries))
            : PageAsync(position, state.Head, ct);
    }

    /// <summary>The first entries, up to the size of a page.</summary>
    internal static IReadOnlyList<JournalRecord> PageOf(IEnumerable<JournalRecord> entries)
    {
        var page = new List<JournalRecord>();
        var bytes = 0;
        foreach (var entry in entries)
        {
            page.Add(entry);
            if (page.Count == Limits.FeedPageEntries
                || (bytes += entry.PublicBytes.Length + entry.Scoped.Length) > Limits.FeedPageBytes) break;
        }

        return page;
    }

    /// <summary>The entries up to <paramref name="through"/> that have a scoped part for an operator's nodes, in order
    /// of position, including those of orders that have ended. Read page by page, so that a slow receiver holds no
    /// database resources.</summary>
    public async IAsyncEnumerable<JournalEntry> ScopedAsync(ulong operatorId, ulong through,
        [EnumeratorCancellation] CancellationToken ct)
    {
        for (var after = 0ul; ;)
        {
            var page = await PageOfAsync(journal.ScopedAsync(operatorId, after, through, Limits.FeedPageEntries, ct));
            foreach (var record in page)
                if (record.ToWire(operatorId) is { Scoped.IsEmpty: false } own) yield return own;
            if (page.Count is 0) yield break;

            after = page[^1].Position;
        }
    }

    /// <summary>Endless stream of entries after <paramref name="position"/> for in-process consumers. Each page says
    /// whether it reaches the current head. Yields an empty page at each heartbeat interval when idle.</summary>
    /// <exception cref="RpcException">UNAVAILABLE: the database was restored from a backup.</exception>
    public async IAsyncEnumerable<(IReadOnlyList<JournalEntry> Entries, bool AtHead)> AfterAsync(ulong position,
        [EnumeratorCancellation] CancellationToken ct)
    {
        for (var history = tail.State.History; ;)
        {
            var seen = tail.State.Head;
            IReadOnlyList<JournalEntry> page = [.. (await NextAsync(position, history, ct)).Select(r => r.ToWire())];
            if (page is [.., var last]) position = last.Position;

            // Before its first read of the table, the tail has no head (0).
            var state = tail.State;
            yield return (page, state.Head > 0 && position >= state.Head);
            if (page.Count > 0 || state.Head != seen) continue;

            await state.Changed.Task.WaitAsync(Limits.HeartbeatEvery, time, ct)
                .ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            ct.ThrowIfCancellationRequested();
        }
    }

    // Limits a page to its size in bytes; the query limits the number of entries.
    private static async Task<IReadOnlyList<JournalRecord>> PageOfAsync(IAsyncEnumerable<JournalRecord> entries)
    {
        var page = new List<JournalRecord>();
        var bytes = 0;
        await foreach (var entry in entries)
        {
            page.Add(entry);
            if ((bytes += entry.PublicBytes.Length + entry.Scoped.Length) > Limits.FeedPageBytes) break;
        }

        return page;
    }
}
