using System.Buffers;
using System.Text;
using DeviceRegistry.Contracts;
using DeviceRegistry.Contracts.V1;
using DeviceRegistry.Core;
using Google.Protobuf;
using AttachKind = DeviceRegistry.Contracts.V1.AttachKind;

namespace DeviceRegistry.Attach.Interfaces.Grpc;

/// <summary>Answers a check whose fields are in a message buffer. The spans are valid during the call only.</summary>
internal interface IAnswerChecks
{
    Answer Answer(ReadOnlySpan<char> imei, ReadOnlySpan<char> imsi, bool emergency);
}

/// <summary>Reads checks from, and writes answers to, message buffers of attach.proto without an object for each
/// check.</summary>
/// <remarks>This codec reads what clients send: known fields, one-byte lengths, ASCII. It leaves every other message to
/// the generated parser, so the two cannot differ in what they accept; a test compares their results. Perf: benchmark
/// "door", checks by stream (README.md, Benchmarks).</remarks>
internal static class CheckMessageCodec
{
    // Tags: field << 3 | wire type (2: length and bytes; 0: varint).
    private const byte Field1Bytes = 1 << 3 | 2, Field2Bytes = 2 << 3 | 2, Field1Number = 1 << 3, Field3Number = 3 << 3;

    /// <summary>Greatest length that is encoded in one byte.</summary>
    private const int ShortMax = 127;

    /// <summary>Bytes of an answer with its id, tags and lengths: the twelve fields at their longest are 83.</summary>
    private const int AnswerBytesMax = 128;

    /// <summary>Answers the check in a CheckRequest with a CheckResponse.</summary>
    public static void AnswerOne<T>(ReadOnlySpan<byte> request, T by, ArrayBufferWriter<byte> answers)
        where T : struct, IAnswerChecks
    {
        var answer = AnswerTo(request, by);
        answers.Advance(Write(answers.GetSpan(AnswerBytesMax), answer));
    }

    /// <summary>Answers each check of a CheckStreamRequest; appends to the CheckStreamResponse being written. Returns
    /// the number of checks.</summary>
    public static int AnswerStreamed<T>(ReadOnlySpan<byte> request, int max, T by, ArrayBufferWriter<byte> answers)
        where T : struct, IAnswerChecks
    {
        if (!TryCount(request, out var count)) TryCount(
            request = new CheckStreamRequest
            {
                Checks =
            { Parse(CheckStreamRequest.Parser, request).Checks }
            }.ToByteArray(), out count);
        if (count is 0 || count > max) throw RegistryException.BadField("checks", $"1 to {max} checks in a message");

        while (!request.IsEmpty)
        {
            var one = NextOf(ref request);
            if (!TryNumbered(one, out var id, out var check))
            {
                var parsed = Parse(NumberedCheck.Parser, one);
                id = parsed.Id;
                check = parsed.Check?.ToByteArray();
            }

            var answer = AnswerTo(check, by);
            answers.Advance(Write(answers.GetSpan(AnswerBytesMax), id, answer));
        }

        return count;
    }

    /// <summary>Answers each check of a CheckManyRequest with a CheckManyResponse.</summary>
    public static void AnswerBatch<T>(ReadOnlySpan<byte> request, int max, T by, ArrayBufferWriter<byte> answers)
        where T : struct, IAnswerChecks
    {
        if (!TryCount(request, out var count)) TryCount(
            request = new CheckManyRequest
            {
                Checks =
            { Parse(CheckManyRequest.Parser, request).Checks }
            }.ToByteArray(), out count);
        if (count is 0 || count > max) throw RegistryException.BadField("checks", $"1 to {max} checks in a batch");

        while (!request.IsEmpty)
        {
            var answer = AnswerTo(NextOf(ref request), by);
            var buffer = answers.GetSpan(AnswerBytesMax);
            buffer[0] = Field1Bytes;
            var length = Write(buffer[2..], answer);
            buffer[1] = (byte)length;
            answers.Advance(2 + length);
        }
    }

    private static Answer AnswerTo<T>(ReadOnlySpan<byte> check, T by)
        where T : struct, IAnswerChecks
    {
        Span<char> imei = stackalloc char[ShortMax], imsi = stackalloc char[ShortMax];
        if (TryCheck(check, ref imei, ref imsi, out var emergency)) return by.Answer(imei, imsi, emergency);

        var parsed = Parse(CheckRequest.Parser, check);
        return by.Answer(parsed.Imei, parsed.Imsi, parsed.AttachKind is AttachKind.Emergency);
    }

    // Field 1 repeated, and no other field. True also for an empty message, with count 0.
    private static bool TryCount(ReadOnlySpan<byte> message, out int count)
    {
        for (count = 0; !message.IsEmpty; count++)
        {
            if (message[0] is not Field1Bytes || !TryLength(message[1..], out var length, out var size)
                || length > message.Length - 1 - size) return false;
            message = message[(1 + size + length)..];
        }

        return true;
    }

    private static ReadOnlySpan<byte> NextOf(ref ReadOnlySpan<byte> counted)
    {
        TryLength(counted[1..], out var length, out var size);
        var next = counted.Slice(1 + size, length);
        counted = counted[(1 + size + length)..];
        return next;
    }

    // A check is 40 bytes; three length bytes encode up to 2 MiB, more than a message may have.
    private static bool TryLength(ReadOnlySpan<byte> from, out int length, out int size)
    {
        length = 0;
        for (size = 0; size < 3 && size < from.Length;)
        {
            var next = from[size];
            length |= (next & 0x7F) << 7 * size++;
            if (next < 0x80) return true;
        }

        return false;
    }

    private static bool TryNumbered(ReadOnlySpan<byte> message, out ulong id, out ReadOnlySpan<byte> check)
    {
        id = 0;
        check = default;
        var found = false;
        while (!message.IsEmpty)
        {
            var tag = message[0];
            message = message[1..];
            if (tag is Field1Number && TryNumber(ref message, out id)) continue;
            if (tag is not Field2Bytes || found || !TryShort(ref message, out check)) return false;

            found = true;
        }

        return true;
    }

    private static bool TryCheck(ReadOnlySpan<byte> message, ref Span<char> imei, ref Span<char> imsi,
        out bool emergency)
    {
        var (imeiLength, imsiLength) = (0, 0);
        emergency = false;
        while (!message.IsEmpty)
        {
            var tag = message[0];
            message = message[1..];
            if (tag is Field1Bytes && TryAscii(ref message, imei, out imeiLength)) continue;
            if (tag is Field2Bytes && TryAscii(ref message, imsi, out imsiLength)) continue;
            if (tag is not Field3Number || message.IsEmpty || message[0] > ShortMax) return false;

            emergency = message[0] is (byte)AttachKind.Emergency;
            message = message[1..];
        }

        imei = imei[..imeiLength];
        imsi = imsi[..imsiLength];
        return true;
    }

    private static bool TryAscii(scoped ref ReadOnlySpan<byte> message, Span<char> text, out int length) =>
        TryShort(ref message, out var bytes) & Ascii.ToUtf16(bytes, text, out length) is OperationStatus.Done;

    private static bool TryShort(scoped ref ReadOnlySpan<byte> message, out ReadOnlySpan<byte> bytes)
    {
        bytes = default;
        if (message.IsEmpty || message[0] > ShortMax || message[0] >= message.Length) return false;

        bytes = message.Slice(1, message[0]);
        message = message[(1 + message[0])..];
        return true;
    }

    // Nine bytes: 63 bits. The generated parser handles a tenth byte and values beyond 64 bits.
    private static bool TryNumber(scoped ref ReadOnlySpan<byte> message, out ulong number)
    {
        number = 0;
        for (var i = 0; i < 9 && i < message.Length; i++)
        {
            number |= (ulong)(message[i] & 0x7F) << 7 * i;
            if (message[i] > 0x7F) continue;

            message = message[(i + 1)..];
            return true;
        }

        return false;
    }

    private static T Parse<T>(MessageParser<T> parser, ReadOnlySpan<byte> message)
        where T : IMessage<T>
    {
        try
        {
            return parser.ParseFrom(message);
        }
        catch (InvalidProtocolBufferException)
        {
            throw StatusMapping.MalformedRequest();
        }
    }

    // NumberedAnswer, as field 1 of its message. Every length is below 128, so it takes one byte.
    private static int Write(Span<byte> to, ulong id, in Answer answer)
    {
        to[0] = Field1Bytes;
        var at = 2;
        if (id is not 0)
        {
            to[at++] = Field1Number;
            at += WriteNumber(to[at..], id);
        }

        to[at] = Field2Bytes;
        var length = Write(to[(at + 2)..], answer);
        to[at + 1] = (byte)length;
        to[1] = (byte)(at + length);
        return at + 2 + length;
    }

    // CheckResponse: fields in the order of their numbers; fields that are 0 or empty are omitted.
    private static int Write(Span<byte> to, in Answer answer)
    {
        var decision = answer.Decision;
        var at = 0;
        WriteNumber(to, ref at, 1, (ulong)decision.Verdict);
        WriteNumber(to, ref at, 2, (ulong)decision.Reason);
        to[at++] = 3 << 3 | 2;
        to[at++] = (byte)decision.Row.Length;
        foreach (var c in decision.Row) to[at++] = (byte)c;
        WriteNumber(to, ref at, 4, answer.PolicyVersion);
        WriteNumber(to, ref at, 5, answer.Position);
        WriteNumber(to, ref at, 6, (ulong)answer.DataAgeMs);
        if (decision.DueAtMs is not 0) WriteTime(to, ref at, 7, decision.DueAtMs);
        WriteNumber(to, ref at, 8, (ulong)answer.Mode);
        WriteNumber(to, ref at, 9, (ulong)decision.Evaluated);
        WriteNumber(to, ref at, 10, decision.UnknownEquipment ? 1ul : 0);
        return at;
    }

    // google.protobuf.Timestamp. Due times are after 1970.
    private static void WriteTime(Span<byte> to, ref int at, int field, long ms)
    {
        to[at++] = (byte)(field << 3 | 2);
        var (length, body) = (at++, at);
        WriteNumber(to, ref at, 1, (ulong)(ms / 1000));
        WriteNumber(to, ref at, 2, (ulong)(ms % 1000 * 1_000_000));
        to[length] = (byte)(at - body);
    }

    private static void WriteNumber(Span<byte> to, ref int at, int field, ulong number)
    {
        if (number is 0) return;

        to[at++] = (byte)(field << 3);
        at += WriteNumber(to[at..], number);
    }

    private static int WriteNumber(Span<byte> to, ulong number)
    {
        var at = 0;
        for (; number > 0x7F; number >>= 7) to[at++] = (byte)(number | 0x80);
        to[at++] = (byte)number;
        return at;
    }
}
