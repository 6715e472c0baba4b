using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using DeviceRegistry.Contracts.V1;
using DeviceRegistry.Core;
using DeviceRegistry.TestKit;
using Google.Protobuf;
using Grpc.Core;

namespace DeviceRegistry.System.Tests.BadInput;

/// <summary>One input and what is wrong with it; the words of the answer stand in the README.</summary>
/// <param name="Input">The input as the README names it.</param>
/// <param name="Reason">The stable code of the answer; empty: none, because it is accepted or because gRPC itself
/// refuses.</param>
/// <param name="Place">The field, or line, field and code, that the answer names.</param>
/// <param name="SendAsync">Sends it.</param>
internal sealed record InputRow(string Input, string Reason, string Place, Func<World, Task<Answer>> SendAsync)
{
    /// <summary>The batch was judged and rejected: that it was is on record, with its bad lines, and nothing
    /// else.</summary>
    public bool LeavesReport { get; init; }

    /// <summary>The columns of a units file of dual-SIM phones.</summary>
    public const string Columns = "serial_number,imei_1,imei_2\n";

    /// <summary>A reference; no refused call ever claims it.</summary>
    public const string Reference = "BAD-1";

    /// <summary>A call that answers or is refused.</summary>
    public static InputRow Call(string input, string reason, string place, Func<World, Task<object>> send) =>
        new(input, reason, place, w => Answer.OfAsync(() => send(w)));

    /// <summary>A field of a request.</summary>
    public static InputRow Field(string input, string field, Func<World, Task<object>> send) =>
        Call(input, "FIELD_INVALID", field, send);

    /// <summary>An order that is right but for one thing.</summary>
    public static InputRow Order(string input, string reason, string field, Action<DraftOrderRequest> spoil) =>
        Call(input, reason, field, async w =>
    {
        var request = Registry.Draft(new Imei(World.Taken));
        request.Reference = Reference;
        spoil(request);
        return await w.Orders().DraftOrderAsync(request);
    });

    /// <summary>A units file, right but for one thing.</summary>
    public static InputRow File(string input, string reason, string place, byte[] file,
        Action<BatchHeader>? change = null) => new(input, reason, place, async w =>
    {
        // The reference of a file that is taken is its own, so that the second time finds it.
        var header = Registry.Header(reason is "" ? Convert.ToHexString(SHA256.HashData(file))[..16] : Reference);
        change?.Invoke(header);
        var (receipt, faults, refusal) = await Registry.RegisterAsync(header, file, server: w.Server);
        return refusal is null ? Answer.Accepted(receipt!) : Answer.Of(refusal, faults);
    }) { LeavesReport = reason is "BATCH_HAS_INVALID_LINES" or "FILE_INVALID" or "UNIT_COUNT_MISMATCH" };

    /// <summary>The same, given as text.</summary>
    public static InputRow File(string input, string reason, string place, string file,
        Action<BatchHeader>? change = null) =>
        File(input, reason, place, Encoding.UTF8.GetBytes(file), change);

    /// <summary>A file whose second line is bad.</summary>
    public static InputRow Line(string input, string field, string reason, string line) =>
        File(input, "BATCH_HAS_INVALID_LINES", $"line 2 {field} {reason}", $"{Columns}{line}\n");

    /// <summary>The header of a batch, right but for one thing.</summary>
    public static InputRow Header(string input, string reason, string field, Action<BatchHeader> spoil) =>
        File(input, reason, field, $"{Columns}S1,{Printed(1)},{Printed(2)}\n", spoil);

    /// <summary>A chunk for the batch that is open, whose first chunk is there; right but for one thing.</summary>
    public static InputRow Chunk(string input, string reason, string field, Action<SendChunksRequest> spoil) =>
        Call(input, reason, field, async w =>
    {
        var chunk = Batches.Chunk(w.Open, 2, "S1,"u8.ToArray());
        spoil(chunk);
        return await Batches.SendAsync(w.As("maker-a"), [chunk]);
    });

    /// <summary>A selection of units of the batch that is there.</summary>
    public static InputRow Units(string input, string reason, string field, UnitSelection units) =>
        Call(input, reason, field, async w =>
        await Registry.Registration("maker-a", w.Server)
            .RetireUnitsAsync(new RetireUnitsRequest { Reference = Reference, BatchNumber = w.Batch, Units = units,
            Reason = "scrapped" }));

    /// <summary>A segment of sightings, right but for one thing.</summary>
    public static InputRow Sightings(string input, string reason, string field,
        Action<SightingSegment> spoil, Action<ReportSightingsRequest>? change = null) =>
        Call(input, reason, field, async w =>
    {
        var segment = new SightingSegment { Sightings =
            { new Sighting { Identity = Printed(1)[..14], FirstSeenMs = 1, LastSeenMs = 2, Count = 1 } } };
        spoil(segment);
        var request = new ReportSightingsRequest { Number = 1, Segment = segment.ToByteString() };
        request.Checksum = ByteString.CopyFrom(SHA256.HashData(request.Segment.Span));
        change?.Invoke(request);
        return await new SightingsService.SightingsServiceClient(w.As("core-a1")).ReportSightingsAsync(request);
    });

    /// <summary>A TAC list that is none.</summary>
    public static InputRow TacList(string input, string reason, string field, string list,
        TacListFormat format = TacListFormat.Gsma) =>
        Call(input, reason, field, async w => await Registry.ImportTacsAsync(w.Server, list, format, Reference));

    /// <summary>A certificate, shown at the registrar and at the node: the answer is the same at both.</summary>
    public static InputRow Certificate(string input, string reason, string? name) => new(input, reason, "", async w =>
    {
        // A name that is no bad certificate's is one of the demo's; none is none.
        var certificate = name is null ? null : w.Bad(name);
        var (registrar, node) = name is null || certificate is not null
            ? (w.Server.Channel("registrar", certificate), w.Server.Channel("attach", certificate))
            : (w.Server.Channel("registrar", name), w.Server.Channel("attach", name));
        var there = await Answer.OfAsync(async () => await new PartiesService.PartiesServiceClient(registrar)
            .WhoAmIAsync(new WhoAmIRequest()));
        var here = await Answer.OfAsync(async () => await new AttachService.AttachServiceClient(node)
            .CheckAsync(new CheckRequest()));
        return there == here ? there : throw new AssertionException(
            $"at the registrar {there.Whole}\nat the node {here.Whole}");
    });

    /// <summary>An identity at a node.</summary>
    public static InputRow Check(string input, string reason, string imei) =>
        Call(input, reason, "", async w =>
            await new AttachService.AttachServiceClient(w.Server.Channel("attach", "operator-a"))
            .CheckAsync(new CheckRequest { Imei = imei }));

    /// <summary>An IMEI nobody has, with its check digit.</summary>
    public static string Printed(uint number, uint tac = World.Own) =>
        new Imei(tac * 1_000_000ul + 910_000 + number).Printed;

    /// <summary>As the README has it.</summary>
    public string InReadme(Answer answer) =>
        $"| {Input} | {answer.Text.Replace("|", "\\|", StringComparison.Ordinal)} |";

    public override string ToString() => Input;

    /// <summary>A method called with bytes that are no message of its contract.</summary>
    public static async Task<object> RawAsync(CallInvoker door, string service, string method, byte[] request)
    {
        var bytes = Marshallers.Create<byte[]>(b => b, b => b);
        return await door.AsyncUnaryCall(new Method<byte[], byte[]>(MethodType.Unary, service, method, bytes, bytes),
            null, new CallOptions(), request);
    }
}
