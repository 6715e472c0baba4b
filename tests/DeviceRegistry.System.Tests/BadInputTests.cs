using System.Text;
using DeviceRegistry.Contracts;
using DeviceRegistry.Contracts.V1;
using DeviceRegistry.Core;
using DeviceRegistry.Registrar.Registration;
using DeviceRegistry.TestKit;
using Google.Protobuf;
using Grpc.Core;
using OrderClass = DeviceRegistry.Contracts.V1.OrderClass;

namespace DeviceRegistry.System.Tests;

/// <summary>Every bad input has its own clear answer, twice the same, and leaves nothing behind.</summary>
[CancelAfter(120_000)]
public sealed class BadInputTests
{
    private static readonly string[] BadReferences = ["", " x", "x ", "a\nb", "a\0b", "a\u202Eb", "a\u2028b", new('r', 101), new('r', 10_240)];

    [TestCaseSource(nameof(BadReferences))]
    public async Task A_reference_that_cannot_be_kept_is_a_bad_field(string reference)
    {
        var request = Registry.Draft(TestImei.Next());
        request.Reference = reference;

        await AssertBadFieldAsync("reference", async () => await Registry.Orders("regulator-a").DraftOrderAsync(request));
    }

    [TestCase("9999-12-31")]
    [TestCase("01-11-2026")]
    [TestCase("2026-02-30")]
    [TestCase("")]
    public async Task A_production_date_that_is_ahead_or_none_is_a_bad_field(string producedOn)
    {
        var header = Registry.Header();
        header.ProducedOn = producedOn;

        var (_, _, refusal) = await Registry.RegisterAsync(header, TestImei.DualSim(1).File);

        Assert.That(FieldOf(refusal!), Is.EqualTo("produced_on"));
    }

    [TestCase(DeviceOrigin.Unspecified)]
    [TestCase(DeviceOrigin.Legacy)]
    [TestCase((DeviceOrigin)77)]
    public async Task An_origin_no_batch_has_is_a_bad_field(DeviceOrigin origin)
    {
        var header = Registry.Header();
        header.Origin = origin;

        var (_, _, refusal) = await Registry.RegisterAsync(header, TestImei.DualSim(1).File);

        Assert.That(FieldOf(refusal!), Is.EqualTo("origin"));
    }

    [TestCase("", "14 digits")]
    [TestCase("3529061100000A", "digits and nothing else")]
    [TestCase("3529061100000", "14 digits")]
    [TestCase("3529061100000123", "14 digits")]
    [TestCase("35290611000001234", "14 digits")]
    [TestCase("352906110000010", "check digit 7")]
    public async Task A_typed_imei_that_is_none_is_refused_with_what_was_expected(string imei, string expected)
    {
        var refusal = await Registry.RefusalOfAsync(async () => await Registry.Reads("auditor-a").GetDeviceAsync(new GetDeviceRequest { Imei = imei }));

        Assert.That(refusal.StatusCode, Is.EqualTo(StatusCode.InvalidArgument));
        Assert.That(StatusMapping.FieldsOf(refusal).Single().Description, Does.Contain(expected));
    }

    [Test]
    public async Task An_order_of_no_class_and_an_order_of_nothing_and_tacs_below_class_B_are_bad_fields()
    {
        var noClass = Registry.Draft(TestImei.Next(), OrderClass.Unspecified);
        var nothing = Registry.Draft(TestImei.Next());
        nothing.Imeis.Clear();
        var tooMany = Registry.Draft(TestImei.Next());
        tooMany.Imeis.AddRange(Enumerable.Range(0, 1_000).Select(_ => TestImei.Next().Digits));
        var tac = Registry.Draft(TestImei.Next());
        tac.Tacs.Add("35290611");

        await AssertBadFieldAsync("order_class", async () => await Registry.Orders("regulator-a").DraftOrderAsync(noClass));
        await AssertBadFieldAsync("imeis", async () => await Registry.Orders("regulator-a").DraftOrderAsync(nothing));
        await AssertBadFieldAsync("imeis", async () => await Registry.Orders("regulator-a").DraftOrderAsync(tooMany));
        await AssertBadFieldAsync("tacs", async () => await Registry.Orders("regulator-a").DraftOrderAsync(tac));
    }

    [Test]
    public async Task A_policy_is_asked_for_whole()
    {
        var policies = new PolicyService.PolicyServiceClient(Registry.Server.Channel("registrar", "regulator-a"));

        await AssertBadFieldAsync("policy", async () => await policies.ProposePolicyAsync(new ProposePolicyRequest { Reference = Registry.NewReference() }));
        await AssertBadFieldAsync("policy.tac_freshness_days", async () => await policies.ProposePolicyAsync(new ProposePolicyRequest { Reference = Registry.NewReference(), Policy = new Policy() }));
    }

    [Test]
    public async Task A_file_that_is_not_utf8_is_refused_with_its_line()
    {
        byte[] file = [.. "serial_number,imei_1,imei_2\nS1,"u8, 0xFF, 0xFE, .. ",35290611000001\n"u8];

        var (_, _, refusal) = await Registry.RegisterAsync(Registry.Header(), file);

        Assert.That(Registry.ReasonOf(refusal!), Is.EqualTo("FILE_INVALID"));
        Assert.That(refusal!.Status.Detail, Does.Contain("not UTF-8: line 2"));
    }

    [Test]
    public async Task A_spreadsheet_instead_of_a_csv_file_is_refused()
    {
        var (_, _, refusal) = await Registry.RegisterAsync(Registry.Header(), [0x50, 0x4B, 0x03, 0x04, 0x14, 0x00, 0x06, 0x00]);

        Assert.That(refusal!.Status.Detail, Does.Contain("not a text"));
    }

    [Test]
    public async Task A_line_break_inside_quotes_is_named_where_its_line_begins()
    {
        var file = $"serial_number,imei_1,imei_2\n\"S\n1\",{TestImei.Next().Digits},{TestImei.Next().Digits}\nS2,1,{TestImei.Next().Digits}\n";

        var (_, faults, _) = await Registry.RegisterAsync(Registry.Header(), Encoding.UTF8.GetBytes(file));

        Assert.That(faults.Select(f => (f.Line, f.Reason)), Is.EqualTo([(2u, "SERIAL_INVALID"), (4u, "IMEI_LENGTH")]));
    }

    [Test]
    public async Task A_message_over_its_limit_is_refused_and_the_next_call_is_served()
    {
        using var call = Registry.Registration("maker-a").RegisterBatch();
        await call.RequestStream.WriteAsync(new RegisterBatchRequest { Header = Registry.Header() });
        await call.RequestStream.WriteAsync(new RegisterBatchRequest { Data = ByteString.CopyFrom(new byte[1024 * 1024 + 1]) });

        var refusal = await Registry.RefusalOfAsync(async () => await call.ResponseStream.MoveNext(CancellationToken.None));
        var (receipt, _, _) = await Registry.RegisterAsync(Registry.Header(), TestImei.DualSim(1).File);

        Assert.That(FieldOf(refusal), Is.EqualTo("data"));
        Assert.That(receipt, Is.Not.Null);
    }

    [Test]
    public async Task A_batch_without_header_or_with_two_is_a_bad_field()
    {
        using var none = Registry.Registration("maker-a").RegisterBatch();
        await none.RequestStream.WriteAsync(new RegisterBatchRequest { Data = ByteString.CopyFromUtf8("x") });
        using var two = Registry.Registration("maker-a").RegisterBatch();
        await two.RequestStream.WriteAsync(new RegisterBatchRequest { Header = Registry.Header() });
        await two.RequestStream.WriteAsync(new RegisterBatchRequest { Header = Registry.Header() });

        var first = await Registry.RefusalOfAsync(async () => await none.ResponseStream.MoveNext(CancellationToken.None));
        var second = await Registry.RefusalOfAsync(async () => await two.ResponseStream.MoveNext(CancellationToken.None));

        Assert.That((FieldOf(first), FieldOf(second)), Is.EqualTo(("header", "part")));
    }

    [Test]
    public async Task The_same_bad_batch_gets_the_same_answer_again()
    {
        var header = Registry.Header();
        var file = Encoding.UTF8.GetBytes($"serial_number,imei_1,imei_2\nS1,123,{TestImei.Next().Digits}\n");

        var first = await Registry.RegisterAsync(header, file);
        var second = await Registry.RegisterAsync(header, file);

        Assert.That(second.Faults, Is.EqualTo(first.Faults));
        Assert.That(second.Refusal!.Status.Detail, Is.EqualTo(first.Refusal!.Status.Detail));
    }

    /// <summary>2,000 files of random bytes and of random cells each, from a seed that is printed.</summary>
    [Test]
    public void No_bytes_make_a_parser_fail_other_than_in_words()
    {
        var seed = Random.Shared.Next();
        TestContext.Out.WriteLine($"seed {seed}");
        var random = new Random(seed);
        string[] cells = ["serial_number", "imei_1", "imei_2", "35290611000001", "\"", "\"\"", ",", "|", "\n", "\r\n", "\r", "TAC", "Manufacturer", "Model_Name", "é", "\uFEFF", " ", "99999999", "01-Nov-2025"];

        for (var i = 0; i < 2_000; i++)
        {
            var noise = new byte[random.Next(400)];
            random.NextBytes(noise);
            var words = Encoding.UTF8.GetBytes(string.Concat(Enumerable.Range(0, random.Next(60)).Select(_ => cells[random.Next(cells.Length)])));
            foreach (var bytes in (byte[][])[noise, words, [.. "serial_number,imei_1\n"u8, .. words], [.. "TAC|Manufacturer|Model_Name\n"u8, .. words]])
            {
                ParseInWords(() => UnitsFile.Read(bytes));
                ParseInWords(() => TacList.Read(bytes, TacListFormat.Gsma));
                ParseInWords(() => TacList.Read(bytes, TacListFormat.Osmocom));
            }
        }
    }

    private static void ParseInWords(Func<object> parse)
    {
        try
        {
            parse();
        }
        catch (RegistryException)
        {
            // In words.
        }
    }

    private static string FieldOf(RpcException refusal) => StatusMapping.FieldsOf(refusal).Single().Field;

    private static async Task AssertBadFieldAsync(string field, Func<Task> call)
    {
        var (first, second) = (await Registry.RefusalOfAsync(call), await Registry.RefusalOfAsync(call));

        Assert.That((first.StatusCode, FieldOf(first)), Is.EqualTo((StatusCode.InvalidArgument, field)));
        Assert.That(second.Status.Detail, Is.EqualTo(first.Status.Detail));
    }
}
