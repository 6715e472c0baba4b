using System.Text;
using DeviceRegistry.Contracts;
using DeviceRegistry.Contracts.V1;
using DeviceRegistry.TestKit;
using Google.Protobuf;
using Grpc.Core;
using Npgsql;

namespace DeviceRegistry.System.Tests;

/// <summary>Orders on a device with one subscriber: the pair is denied, the device with another subscriber is served.
/// Only the home operator's nodes can tell whose subscriber it is.</summary>
[CancelAfter(Patience.TestMs)]
public sealed class OrderPairTests
{
    // A subscriber of opco-a, by the PLMN; the other is of opco-b.
    private const string Thief = "410010000000007";
    private const string Owner = "410010000000008";
    private const string Elsewhere = "410060000000007";

    [Test]
    public async Task A_device_is_denied_only_with_the_subscriber_of_the_order()
    {
        var imei = TestImei.Next();
        var order = await BlockAsync(await DraftAsync((imei.Printed, Thief)));
        var during = (await VerdictAsync(imei.Digits, Thief), await VerdictAsync(imei.Digits, Owner),
            await VerdictAsync(imei.Digits, ""), await VerdictAsync(TestImei.Next().Digits, Thief));

        await Registry.GivenLiftedAsync(order.OrderNumber);

        Assert.That(during, Is.EqualTo((Verdict.Deny, Verdict.Track, Verdict.Track, Verdict.Track)));
        Assert.That(await VerdictAsync(imei.Digits, Thief), Is.EqualTo(Verdict.Track));
        using (Assert.EnterMultipleScope())
        {
            Assert.That(order.Imeis.Count, Is.EqualTo(0));
            Assert.That(order.Pairs.Single().Equipment, Is.EqualTo(imei.Digits));
        }
    }

    [Test]
    public async Task An_order_with_a_subscriber_covers_all_imeis_of_the_unit()
    {
        var unit = (await Registry.GivenReleasedAsync())[0];
        var order = await BlockAsync(await DraftAsync((unit.Second.Printed, Thief)));
        var blocked = (await VerdictAsync(unit.First.Digits, Thief), await VerdictAsync(unit.First.Digits, Owner));

        await MeasureAsync(order.OrderNumber, OrderAction.Stay);
        var stayed = await VerdictAsync(unit.First.Digits, Thief);
        await MeasureAsync(order.OrderNumber, OrderAction.Vacate);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(blocked, Is.EqualTo((Verdict.Deny, Verdict.Allow)));
            Assert.That(stayed, Is.EqualTo(Verdict.Allow));
            Assert.That(await VerdictAsync(unit.First.Digits, Thief), Is.EqualTo(Verdict.Deny));
        }
    }

    [Test]
    public async Task A_non_imei_identity_with_its_subscriber_is_denied_in_any_spelling()
    {
        await BlockAsync(await DraftAsync(("#pair-1a", Thief)));

        using (Assert.EnterMultipleScope())
        {
            Assert.That(await RowAsync("#PAIR-1A", Thief), Is.EqualTo("5a"));
            Assert.That(await RowAsync("#pair-1a", Owner), Is.EqualTo("8"));
        }
    }

    [Test]
    public async Task A_node_receives_no_data_about_other_operators_subscribers()
    {
        var imei = TestImei.Next();
        var order = await BlockAsync(await DraftAsync((imei.Printed, Thief), (imei.Printed, Elsewhere)));
        var (a, b) = (await EntriesOfAsync(order.OrderNumber, "node-a1"),
            await EntriesOfAsync(order.OrderNumber, "node-b1"));
        var pseudonyms = order.Pairs.OrderBy(p => p.Subscriber.OperatorPartyId).Select(p => p.Subscriber.Pseudonym)
            .ToList();

        using (Assert.EnterMultipleScope())
        {
            Assert.That(Knows(a, pseudonyms[0]), Is.True);
            Assert.That(Knows(a, pseudonyms[1]), Is.False);
            Assert.That(Knows(b, pseudonyms[0]), Is.False);
            Assert.That(Knows(b, pseudonyms[1]), Is.True);
        }

        Assert.That((await EntriesOfAsync(order.OrderNumber, "auditor-a"))
            .Concat(await EntriesOfAsync(order.OrderNumber, "regulator-a")).Select(e => e.Scoped.Length), Is.All.Zero);
        Assert.That(a.Select(e => e.Hash), Is.EqualTo(b.Select(e => e.Hash)), "one chain for all");
    }

    [Test]
    public async Task A_nodes_disk_holds_no_imsi_and_no_pseudonym_of_other_operators()
    {
        var imei = TestImei.Next();
        var order = await BlockAsync(await DraftAsync((imei.Printed, Thief), (imei.Printed, Elsewhere)));
        Verdict ofAnother;
        await using (var node = await RegistryProcess.StartAsync(
            Registry.Server.State, "--roles", "Attach,Web", "--node", "node-b1", "--registrar",
            $"https://localhost:{Registry.Server.Address("registrar").Port}"))
        {
            var client = new AttachService.AttachServiceClient(node.Channel("attach", "operator-b"));
            await Registry.UntilAsync(async ct =>
                (await client.CheckAsync(new CheckRequest { Imei = imei.Digits, Imsi = Elsewhere },
                cancellationToken: ct)).Verdict is Verdict.Deny);
            ofAnother = (await client.CheckAsync(new CheckRequest { Imei = imei.Digits, Imsi = Thief })).Verdict;
        }

        // After a restart the node still enforces the pairs, whether or not the registrar is available.
        await using (var alone = await RegistryProcess.StartAsync(Registry.Server.State, "--roles", "Attach,Web",
            "--node", "node-b1", "--registrar", "https://localhost:1"))
        {
            var client = new AttachService.AttachServiceClient(alone.Channel("attach", "operator-b"));
            Assert.That((await client.CheckAsync(new CheckRequest { Imei = imei.Digits, Imsi = Elsewhere })).Verdict,
                Is.EqualTo(Verdict.Deny));
        }

        var folder = Path.Combine(Registry.Server.State, "nodes", "node-b1");
        var disk = Directory.GetFiles(folder, "*", SearchOption.AllDirectories).Select(File.ReadAllBytes).ToList();

        Assert.That(ofAnother, Is.Not.EqualTo(Verdict.Deny), "of another operator: its own nodes refuse it");
        Assert.That(order.Pairs.OrderBy(p => p.Subscriber.OperatorPartyId)
            .Select(p => disk.Exists(bytes => Holds(bytes, Varint(p.Subscriber.Pseudonym)))),
            Is.EqualTo(new[] { false, true }));
        Assert.That(disk.Exists(bytes => Holds(bytes, Encoding.ASCII.GetBytes(Thief))
            || Holds(bytes, Encoding.ASCII.GetBytes(Elsewhere))), Is.False);
    }

    [Test]
    public async Task The_database_contains_no_imsi()
    {
        await BlockAsync(await DraftAsync((TestImei.Next().Printed, "410010000077777")));

        await using var connection = new NpgsqlConnection(
            Registry.Cluster.Server.AdminConnectionString(Registry.Database) + ";Pooling=false");
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand(
            """
            SELECT (SELECT count(*) FROM journal_private WHERE position('410010000077777'::bytea IN private_bytes) > 0)
                 + (SELECT count(*) FROM journal_payloads WHERE position('410010000077777'::bytea IN public_bytes) > 0)
                 + (SELECT count(*) FROM receipts WHERE position('410010000077777'::bytea IN answer) > 0)
            """,
            connection);

        Assert.That(await command.ExecuteScalarAsync(), Is.Zero);
    }

    [TestCase("1234", "imsis[0]")]
    [TestCase("310150123456789", "imsis[0]")]
    public async Task A_subscriber_of_an_unregistered_operator_is_refused(string imsi, string field)
    {
        var refusal = await Registry.RefusalOfAsync(async () => await Registry.Orders("regulator-a")
            .PseudonymizeSubscribersAsync(new PseudonymizeSubscribersRequest { Imsis = { imsi } }));

        using (Assert.EnterMultipleScope())
        {
            Assert.That(refusal.StatusCode, Is.EqualTo(StatusCode.InvalidArgument));
            Assert.That(StatusMapping.FieldsOf(refusal).Single().Field, Is.EqualTo(field));
        }
    }

    [TestCase(0ul, 1u, 7ul, "pairs[0].subscriber.operator_party_id")]
    [TestCase(999_999ul, 1u, 7ul, "pairs[0].subscriber.operator_party_id")]
    [TestCase(1ul, 1u, 7ul, "pairs[0].subscriber.operator_party_id")]
    [TestCase(3ul, 2u, 7ul, "pairs[0].subscriber.key_version")]
    [TestCase(3ul, 1u, 0ul, "pairs[0].subscriber.pseudonym")]
    public async Task A_pair_with_an_invalid_subscriber_is_refused(ulong party, uint version, ulong pseudonym,
        string field)
    {
        var draft = Draft(new OrderPair
        {
            Equipment = TestImei.Next().Printed,
            Subscriber = new Subscriber { OperatorPartyId = party, KeyVersion = version, Pseudonym = pseudonym }
        });

        var refusal = await Registry.RefusalOfAsync(async () => await Registry.Orders("regulator-a")
            .DraftOrderAsync(draft));

        Assert.That(StatusMapping.FieldsOf(refusal).Single().Field, Is.EqualTo(field));
    }

    [Test]
    public async Task An_order_can_supersede_a_narrower_order_but_not_a_wider_one()
    {
        var (first, second) = (TestImei.Next(), TestImei.Next());
        var pair = (await BlockAsync(await DraftAsync((first.Printed, Thief)))).OrderNumber;
        var whole = (await Registry.GivenBlockedAsync(second)).Order.OrderNumber;
        var wider = Registry.Draft(first);
        wider.Supersedes = pair;
        var narrower = await DraftAsync((second.Printed, Thief));
        narrower.Supersedes = whole;

        var taken = await BlockAsync(wider, "regulator-c", "regulator-d");
        var refusal = await Registry.RefusalOfAsync(() => BlockAsync(narrower, "regulator-c", "regulator-d"));

        using (Assert.EnterMultipleScope())
        {
            Assert.That(taken.State, Is.EqualTo(OrderState.InForce));
            Assert.That(Registry.ReasonOf(refusal), Is.EqualTo("WRONG_STATE"));
        }
    }

    [Test]
    public async Task An_order_with_a_subscriber_prevents_board_swap_and_registration()
    {
        var unit = (await Registry.GivenReleasedAsync())[0];
        var unregistered = TestImei.Next();
        await BlockAsync(await DraftAsync((unit.First.Printed, Thief), (unregistered.Printed, Thief)));

        var swap = await Registry.RefusalOfAsync(async () => await Registry.Registration("maker-a")
            .SwapBoardAsync(new SwapBoardRequest
            {
                Reference = Registry.NewReference(), Imei = unit.Second.Printed,
                NewImeis = { TestImei.Next().Printed, TestImei.Next().Printed }, Reason = "repair",
            }));
        var (_, faults, _) = await Registry.RegisterAsync(Registry.Header(),
            Encoding.ASCII.GetBytes(
            $"serial_number,imei_1,imei_2\nP{unregistered.Value},{unregistered.Printed},{TestImei.Next().Printed}\n"));

        using (Assert.EnterMultipleScope())
        {
            Assert.That(Registry.ReasonOf(swap), Is.EqualTo("UNIT_BLOCKED"));
            Assert.That(faults.Single().Reason, Is.EqualTo("IMEI_BLOCKED"));
        }
    }

    [Test]
    public async Task A_device_lists_its_orders_with_a_subscriber()
    {
        var imei = TestImei.Next();
        var order = await BlockAsync(await DraftAsync((imei.Printed, Thief)));

        var device = await Registry.Reads("auditor-a").GetDeviceAsync(new GetDeviceRequest { Imei = imei.Digits });

        Assert.That(device.Orders.Select(o => (o.OrderNumber, o.Pairs.Count)),
            Is.EqualTo(new[] { (order.OrderNumber, 1) }));
    }

    [Test]
    public async Task A_pseudonym_belongs_to_one_operator()
    {
        var draft = await DraftAsync((TestImei.Next().Printed, Thief));
        var other = draft.Pairs[0].Clone();
        other.Subscriber.OperatorPartyId++;
        draft.Pairs.Add(other);

        var refusal = await Registry.RefusalOfAsync(async () => await Registry.Orders("regulator-a")
            .DraftOrderAsync(draft));

        Assert.That(StatusMapping.FieldsOf(refusal).Single().Field,
            Is.EqualTo("pairs[1].subscriber.operator_party_id"));
    }

    private static bool Knows(IEnumerable<JournalEntry> entries, ulong pseudonym) =>
        entries.Any(e => JournalEntryRules.ScopedPart(e) is { } own
            && OrderPairs.Parser.ParseFrom(own).Pairs.Any(p => p.Pseudonym == pseudonym));

    private static async Task<List<JournalEntry>> EntriesOfAsync(ulong order, string identity)
    {
        using var call = new FeedService.FeedServiceClient(Registry.Server.Channel("registrar", identity))
            .Subscribe(new SubscribeRequest());
        var entries = new List<JournalEntry>();
        await foreach (var message in call.ResponseStream.ReadAllAsync())
            entries.AddRange(message.Entries.Entries.Where(e => (JournalKind)e.Kind is JournalKind.OrderPairsArmed
                && OrderPairsArmed.Parser.ParseFrom(e.PublicBytes).OrderNumber == order));
        return entries;
    }

    private static bool Holds(byte[] bytes, byte[] part) => bytes.AsSpan().IndexOf(part) >= 0;

    private static byte[] Varint(ulong value)
    {
        var bytes = new byte[CodedOutputStream.ComputeUInt64Size(value)];
        using var output = new CodedOutputStream(bytes);
        output.WriteUInt64(value);
        output.Flush();
        return bytes;
    }

    private static async Task<Verdict> VerdictAsync(string equipment, string imsi) =>
        (await Registry.Attach().CheckAsync(new CheckRequest { Imei = equipment, Imsi = imsi })).Verdict;

    private static async Task<string> RowAsync(string equipment, string imsi) =>
        (await Registry.Attach().CheckAsync(new CheckRequest { Imei = equipment, Imsi = imsi })).Row;

    private static DraftOrderRequest Draft(params IEnumerable<OrderPair> pairs) => new()
    {
        Reference = Registry.NewReference(), OrderClass = OrderClass.C, Reason = "STOLEN", Basis = "FIR 125/2026",
        Pairs = { pairs },
    };

    private static async Task<DraftOrderRequest> DraftAsync(params (string Equipment, string Imsi)[] pairs)
    {
        var subscribers = (await Registry.Orders("regulator-a")
            .PseudonymizeSubscribersAsync(
            new PseudonymizeSubscribersRequest { Imsis = { pairs.Select(p => p.Imsi) } })).Subscribers;
        return Draft(pairs.Zip(subscribers, (p, s) => new OrderPair { Equipment = p.Equipment, Subscriber = s }));
    }

    private static async Task MeasureAsync(ulong order, OrderAction action)
    {
        var draft = await Registry.Orders("regulator-c")
            .DraftOrderActionAsync(new DraftOrderActionRequest
            {
                Reference = Registry.NewReference(),
                OrderNumber = order,
                Action = action, Basis = "tribunal"
            });
        var approved = await Registry.Orders("regulator-d")
            .ApproveOrderAsync(new ApproveOrderRequest
            {
                Reference = Registry.NewReference(),
                OrderNumber = draft.Order.OrderNumber
            });
        await Registry.AppliedAsync(approved.JournalPosition);
    }

    private static async Task<OrderSummary> BlockAsync(DraftOrderRequest request, string drafter = "regulator-a",
        string approver = "regulator-b")
    {
        var draft = await Registry.Orders(drafter).DraftOrderAsync(request);
        var approved = await Registry.Orders(approver)
            .ApproveOrderAsync(new ApproveOrderRequest
            {
                Reference = Registry.NewReference(),
                OrderNumber = draft.Order.OrderNumber
            });
        await Registry.AppliedAsync(approved.JournalPosition);
        return approved.Order;
    }
}
