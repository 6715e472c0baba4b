using System.CommandLine;
using System.Globalization;
using System.Security.Cryptography;
using DeviceRegistry.Contracts.V1;
using Google.Protobuf;
using Grpc.Core;

namespace DeviceRegistry.Cli.Commands;

/// <summary>Block orders and order actions.</summary>
internal static class OrderCommands
{
    public static Command Build() =>
        new("order",
        "Block orders: drafted by one person, approved by another, changed by further orders of the same form.")
    {
        Draft(), Approve(), Reject(), Withdraw(), Notice(),
        Quantity(OrderAction.Lift, "lift",
            "Drafts the lifting of an order: when it is approved, nobody is blocked by it any more.",
            "Found by its owner"),
        Quantity(OrderAction.Stay, "stay",
            "Drafts the stay of an order: when it is approved, the order blocks nobody until the stay is vacated.",
            "Tribunal, appeal 12/2026"),
        Quantity(OrderAction.Vacate, "vacate",
            "Drafts the end of a stay: when it is approved, the order is in force again.", "Appeal 12/2026 dismissed"),
        Quantity(OrderAction.Annul, "annul", "Drafts the annulment of an order that was wrong from the beginning.",
            "Wrong number in the police report"),
        Show(), Watch(),
    };

    private static CliCommand Draft()
    {
        var reference = OptionFactory.Reference();
        var rank = OptionFactory.Choice<OrderClass>("--class", "Class by rank");
        rank.Required = true;
        var reason = OptionFactory.Text("--reason", "CODE", "Reason code of that class, such as STOLEN.");
        var basis = OptionFactory.Text("--basis", "TEXT", "Legal basis.");
        var imeis = OptionFactory.Texts("--imei", "IMEI", "A handset; its unit's other IMEIs follow.");
        var tacs = OptionFactory.Texts("--tac", "TAC", "A whole type, class B only.");
        var ranges = OptionFactory.Texts("--imei-range", "FIRST-LAST",
            "Handsets of one type from the first to the last, registered or not; their units' other IMEIs do not " +
            "follow.");
        ranges.Aliases.Add("--range");
        var units = OptionFactory.Texts("--unit", "BATCH/SERIAL",
            "A unit, by the number of its batch and its serial number.");
        var identities = OptionFactory.Texts("--identity", "TEXT",
            "A handset whose identity is no IMEI, as networks see it, such as #12AB.");
        var pairs = OptionFactory.Texts("--pair", "IMEI/IMSI",
            "A handset with one subscriber: refused together, served otherwise; its unit's other IMEIs follow. The " +
            "registry keeps no IMSI, only what stands for it.");
        var effective = OptionFactory.Instant("--effective-at", "When it starts; at once if not given.");
        var expires = OptionFactory.Instant("--expires-at", "When it ends by itself; never if not given.");
        var evidence = Evidence();
        var supersedes = new Option<ulong>("--supersedes")
        {
            HelpName = "N",
            Description = "An order in force that it takes the place of."
        };
        var waiver = new Option<string>("--notice-waiver")
        {
            HelpName = "TEXT",
            Description = "Why no notice is given; classes A and B only.", DefaultValueFactory = _ => ""
        };
        var verb = new CliCommand(
            "draft", "Drafts a block order. Nothing is blocked before another person approves it.",
            "dreg order draft --reference CASE-123 --class C --reason STOLEN --basis \"Police report 123\" --imei " +
            "352906110000017", Demo.Regulator)
        {
            reference, rank, reason, basis, imeis, tacs, ranges, units, identities, pairs, effective, expires, evidence,
            supersedes, waiver,
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
                ImeiRanges = { parse.GetValue(ranges)!.Select(UnitChoice.RangeOf) },
                Units = { parse.GetValue(units)!.Select(UnitOf) },
                Identities = { parse.GetValue(identities) },
                Pairs = { await PairsAsync(session, parse.GetValue(pairs)!, ct) },
                EffectiveAt = parse.GetValue(effective),
                ExpiresAt = parse.GetValue(expires),
                Evidence = { await DigestsAsync(parse.GetValue(evidence)!, ct) },
                Supersedes = parse.GetValue(supersedes),
                NoticeWaiver = parse.GetValue(waiver),
            };
            var answer = await Orders(session).DraftOrderAsync(request, session.Within(Session.Usual, ct));
            session.Out.Answer(answer, Lines(answer.Order, answer.JournalPosition));
        });
    }

    // The IMSI is sent only in this request: the draft, its signature and the registry contain the pseudonym.
    private static async Task<IEnumerable<OrderPair>> PairsAsync(Session session, string[] texts, CancellationToken ct)
    {
        if (texts.Length is 0) return [];

        var named = texts.Select(t => t.LastIndexOf('/') is > 0 and var at ? (Equipment: t[..at], Imsi: t[(at + 1)..])
            : throw new CommandException(Fault.Usage(
            $"--pair {t}: expected IMEI/IMSI.", "Such as 352906110000017/410010000000123."))).ToList();
        var answer = await Orders(session)
            .PseudonymizeSubscribersAsync(new PseudonymizeSubscribersRequest { Imsis = { named.Select(n => n.Imsi) } },
            session.Within(Session.Usual, ct));
        return named.Zip(answer.Subscribers, (n, subscriber) =>
            new OrderPair { Equipment = n.Equipment, Subscriber = subscriber });
    }

    // A pseudonym means nothing to an approver; compared with the IMSIs of the case file, it does.
    private static async Task RequirePairsAsync(Session session, ulong order, string[] texts, CancellationToken ct)
    {
        if (texts.Length is 0) return;

        var expected = (await PairsAsync(session, texts, ct)).Select(Known).ToHashSet();
        var draft = await Orders(session)
            .GetDraftAsync(new GetDraftRequest { OrderNumber = order }, session.Within(Session.Usual, ct));
        if (!(draft.Block?.Pairs ?? []).Select(Known).ToHashSet().SetEquals(expected))
            throw new CommandException(Fault.Usage(
                $"The draft of order {order} does not name just these handsets with these subscribers; nothing was " +
                $"approved.", $"Compare dreg order show {order} with the case file; reject the draft if it is wrong."));

        static (string Equipment, Subscriber Subscriber) Known(OrderPair pair) =>
            (Core.EquipmentIdentity.Normal(pair.Equipment), pair.Subscriber);
    }

    // A serial number may contain a slash, a batch number may not.
    private static OrderUnit UnitOf(string text) => text.Split('/', 2) is [var batch, var serial]
        && ulong.TryParse(batch, NumberStyles.None, CultureInfo.InvariantCulture, out var number)
        ? new OrderUnit { BatchNumber = number, SerialNumber = serial }
        : throw new CommandException(Fault.Usage($"--unit {text}: expected BATCH/SERIAL.",
            "Such as 1/SN0001; dreg batch list shows the numbers of batches."));

    private static CliCommand Approve()
    {
        var number = OptionFactory.Number("order");
        var reference = OptionFactory.ReferenceOr("approve-N-NAME");
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
        var pairs = OptionFactory.Texts("--pair", "IMEI/IMSI",
            "A handset with one subscriber that the draft must name; all of them, if any is given. The draft shows " +
            "only what stands for subscribers.");
        var verb = new CliCommand(
            "approve",
            "Approves a draft, of a block or of a measure. The drafter cannot; nor, for a measure, those who drafted " +
            "or approved the order it is against.",
            "dreg order approve 1 --as regulator-b --watch 352906110000025", Demo.SecondRegulator) { number, reference,
            pairs, watch, watchAs };
        return verb.Does(async (parse, session, ct) =>
        {
            // The attach channel is opened and warmed up before the approval, so that only the propagation of the order
            // is timed.
            var order = parse.GetValue(number);
            await RequirePairsAsync(session, order, parse.GetValue(pairs)!, ct);
            var approvalWatch = parse.GetValue(watch) is { } imei
                ? await ApprovalWatch.OpenAsync(session, imei, parse.GetValue(watchAs)!, ct) : null;
            var request = new ApproveOrderRequest
            {
                OrderNumber = order, Reference = parse.GetValue(reference)
                ?? $"approve-{order}-{session.Name}"
            };
            var answer = await Orders(session).ApproveOrderAsync(request, session.Within(Session.Usual, ct));
            var seen = approvalWatch is null || answer.Order.State is OrderState.Approved or OrderState.Armed ? null
                : await approvalWatch.UntilEffectAsync(answer.Order.Action, answer.JournalPosition, ct);

            var document = Output.ToNode(answer);
            if (seen is { } elapsed) document["seen_at_attach_after_ms"] = Math.Round(elapsed.TotalMilliseconds, 1);
            session.Out.Answer(document, [.. Lines(answer.Order, answer.JournalPosition),
                .. Sight(answer.Order.Action, seen)]);
        });
    }

    private static CliCommand Reject()
    {
        var (number, reference, reason) =
            (OptionFactory.Number("order"), OptionFactory.ReferenceOr("reject-N-NAME"),
            OptionFactory.Text("--reason", "TEXT", "Why, for the record."));
        var verb = new CliCommand("reject", "Rejects a draft for ever. The drafter cannot.",
            "dreg order reject 1 --reason \"No police report\"", Demo.SecondRegulator) { number, reference, reason };
        return verb.Does(async (parse, session, ct) =>
        {
            var order = parse.GetValue(number);
            var request = new RejectOrderRequest
            {
                OrderNumber = order, Reference = parse.GetValue(reference)
                ?? $"reject-{order}-{session.Name}", Reason = parse.GetValue(reason)
            };
            var answer = await Orders(session).RejectOrderAsync(request, session.Within(Session.Usual, ct));
            session.Out.Answer(answer, Lines(answer.Order, answer.JournalPosition));
        });
    }

    private static CliCommand Withdraw()
    {
        var (number, reference, reason) =
            (OptionFactory.Number("order"), OptionFactory.ReferenceOr("withdraw-N-NAME"),
            OptionFactory.Text("--reason", "TEXT", "Why, for the record."));
        var verb = new CliCommand(
            "withdraw",
            "Withdraws an order that blocks nobody yet: your own draft, or an approved order whose start is ahead.",
            "dreg order withdraw 1 --reason \"Settled\"", Demo.Regulator)
        {
            number, reference, reason,
        };
        return verb.Does(async (parse, session, ct) =>
        {
            var order = parse.GetValue(number);
            var request = new WithdrawOrderRequest
            {
                OrderNumber = order, Reference = parse.GetValue(reference)
                ?? $"withdraw-{order}-{session.Name}", Reason = parse.GetValue(reason)
            };
            var answer = await Orders(session).WithdrawOrderAsync(request, session.Within(Session.Usual, ct));
            session.Out.Answer(answer, Lines(answer.Order, answer.JournalPosition));
        });
    }

    private static CliCommand Notice()
    {
        var (number, reference) = (OptionFactory.Number("order"), OptionFactory.ReferenceOr("notice-N"));
        var receipt = OptionFactory.Text("--receipt", "TEXT", "Reference of the delivery receipt.");
        var channel = OptionFactory.Text("--channel", "TEXT", "How it was delivered, such as SMS.");
        var at = OptionFactory.Instant("--at", "When it was delivered, or the last attempt failed.");
        var file = OptionFactory.Existing("--file", "F", "The receipt; only its SHA-256 is sent.", required: true);
        at.Required = true;
        var verb = new CliCommand(
            "record-notice",
            "Records the proof that notice was given of an order of class D or E. An approved one is armed by it.",
            "dreg order record-notice 1 --receipt SMS-2026-11-20-0042 --channel SMS --at 2026-11-20T09:30:00Z --file " +
            "receipt.json", Demo.Regulator)
        {
            number, reference, receipt, channel, at, file,
        };
        return verb.Does(async (parse, session, ct) =>
        {
            var order = parse.GetValue(number);
            var request = new RecordNoticeRequest
            {
                OrderNumber = order, Reference = parse.GetValue(reference) ?? $"notice-{order}",
                Notice = new Notice
                {
                    Reference = parse.GetValue(receipt), Channel = parse.GetValue(channel), At = parse.GetValue(at),
                    Evidence = (await DigestsAsync([parse.GetValue(file)!], ct))[0],
                },
            };
            var answer = await Orders(session).RecordNoticeAsync(request, session.Within(Session.Usual, ct));
            session.Out.Answer(answer, Lines(answer.Order, answer.JournalPosition));
        });
    }

    private static CliCommand Quantity(OrderAction action, string name, string description, string example)
    {
        var number = OptionFactory.Number("order");
        var reference = OptionFactory.Reference();
        var basis = OptionFactory.Text("--basis", "TEXT", "Legal basis.");
        var evidence = Evidence();
        var appeal = new Option<ulong>("--appeal") { HelpName = "N", Description = "The appeal it is taken for." };
        var verb = new CliCommand(
            name, description + " Its approval is dreg order approve with the number it gets.",
            $"dreg order {name} 1 --reference CASE-123-{char.ToUpperInvariant(name[0])} --basis \"{example}\"",
            Demo.Regulator)
        {
            number, reference, basis, evidence, appeal,
        };
        return verb.Does(async (parse, session, ct) =>
        {
            var request = new DraftOrderActionRequest
            {
                OrderNumber = parse.GetValue(number),
                Reference = parse.GetValue(reference),
                Basis = parse.GetValue(basis),
                Action = action,
                AppealNumber = parse.GetValue(appeal),
                Evidence = { await DigestsAsync(parse.GetValue(evidence)!, ct) },
            };
            var answer = await Orders(session).DraftOrderActionAsync(request, session.Within(Session.Usual, ct));
            session.Out.Answer(answer, Lines(answer.Order, answer.JournalPosition));
        });
    }

    private static CliCommand Show()
    {
        var number = OptionFactory.Number("order");
        var verb = new CliCommand("show", "Shows an order, and how far each operator is with it.", "dreg order show 1",
            Demo.Regulator) { number };
        return verb.Does(async (parse, session, ct) =>
        {
            using var call = Orders(session)
                .WatchOrder(new WatchOrderRequest { OrderNumber = parse.GetValue(number) },
                session.Within(Session.Usual, ct));
            await call.ResponseStream.MoveNext(ct);
            var answer = call.ResponseStream.Current;
            session.Out.Answer(answer, [.. TextFormatter.Order(answer.Order),
                .. TextFormatter.Enforcement(answer.Operators)]);
        });
    }

    private static CliCommand Watch()
    {
        var number = OptionFactory.Number("order");
        var verb = new CliCommand("watch", "Follows an order until every operator's nodes have it, or it has ended.",
            "dreg order watch 1", Demo.Regulator) { number };
        return verb.Does(async (parse, session, ct) =>
        {
            using var call = Orders(session)
                .WatchOrder(new WatchOrderRequest { OrderNumber = parse.GetValue(number) },
                session.Within(Session.Whole, ct));
            using var progress = new Progress(session.Out);
            WatchOrderResponse? last = null;
            while (await call.ResponseStream.MoveNext(ct))
            {
                last = call.ResponseStream.Current;
                progress.PrintLine(
                    $"{TextFormatter.Word(last.Order.State)}: " +
                    $"{string.Join(", ", last.Operators.Select(o => $"{o.Operator} {o.NodesApplied} of {o.Nodes}"))}");
            }

            session.Out.Answer(last!, [.. TextFormatter.Order(last!.Order),
                .. TextFormatter.Enforcement(last.Operators)]);
        });
    }

    internal static Option<FileInfo[]> Evidence() => new("--evidence")
    {
        HelpName = "F", Description = "A document it is based on; only its SHA-256 is sent. May be repeated.",
        DefaultValueFactory = _ => [],
    };

    internal static async Task<IReadOnlyList<ByteString>> DigestsAsync(IEnumerable<FileInfo> files,
        CancellationToken ct)
    {
        var digests = new List<ByteString>();
        foreach (var file in files)
        {
            if (!file.Exists) throw new CommandException(
                Fault.Usage($"{file} is not there.", "Name the document itself.", "FILE"));

            await using var stream = file.OpenRead();
            digests.Add(ByteString.CopyFrom(await SHA256.HashDataAsync(stream, ct)));
        }

        return digests;
    }

    private static OrdersService.OrdersServiceClient Orders(Session session) => new(session.Signing);

    private static IEnumerable<string> Lines(OrderSummary order, ulong position) =>
        [.. TextFormatter.Order(order), .. TextFormatter.Rows(("position", TextFormatter.Number(position)))];

    private static IEnumerable<string> Sight(OrderAction action, TimeSpan? seen)
    {
        if (seen is not { } elapsed) return [];

        var ms = elapsed.TotalMilliseconds.ToString("0.0", CultureInfo.InvariantCulture);
        return [$"{(action is OrderAction.Block or OrderAction.Vacate ? "denied" : "no longer denied")} at attach " +
            $"{ms} ms after the answer"];
    }
}
