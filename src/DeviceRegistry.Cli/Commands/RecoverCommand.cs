using System.CommandLine;
using System.Text.Json;
using DeviceRegistry.Contracts;
using DeviceRegistry.Contracts.V1;
using Google.Protobuf;

namespace DeviceRegistry.Cli.Commands;

/// <summary>The recovery statement after a restore: written and signed by one person, signed and sent by
/// another.</summary>
internal static class RecoverCommand
{
    private const int FileBytesMax = 16_384;

    public static CliCommand Build()
    {
        var file = new Argument<FileInfo>(
            "FILE")
        { Description = "The statement. The first person writes it, the second signs and sends it." };
        var reason = new Option<string?>("--reason")
        {
            HelpName = "TEXT",
            Description = "What happened; needed when the statement is written."
        };
        var sign = new Option<bool>(
            "--sign")
        { Description = "The second person: sign what the file says, and send it." };
        var verb = new CliCommand(
            "recover",
            "After a restore: states, signed by two people, from where the journal goes on. Until then the registry " +
            "takes no write.",
            "dreg journal recover recovery.json --reason \"Disk failure; restored from the backup of 02:00\" --as " +
            "regulator-a", Demo.Regulator)
        {
            file, reason, sign,
        };
        return verb.Does(async (parse, session, ct) =>
        {
            var recovery = new RecoveryService.RecoveryServiceClient(session.Registrar);
            var pending = await recovery.GetPendingRecoveryAsync(new GetPendingRecoveryRequest(),
                session.Within(Session.Usual, ct));
            if (!pending.Pending)
                throw new CommandException(new Fault(Fault.RefusedCode,
                    "The registry waits for no statement: it was not restored, or goes on already.", "WRONG_STATE",
                    "dreg journal verify shows the journal as it is."));

            var target = parse.GetValue(file)!;
            if (!target.Exists) await WriteAsync(session, target, pending, parse.GetValue(reason));
            else await SendAsync(session, target, parse.GetValue(sign), pending, recovery, ct);
        });
    }

    private static async Task WriteAsync(Session session, FileInfo target, GetPendingRecoveryResponse pending,
        string? reason)
    {
        if (string.IsNullOrWhiteSpace(reason))
            throw new CommandException(Fault.Usage(
                $"There is no file {target}, so the statement is to be written, and needs --reason.",
                "Say what happened with --reason TEXT.", "--reason"));

        pending.Statement.Reason = reason;
        var bytes = pending.Statement.ToByteString();
        var recovered = new Recovered
        {
            Statement = bytes,
            Signatures = { session.Sign(key => RecoveryRules.Sign(bytes, key)) }
        };
        await File.WriteAllTextAsync(target.FullName, JsonFormatter.Default.Format(recovered) + "\n");
        session.Out.Answer(pending.Statement,
            [.. Lines(pending.Statement), $"signed by      {session.Name}",
            $"next           another person of the regulator reads it: dreg journal recover {target}, and signs: … " +
            $"--sign --as NAME"]);
    }

    private static async Task SendAsync(
        Session session, FileInfo target, bool signs, GetPendingRecoveryResponse pending,
        RecoveryService.RecoveryServiceClient recovery, CancellationToken ct)
    {
        var (recovered, statement) = Read(target);
        var expected = pending.Statement.Clone();
        expected.Reason = statement.Reason;
        if (!statement.Equals(expected))
            throw new CommandException(Fault.Usage($"The statement in {target} is not about this restore.",
                "Delete it and write a new one.", "FILE"));

        if (!signs)
        {
            session.Out.Answer(statement,
                [.. Lines(statement), $"next           if that is so: dreg journal recover {target} --sign --as NAME"]);
            return;
        }

        // A statement sent again after a lost answer has both signatures already.
        if (recovered.Signatures.Count is 1)
        {
            var own = session.Sign(key => RecoveryRules.Sign(recovered.Statement, key));
            if (own.Ecdsa.PublicKey.Equals(recovered.Signatures[0].Ecdsa?.PublicKey))
                throw new CommandException(new Fault(Fault.RefusedCode, "You signed this statement already.",
                    "SECOND_PERSON_REQUIRED",
                    $"Another person of the regulator: dreg journal recover {target} --sign --as NAME"));

            recovered.Signatures.Add(own);
            await File.WriteAllTextAsync(target.FullName, JsonFormatter.Default.Format(recovered) + "\n", ct);
        }

        var request = new RecoverRequest { Reference = $"recover-epoch-{statement.Epoch}", Recovered = recovered };
        var answer = await recovery.RecoverAsync(request, session.Within(Session.Usual, ct));
        session.Out.Answer(answer, [.. Lines(statement), $"position       {answer.JournalPosition}",
            "The registry goes on. Nodes that were ahead go back to that point and follow."]);
    }

    private static (Recovered Recovered, RecoveryStatement Statement) Read(FileInfo file)
    {
        if (file.Length <= FileBytesMax)
            try
            {
                var recovered = JsonParser.Default.Parse<Recovered>(File.ReadAllText(file.FullName));
                if (RecoveryRules.TryRead(recovered.Statement, out var statement)) return (recovered, statement);
            }
            catch (Exception fault) when (fault is InvalidProtocolBufferException or InvalidJsonException
                or JsonException)
            {
                // The exception below reports it.
            }

        throw new CommandException(Fault.Usage($"{file} is no statement about a restore.",
            "dreg journal recover FILE --reason TEXT writes one to a file that is not there.", "FILE"));
    }

    private static IEnumerable<string> Lines(RecoveryStatement statement) =>
    [
        $"epoch          {statement.Epoch}",
        $"after position {statement.AfterPosition}; whatever came after it is void",
        $"reason         {statement.Reason}",
    ];
}
