using System.Diagnostics;
using DeviceRegistry.Contracts;
using DeviceRegistry.Contracts.V1;
using DeviceRegistry.Core;
using DeviceRegistry.Postgres;
using DeviceRegistry.Postgres.Journal;
using DeviceRegistry.Postgres.Schema;
using Google.Protobuf;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Logging;

namespace DeviceRegistry.Registrar;

/// <summary>Executes a write once per reference: a repeated call with the same content gets the stored receipt.
/// Thread-safe.</summary>
public sealed partial class IdempotentWrites(RegistryWriter writer, Resilience resilience,
    ILogger<IdempotentWrites> log)
{
    private const string PositionField = "journal_position";

    /// <summary>Runs <paramref name="act"/> in one journalled transaction, or returns the stored receipt to any actor
    /// of the party that repeats the reference. If the database connection is lost, <paramref name="act"/> runs again
    /// from its beginning, so it must keep no state outside the transaction.</summary>
    public Task<TAnswer> ExecuteAsync<TAnswer>(
        Caller caller, string reference, IMessage request, Func<RegistryWrite, CancellationToken, Task<TAnswer>> act,
        CancellationToken ct)
        where TAnswer : IMessage<TAnswer>, new() =>
        ExecuteAsync(caller, reference, WriteClaim.DigestOf(request.Descriptor.FullName, request.ToByteArray()), act,
            ct);

    /// <summary>Like <c>ExecuteAsync</c>, for writes that two people must sign: the digest includes the actor, so one
    /// person's reference never returns another person's receipt.</summary>
    public Task<TAnswer> ExecutePerPersonAsync<TAnswer>(
        Caller caller, string reference, IMessage request, Func<RegistryWrite, CancellationToken, Task<TAnswer>> act,
        CancellationToken ct)
        where TAnswer : IMessage<TAnswer>, new() =>
        ExecuteAsync(caller, reference, WriteClaim.DigestOf(request.Descriptor.FullName, request.ToByteArray(),
            caller.ActorId), act, ct);

    /// <summary>Like the first overload, with a precomputed digest of the content.</summary>
    public Task<TAnswer> ExecuteAsync<TAnswer>(
        Caller caller, string reference, byte[] digest, Func<RegistryWrite, CancellationToken, Task<TAnswer>> act,
        CancellationToken ct)
        where TAnswer : IMessage<TAnswer>, new() =>
        ExecuteAsync(new WriteClaim(caller.ActorId, caller.PartyId, Inputs.Reference(reference), digest), act, ct);

    /// <summary>Like the first overload, for an actor that is not the caller of the present call.</summary>
    public async Task<TAnswer> ExecuteAsync<TAnswer>(
        WriteClaim claim, Func<RegistryWrite, CancellationToken, Task<TAnswer>> act, CancellationToken ct)
        where TAnswer : IMessage<TAnswer>, new() =>
        await resilience.Work.ExecuteAsync(async token => await AttemptAsync(claim, act, token), ct);

    /// <summary>Runs <paramref name="act"/> under a reference without storing a receipt: an upload takes several calls,
    /// so <paramref name="act"/> resolves the reference itself. It receives the earlier receipt of the reference, if
    /// there is one, in <see cref="RegistryWrite.Earlier"/>.</summary>
    public Task<T> ExecuteWithoutReceiptAsync<T>(
        Caller caller, string reference, byte[] digest, Func<RegistryWrite, CancellationToken, Task<T>> act,
        CancellationToken ct)
    {
        var claim = new WriteClaim(caller.ActorId, caller.PartyId, Inputs.Reference(reference), digest);
        return RunAsync(async token => await writer.BeginAsync(claim, token, keepsReceipt: false), act, ct);
    }

    /// <summary>Runs <paramref name="act"/> in one journalled transaction without a reference. <paramref name="act"/>
    /// must detect work that an earlier attempt committed. Actor 0 is the registry.</summary>
    public Task<T> ExecuteUnreferencedAsync<T>(ulong actor, Func<RegistryWrite, CancellationToken, Task<T>> act,
        CancellationToken ct) =>
        RunAsync(async token => await writer.BeginAsync(actor, token), act, ct);

    private async Task<T> RunAsync<T>(
        Func<CancellationToken, ValueTask<RegistryWrite>> begin, Func<RegistryWrite, CancellationToken, Task<T>> act,
        CancellationToken ct) =>
        await resilience.Work.ExecuteAsync(
            async token =>
            {
                await using var write = await resilience.Reach.ExecuteAsync(begin, token);
                return await DatabaseFault.OnAsync(write.Connection, async () =>
                {
                    if (write.Earlier is not null) await write.WaitForDurableAsync(token);
                    var result = await act(write, token);
                    await write.CommitAsync([], token);
                    return result;
                });
            },
            ct);

    // May run again from its beginning: if the response to a commit is lost, the next attempt finds the receipt.
    private async Task<TAnswer> AttemptAsync<TAnswer>(
        WriteClaim claim, Func<RegistryWrite, CancellationToken, Task<TAnswer>> act, CancellationToken ct)
        where TAnswer : IMessage<TAnswer>, new()
    {
        var started = Stopwatch.GetTimestamp();
        await using var write = await resilience.Reach.ExecuteAsync(async token =>
            await writer.BeginAsync(claim, token), ct);
        return await DatabaseFault.OnAsync(write.Connection, async () =>
        {
            if (write.Earlier is not { } earlier) return await ActAndCommitAsync(write, act, started, ct);

            await write.WaitForDurableAsync(ct);
            var answer = new TAnswer();
            answer.MergeFrom(earlier.Answer);
            return WithPosition(answer, earlier.Position);
        });
    }

    private async Task<TAnswer> ActAndCommitAsync<TAnswer>(
        RegistryWrite write, Func<RegistryWrite, CancellationToken, Task<TAnswer>> act, long started,
        CancellationToken ct)
        where TAnswer : IMessage<TAnswer>, new()
    {
        var answer = await act(write, ct);
        var position = await write.CommitAsync(answer.ToByteArray(), ct);
        if (Stopwatch.GetElapsedTime(started) is var took && took > Limits.WriteSlow) Slow(log, answer.Descriptor.Name,
            (long)took.TotalMilliseconds, position);
        return WithPosition(answer, position);
    }

    // The position is known only after the receipt is stored, so it is set in the response, not in the receipt.
    private static TAnswer WithPosition<TAnswer>(TAnswer answer, ulong position)
        where TAnswer : IMessage<TAnswer>, new()
    {
        answer.Descriptor.FindFieldByName(PositionField).Accessor.SetValue(answer, position);
        return answer;
    }

    [LoggerMessage(EventId = 2004, Level = LogLevel.Warning,
        Message = "Slow write: {Answer} took {Ms} ms, journal position {Position}")]
    private static partial void Slow(ILogger log, string answer, long ms, ulong position);
}

/// <summary>Extensions that the registrar's writes share.</summary>
internal static class WriteExtensions
{
    /// <summary>Adds a journal entry, sent to the database at commit.</summary>
    public static void Stage(this RegistryWrite write, JournalKind kind, IMessage publicPart,
        IMessage? privatePart = null,
        (SubjectKind, long)? subject = null, ulong? actor = null) =>
        write.Stage(new StagedEntry((int)kind, JournalEntryRules.MustUnderstand(kind), publicPart.ToByteArray(),
            privatePart?.ToByteArray() ?? [], subject, actor));

    /// <summary>Adds a journal entry whose contents are sent to the database at once, before the journal lock is
    /// taken.</summary>
    public static Task StageNowAsync(
        this RegistryWrite write, JournalKind kind, IMessage publicPart, IMessage? privatePart,
        (SubjectKind, long)? subject,
        CancellationToken ct, ulong? actor = null) =>
        write.StageNowAsync(new StagedEntry((int)kind, JournalEntryRules.MustUnderstand(kind), publicPart.ToByteArray(),
            privatePart?.ToByteArray() ?? [], subject, actor), ct);

    /// <summary>Locks a batch against other changes until the transaction ends. Rows that only reference the batch,
    /// such as alarms about its units, can still be inserted.</summary>
    public static async Task LockBatchAsync(this RegistryWrite write, int number, CancellationToken ct) =>
        await write.Db.Database.ExecuteSqlAsync($"SELECT 1 FROM batches WHERE number = {number} FOR NO KEY UPDATE", ct);

    /// <summary>Locks an order in the same way.</summary>
    public static async Task LockOrderAsync(this RegistryWrite write, long number, CancellationToken ct) =>
        await write.Db.Database.ExecuteSqlAsync($"SELECT 1 FROM orders WHERE number = {number} FOR NO KEY UPDATE", ct);

    /// <summary>Returns a party by name; throws NOT_FOUND if there is none.</summary>
    public static async Task<PartyRow> PartyAsync(this RegistryContext db, string text, CancellationToken ct)
    {
        var name = Inputs.Name("party", text);
        return await db.Parties.SingleOrDefaultAsync(p => p.Name == name, ct)
            ?? throw new RegistryException(RegistryError.NotFound, $"There is no party named {name}.", "party",
                "the name of a registered party");
    }

    /// <summary>Requires that the second actor is another person. Two actors count as one person if they are the same
    /// actor, if one of them ever registered a key for the other, or if the same third person registered keys for both:
    /// the person who registers a key may hold it.</summary>
    public static async Task RequireAnotherPersonAsync(this RegistryContext db, Caller second,
        IReadOnlyCollection<long> first, string refusal, CancellationToken ct)
    {
        if (first.Contains((long)second.ActorId)) throw new RegistryException(RegistryError.SecondPersonRequired,
            refusal);

        var people = await db.Actors.AsNoTracking().Where(a => a.Id == (long)second.ActorId || first.Contains(a.Id))
            .ToListAsync(ct);
        var own = people.Single(a => a.Id == (long)second.ActorId);
        if (people.Any(other =>
            other.Id != own.Id && own.KeySetBy.Append(own.Id).Intersect(other.KeySetBy.Append(other.Id)).Any()))
            throw new RegistryException(RegistryError.SecondPersonRequired,
                "One of the two people registered the other's key, or the same person registered both, so they do " +
                "not count as two. Ask somebody else.");
    }

    /// <summary>Converts a number from the wire to a row key; returns -1, which no row has, if it is out of
    /// range.</summary>
    public static long ToKey(this ulong number) => number <= long.MaxValue ? (long)number : -1;

    /// <summary>Like <see cref="ToKey"/>, for a batch number.</summary>
    public static int ToBatchKey(this ulong number) => number <= int.MaxValue ? (int)number : -1;
}
