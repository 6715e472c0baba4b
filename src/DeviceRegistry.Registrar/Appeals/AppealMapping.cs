using System.Globalization;
using DeviceRegistry.Contracts.V1;
using DeviceRegistry.Core;
using DeviceRegistry.Postgres.Schema;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Microsoft.EntityFrameworkCore;

namespace DeviceRegistry.Registrar.Appeals;

/// <summary>Maps appeal rows to messages of the contract.</summary>
internal static class AppealMapping
{
    /// <summary>A date as the contract writes it: <c>yyyy-MM-dd</c>.</summary>
    public static string Text(DateOnly day) => day.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture);

    public static async Task<AppealSummary> ToSummaryAsync(this AppealRow appeal, RegistryContext db, DateOnly today,
        CancellationToken ct) =>
        (await ToSummariesAsync(db, [appeal], today, ct))[0];

    public static async Task<IReadOnlyList<AppealSummary>> ToSummariesAsync(
        RegistryContext db, IReadOnlyList<AppealRow> appeals, DateOnly today, CancellationToken ct)
    {
        var ids = appeals.SelectMany(a => new[] { a.RecordedBy, a.ReviewedBy, a.DecidedBy }).OfType<long>().Distinct()
            .ToList();
        var people = await db.Actors.AsNoTracking().Where(a => ids.Contains(a.Id))
            .ToDictionaryAsync(a => a.Id, a => a.Name, ct);
        var numbers = appeals.Select(a => a.OrderNumber).Distinct().ToList();
        var states = await db.Orders.AsNoTracking().Where(o => numbers.Contains(o.Number))
            .ToDictionaryAsync(o => o.Number, o => o.State, ct);
        return [.. appeals.Select(appeal => new AppealSummary
        {
            AppealNumber = (ulong)appeal.Number,
            OrderNumber = (ulong)appeal.OrderNumber,
            OrderState = (Contracts.V1.OrderState)states[appeal.OrderNumber],
            Forum = (Contracts.V1.AppealForum)appeal.Forum,
            State = (Contracts.V1.AppealState)appeal.State,
            Appellant = appeal.Appellant,
            Grounds = appeal.Grounds,
            Reference = appeal.Reference,
            Evidence = { appeal.Evidence.Select(e => ByteString.CopyFrom(e)) },
            AfterAppeal = (ulong)(appeal.AfterAppeal ?? 0),
            FiledOn = Text(appeal.FiledOn),
            FileBy = appeal.FileBy is { } fileBy ? Text(fileBy) : "",
            DecideBy = appeal.DecideBy is { } decideBy ? Text(decideBy) : "",
            Overdue = AppealLifeCycle.IsOpen(appeal.State) && appeal.DecideBy < today,
            RecordedBy = people[appeal.RecordedBy],
            RecordedAt = Timestamp.FromDateTime(appeal.RecordedAt),
            ReviewedBy = appeal.ReviewedBy is { } reviewer ? people[reviewer] : "",
            ReviewedAt = appeal.ReviewedAt is { } reviewed ? Timestamp.FromDateTime(reviewed) : null,
            RemittedAt = appeal.RemittedAt is { } remitted ? Timestamp.FromDateTime(remitted) : null,
            DecidedBy = appeal.DecidedBy is { } decider ? people[decider] : "",
            DecidedAt = appeal.DecidedAt is { } decided ? Timestamp.FromDateTime(decided) : null,
            Findings = appeal.Findings,
            DecisionEvidence = { appeal.DecisionEvidence.Select(e => ByteString.CopyFrom(e)) },
            ActionNumber = (ulong)(appeal.Measure ?? 0),
        })];
    }
}
