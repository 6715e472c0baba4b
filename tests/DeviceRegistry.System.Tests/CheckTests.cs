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
    public async Task Each_row_of_the_decision_table_gives_its_answer(string imei, string row, CheckReason reason,
        Verdict verdict)
    {
        var answer = await Registry.Attach().CheckAsync(new CheckRequest { Imei = imei });

        using (Assert.EnterMultipleScope())
        {
            Assert.That(answer.Row, Is.EqualTo(row));
            Assert.That(answer.Reason, Is.EqualTo(reason));
            Assert.That(answer.Verdict, Is.EqualTo(verdict));
        }
    }

    [Test]
    public async Task An_emergency_attach_is_allowed_for_a_blocked_device()
    {
        var blocked = TestImei.Next();
        await Registry.GivenBlockedAsync(blocked);

        var answer = await Registry.Attach()
            .CheckAsync(new CheckRequest { Imei = blocked.Digits, AttachKind = AttachKind.Emergency });

        using (Assert.EnterMultipleScope())
        {
            Assert.That(answer.Verdict, Is.EqualTo(Verdict.Allow));
            Assert.That(answer.Row, Is.EqualTo("0"));
        }
    }

    [Test]
    public async Task A_roamer_is_denied_only_with_a_blocked_device()
    {
        var blocked = TestImei.Next();
        await Registry.GivenBlockedAsync(blocked);

        var (denied, allowed) = (await Registry.CheckAsync(blocked, "262011234567890"),
            await Registry.CheckAsync(TestImei.Next(), "262011234567890"));

        using (Assert.EnterMultipleScope())
        {
            Assert.That(denied.Row, Is.EqualTo("5a"));
            Assert.That(allowed.Row, Is.EqualTo("10"));
            Assert.That(allowed.Reason, Is.EqualTo(CheckReason.Roamer));
        }
    }

    [TestCase("")]
    [TestCase("0")]
    [TestCase("7")]
    [TestCase("01")]
    public async Task Fourteen_fifteen_and_sixteen_digits_identify_one_device(string tail)
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
    public async Task An_answer_states_its_data_age()
    {
        var position = (await Registry.GivenBlockedAsync(TestImei.Next())).JournalPosition;

        var answer = await Registry.CheckAsync(TestImei.Next());

        Assert.That(answer.Position, Is.GreaterThanOrEqualTo(position));
        Assert.That(answer.DataAgeMs, Is.InRange(0, 10_000));
        using (Assert.EnterMultipleScope())
        {
            Assert.That(answer.Mode, Is.EqualTo(EnforcementMode.Enforce));
            Assert.That(answer.PolicyVersion, Is.EqualTo(1ul));
        }
    }

    [Test]
    public async Task A_stream_answers_every_check_under_its_id()
    {
        var unit = (await Registry.GivenReleasedAsync())[0];
        var message = new CheckStreamRequest();
        message.Checks.AddRange(Enumerable.Range(0, 256)
            .Select(i => new NumberedCheck
            {
                Id = (ulong)i * 7,
                Check = new CheckRequest { Imei = i % 2 is 0 ? unit.First.Digits : "" }
            }));

        var answers = await Registry.UnlessBusyAsync(() => StreamAsync([message, message]));

        Assert.That(answers, Has.Count.EqualTo(512));
        Assert.That(answers.Select(a => (a.Id, a.Answer.Reason)).Distinct(), Is.EquivalentTo(
            Enumerable.Range(0, 256).Select(i =>
            ((ulong)i * 7, i % 2 is 0 ? CheckReason.Compliant : CheckReason.ImeiAbsent))));
    }

    [Test]
    public async Task A_stream_takes_thousands_of_checks_before_its_caller_reads_an_answer()
    {
        var messages = Enumerable.Range(0, 32).Select(message =>
            new CheckStreamRequest
            {
                Checks =
            { Enumerable.Range(message * 256, 256).Select(i => new NumberedCheck { Id = (ulong)i }) }
            }).ToList();

        var answers = await Registry.UnlessBusyAsync(() => StreamAsync(messages));

        Assert.That(answers.Select(a => a.Id).Order(), Is.EqualTo(Enumerable.Range(0, 32 * 256).Select(i => (ulong)i)));
    }

    [Test]
    public async Task Ten_thousand_checks_in_one_call_are_answered_in_their_order()
    {
        var unit = (await Registry.GivenReleasedAsync())[0];
        var batch = new CheckManyRequest
        {
            Checks =
            { Enumerable.Range(0, 10_000).Select(i =>
            new CheckRequest { Imei = i % 3 is 0 ? unit.First.Digits : "" }) }
        };

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

        using (Assert.EnterMultipleScope())
        {
            Assert.That(refusal.StatusCode, Is.EqualTo(StatusCode.InvalidArgument));
            Assert.That(Registry.ReasonOf(refusal), Is.EqualTo("FIELD_INVALID"));
        }
    }

    [Test]
    public async Task The_registrar_gives_details_of_released_units_only()
    {
        var released = (await Registry.GivenReleasedAsync())[0];
        var (file, stock) = TestImei.DualSim(1);
        await Registry.RegisterAsync(Registry.Header(), file);

        var details = await Registry.Reads("operator-a")
            .DescribeDeviceAsync(new DescribeDeviceRequest { Imei = released.First.Printed });
        var refusal = await Registry.RefusalOfAsync(async () => await Registry.Reads("operator-a")
            .DescribeDeviceAsync(new DescribeDeviceRequest { Imei = stock[0].First.Digits }));

        using (Assert.EnterMultipleScope())
        {
            Assert.That(details.Manufacturer, Is.EqualTo("maker-a-mobiles"));
            Assert.That(details.Model, Is.EqualTo(Registry.Model));
            Assert.That(details.Origin, Is.EqualTo(DeviceOrigin.LocalAssembly));
        }

        Assert.That(refusal.StatusCode, Is.EqualTo(StatusCode.NotFound));
    }

    // Sends all messages, then reads all answers.
    private static async Task<List<NumberedAnswer>> StreamAsync(IReadOnlyList<CheckStreamRequest> messages)
    {
        using var stream = Registry.Attach().CheckStream();
        await Registry.SendAsync(stream.RequestStream, messages);
        var answers = new List<NumberedAnswer>();
        await foreach (var part in stream.ResponseStream.ReadAllAsync()) answers.AddRange(part.Answers);
        return answers;
    }
}
