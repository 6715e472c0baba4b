using System.CommandLine;
using System.Text.Json;
using System.Text.Json.Nodes;
using DeviceRegistry.Contracts.V1;
using Google.Protobuf;

namespace DeviceRegistry.Cli.Commands;

/// <summary>The policy parameters of the regulator.</summary>
internal static class PolicyCommands
{
    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true };

    public static Command Build() =>
        new("policy", "The regulator's parameters: complete, versioned, put in force by two people.")
    {
        Show(), Propose(), Approve(),
    };

    private static CliCommand Show()
    {
        var save = new Option<FileInfo?>("--save")
        {
            HelpName = "F",
            Description = "Also write the parameters to a file, to be changed and proposed.",
        };
        var verb = new CliCommand("show", "Shows the policy in force.", "dreg policy show --save policy.json",
            Demo.Regulator) { save };
        return verb.Does(async (parse, session, ct) =>
        {
            var answer = await Policies(session)
                .GetPolicyAsync(new GetPolicyRequest(), session.Within(Session.Usual, ct));
            var parameters = Output.ToNode(answer.Policy).ToJsonString(Indented);
            if (parse.GetValue(save) is { } file) await File.WriteAllTextAsync(file.FullName, parameters + "\n", ct);
            session.Out.Answer(
                answer,
                [
                    answer.Version is 0
                        ? "policy version 0: the built-in defaults"
                        : $"policy version {answer.Version}, in force since {TextFormatter.Time(answer.InForceAt)}",
                    parameters,
                ]);
        });
    }

    private static CliCommand Propose()
    {
        var file = OptionFactory.Existing("--file", "F",
            "The complete parameter set as JSON, such as dreg policy show --save writes.", required: true);
        var reference = OptionFactory.Reference();
        var verb = new CliCommand(
            "propose", "Proposes the next policy. It is in force when another person approves it.",
            "dreg policy propose --file policy.json --reference POL-7", Demo.Regulator)
        {
            file, reference,
        };
        return verb.Does(async (parse, session, ct) =>
        {
            var request = new ProposePolicyRequest
            {
                Reference = parse.GetValue(reference),
                Policy = await ReadAsync(parse.GetValue(file)!, ct)
            };
            var answer = await Policies(session).ProposePolicyAsync(request, session.Within(Session.Usual, ct));
            session.Out.Answer(answer, TextFormatter.Rows(
                ("version", TextFormatter.Number(answer.Version)), ("state", "PROPOSED"),
                ("position", TextFormatter.Number(answer.JournalPosition))));
        });
    }

    private static CliCommand Approve()
    {
        var version = new Argument<ulong>("VERSION") { Description = "The proposed version." };
        var reference = OptionFactory.ReferenceOr("approve-policy-VERSION-NAME");
        var verb = new CliCommand(
            "approve", "Puts a proposed policy in force. The proposer cannot.",
            "dreg policy approve 7 --as regulator-b", Demo.SecondRegulator)
        {
            version, reference,
        };
        return verb.Does(async (parse, session, ct) =>
        {
            var number = parse.GetValue(version);
            var approval = parse.GetValue(reference) ?? $"approve-policy-{number}-{session.Name}";
            var request = new ApprovePolicyRequest { Version = number, Reference = approval };
            var answer = await Policies(session).ApprovePolicyAsync(request, session.Within(Session.Usual, ct));
            session.Out.Answer(answer, TextFormatter.Rows(
                ("version", TextFormatter.Number(number)), ("state", "IN_FORCE"),
                ("position", TextFormatter.Number(answer.JournalPosition))));
        });
    }

    private static PolicyService.PolicyServiceClient Policies(Session session) => new(session.Registrar);

    private static async Task<Policy> ReadAsync(FileInfo file, CancellationToken ct)
    {
        try
        {
            return JsonParser.Default.Parse<Policy>(await File.ReadAllTextAsync(file.FullName, ct));
        }
        catch (Exception fault) when (fault is InvalidProtocolBufferException or InvalidJsonException or JsonException)
        {
            throw new CommandException(Fault.Usage(
                $"{file} is no policy: {fault.Message}", "dreg policy show --save F writes one to start from.", "FILE"),
                fault);
        }
    }
}
