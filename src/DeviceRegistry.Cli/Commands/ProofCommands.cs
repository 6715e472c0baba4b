using System.CommandLine;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using DeviceRegistry.Contracts;
using DeviceRegistry.Contracts.V1;
using Google.Protobuf;
using Grpc.Core;

namespace DeviceRegistry.Cli.Commands;

/// <summary>The proof of an order: exported from the registry, verifiable anywhere.</summary>
internal static class ProofCommands
{
    private const long FileBytesMax = 256L * 1024 * 1024;

    public static CliCommand Prove()
    {
        var number = OptionFactory.Number("order");
        var file = new Option<FileInfo>("--out")
        {
            HelpName = "FILE",
            Description = "Where to write it. An existing file is replaced.", Required = true
        };
        var verb = new CliCommand(
            "export-proof",
            "Exports what the journal says of an order, its signatures and the checkpoints that sign for it, for a " +
            "court to check without the registry.",
            "dreg journal export-proof 1 --out order-1.json", Demo.Auditor)
        {
            number, file,
        };
        return verb.Does(async (parse, session, ct) =>
        {
            var parts = new List<OrderProof>();
            using (var call = new ProofService.ProofServiceClient(session.Registrar)
                .ProveOrder(new ProveOrderRequest { OrderNumber = parse.GetValue(number) },
                session.Within(Session.Long, ct)))
                await foreach (var part in call.ResponseStream.ReadAllAsync(ct)) parts.Add(part.Part);

            // A proof that does not verify here is not written to a file.
            var proof = OrderProofRules.Merge(parts);
            var checkpoints = Believed(proof, session, "the registry");
            var target = parse.GetValue(file)!;
            await AtomicFile.WriteAsync(target, async stream =>
                await stream.WriteAsync(Encoding.UTF8.GetBytes(JsonFormatter.Default.Format(proof) + "\n"), ct));
            session.Out.Answer(Document(proof, checkpoints),
                [.. Lines(proof, checkpoints),
                $"written to     {target}; anybody with the registry's root.pem checks it: dreg journal verify-proof " +
                $"{target}"]);
        });
    }

    public static CliCommand Check()
    {
        var path = new Argument<FileInfo>("FILE") { Description = "A proof written by dreg journal export-proof." };
        var verb = new CliCommand(
            "verify-proof",
            "Checks a proof of an order, without the registry: every entry, every signature of people, and the " +
            "registry's own under the checkpoints. It proves what is in it, not that nothing was left out.",
            "dreg journal verify-proof order-1.json", Demo.Auditor)
        {
            path,
        };
        return verb.Does((parse, session, _) =>
        {
            var source = parse.GetValue(path)!;
            var proof = Read(source);
            var checkpoints = Believed(proof, session, source.ToString());
            session.Out.Answer(Document(proof, checkpoints), [.. Lines(proof, checkpoints), "the proof holds"]);
            return Task.CompletedTask;
        });
    }

    private static OrderProof Read(FileInfo file)
    {
        if (!file.Exists) throw new CommandException(
            Fault.Usage($"There is no file {file}.", "dreg journal export-proof ORDER --out FILE writes one.", "FILE"));

        if (file.Length <= FileBytesMax)
            try
            {
                return JsonParser.Default.Parse<OrderProof>(File.ReadAllText(file.FullName));
            }
            catch (Exception fault) when (fault is InvalidProtocolBufferException or InvalidJsonException
                or JsonException)
            {
                // The exception below reports it.
            }

        throw new CommandException(Fault.Usage($"{file} is no proof of an order.",
            "dreg journal export-proof ORDER --out FILE writes one.", "FILE"));
    }

    private static IReadOnlyList<CheckpointStatement> Believed(OrderProof proof, Session session, string source)
    {
        if (OrderProofRules.Check(proof, session.Root, out var checkpoints) is { Length: > 0 } fault)
            throw new CommandException(new Fault(
                Fault.RefusedCode, $"The proof of order {proof.OrderNumber} from {source} does not hold: {fault}.",
                "PROOF_INVALID", "Ask the registry for it again; if that does not hold either, tell the auditor."));

        return checkpoints;
    }

    private static JsonObject Document(OrderProof proof, IReadOnlyList<CheckpointStatement> checkpoints) => new()
    {
        ["holds"] = true,
        ["order_number"] = proof.OrderNumber,
        ["entries"] = new JsonArray([.. proof.Entries.Select(e => new JsonObject
        {
            ["position"] = e.Entry.Position, ["at"] = JournalChain.TimeOf(e.Entry),
            ["kind"] = JournalChain.KindOf(e.Entry), ["by"] = NameOf(proof, e.Entry),
        })]),
        ["checkpoints"] = new JsonArray(
            [.. checkpoints.Select(c => new JsonObject { ["position"] = c.Position,
            ["hash"] = Convert.ToHexStringLower(c.Hash.Span) })]),
    };

    private static IEnumerable<string> Lines(OrderProof proof, IReadOnlyList<CheckpointStatement> checkpoints)
    {
        yield return $"order          {proof.OrderNumber}";
        foreach (var proven in proof.Entries.Where(e =>
            (JournalKind)e.Entry.Kind is not (JournalKind.ActorChanged or JournalKind.PartyChanged)))
        {
            var who = NameOf(proof, proven.Entry);
            yield return $"{proven.Entry.Position,-14} {JournalChain.TimeOf(proven.Entry)}  " +
                $"{JournalChain.KindOf(proven.Entry)}{OrderOf(proven.Entry)}"
                + $"{(who.Length > 0 ? $", by {who}" : "")}{Words(proven)}";
        }

        foreach (var checkpoint in checkpoints)
            yield return $"signed for     everything up to position {checkpoint.Position}, by the registry's " +
                $"checkpoint key";
    }

    private static string OrderOf(JournalEntry entry) => (JournalKind)entry.Kind switch
    {
        JournalKind.OrderArmed =>
            JournalEntryRules.TryRead(entry, OrderArmed.Parser, out var armed) ? $" of order {armed.OrderNumber}" : "",
        JournalKind.OrderPairsArmed => JournalEntryRules.TryRead(entry, OrderPairsArmed.Parser, out var armed)
        ? $" of order {armed.OrderNumber} for subscribers of operator {armed.OperatorPartyId}" : "",
        JournalKind.OrderLifted or JournalKind.OrderStayed or JournalKind.OrderAnnulled =>
            JournalEntryRules.TryRead(entry, OrderLifted.Parser, out var ended)
            ? $" of order {ended.OrderNumber} through order {ended.LiftingOrderNumber}" : "",
        JournalKind.AppealFiled or JournalKind.AppealUnderReview or JournalKind.AppealWithdrawn =>
            JournalEntryRules.TryRead(entry, AppealStep.Parser, out var appeal)
            ? $" {appeal.AppealNumber} against order {appeal.OrderNumber}" : "",
        JournalKind.AppealDecided => JournalEntryRules.TryRead(entry, AppealDecided.Parser, out var decided)
        ? $" {decided.AppealNumber} against order {decided.OrderNumber}" : "",
        _ => JournalEntryRules.TryRead(entry, OrderStep.Parser, out var step) ? $" of order {step.OrderNumber}" : "",
    };

    private static string Words(ProvenEntry proven)
    {
        if ((JournalKind)proven.Entry.Kind is not JournalKind.OrderDrafted) return "";
        if (proven.PrivateBytes.IsEmpty) return " (its words are not in the proof)";

        var draft = OrderDraftedPrivate.Parser.ParseFrom(proven.PrivateBytes);
        return draft.Block is { } block
            ? $": class {TextFormatter.Word(block.OrderClass)}, {block.Reason}, {block.Basis}"
            : $": {TextFormatter.Word(draft.Action.Action)} of order {draft.Action.OrderNumber}, " +
                $"{draft.Action.Basis}";
    }

    private static string NameOf(OrderProof proof, JournalEntry entry)
    {
        if (entry.Actor is 0) return "";

        var registered = proof.Entries.LastOrDefault(e =>
            (JournalKind)e.Entry.Kind is JournalKind.ActorChanged && e.Entry.Position < entry.Position
            && JournalEntryRules.TryRead(e.Entry, ActorChanged.Parser, out var actor) && actor.ActorId == entry.Actor
            && !e.PrivateBytes.IsEmpty);
        return registered is null ? $"person {entry.Actor}"
            : ActorChangedPrivate.Parser.ParseFrom(registered.PrivateBytes).Name;
    }
}
