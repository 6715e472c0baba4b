using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using DeviceRegistry.Contracts.V1;
using DeviceRegistry.Core;
using DeviceRegistry.TestKit;
using Google.Protobuf;
using Grpc.Core;

namespace DeviceRegistry.System.Tests.BadInput;

/// <summary>One input and its error. The README has the text of the answer.</summary>
/// <param name="Input">Description of the input in the README.</param>
/// <param name="Reason">Stable reason code of the answer; empty where the input is accepted or where gRPC itself
/// refuses it.</param>
/// <param name="Place">The field, or line, field and code, that the answer names.</param>
/// <param name="SendAsync">Sends the input.</param>
internal sealed record InputRow(string Input, string Reason, string Place, Func<World, Task<Answer>> SendAsync)
{
    /// <summary>The batch was validated and rejected. The rejection and its line errors are stored, and nothing
    /// else.</summary>
    public bool LeavesReport { get; init; }

    /// <summary>Header line of a units file of dual-SIM phones.</summary>
    public const string Columns = "serial_number,imei_1,imei_2\n";

    /// <summary>A reference. No refused call ever reserves it.</summary>
    public const string Reference = "BAD-1";

    /// <summary>A call that is answered or refused.</summary>
    public static InputRow Call(string input, string reason, string place, Func<World, Task<object>> send) =>
        new(input, reason, place, w => Answer.OfAsync(() => send(w)));

    /// <summary>A request with one invalid field.</summary>
    public static InputRow Field(string input, string field, Func<World, Task<object>> send) =>
        Call(input, "FIELD_INVALID", field, send);

    /// <summary>An order with one error.</summary>
    public static InputRow Order(string input, string reason, string field, Action<DraftOrderRequest> invalidate) =>
        Call(input, reason, field, async w =>
    {
        var request = Registry.Draft(new Imei(World.Taken));
        request.Reference = Reference;
        invalidate(request);
        return await w.Orders().DraftOrderAsync(request);
    });

    /// <summary>A units file with one error.</summary>
    public static InputRow File(string input, string reason, string place, byte[] file,
        Action<BatchHeader>? change = null) => new(input, reason, place, async w =>
    {
        // An accepted file has a reference of its own, so that the second call finds its receipt.
        var header = Registry.Header(reason is "" ? Convert.ToHexString(SHA256.HashData(file))[..16] : Reference);
        change?.Invoke(header);
        var (receipt, faults, refusal) = await Registry.RegisterAsync(header, file, server: w.Server);
        return refusal is null ? Answer.Accepted(receipt!) : Answer.Of(refusal, faults);
    })
        { LeavesReport = reason is "BATCH_HAS_INVALID_LINES" or "FILE_INVALID" or "UNIT_COUNT_MISMATCH" };

    /// <summary>The same, with the file as text.</summary>
    public static InputRow File(string input, string reason, string place, string file,
        Action<BatchHeader>? change = null) =>
        File(input, reason, place, Encoding.UTF8.GetBytes(file), change);

    /// <summary>A file with an error in its second line.</summary>
    public static InputRow Line(string input, string field, string reason, string line) =>
        File(input, "BATCH_HAS_INVALID_LINES", $"line 2 {field} {reason}", $"{Columns}{line}\n");

    /// <summary>A batch header with one error.</summary>
    public static InputRow Header(string input, string reason, string field, Action<BatchHeader> invalidate) =>
        File(input, reason, field, $"{Columns}S1,{Printed(1)},{Printed(2)}\n", invalidate);

    /// <summary>A chunk with one error, for the open batch that has its first chunk already.</summary>
    public static InputRow Chunk(string input, string reason, string field, Action<SendChunksRequest> invalidate) =>
        Call(input, reason, field, async w =>
    {
        var chunk = Batches.Chunk(w.Open, 2, "S1,"u8.ToArray());
        invalidate(chunk);
        return await Batches.SendAsync(w.As("maker-a"), [chunk]);
    });

    /// <summary>A selection of units of the existing batch.</summary>
    public static InputRow Units(string input, string reason, string field, UnitSelection units) =>
        Call(input, reason, field, async w =>
        await Registry.Registration("maker-a", w.Server)
            .RetireUnitsAsync(new RetireUnitsRequest
            {
                Reference = Reference, BatchNumber = w.Batch, Units = units,
                Reason = "scrapped"
            }));

    /// <summary>A segment of sightings with one error.</summary>
    public static InputRow Sightings(string input, string reason, string field,
        Action<SightingSegment> invalidate, Action<ReportSightingsRequest>? change = null) =>
        Call(input, reason, field, async w =>
    {
        var segment = new SightingSegment
        {
            Sightings =
            { new Sighting { Identity = Printed(1)[..14], FirstSeenMs = 1, LastSeenMs = 2, Count = 1 } }
        };
        invalidate(segment);
        var request = new ReportSightingsRequest { Number = 1, Segment = segment.ToByteString() };
        request.Checksum = ByteString.CopyFrom(SHA256.HashData(request.Segment.Span));
        change?.Invoke(request);
        return await new SightingsService.SightingsServiceClient(w.As("core-a1")).ReportSightingsAsync(request);
    });

    /// <summary>An invalid TAC list.</summary>
    public static InputRow TacList(string input, string reason, string field, string list,
        TacListFormat format = TacListFormat.Gsma) =>
        Call(input, reason, field, async w => await Registry.ImportTacsAsync(w.Server, list, format, Reference));

    /// <summary>A certificate, presented to the registrar and to the node. Both must give the same answer.</summary>
    public static InputRow Certificate(string input, string reason, string? name) => new(input, reason, "", async w =>
    {
        // A name without an entry among the invalid certificates is one of the demo's; null is no certificate.
        var certificate = name is null ? null : w.Bad(name);
        var (registrar, node) = name is null || certificate is not null
            ? (w.Server.Channel("registrar", certificate), w.Server.Channel("attach", certificate))
            : (w.Server.Channel("registrar", name), w.Server.Channel("attach", name));
        var atRegistrar = await Answer.OfAsync(async () => await new PartiesService.PartiesServiceClient(registrar)
            .WhoAmIAsync(new WhoAmIRequest()));
        var atNode = await Answer.OfAsync(async () => await new AttachService.AttachServiceClient(node)
            .CheckAsync(new CheckRequest()));
        return atRegistrar == atNode ? atRegistrar : throw new AssertionException(
            $"at the registrar {atRegistrar.Whole}\nat the node {atNode.Whole}");
    });

    /// <summary>A check of an identity at a node.</summary>
    public static InputRow Check(string input, string reason, string imei) =>
        Call(input, reason, "", async w =>
            await new AttachService.AttachServiceClient(w.Server.Channel("attach", "operator-a"))
            .CheckAsync(new CheckRequest { Imei = imei }));

    /// <summary>An unregistered IMEI with its check digit.</summary>
    public static string Printed(uint number, uint tac = World.Own) =>
        new Imei(tac * 1_000_000ul + 910_000 + number).Printed;

    /// <summary>Row of the README's table.</summary>
    public string InReadme(Answer answer) =>
        $"| {Input} | {answer.Text.Replace("|", "\\|", StringComparison.Ordinal)} |";

    public override string ToString() => Input;

    /// <summary>Calls a method with bytes that are not a valid message of its contract.</summary>
    public static async Task<object> RawAsync(CallInvoker invoker, string service, string method, byte[] request)
    {
        var bytes = Marshallers.Create<byte[]>(b => b, b => b);
        return await invoker.AsyncUnaryCall(new Method<byte[], byte[]>(MethodType.Unary, service, method, bytes, bytes),
            null, new CallOptions(), request);
    }
}
