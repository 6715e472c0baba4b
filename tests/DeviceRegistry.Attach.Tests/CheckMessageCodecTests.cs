using System.Buffers;
using DeviceRegistry.Attach;
using DeviceRegistry.Attach.Interfaces.Grpc;
using DeviceRegistry.Contracts.V1;
using DeviceRegistry.Core;
using DeviceRegistry.TestKit;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Answer = DeviceRegistry.Attach.Answer;
using AttachKind = DeviceRegistry.Contracts.V1.AttachKind;
using CheckReason = DeviceRegistry.Core.CheckReason;
using EnforcementMode = DeviceRegistry.Core.EnforcementMode;
using Verdict = DeviceRegistry.Core.Verdict;
using WireKind = DeviceRegistry.Contracts.V1;

namespace DeviceRegistry.Attach.Tests;

/// <summary>Checks decoded and answers encoded in place, compared with the generated protobuf classes: the same bytes
/// and the same rejections.</summary>
public sealed class CheckMessageCodecTests
{
    private const int Most = 256;
    private readonly Fuzz _fuzz = new();

    [Test]
    public void A_stream_message_is_encoded_like_the_generated_classes_do()
    {
        for (var i = 0; i < 2_000; i++)
        {
            var request = new CheckStreamRequest
            {
                Checks =
                { Enumerable.Range(0, 1 + _fuzz.Below(20))
                .Select(_ => new NumberedCheck { Id = Id(), Check = _fuzz.Below(20) is 0 ? null : Check() }) }
            };
            Require(request.ToByteArray(), Streamed, Generated(Expected(request)));
        }
    }

    [Test]
    public void A_batch_of_checks_is_encoded_like_the_generated_classes_do()
    {
        for (var i = 0; i < 2_000; i++)
        {
            var request = new CheckManyRequest
            {
                Checks =
                { Enumerable.Range(0, 1 + _fuzz.Below(20)).Select(_ => Check()) }
            };
            Require(request.ToByteArray(), Batch,
                Generated(new CheckManyResponse { Answers = { request.Checks.Select(Expected) } }));
        }
    }

    [Test]
    public void One_check_is_encoded_like_the_generated_classes_do()
    {
        for (var i = 0; i < 5_000; i++)
        {
            var request = Check();
            Require(request.ToByteArray(), One, Generated(Expected(request)));
        }
    }

    /// <summary>Random bytes are accepted with the same answer, or rejected, as by the generated parser.</summary>
    [TestCase("one")]
    [TestCase("stream")]
    [TestCase("batch")]
    public void Any_bytes_are_accepted_or_rejected_like_the_generated_parser_does(string kind)
    {
        for (var i = 0; i < 20_000; i++)
        {
            var bytes = _fuzz.Below(3) is 0 ? _fuzz.Bytes(60)
                : Spoiled(_fuzz.Below(2) is 0 ? _fuzz.Protobuf() : Well(kind));
            if (kind is "one") Require(bytes, One, () => Expected(CheckRequest.Parser.ParseFrom(bytes)).ToByteArray());
            else if (kind is "stream") Require(bytes, Streamed, () =>
                Expected(Limited(CheckStreamRequest.Parser.ParseFrom(bytes), m => m.Checks.Count)).ToByteArray());
            else Require(bytes, Batch, () =>
                new CheckManyResponse
                {
                    Answers =
                { Limited(CheckManyRequest.Parser.ParseFrom(bytes), m =>
                m.Checks.Count).Checks.Select(Expected) }
                }.ToByteArray());
        }
    }

    [Test]
    public void A_stream_of_usual_checks_allocates_nothing()
    {
        byte[] request = new CheckStreamRequest
        {
            Checks =
            { Enumerable.Range(0, 64).Select(i =>
            new NumberedCheck { Id = (ulong)i,
            Check = new CheckRequest { Imei = "352906110000017", Imsi = "410010000000001" } }) }
        }.ToByteArray();
        var answers = new ArrayBufferWriter<byte>(64 * 128);

        void Answer()
        {
            answers.ResetWrittenCount();
            CheckMessageCodec.AnswerStreamed(request, Most, new Same(), answers);
        }

        Assert.That(Allocation.ByAThousand(Answer), Is.Zero);
    }

    private static byte[] One(byte[] request) =>
        Written(answers => CheckMessageCodec.AnswerOne(request, new ByText(), answers));

    private static byte[] Streamed(byte[] request) =>
        Written(answers => CheckMessageCodec.AnswerStreamed(request, Most, new ByText(), answers));

    private static byte[] Batch(byte[] request) =>
        Written(answers => CheckMessageCodec.AnswerBatch(request, Most, new ByText(), answers));

    private static byte[] Written(Action<ArrayBufferWriter<byte>> answer)
    {
        var answers = new ArrayBufferWriter<byte>();
        answer(answers);
        return answers.WrittenSpan.ToArray();
    }

    private static Func<byte[]> Generated(IMessage message) => message.ToByteArray;

    private static void Require(byte[] request, Func<byte[], byte[]> ours, Func<byte[]> generated)
    {
        var (answer, expected) = (ResultOf(() => ours(request)), ResultOf(generated));
        if (answer != expected) Assert.That(answer, Is.EqualTo(expected), Convert.ToHexString(request));
    }

    private static string ResultOf(Func<byte[]> answer)
    {
        try
        {
            return Convert.ToHexString(answer());
        }
        catch (Exception refusal) when (refusal is RegistryException or InvalidProtocolBufferException)
        {
            return "refused";
        }
    }

    private static T Limited<T>(T message, Func<T, int> count) =>
        count(message) is > 0 and <= Most ? message : throw RegistryException.BadField("checks", "as many as allowed");

    private byte[] Well(string kind) => kind switch
    {
        "one" => Check().ToByteArray(),
        "stream" => new CheckStreamRequest
        {
            Checks =
            { Enumerable.Range(0, _fuzz.Below(4))
            .Select(_ => new NumberedCheck { Id = Id(), Check = Check() }) }
        }.ToByteArray(),
        _ => new CheckManyRequest
        {
            Checks =
            { Enumerable.Range(0, _fuzz.Below(4)).Select(_ => Check()) }
        }.ToByteArray(),
    };

    private byte[] Spoiled(byte[] bytes)
    {
        if (bytes.Length > 0 && _fuzz.Below(2) is 0) bytes[_fuzz.Below(bytes.Length)] = (byte)_fuzz.Below(256);
        return _fuzz.Below(4) is 0 ? bytes[.._fuzz.Below(bytes.Length + 1)] : bytes;
    }

    private ulong Id() => _fuzz.Of(0ul, 1ul, 127ul, 128ul, 1ul << 40, (1ul << 63) - 1, 1ul << 63, ulong.MaxValue);

    private CheckRequest Check() => new()
    {
        Imei = _fuzz.Of("", "35290611000001", "352906110000017", "3529061100000178", "abc", "٣٥٢٩", "\0",
            new string('9', 126), new string('9', 127), new string('9', 128), new string('é', 64),
            new string('x', 5_000)),
        Imsi = _fuzz.Of("", "410010000000001", "26201", "😀"),
        AttachKind = (AttachKind)_fuzz.Of(0, 1, 2, 3, 4, 127, 128, int.MaxValue, -1),
    };

    private static CheckStreamResponse Expected(CheckStreamRequest request) =>
        new()
        {
            Answers = { request.Checks.Select(c =>
            new NumberedAnswer { Id = c.Id, Answer = Expected(c.Check ?? new CheckRequest()) }) }
        };

    private static CheckResponse Expected(CheckRequest request)
    {
        var answer = new ByText().Answer(request.Imei, request.Imsi, request.AttachKind is AttachKind.Emergency);
        return new CheckResponse
        {
            Verdict = (WireKind.Verdict)answer.Decision.Verdict,
            EvaluatedVerdict = (WireKind.Verdict)answer.Decision.Evaluated,
            Reason = (WireKind.CheckReason)answer.Decision.Reason,
            Row = answer.Decision.Row,
            PolicyVersion = answer.PolicyVersion,
            Position = answer.Position,
            DataAgeMs = answer.DataAgeMs,
            DueAt = answer.Decision.DueAtMs is 0 ? null
            : Timestamp.FromDateTimeOffset(DateTimeOffset.FromUnixTimeMilliseconds(answer.Decision.DueAtMs)),
            Mode = (WireKind.EnforcementMode)answer.Mode,
            UnknownEquipment = answer.Decision.UnknownEquipment,
        };
    }

    /// <summary>An answer that depends on every field of the check, with each field at its limits.</summary>
    private readonly struct ByText : IAnswerChecks
    {
        public Answer Answer(ReadOnlySpan<char> imei, ReadOnlySpan<char> imsi, bool emergency)
        {
            var sum = emergency ? 1 : 0;
            foreach (var c in imei) sum = unchecked(sum * 31 + c);
            foreach (var c in imsi) sum = unchecked(sum * 37 + c);
            var random = new Random(sum);
            T Of<T>(params T[] some) => some[random.Next(some.Length)];
            var decision = new Decision
            {
                Verdict = Of(Verdict.Allow, Verdict.Track, Verdict.Deny),
                Evaluated = Of(Verdict.Allow, Verdict.Track, Verdict.Deny), Reason = (CheckReason)random.Next(1, 22),
                Row = Of("0", "5a", "14b", "19d"),
                DueAtMs = Of(0, 1, 999, 1_000, 1_800_000_000_123, 253_402_300_799_999),
                UnknownEquipment = Of(true, false),
            };
            return new Answer(decision, Of(0ul, 1ul, 300ul, ulong.MaxValue),
                Of(EnforcementMode.Observe, EnforcementMode.Enforce), Of(0ul, 127ul, 128ul, ulong.MaxValue),
                Of(-1L, 0, 1, long.MaxValue));
        }
    }

    /// <summary>The same answer to every check.</summary>
    private readonly struct Same : IAnswerChecks
    {
        public Answer Answer(ReadOnlySpan<char> imei, ReadOnlySpan<char> imsi, bool emergency) =>
            new(new Decision
            {
                Verdict = Verdict.Allow, Evaluated = Verdict.Allow, Reason = CheckReason.Compliant,
                Row = "14b"
            }, 1, EnforcementMode.Enforce, 1_000, 17);
    }
}
