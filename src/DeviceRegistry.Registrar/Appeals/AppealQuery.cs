using DeviceRegistry.Contracts.V1;
using DeviceRegistry.Core;
using DeviceRegistry.Postgres.Schema;
using Microsoft.EntityFrameworkCore;
using AppealForum = DeviceRegistry.Core.AppealForum;
using AppealState = DeviceRegistry.Core.AppealState;

namespace DeviceRegistry.Registrar.Appeals;

/// <summary>A validated filter and page of <see cref="ListAppealsRequest"/>. Whether an appeal is overdue is computed
/// from its last day to decide and <paramref name="Today"/>; no background job counts days.</summary>
internal sealed record AppealQuery(AppealState? State, AppealForum? Forum, long? Order, bool Overdue, DateOnly Today,
    long BeforeNumber, int PageSize)
{
    /// <summary>Validates a request and converts its fields.</summary>
    public static AppealQuery From(ListAppealsRequest request, DateOnly today) => new(
        Inputs.ChoiceOrAny<Contracts.V1.AppealState, AppealState>("state", request.State),
        Inputs.ChoiceOrAny<Contracts.V1.AppealForum, AppealForum>("forum", request.Forum),
        request.OrderNumber is 0 ? null : request.OrderNumber.ToKey(),
        request.Overdue,
        today,
        request.BeforeNumber is 0 ? long.MaxValue : request.BeforeNumber.ToKey(),
        Inputs.PageSize(request.PageSize));

    /// <summary>Returns one page, highest appeal number first.</summary>
    public async Task<ListAppealsResponse> ListAsync(RegistryContext db, CancellationToken ct)
    {
        var appeals = db.Appeals.AsNoTracking().Where(a => a.Number < BeforeNumber);
        if (State is { } state) appeals = appeals.Where(a => a.State == state);
        if (Forum is { } forum) appeals = appeals.Where(a => a.Forum == forum);
        if (Order is { } order) appeals = appeals.Where(a => a.OrderNumber == order);
        if (Overdue) appeals = appeals.Where(a => AppealLifeCycle.Open.Contains(a.State) && a.DecideBy < Today);
        var rows = await appeals.OrderByDescending(a => a.Number).Take(PageSize + 1).ToListAsync(ct);
        return new ListAppealsResponse
        {
            Appeals =
            { await AppealMapping.ToSummariesAsync(db, [.. rows.Take(PageSize)], Today, ct) },
            More = rows.Count > PageSize
        };
    }
}
