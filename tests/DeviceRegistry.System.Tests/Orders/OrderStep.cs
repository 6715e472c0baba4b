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

/// <summary>A step of a sequence. Orders are named by the step that drafts them, so that a step can be left out and the
/// others still mean what they meant; one against an order that is not there does nothing. Instants are halves of a
/// step from its own time.</summary>
internal sealed record OrderStep(StepKind Kind, int Number)
{
    /// <summary>Handsets of a sequence: two of its first TAC, one of its second.</summary>
    public const int Handsets = 3;

    /// <summary>What an order may cover, one bit each: the handsets, the two TACs, the first handset with the
    /// subscriber that is asked for, and with another.</summary>
    public const int Subjects = Handsets + 4;

    /// <summary>Bits of the TACs.</summary>
    public const int Tacs = 0b11 << Handsets;

    /// <summary>Bit of the first handset with the subscriber that is asked for; the next is with another.</summary>
    public const int Pair = 1 << (Handsets + 2);

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

    /// <summary>The next step of a sequence, with a chance in it for everything there is.</summary>
    public static OrderStep Any(Random random, IReadOnlyList<OrderStep> before)
    {
        var step = new OrderStep(StepKind.Wait, before.Count) { Person = random.Next(12),
            ByAnybody = random.Next(8) is 0, ThenApproved = random.Next(4) > 0, SentTwice = random.Next(10) is 0 };
        var blocks = before.Where(s => s.Kind is StepKind.Draft).ToList();
        var drafts = before.Where(s => s.Kind is StepKind.Draft or StepKind.Measure).ToList();
        return (blocks.Count is 0 ? 0 : random.Next(20)) switch
        {
            < 5 => AnyDraft(random, step, blocks.Count > 0 && random.Next(3) is 0 ? Some(random, blocks) : null),
            < 12 => step with { Kind = StepKind.Measure,
                Action = (OrderAction)random.Next((int)OrderAction.Lift, (int)OrderAction.Annul + 1),
                Target = Some(random, blocks).Number },
            < 15 => step with { Kind = StepKind.Approve, Target = Some(random, drafts).Number },
            15 => step with { Kind = StepKind.Reject, Target = Some(random, drafts).Number },
            16 => step with { Kind = StepKind.Withdraw, Target = Some(random, drafts).Number },
            < 19 => step with { Kind = StepKind.Notice,
                Target = Some(random, drafts.FindAll(d => d.Class is OrderClass.D
                or OrderClass.E) is { Count: > 0 } late ? late : drafts).Number },
            _ => step,
        };
    }

    // Mostly what was drafted last; often enough something older.
    private static OrderStep Some(Random random, List<OrderStep> of) =>
        random.Next(2) is 0 ? of[^1] : of[random.Next(of.Count)];

    // One that takes another's place mostly covers all of it.
    private static OrderStep AnyDraft(Random random, OrderStep step, OrderStep? old)
    {
        var rank = (OrderClass)random.Next((int)OrderClass.A, (int)OrderClass.E + 1);
        int? from = old is null && random.Next(2) is 0 ? random.Next(-1, 8) : null;
        int? until = random.Next(2) is 0 ? Math.Max(from + 1 ?? 0, random.Next(10)) : null;
        var covers = random.Next(1, 1 << Subjects) & ~(rank is OrderClass.B ? 0 : Tacs) | (random.Next(4) > 0
            ? old?.Covers ?? 0 : 0);
        if (covers is 0) covers = Pair;
        return step with { Kind = StepKind.Draft, Class = (covers & Tacs) is not 0 ? OrderClass.B : rank,
            Covers = covers, From = from, Until = until, Target = old?.Number };
    }

    public override string ToString()
    {
        var what = Kind switch
        {
            StepKind.Draft =>
                $"drafts order {Number} of class {Class} on " +
                $"{Names(Covers)}{Instant(" from ", From)}{Instant(" until ", Until)}{(Target is { } old
                    ? $" in place of order {old}" : "")}",
            StepKind.Measure => $"drafts order {Number}: {Action} of order {Target}",
            StepKind.Wait => "nothing",
            _ => $"{Kind} of order {Target}",
        };
        return $"{Number,2}: {what}{(Kind is StepKind.Wait ? "" : $", person {Person}"
            + $"{(ByAnybody ? " whoever that is" : "")}")}"
            + $"{(ThenApproved && Kind is StepKind.Draft or StepKind.Measure ? ", approved at once" : "")}"
            + $"{(SentTwice && Kind is not StepKind.Wait ? ", sent twice" : "")}";
    }

    private static string Instant(string word, int? halves) => halves is { } h ? $"{word}{h / 2.0:+0.0;-0.0;+0}" : "";

    private static string Names(int covers) =>
        string.Join(", ", Enumerable.Range(0, Subjects).Where(s => (covers & 1 << s) != 0)
            .Select(s => s < Handsets ? $"handset {s}" : s < Handsets + 2 ? $"TAC {s - Handsets}"
            : $"handset 0 with {(1 << s is Pair ? "the" : "another")} subscriber"));
}
