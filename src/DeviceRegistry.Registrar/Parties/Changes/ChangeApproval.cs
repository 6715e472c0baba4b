using DeviceRegistry.Contracts;
using DeviceRegistry.Contracts.V1;
using DeviceRegistry.Core;
using DeviceRegistry.Postgres.Journal;
using DeviceRegistry.Postgres.Schema;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Microsoft.EntityFrameworkCore;
using ChangeState = DeviceRegistry.Postgres.Schema.ChangeState;

namespace DeviceRegistry.Registrar.Parties.Changes;

/// <summary>Changes that one person proposes and another approves or rejects.</summary>
internal sealed class ChangeApproval(IdempotentWrites writes, MemberDirectoryLoader loader, TimeProvider time)
{
    /// <summary>Stores a proposed change; nothing takes effect until it is approved.</summary>
    public Task<TAnswer> ProposeAsync<TAnswer>(
        Caller caller, string reference, IMessage request, Change change, Func<ulong, TAnswer> answer,
        CancellationToken ct)
        where TAnswer : IMessage<TAnswer>, new()
    {
        var proposed = ProposedChange.From(change);
        return writes.ExecutePerPersonAsync(caller, reference, request, async (write, ct) =>
        {
            await proposed.ValidateAsync(write.Db, ct);
            var row = new ChangeRow
            {
                Kind = proposed.Kind, Body = change.ToByteArray(), State = ChangeState.Proposed,
                ProposedBy = (long)caller.ActorId, ProposedAt = time.Now(),
            };
            write.Db.Changes.Add(row);
            await write.Db.SaveChangesAsync(ct);
            Stage(write, row, JournalKind.ChangeProposed, change);
            return answer((ulong)row.Number);
        }, ct);
    }

    /// <summary>Puts a change in force.</summary>
    public async Task<ApproveChangeResponse> ApproveAsync(Caller caller, ApproveChangeRequest request,
        CancellationToken ct)
    {
        var answer = await writes.ExecutePerPersonAsync(caller, request.Reference, request, async (write, ct) =>
        {
            // 1. Lock the change. It must be PROPOSED, by another person.
            var row = await LockAsync(write, request.ChangeNumber, ct);
            await write.Db.RequireAnotherPersonAsync(caller, [row.ProposedBy],
                $"You proposed change {row.Number}; another person must approve it.", ct);

            // 2. Validate the change against the current state.
            var change = Change.Parser.ParseFrom(row.Body);
            var proposed = ProposedChange.From(change);
            await RequireNotStaleAsync(write.Db, row, proposed, ct);
            await proposed.ValidateAsync(write.Db, ct);
            SyncPoints.Reached(SyncPoint.ChangeJudged);

            // 3. Put it in force and apply it.
            Decide(row, caller, ChangeState.InForce);
            Stage(write, row, JournalKind.ChangeApproved);
            var member = await proposed.ApplyAsync(write, row.ProposedBy, ct);
            await write.Db.SaveChangesAsync(ct);
            return new ApproveChangeResponse
            {
                Change = (await ToSummariesAsync(write.Db, [row], ct))[0],
                MemberId = member
            };
        }, ct);
        await loader.ReloadAsync(ct);
        return answer;
    }

    /// <summary>Rejects a change. The proposer may reject it too.</summary>
    public Task<RejectChangeResponse> RejectAsync(Caller caller, RejectChangeRequest request, CancellationToken ct) =>
        writes.ExecutePerPersonAsync(caller, request.Reference, request, async (write, ct) =>
        {
            var row = await LockAsync(write, request.ChangeNumber, ct);
            Decide(row, caller, ChangeState.Rejected);
            Stage(write, row, JournalKind.ChangeRejected);
            await write.Db.SaveChangesAsync(ct);
            return new RejectChangeResponse { Change = (await ToSummariesAsync(write.Db, [row], ct))[0] };
        }, ct);

    /// <summary>Maps change rows to messages of the contract.</summary>
    public static async Task<IReadOnlyList<ChangeSummary>> ToSummariesAsync(
        RegistryContext db, IReadOnlyList<ChangeRow> rows, CancellationToken ct)
    {
        var ids = rows.Select(r => r.ProposedBy).Concat(rows.Select(r => r.DecidedBy).OfType<long>()).Distinct()
            .ToList();
        var people = await db.Actors.AsNoTracking().Where(a => ids.Contains(a.Id))
            .ToDictionaryAsync(a => a.Id, a => a.Name, ct);
        return [.. rows.Select(row => new ChangeSummary
        {
            ChangeNumber = (ulong)row.Number,
            State = (Contracts.V1.ChangeState)row.State,
            Change = Change.Parser.ParseFrom(row.Body),
            ProposedBy = people[row.ProposedBy],
            ProposedAt = Timestamp.FromDateTime(row.ProposedAt),
            DecidedBy = row.DecidedBy is { } by ? people[by] : "",
            DecidedAt = row.DecidedAt is { } at ? Timestamp.FromDateTime(at) : null,
        })];
    }

    private static async Task<ChangeRow> LockAsync(RegistryWrite write, ulong number, CancellationToken ct)
    {
        await write.LockAsync(WriteLock.Members, ct);
        SyncPoints.Reached(SyncPoint.MembersLocked);
        var row = await write.Db.Changes.SingleOrDefaultAsync(c => c.Number == number.ToKey(), ct)
            ?? throw new RegistryException(RegistryError.NotFound, $"There is no change {number}.", "change_number",
                "the number of a change");
        return row.State is ChangeState.Proposed
            ? row
            : throw new RegistryException(RegistryError.WrongState,
                $"Change {number} is {StatusMapping.UpperSnake(row.State.ToString())} already.", "change_number",
                "a change that waits");
    }

    // A change that was proposed against an earlier state must not undo what two people have decided since.
    private static async Task RequireNotStaleAsync(RegistryContext db, ChangeRow row, ProposedChange proposed,
        CancellationToken ct)
    {
        var later = db.Changes.AsNoTracking()
            .Where(c => c.Kind == row.Kind && c.Number > row.Number && c.State == ChangeState.InForce)
            .OrderBy(c => c.Number).AsAsyncEnumerable();
        await foreach (var other in later.WithCancellation(ct))
            if (ProposedChange.From(Change.Parser.ParseFrom(other.Body)).Subjects.Intersect(proposed.Subjects)
                .FirstOrDefault() is { } subject)
                throw new RegistryException(RegistryError.WrongState,
                    $"Change {row.Number} is out of date: {subject} was changed by change {other.Number} since. " +
                    $"Reject it, and propose it anew.", "change_number", "a change later than those in force");
    }

    private void Decide(ChangeRow row, Caller caller, ChangeState state) =>
        (row.State, row.DecidedBy, row.DecidedAt) = (state, (long)caller.ActorId, time.Now());

    private static void Stage(RegistryWrite write, ChangeRow row, JournalKind kind, Change? change = null) =>
        write.Stage(kind, new ChangeStep { ChangeNumber = (ulong)row.Number }, change,
            (SubjectKind.Change, row.Number));
}
