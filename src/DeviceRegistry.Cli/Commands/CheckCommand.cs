using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Nodes;
using DeviceRegistry.Contracts.V1;
using DeviceRegistry.Core;
using Grpc.Core;
using CheckReason = DeviceRegistry.Contracts.V1.CheckReason;
using EnforcementMode = DeviceRegistry.Contracts.V1.EnforcementMode;
using Verdict = DeviceRegistry.Contracts.V1.Verdict;
using AttachKind = DeviceRegistry.Contracts.V1.AttachKind;

namespace DeviceRegistry.Cli.Commands;

/// <summary>Checks a device at an attach node.</summary>
internal static class CheckCommand
{
    private const int WithinSecondsDefault = 10;
    private static readonly TimeSpan AskEvery = TimeSpan.FromMilliseconds(20);
    private static readonly TimeSpan DetailsLimit = TimeSpan.FromSeconds(5);

    public static Command Build()
    {
        var imei = new Argument<string>(
            "IMEI")
        { Description = "14 digits, or 15 with the check digit; any other text gets its verdict too." };
        var imsi = new Option<string?>("--imsi") { HelpName = "I", Description = "The subscriber, 5 to 15 digits." };
        var emergency = new Option<bool>("--emergency") { Description = "Ask as for an emergency call." };
        var until = new Option<string?>("--wait-for")
        {
            HelpName = "WORD",
            Description = "For scripts: ask until the verdict or reason is this, such as DENY or COMPLIANT.",
        };
        var position = new Option<ulong>("--position")
        {
            HelpName = "N",
            Description = "For scripts: ask until the answer is at least as new as this journal position.",
        };
        var within = new Option<int>("--wait-timeout")
        {
            HelpName = "SECONDS",
            Description = "How long --wait-for and --position may take.",
            DefaultValueFactory = _ => WithinSecondsDefault,
        };
        until.Validators.Add(result =>
        {
            if (result.Tokens is [var word] && !Names().Contains(word.Value, StringComparer.OrdinalIgnoreCase))
                result.AddError($"--wait-for {word.Value}: expected one of {string.Join(", ", Names())}.");
        });
        var verb = new CliCommand(
            "check", "Asks the attach node whether a handset may come in, and why.",
            "dreg check 352906110000017 --imsi 410010000000001", Demo.Operator)
        {
            imei, imsi, emergency, until, position, within,
        };
        return verb.Does(async (parse, session, ct) =>
        {
            var text = parse.GetValue(imei)!;
            RequireCheckDigit(text);
            var request = new CheckRequest
            {
                Imei = text,
                Imsi = parse.GetValue(imsi) ?? "",
                AttachKind = parse.GetValue(emergency) ? AttachKind.Emergency : AttachKind.Normal,
            };
            var wanted = new Wanted(parse.GetValue(until), parse.GetValue(position),
                TimeSpan.FromSeconds(parse.GetValue(within)));
            var answer = await AskAsync(session, request, wanted, ct);
            var (device, words) = await DescribeAsync(session, text, ct);
            var document = new JsonObject
            {
                ["check"] = Output.ToNode(answer), ["device"] = device,
                ["device_in_words"] = words
            };
            session.Out.Answer(document, Lines(answer, words));
        });
    }

    // The 15th digit from a network means nothing, but one that a person types is a check digit, and a wrong one is a
    // typing error (proto/docs/decision-table.md).
    private static void RequireCheckDigit(string text)
    {
        if (Imei.FromTyped(text) is { Fault: TypedImeiError.CheckDigit } typed)
            throw new CommandException(Fault.Usage(
                $"{text} is mistyped: its check digit, the 15th, is {text[^1]}.",
                "Compare it with the box or with *#06#.", "IMEI_CHECK_DIGIT") with
            {
                Fields = [("imei", $"expected {typed.Expected}")],
            });
    }

    private static async Task<CheckResponse> AskAsync(Session session, CheckRequest request, Wanted wanted,
        CancellationToken ct)
    {
        var attach = new AttachService.AttachServiceClient(session.Attach);
        var started = Stopwatch.GetTimestamp();
        while (true)
        {
            var answer = await attach.CheckAsync(request, session.Within(Session.Usual, ct));
            if (wanted.IsMetBy(answer)) return answer;
            if (Stopwatch.GetElapsedTime(started) > wanted.Within)
                throw new CommandException(new Fault(Fault.RefusedCode,
                    $"Still {TextFormatter.Word(answer.Verdict)} {TextFormatter.Word(answer.Reason)} after " +
                    $"{wanted.Within.TotalSeconds:0} s"
                    + $", as of position {answer.Position}; waited for {wanted}.",
                    "TIMEOUT",
                    "Is the node following the registrar? The age of its knowledge tells: dreg check IMEI."));

            await Task.Delay(AskEvery, TimeProvider.System, ct);
        }
    }

    private static IEnumerable<string> Names() =>
        Enum.GetValues<Verdict>().Skip(1).Select(TextFormatter.Word)
            .Concat(Enum.GetValues<CheckReason>().Skip(1).Select(TextFormatter.Word));

    // The node alone gives the verdict; the registrar knows the device, and may be unreachable.
    private static async Task<(JsonNode? Device, string Words)> DescribeAsync(Session session, string text,
        CancellationToken ct)
    {
        if (!Imei.TryFromNetwork(text, out var imei)) return (null, "(no IMEI, so no device)");

        try
        {
            var request = new DescribeDeviceRequest { Imei = imei.Digits };
            var registry = new RegistryService.RegistryServiceClient(session.Registrar);
            var device = await registry.DescribeDeviceAsync(request, session.Within(DetailsLimit, ct));
            return (Output.ToNode(device),
                $"{device.Model} of {device.Manufacturer}, {TextFormatter.Word(device.Origin)}");
        }
        catch (RpcException refusal) when (!ct.IsCancellationRequested)
        {
            var fault = Fault.Of(refusal, session.Address);
            return (null, refusal.StatusCode is StatusCode.NotFound ? "not registered"
                : fault.ExitCode is Fault.UnreachableCode ? "(details left out: the registrar is unreachable)"
                : $"(details left out: {fault.Reason})");
        }
    }

    private static IEnumerable<string> Lines(CheckResponse answer, string device)
    {
        var age = answer.DataAgeMs < 0 ? "the node has never had the whole journal"
            : string.Create(CultureInfo.InvariantCulture, $"{answer.DataAgeMs / 1000.0:0.0} s old");
        var mode = TextFormatter.Word(answer.Mode);
        return
        [
            $"{TextFormatter.Word(answer.Verdict)}  {TextFormatter.Word(answer.Reason)} (row {answer.Row})",
            .. TextFormatter.Rows(
                ("as of position", $"{answer.Position}, {age}, policy version {answer.PolicyVersion}"),
                ("mode", answer.Mode is EnforcementMode.Observe
                    ? $"{mode}: without it {TextFormatter.Word(answer.EvaluatedVerdict)}" : mode),
                ("equipment", answer.UnknownEquipment ? "unknown, where the protocol can say so" : ""),
                ("changes at", TextFormatter.Time(answer.DueAt)),
                ("device", device)),
        ];
    }

    /// <summary>The answer that a script waits for: a verdict or reason, if given, at or after a position.</summary>
    private sealed record Wanted(string? Word, ulong Position, TimeSpan Within)
    {
        public bool IsMetBy(CheckResponse answer) => answer.Position >= Position
            && (Word is null || Is(TextFormatter.Word(answer.Verdict)) || Is(TextFormatter.Word(answer.Reason)));

        public override string ToString() =>
            Position is 0 ? $"{Word}" : $"{Word ?? "an answer"} as of position {Position} or newer";

        private bool Is(string word) => word.Equals(Word, StringComparison.OrdinalIgnoreCase);
    }
}
