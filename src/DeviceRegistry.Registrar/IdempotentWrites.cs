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

/// <summary>Does a write once for its reference: the same call again gets the first answer.</summary>
public sealed partial class IdempotentWrites(RegistryWriter writer, Resilience resilience,
    ILogger<IdempotentWrites> log)
{
    private const string PositionField = "journal_position";

    /// <summary>Runs <paramref name="act"/> in one journalled transaction, or answers what the reference was answered
    /// before, to whomever of the party asks again. If the database is lost in the middle, <paramref name="act"/> runs
    /// again from its beginning: it keeps nothing outside.</summary>
    public Task<TAnswer> OnceAsync<TAnswer>(
        Caller caller, string reference, IMessage request, Func<RegistryWrite, CancellationToken, Task<TAnswer>> act,
        CancellationToken ct)
        where TAnswer : IMessage<TAnswer>, new() =>
        OnceAsync(caller, reference, WriteClaim.DigestOf(request.Descriptor.FullName, request.ToByteArray()), act, ct);

    /// <summary>The same where two people must act: the person is part of the content, so one person's reference never
    /// answers for another.</summary>
    public Task<TAnswer> ExecutePerPersonAsync<TAnswer>(
        Caller caller, string reference, IMessage request, Func<RegistryWrite, CancellationToken, Task<TAnswer>> act,
        CancellationToken ct)
        where TAnswer : IMessage<TAnswer>, new() =>
        OnceAsync(caller, reference, WriteClaim.DigestOf(request.Descriptor.FullName, request.ToByteArray(),
            caller.ActorId), act, ct);

    /// <summary>The same for a content whose digest is known.</summary>
    public Task<TAnswer> OnceAsync<TAnswer>(
        Caller caller, string reference, byte[] digest, Func<RegistryWrite, CancellationToken, Task<TAnswer>> act,
        CancellationToken ct)
        where TAnswer : IMessage<TAnswer>, new() =>
        OnceAsync(new WriteClaim(caller.ActorId, caller.PartyId, Inputs.Reference(reference), digest), act, ct);

    /// <summary>The same for somebody who is not calling now.</summary>
    public async Task<TAnswer> OnceAsync<TAnswer>(
        WriteClaim claim, Func<RegistryWrite, CancellationToken, Task<TAnswer>> act, CancellationToken ct)
        where TAnswer : IMessage<TAnswer>, new() =>
        await resilience.Work.ExecuteAsync(async token => await AttemptAsync(claim, act, token), ct);

    /// <summary>Runs <paramref name="act"/> under a reference that it answers for itself, and keeps no receipt: an
    /// upload is made good step by step. It is given what the reference was answered before, if it was.</summary>
    public Task<T> ExecuteWithoutReceiptAsync<T>(
        Caller caller, string reference, byte[] digest, Func<RegistryWrite, CancellationToken, Task<T>> act,
        CancellationToken ct)
    {
        var claim = new WriteClaim(caller.ActorId, caller.PartyId, Inputs.Reference(reference), digest);
        return DoAsync(async token => await writer.BeginAsync(claim, token, keepsReceipt: false), act, ct);
    }

    /// <summary>Runs <paramref name="act"/> in one journalled transaction without a reference: it must find for itself
    /// what is done already. Actor 0 is the registry.</summary>
    public Task<T> DoAsync<T>(ulong actor, Func<RegistryWrite, CancellationToken, Task<T>> act, CancellationToken ct) =>
        DoAsync(async token => await writer.BeginAsync(actor, token), act, ct);

    private async Task<T> DoAsync<T>(
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

    // May run again from its beginning: the answer to a commit can be lost, and then the next attempt finds the
    // receipt.
    private async Task<TAnswer> AttemptAsync<TAnswer>(
        WriteClaim claim, Func<RegistryWrite, CancellationToken, Task<TAnswer>> act, CancellationToken ct)
        where TAnswer : IMessage<TAnswer>, new()
    {
        var began = Stopwatch.GetTimestamp();
        await using var write = await resilience.Reach.ExecuteAsync(async token =>
            await writer.BeginAsync(claim, token), ct);
        return await DatabaseFault.OnAsync(write.Connection, async () =>
        {
            if (write.Earlier is not { } earlier) return await DoAsync(write, act, began, ct);

            await write.WaitForDurableAsync(ct);
            var answer = new TAnswer();
            answer.MergeFrom(earlier.Answer);
            return At(answer, earlier.Position);
        });
    }

    private async Task<TAnswer> DoAsync<TAnswer>(
        RegistryWrite write, Func<RegistryWrite, CancellationToken, Task<TAnswer>> act, long began,
        CancellationToken ct)
        where TAnswer : IMessage<TAnswer>, new()
    {
        var fresh = await act(write, ct);
        var position = await write.CommitAsync(fresh.ToByteArray(), ct);
        if (Stopwatch.GetElapsedTime(began) is var took && took > Limits.WriteSlow) Slow(log, fresh.Descriptor.Name,
            (long)took.TotalMilliseconds, position);
        return At(fresh, position);
    }

    // The position is known only after the answer is stored, so it is put into every answer on its way out.
    private static TAnswer At<TAnswer>(TAnswer answer, ulong position)
        where TAnswer : IMessage<TAnswer>, new()
    {
        answer.Descriptor.FindFieldByName(PositionField).Accessor.SetValue(answer, position);
        return answer;
    }

    [LoggerMessage(EventId = 2004, Level = LogLevel.Warning,
        Message = "A write was slow: {Answer} took {Ms} ms, up to position {Position}.")]
    private static partial void Slow(ILogger log, string answer, long ms, ulong position);
}

/// <summary>What writes of the registrar share.</summary>
internal static class WriteExtensions
{
    /// <summary>Adds a journal entry.</summary>
    public static void Stage(this RegistryWrite write, JournalKind kind, IMessage forAll, IMessage? keptBack = null,
        (SubjectKind, long)? subject = null, ulong? actor = null) =>
        write.Stage(new StagedEntry((int)kind, JournalEntryRules.MustUnderstand(kind), forAll.ToByteArray(),
            keptBack?.ToByteArray() ?? [], subject, actor));

    /// <summary>Adds a journal entry whose contents go to the database at once.</summary>
    public static Task StageNowAsync(
        this RegistryWrite write, JournalKind kind, IMessage forAll, IMessage? keptBack, (SubjectKind, long)? subject,
        CancellationToken ct, ulong? actor = null) =>
        write.StageNowAsync(new StagedEntry((int)kind, JournalEntryRules.MustUnderstand(kind), forAll.ToByteArray(),
            keptBack?.ToByteArray() ?? [], subject, actor), ct);

    /// <summary>Makes other writes of the same row wait until this one is done; not those that only refer to it, such
    /// as alarms about its units.</summary>
    public static async Task LockBatchAsync(this RegistryWrite write, int number, CancellationToken ct) =>
        await write.Db.Database.ExecuteSqlAsync($"SELECT 1 FROM batches WHERE number = {number} FOR NO KEY UPDATE", ct);

    /// <summary>The same for an order.</summary>
    public static async Task LockOrderAsync(this RegistryWrite write, long number, CancellationToken ct) =>
        await write.Db.Database.ExecuteSqlAsync($"SELECT 1 FROM orders WHERE number = {number} FOR NO KEY UPDATE", ct);

    /// <summary>A party by name, or NOT_FOUND.</summary>
    public static async Task<PartyRow> PartyAsync(this RegistryContext db, string text, CancellationToken ct)
    {
        var name = Inputs.Name("party", text);
        return await db.Parties.SingleOrDefaultAsync(p => p.Name == name, ct)
            ?? throw new RegistryException(RegistryError.NotFound, $"There is no party named {name}.", "party",
                "the name of a registered party");
    }

    /// <summary>Four eyes are two people. The same actor is one person; so are two of which one ever registered a key
    /// for the other, and two for whom the same third person did: whoever gives a key may hold it.</summary>
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

    /// <summary>A number from the wire as a key; what no row can have is no row.</summary>
    public static long ToKey(this ulong number) => number <= long.MaxValue ? (long)number : -1;

    /// <summary>The same for the number of a batch.</summary>
    public static int ToBatchKey(this ulong number) => number <= int.MaxValue ? (int)number : -1;
}
