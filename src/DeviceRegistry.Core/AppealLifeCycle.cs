namespace DeviceRegistry.Core;

/// <summary>Who hears an appeal, from the first to the last (DOMAIN 5.11). Numbers as on the wire.</summary>
public enum AppealForum : short
{
    /// <summary>The authority itself, which looks at its own order again.</summary>
    Authority = 1,

    /// <summary>The appellate tribunal.</summary>
    Tribunal = 2,

    /// <summary>The Supreme Court, against what the tribunal decided.</summary>
    SupremeCourt = 3,
}

/// <summary>State of an appeal (DOMAIN 5.11). Numbers as on the wire.</summary>
public enum AppealState : short
{
    /// <summary>Recorded, nobody looks at it yet.</summary>
    Filed = 1,

    /// <summary>Somebody looks at it.</summary>
    UnderReview = 2,

    /// <summary>The order was right.</summary>
    Upheld = 3,

    /// <summary>The order was wrong, and has ended.</summary>
    Reversed = 4,

    /// <summary>To be looked at again, with new days.</summary>
    Remitted = 5,

    /// <summary>Taken back by whoever appealed.</summary>
    Withdrawn = 6,
}

/// <summary>What is decided on an appeal. Numbers as on the wire.</summary>
public enum AppealDecision : short
{
    /// <summary>The order stands.</summary>
    Uphold = 1,

    /// <summary>The order does not stand.</summary>
    Reverse = 2,

    /// <summary>It is to be looked at again.</summary>
    Remit = 3,
}

/// <summary>A step of an appeal: what happens, from which state to which.</summary>
public readonly record struct AppealTransition(AppealState From, string Step, AppealState To);

/// <summary>The life of appeals (DOMAIN 5.11): every step there is. The database has the same rows and refuses every
/// other one. What an appeal does to its order, two people do by a measure (<see cref="OrderLifeCycle"/>): a stay while
/// it lasts, a lift or an annulment before it is reversed.</summary>
public static class AppealLifeCycle
{
    /// <summary>The steps.</summary>
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

    /// <summary>States in which an appeal waits for somebody, and may be overdue. In SQL they are <c>state IN (1, 2,
    /// 5)</c>.</summary>
    public static IReadOnlyList<AppealState> Open { get; } =
        [AppealState.Filed, AppealState.UnderReview, AppealState.Remitted];

    /// <summary>It waits for somebody.</summary>
    public static bool IsOpen(AppealState state) => Open.Contains(state);

    /// <summary>Whether there is such a step.</summary>
    public static bool Leads(AppealState from, AppealState to) => Steps.Any(s => s.From == from && s.To == to);

    /// <summary>The state that a decision leads to.</summary>
    public static AppealState After(AppealDecision decision) => decision switch
    {
        AppealDecision.Uphold => AppealState.Upheld,
        AppealDecision.Reverse => AppealState.Reversed,
        _ => AppealState.Remitted,
    };

    /// <summary>Measures that end an order as a reversal asks for.</summary>
    public static bool Ends(OrderAction measure) => measure is OrderAction.Lift or OrderAction.Annul;

    /// <summary>The steps as a state diagram in the Mermaid language.</summary>
    public static string Diagram() =>
        "stateDiagram-v2\n    [*] --> FILED: file, in time\n"
        + string.Concat(Steps.Select(s =>
        $"    {OrderLifeCycle.Word(s.From)} --> {OrderLifeCycle.Word(s.To)}: {s.Step}\n"));
}
