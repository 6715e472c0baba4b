using DeviceRegistry.Core;

namespace DeviceRegistry.System.Tests.Orders;

/// <summary>Kind of a step. Time passes after each step.</summary>
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

/// <summary>A step of a sequence. A step refers to an order by the step that drafts it, so that any step can be removed
/// without changing the others; a step against an order that does not exist does nothing. Instants are in halves of a
/// step from the time of the step.</summary>
internal sealed record OrderStep(StepKind Kind, int Number)
{
    /// <summary>Devices of a sequence: two of its first TAC, one of its second.</summary>
    public const int Handsets = 3;

    /// <summary>Subjects of an order, one bit each: the devices, the two TACs, the first device with the subscriber
    /// that checks use, and with another.</summary>
    public const int Subjects = Handsets + 4;

    /// <summary>Bits of the TACs.</summary>
    public const int Tacs = 0b11 << Handsets;

    /// <summary>Bit of the first device with the subscriber that checks use; the next bit is with another
    /// subscriber.</summary>
    public const int Pair = 1 << (Handsets + 2);

    public OrderClass Class { get; init; }

    public OrderAction Action { get; init; } = OrderAction.Block;

    public int Covers { get; init; }

    public int? From { get; init; }

    public int? Until { get; init; }

    /// <summary>The target order, or the order that this one supersedes.</summary>
    public int? Target { get; init; }

    /// <summary>Index among the people who may do the step; among all four people where a refusal is tested.</summary>
    public int Person { get; init; }

    /// <summary>Any person, including one who may not do the step.</summary>
    public bool ByAnybody { get; init; }

    /// <summary>Approved at once by a person who may.</summary>
    public bool ThenApproved { get; init; }

    /// <summary>Sent again under the same reference, as after a lost answer.</summary>
    public bool SentTwice { get; init; }

    /// <summary>The next step of a sequence; every kind of step has a chance.</summary>
    public static OrderStep Any(Random random, IReadOnlyList<OrderStep> before)
    {
        var step = new OrderStep(StepKind.Wait, before.Count)
        {
            Person = random.Next(12),
            ByAnybody = random.Next(8) is 0, ThenApproved = random.Next(4) > 0, SentTwice = random.Next(10) is 0
        };
        var blocks = before.Where(s => s.Kind is StepKind.Draft).ToList();
        var drafts = before.Where(s => s.Kind is StepKind.Draft or StepKind.Measure).ToList();
        return (blocks.Count is 0 ? 0 : random.Next(20)) switch
        {
            < 5 => AnyDraft(random, step, blocks.Count > 0 && random.Next(3) is 0 ? Some(random, blocks) : null),
            < 12 => step with
            {
                Kind = StepKind.Measure,
                Action = (OrderAction)random.Next((int)OrderAction.Lift, (int)OrderAction.Annul + 1),
                Target = Some(random, blocks).Number
            },
            < 15 => step with { Kind = StepKind.Approve, Target = Some(random, drafts).Number },
            15 => step with { Kind = StepKind.Reject, Target = Some(random, drafts).Number },
            16 => step with { Kind = StepKind.Withdraw, Target = Some(random, drafts).Number },
            < 19 => step with
            {
                Kind = StepKind.Notice,
                Target = Some(random, drafts.FindAll(d => d.Class is OrderClass.D
                or OrderClass.E) is { Count: > 0 } late ? late : drafts).Number
            },
            _ => step,
        };
    }

    // Mostly the latest order, sometimes an older one.
    private static OrderStep Some(Random random, List<OrderStep> of) =>
        random.Next(2) is 0 ? of[^1] : of[random.Next(of.Count)];

    // A superseding order mostly covers all subjects of its target order.
    private static OrderStep AnyDraft(Random random, OrderStep step, OrderStep? old)
    {
        var rank = (OrderClass)random.Next((int)OrderClass.A, (int)OrderClass.E + 1);
        int? from = old is null && random.Next(2) is 0 ? random.Next(-1, 8) : null;
        int? until = random.Next(2) is 0 ? Math.Max(from + 1 ?? 0, random.Next(10)) : null;
        var covers = random.Next(1, 1 << Subjects) & ~(rank is OrderClass.B ? 0 : Tacs) | (random.Next(4) > 0
            ? old?.Covers ?? 0 : 0);
        if (covers is 0) covers = Pair;
        return step with
        {
            Kind = StepKind.Draft,
            Class = (covers & Tacs) is not 0 ? OrderClass.B : rank,
            Covers = covers,
            From = from,
            Until = until,
            Target = old?.Number
        };
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
