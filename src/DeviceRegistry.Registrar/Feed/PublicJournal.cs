using System.Runtime.CompilerServices;
using DeviceRegistry.Contracts.V1;
using DeviceRegistry.Core;
using DeviceRegistry.Postgres.Journal;
using Google.Protobuf;
using Grpc.Core;

namespace DeviceRegistry.Registrar.Feed;

/// <summary>The journal as everybody may have it: what is new from memory, what is older from the table.</summary>
public sealed class PublicJournal(JournalTail tail, JournalReader journal, TimeProvider time)
{
    /// <summary>What is known of its newest entries.</summary>
    public TailState State => tail.State;

    /// <summary>Who follows it.</summary>
    public Subscribers Subscribers => tail.Subscribers;

    /// <summary>Newest position in the table.</summary>
    public async Task<ulong> HeadAsync(CancellationToken ct) => (await journal.HeadAsync(ct)).Position;

    /// <summary>Whether it has a position with this hash.</summary>
    public async Task<bool> HasAsync(ulong position, byte[] hash, CancellationToken ct) =>
        await journal.HashAtAsync(position, ct) is { } ours && ours.AsSpan().SequenceEqual(hash);

    /// <summary>A caller whose last entry is not ours has another history; it must not be given the continuation of
    /// this one.</summary>
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

    /// <summary>Some entries after a position up to another, from the table: what somebody wrote into that is to be
    /// found. Empty: there are none.</summary>
    public Task<IReadOnlyList<JournalRecord>> PageAsync(ulong position, ulong through, CancellationToken ct) =>
        PageOfAsync(journal.AfterAsync(position, through, Limits.FeedPageEntries, ct));

    /// <summary>Some entries after a position, from memory where it has them all. Empty: there are none at the
    /// moment.</summary>
    /// <remarks>A page of its own, and nothing else of the state: who is slow to take it must not keep a ring of 32 MiB
    /// that the tail has long left behind.</remarks>
    /// <exception cref="RpcException">The database was put back since <paramref name="history"/>.</exception>
    public Task<IReadOnlyList<JournalRecord>> NextAsync(ulong position, int history, CancellationToken ct)
    {
        var state = tail.State;
        if (state.History != history) throw new RpcException(
            new Status(StatusCode.Unavailable,
            "The registrar's database was put back. Subscribe again from where you are."));

        return state.Head >= position && state.TryAfter(position, out var entries) ? Task.FromResult(PageOf(entries))
            : PageAsync(position, state.Head, ct);
    }

    /// <summary>The first of these, as many as a page holds.</summary>
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

    /// <summary>The entries up to a position whose private part is meant for an operator's nodes, of orders that have
    /// pairs of its subscribers, in order; those that hold no more are among them. Read page by page: who is slow to
    /// take them holds nothing of the database.</summary>
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

    /// <summary>Entries after a position, for ever, for who follows in this process; each page with whether there are
    /// no more at the moment. Where nothing happens, an empty one now and then.</summary>
    /// <exception cref="RpcException">The database was put back.</exception>
    public async IAsyncEnumerable<(IReadOnlyList<JournalEntry> Entries, bool Level)> AfterAsync(ulong position,
        [EnumeratorCancellation] CancellationToken ct)
    {
        for (var history = tail.State.History; ;)
        {
            var seen = tail.State.Head;
            IReadOnlyList<JournalEntry> page = [.. (await NextAsync(position, history, ct)).Select(r => r.ToWire())];
            if (page is [.., var last]) position = last.Position;

            // Before its first look at the table the tail knows of no head at all.
            var state = tail.State;
            yield return (page, state.Head > 0 && position >= state.Head);
            if (page.Count > 0 || state.Head != seen) continue;

            await state.Changed.Task.WaitAsync(Limits.HeartbeatEvery, time, ct)
                .ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            ct.ThrowIfCancellationRequested();
        }
    }

    // As many of a query's entries as a page holds in bytes; the query holds as many in number.
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
