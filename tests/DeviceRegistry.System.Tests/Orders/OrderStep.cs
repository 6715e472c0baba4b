using DeviceRegistry.Core;

namespace DeviceRegistry.System.Tests.Orders;

/// <summary>What is done in a step. Time passes after each.</summary>
internal enum StepKind
{
    Draft,
    Measure,
    Approve,
    Reject,
    Withdraw,
    Notice,
    Wait,
}

/// <summary>A step of a sequence. Orders are named by the step that drafts them, so that a step can be left out and the others still mean what they meant; one against an order that is
/// not there does nothing. Instants are halves of a step from its own time.</summary>
internal sealed record OrderStep(StepKind Kind, int Number)
{
    /// <summary>Handsets of a sequence: two of its first TAC, one of its second.</summary>
    public const int Handsets = 3;

    /// <summary>What an order may cover, one bit each: the handsets, then the two TACs.</summary>
    public const int Subjects = Handsets + 2;

    public OrderClass Class { get; init; }

    public OrderAction Action { get; init; } = OrderAction.Block;

    public int Covers { get; init; }

    public int? From { get; init; }

    public int? Until { get; init; }

    /// <summary>The order it is about, or takes the place of.</summary>
    public int? Target { get; init; }

    /// <summary>Which of those who may; of all four people, where that is to be tried.</summary>
    public int Person { get; init; }

    /// <summary>Whoever it is, also someone who may not.</summary>
    public bool ByAnybody { get; init; }

    /// <summary>Approved at once by somebody who may.</summary>
    public bool ThenApproved { get; init; }

    /// <summary>Sent again under its reference, as after a lost answer.</summary>
    public bool SentTwice { get; init; }

    /// <summary>The step, with a chance in it for everything there is.</summary>
    public static OrderStep Any(Random random, int number)
    {
        // Mostly what was drafted last; often enough something older.
        int? Target() => number is 0 ? null : random.Next(2) is 0 ? number - 1 : random.Next(number);
        var step = new OrderStep(Kind: StepKind.Wait, number) { Person = random.Next(12), ByAnybody = random.Next(8) is 0, ThenApproved = random.Next(4) > 0, SentTwice = random.Next(10) is 0 };
        return random.Next(20) switch
        {
            < 7 => AnyDraft(random, step, random.Next(5) is 0 ? Target() : null),
            < 13 => step with { Kind = StepKind.Measure, Action = (OrderAction)random.Next((int)OrderAction.Lift, (int)OrderAction.Annul + 1), Target = Target() },
            < 15 => step with { Kind = StepKind.Approve, Target = Target() },
            15 => step with { Kind = StepKind.Reject, Target = Target() },
            16 => step with { Kind = StepKind.Withdraw, Target = Target() },
            < 19 => step with { Kind = StepKind.Notice, Target = Target() },
            _ => step,
        };
    }

    private static OrderStep AnyDraft(Random random, OrderStep step, int? supersedes)
    {
        var rank = (OrderClass)random.Next((int)OrderClass.A, (int)OrderClass.E + 1);
        int? from = supersedes is null && random.Next(2) is 0 ? random.Next(-1, 8) : null;
        int? until = random.Next(2) is 0 ? Math.Max(from + 1 ?? 0, random.Next(12)) : null;
        var some = random.Next(1, 1 << (rank is OrderClass.B ? Subjects : Handsets));
        return step with { Kind = StepKind.Draft, Class = rank, Covers = some, From = from, Until = until, Target = supersedes };
    }

    public override string ToString()
    {
        var what = Kind switch
        {
            StepKind.Draft => $"drafts order {Number} of class {Class} on {Names(Covers)}{Instant(" from ", From)}{Instant(" until ", Until)}{(Target is { } old ? $" in place of order {old}" : "")}",
            StepKind.Measure => $"drafts order {Number}: {Action} of order {Target}",
            StepKind.Wait => "nothing",
            _ => $"{Kind} of order {Target}",
        };
        return $"{Number,2}: {what}{(Kind is StepKind.Wait ? "" : $", person {Person}{(ByAnybody ? " whoever that is" : "")}")}"
            + $"{(ThenApproved && Kind is StepKind.Draft or StepKind.Measure ? ", approved at once" : "")}{(SentTwice && Kind is not StepKind.Wait ? ", sent twice" : "")}";
    }

    private static string Instant(string word, int? halves) => halves is { } h ? $"{word}{h / 2.0:+0.0;-0.0;+0}" : "";

    private static string Names(int covers) =>
        string.Join(", ", Enumerable.Range(0, Subjects).Where(s => (covers & 1 << s) != 0).Select(s => s < Handsets ? $"handset {s}" : $"TAC {s - Handsets}"));
}
