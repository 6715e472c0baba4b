using System.CommandLine;
using System.Globalization;
using DeviceRegistry.Contracts.V1;

namespace DeviceRegistry.Cli.Commands;

/// <summary>Block orders and their lifting.</summary>
internal static class OrderCommands
{
    public static Command Build() => new("order", "Block orders: drafted by one person, approved by another, lifted by a further order.")
    {
        Draft(), Approve(), Lift(), Show(),
    };

    private static Verb Draft()
    {
        var reference = Choices.Reference();
        var rank = Choices.Choice<OrderClass>("--class", "Class by rank");
        rank.Required = true;
        var reason = Choices.Text("--reason", "CODE", "Reason code of that class, such as STOLEN.");
        var basis = Choices.Text("--basis", "TEXT", "Legal basis.");
        var imeis = Choices.Texts("--imei", "IMEI", "A handset; its unit's other IMEIs follow.");
        var tacs = Choices.Texts("--tac", "TAC", "A whole type, class B only.");
        var effective = Choices.Instant("--effective-at", "When it starts; at once if not given.");
        var expires = Choices.Instant("--expires-at", "When it ends by itself; never if not given.");
        var verb = new Verb(
            "draft", "Drafts a block order. Nothing is blocked before another person approves it.",
            "dreg order draft --reference CASE-123 --class C --reason STOLEN --basis \"Police report 123\" --imei 352906110000017", Demo.Regulator)
        {
            reference, rank, reason, basis, imeis, tacs, effective, expires,
        };
        return verb.Does(async (parse, session, ct) =>
        {
            var request = new DraftOrderRequest
            {
                Reference = parse.GetValue(reference),
                OrderClass = parse.GetValue(rank),
                Reason = parse.GetValue(reason),
                Basis = parse.GetValue(basis),
                Imeis = { parse.GetValue(imeis) },
                Tacs = { parse.GetValue(tacs) },
                EffectiveAt = parse.GetValue(effective),
                ExpiresAt = parse.GetValue(expires),
            };
            var answer = await Orders(session).DraftOrderAsync(request, session.Within(Session.Usual, ct));
            session.Out.Answer(answer, Lines(answer.Order, answer.JournalPosition));
        });
    }

    private static Verb Approve()
    {
        var number = Choices.Number("order");
        var reference = Choices.ReferenceOr("approve-N-NAME");
        var watch = new Option<string?>("--watch")
        {
            HelpName = "IMEI",
            Description = "Ask the attach node for this handset until the order shows, and print the time it took.",
        };
        var watchAs = new Option<string>("--watch-as")
        {
            HelpName = "NAME",
            Description = "Whose certificate to ask with.",
            DefaultValueFactory = _ => Demo.Operator,
        };
        var verb = new Verb(
            "approve", "Approves a draft, block or lift. The drafter cannot; nor, for a lift, those who signed the order it lifts.",
            "dreg order approve 1 --as regulator-b --watch 352906110000025", Demo.SecondRegulator) { number, reference, watch, watchAs };
        return verb.Does(async (parse, session, ct) =>
        {
            // The attach channel is opened and warm before the approval, so that what is timed is the order's way alone.
            var order = parse.GetValue(number);
            var eye = parse.GetValue(watch) is { } imei ? await ApprovalWatch.OpenAsync(session, imei, parse.GetValue(watchAs)!, ct) : null;
            var request = new ApproveOrderRequest { OrderNumber = order, Reference = parse.GetValue(reference) ?? $"approve-{order}-{session.Name}" };
            var answer = await Orders(session).ApproveOrderAsync(request, session.Within(Session.Usual, ct));
            var seen = eye is null ? null : await eye.UntilEffectAsync(answer.Order.Action, answer.JournalPosition, ct);

            var document = Output.ToNode(answer);
            if (seen is { } elapsed) document["seen_at_attach_after_ms"] = Math.Round(elapsed.TotalMilliseconds, 1);
            session.Out.Answer(document, [.. Lines(answer.Order, answer.JournalPosition), .. Sight(answer.Order.Action, seen)]);
        });
    }

    private static Verb Lift()
    {
        var number = Choices.Number("order");
        var reference = Choices.Reference();
        var basis = Choices.Text("--basis", "TEXT", "Legal basis.");
        var verb = new Verb(
            "lift", "Drafts the lifting of an order in force; its approval is dreg order approve with the number of the lift.",
            "dreg order lift 1 --reference CASE-123-L --basis \"Found by its owner\"", Demo.Regulator) { number, reference, basis };
        return verb.Does(async (parse, session, ct) =>
        {
            var request = new DraftLiftRequest
            {
                OrderNumber = parse.GetValue(number),
                Reference = parse.GetValue(reference),
                Basis = parse.GetValue(basis),
            };
            var answer = await Orders(session).DraftLiftAsync(request, session.Within(Session.Usual, ct));
            session.Out.Answer(answer, Lines(answer.Order, answer.JournalPosition));
        });
    }

    private static Verb Show()
    {
        var number = Choices.Number("order");
        var verb = new Verb("show", "Shows an order.", "dreg order show 1", Demo.Regulator) { number };
        return verb.Does(async (parse, session, ct) =>
        {
            var request = new GetOrderRequest { OrderNumber = parse.GetValue(number) };
            var answer = await new RegistryService.RegistryServiceClient(session.Registrar).GetOrderAsync(request, session.Within(Session.Usual, ct));
            session.Out.Answer(answer, Layouts.Order(answer.Order));
        });
    }

    private static OrdersService.OrdersServiceClient Orders(Session session) => new(session.Registrar);

    private static IEnumerable<string> Lines(OrderSummary order, ulong position) =>
        [.. Layouts.Order(order), .. Layouts.Rows(("position", Layouts.Number(position)))];

    private static IEnumerable<string> Sight(OrderAction action, TimeSpan? seen)
    {
        if (seen is not { } elapsed) return [];

        var ms = elapsed.TotalMilliseconds.ToString("0.0", CultureInfo.InvariantCulture);
        return [$"{(action is OrderAction.Lift ? "no longer denied" : "denied")} at attach {ms} ms after the answer"];
    }
}
