using DeviceRegistry.Contracts.V1;
using DeviceRegistry.TestKit;
using Grpc.Core;

namespace DeviceRegistry.System.Tests;

[CancelAfter(Patience.TestMs)]
public sealed class CheckTests
{
    private static readonly string[] OddTexts =
        ["", " ", "abc", "3529061100000", "35290611000001234", "#35290611000001", "FFFFFFFFFFFFFF", "٣٥٢٩٠٦١١٠٠٠٠٠١",
        "\0\u0001\u0002", new('9', 5000), "mac-00-11-22-33-44-55", "eui-00-11-22-33-44-55-66-77"];

    [TestCase("", "1", CheckReason.ImeiAbsent, Verdict.Track)]
    [TestCase("not an imei", "8", CheckReason.ImeiMalformed, Verdict.Deny)]
    [TestCase("mac-00-11-22-33-44-55", "8", CheckReason.UnknownEquipment, Verdict.Allow)]
    [TestCase("00101701000001", "9", CheckReason.TestImei, Verdict.Deny)]
    [TestCase("35290611999999", "19a", CheckReason.FirstSeen, Verdict.Track)]
    [TestCase("353999990000017", "11a", CheckReason.TacAllocationWait, Verdict.Track)]
    [TestCase("555999990000010", "20", CheckReason.Undecided, Verdict.Track)]
    public async Task Each_row_answers_what_the_table_says(string imei, string row, CheckReason reason, Verdict verdict)
    {
        var answer = await Registry.Attach().CheckAsync(new CheckRequest { Imei = imei });

        Assert.That((answer.Row, answer.Reason, answer.Verdict), Is.EqualTo((row, reason, verdict)));
    }

    [Test]
    public async Task An_emergency_is_allowed_for_a_blocked_handset()
    {
        var blocked = TestImei.Next();
        await Registry.GivenBlockedAsync(blocked);

        var answer = await Registry.Attach()
            .CheckAsync(new CheckRequest { Imei = blocked.Digits, AttachKind = AttachKind.Emergency });

        Assert.That((answer.Verdict, answer.Row), Is.EqualTo((Verdict.Allow, "0")));
    }

    [Test]
    public async Task A_roamer_with_a_blocked_handset_is_denied_and_with_another_allowed()
    {
        var blocked = TestImei.Next();
        await Registry.GivenBlockedAsync(blocked);

        var (denied, allowed) = (await Registry.CheckAsync(blocked, "262011234567890"),
            await Registry.CheckAsync(TestImei.Next(), "262011234567890"));

        Assert.That((denied.Row, allowed.Row, allowed.Reason), Is.EqualTo(("5a", "10", CheckReason.Roamer)));
    }

    [TestCase("")]
    [TestCase("0")]
    [TestCase("7")]
    [TestCase("01")]
    public async Task Fourteen_fifteen_and_sixteen_digits_are_one_handset(string tail)
    {
        var unit = (await Registry.GivenReleasedAsync())[0];

        var answer = await Registry.Attach().CheckAsync(new CheckRequest { Imei = unit.First.Digits + tail });

        Assert.That(answer.Reason, Is.EqualTo(CheckReason.Compliant));
    }

    [TestCaseSource(nameof(OddTexts))]
    public async Task A_check_always_gets_a_verdict(string text)
    {
        var answer = await Registry.Attach().CheckAsync(new CheckRequest { Imei = text, Imsi = text });

        Assert.That(answer.Verdict, Is.Not.EqualTo(Verdict.Unspecified));
    }

    [Test]
    public async Task An_answer_says_how_fresh_it_is()
    {
        var position = (await Registry.GivenBlockedAsync(TestImei.Next())).JournalPosition;

        var answer = await Registry.CheckAsync(TestImei.Next());

        Assert.That(answer.Position, Is.GreaterThanOrEqualTo(position));
        Assert.That(answer.DataAgeMs, Is.InRange(0, 10_000));
        Assert.That((answer.Mode, answer.PolicyVersion), Is.EqualTo((EnforcementMode.Enforce, 1ul)));
    }

    [Test]
    public async Task A_stream_answers_every_check_under_its_id()
    {
        var unit = (await Registry.GivenReleasedAsync())[0];
        using var stream = Registry.Attach().CheckStream();
        var message = new CheckStreamRequest();
        message.Checks.AddRange(Enumerable.Range(0, 256)
            .Select(i => new NumberedCheck { Id = (ulong)i * 7,
            Check = new CheckRequest { Imei = i % 2 is 0 ? unit.First.Digits : "" } }));

        await stream.RequestStream.WriteAsync(message);
        await stream.RequestStream.WriteAsync(message);
        await stream.RequestStream.CompleteAsync();
        var answers = new List<NumberedAnswer>();
        await foreach (var part in stream.ResponseStream.ReadAllAsync()) answers.AddRange(part.Answers);

        Assert.That(answers, Has.Count.EqualTo(512));
        Assert.That(answers.Select(a => (a.Id, a.Answer.Reason)).Distinct(), Is.EquivalentTo(
            Enumerable.Range(0, 256).Select(i =>
            ((ulong)i * 7, i % 2 is 0 ? CheckReason.Compliant : CheckReason.ImeiAbsent))));
    }

    [Test]
    public async Task A_stream_takes_thousands_of_checks_before_its_caller_reads_an_answer()
    {
        using var stream = Registry.Attach().CheckStream();
        for (var message = 0; message < 32; message++)
            await stream.RequestStream.WriteAsync(
                new CheckStreamRequest { Checks =
                { Enumerable.Range(message * 256, 256).Select(i => new NumberedCheck { Id = (ulong)i }) } });
        await stream.RequestStream.CompleteAsync();

        var ids = new List<ulong>();
        await foreach (var part in stream.ResponseStream.ReadAllAsync()) ids.AddRange(part.Answers.Select(a => a.Id));

        Assert.That(ids.Order(), Is.EqualTo(Enumerable.Range(0, 32 * 256).Select(i => (ulong)i)));
    }

    [Test]
    public async Task A_batch_of_ten_thousand_is_answered_in_its_order()
    {
        var unit = (await Registry.GivenReleasedAsync())[0];
        var batch = new CheckManyRequest { Checks =
            { Enumerable.Range(0, 10_000).Select(i =>
            new CheckRequest { Imei = i % 3 is 0 ? unit.First.Digits : "" }) } };

        var answers = (await Registry.Attach().CheckManyAsync(batch)).Answers;

        Assert.That(answers.Select(a => a.Reason),
            Is.EqualTo(Enumerable.Range(0, 10_000)
            .Select(i => i % 3 is 0 ? CheckReason.Compliant : CheckReason.ImeiAbsent)));
    }

    [TestCase(0)]
    [TestCase(257)]
    public async Task A_stream_message_outside_its_limits_is_refused(int checks)
    {
        using var stream = Registry.Attach().CheckStream();
        var message = new CheckStreamRequest();
        message.Checks.AddRange(Enumerable.Range(0, checks).Select(_ => new NumberedCheck()));
        await stream.RequestStream.WriteAsync(message);

        var refusal = await Registry.RefusalOfAsync(async () =>
            await stream.ResponseStream.MoveNext(CancellationToken.None));

        Assert.That((refusal.StatusCode, Registry.ReasonOf(refusal)),
            Is.EqualTo((StatusCode.InvalidArgument, "FIELD_INVALID")));
    }

    [Test]
    public async Task Details_come_from_the_registrar_for_what_is_on_the_market_only()
    {
        var released = (await Registry.GivenReleasedAsync())[0];
        var (file, stock) = TestImei.DualSim(1);
        await Registry.RegisterAsync(Registry.Header(), file);

        var details = await Registry.Reads("operator-a")
            .DescribeDeviceAsync(new DescribeDeviceRequest { Imei = released.First.Printed });
        var refusal = await Registry.RefusalOfAsync(async () => await Registry.Reads("operator-a")
            .DescribeDeviceAsync(new DescribeDeviceRequest { Imei = stock[0].First.Digits }));

        Assert.That((details.Manufacturer, details.Model, details.Origin),
            Is.EqualTo(("maker-a-mobiles", Registry.Model, DeviceOrigin.LocalAssembly)));
        Assert.That(refusal.StatusCode, Is.EqualTo(StatusCode.NotFound));
    }
}
