namespace DeviceRegistry.Core;

/// <summary>Body that hears an appeal, from the first instance to the last. Numbers as on the wire.</summary>
public enum AppealForum : short
{
    /// <summary>The authority, which reviews its own order.</summary>
    Authority = 1,

    /// <summary>The appellate tribunal.</summary>
    Tribunal = 2,

    /// <summary>The Supreme Court, against a decision of the tribunal.</summary>
    SupremeCourt = 3,
}

/// <summary>State of an appeal (proto/docs/state-machines.md). Numbers as on the wire.</summary>
public enum AppealState : short
{
    /// <summary>Recorded; the review has not begun.</summary>
    Filed = 1,

    /// <summary>The forum reviews it.</summary>
    UnderReview = 2,

    /// <summary>The order was right.</summary>
    Upheld = 3,

    /// <summary>The order was wrong, and has ended.</summary>
    Reversed = 4,

    /// <summary>To be reviewed again, with a new deadline.</summary>
    Remitted = 5,

    /// <summary>Withdrawn by the appellant.</summary>
    Withdrawn = 6,
}

/// <summary>Decision on an appeal. Numbers as on the wire.</summary>
public enum AppealDecision : short
{
    /// <summary>The order remains in force.</summary>
    Uphold = 1,

    /// <summary>The order was wrong.</summary>
    Reverse = 2,

    /// <summary>The forum must review the appeal again.</summary>
    Remit = 3,
}

/// <summary>A transition of an appeal: state before, step, state after.</summary>
public readonly record struct AppealTransition(AppealState From, string Step, AppealState To);

/// <summary>State machine of appeals (proto/docs/state-machines.md). The database has the same rows and refuses every
/// other transition. An appeal does not change its order. Two people do that by an order action
/// (<see cref="OrderLifeCycle"/>): a stay during the appeal, a lift or an annulment before the reversal.</summary>
public static class AppealLifeCycle
{
    public static IReadOnlyList<AppealTransition> Steps { get; } =
    [
        new(AppealState.Filed, "review", AppealState.UnderReview),
        new(AppealState.Filed, "withdraw", AppealState.Withdrawn),
        new(AppealState.UnderReview, "uphold", AppealState.Upheld),
        new(AppealState.UnderReview, "reverse, the order has ended", AppealState.Reversed),
        new(AppealState.UnderReview, "remit", AppealState.Remitted),
        new(AppealState.UnderReview, "withdraw", AppealState.Withdrawn),
        new(AppealState.Remitted, "review, new days", AppealState.UnderReview),
        new(AppealState.Remitted, "withdraw", AppealState.Withdrawn),
    ];

    /// <summary>States of an undecided appeal, which may be overdue. In SQL: <c>state IN (1, 2, 5)</c>.</summary>
    public static IReadOnlyList<AppealState> Open { get; } =
        [AppealState.Filed, AppealState.UnderReview, AppealState.Remitted];

    public static bool IsOpen(AppealState state) => Open.Contains(state);

    /// <summary>Whether the transition exists.</summary>
    public static bool Leads(AppealState from, AppealState to) => Steps.Any(s => s.From == from && s.To == to);

    /// <summary>The state that a decision leads to.</summary>
    public static AppealState After(AppealDecision decision) => decision switch
    {
        AppealDecision.Uphold => AppealState.Upheld,
        AppealDecision.Reverse => AppealState.Reversed,
        _ => AppealState.Remitted,
    };

    /// <summary>Whether an order action ends the order, as a reversal requires.</summary>
    public static bool Ends(OrderAction action) => action is OrderAction.Lift or OrderAction.Annul;

    /// <summary>The transitions as a Mermaid state diagram.</summary>
    public static string Diagram() =>
        "stateDiagram-v2\n    [*] --> FILED: file, in time\n"
        + string.Concat(Steps.Select(s =>
        $"    {OrderLifeCycle.Word(s.From)} --> {OrderLifeCycle.Word(s.To)}: {s.Step}\n"));
}
