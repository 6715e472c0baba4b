using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using System.Runtime.CompilerServices;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json.Nodes;
using DeviceRegistry.Contracts;
using DeviceRegistry.Contracts.V1;
using Google.Protobuf;
using Grpc.Core;

namespace DeviceRegistry.Cli.Commands;

/// <summary>The journal as evidence: recomputed locally, from the registrar or from a copy.</summary>
internal static class JournalCommands
{
    public static Command Build() =>
        new("journal", "The journal: every change, chained by hashes.") { Verify(), VerifyStateCommand.Build(), Save(),
        ProofCommands.Prove(), ProofCommands.Check(), RecoverCommand.Build() };

    private static CliCommand Verify()
    {
        var file = new Option<FileInfo?>("--from-file")
        {
            HelpName = "F",
            Description = "Read a copy made by dreg journal export instead of asking the registrar.",
        };
        var from = new Option<string?>("--from")
        {
            HelpName = "checkpoint",
            Description =
            "Begin at the newest checkpoint, which signs for all that came before, instead of at the beginning."
        };
        from.AcceptOnlyFromAmong("checkpoint");
        var verb = new CliCommand(
            "verify",
            "Recomputes the chain of the whole journal and checks every signature in it: two people's under each " +
            "order, the registry's under each checkpoint. Names what does not fit.",
            "dreg journal verify", Demo.Auditor)
        {
            file, from,
        };
        return verb.Does(async (parse, session, ct) =>
        {
            var source = parse.GetValue(file);
            if (source is { Exists: false })
                throw new CommandException(Fault.Usage($"There is no file {source}.",
                    "dreg journal export FILE makes one.", "FILE"));

            if (source is not null && parse.GetValue(from) is not null)
                throw new CommandException(Fault.Usage("A copy is verified from its beginning.",
                    "Leave out --from, or --from-file.", "--from"));

            var start = parse.GetValue(from) is null ? ChainEnd.Genesis : await CheckpointAsync(session, ct);
            var entries = source is null ? FeedAsync(session, start, ct) : FileAsync(source, ct);
            var (chain, perSecond) = await WalkAsync(session, session.Root, start,
                new Stage("verifying", "verified", Quantity.Entries), entries, _ => { });
            if (chain.InvalidSignatures.Count > 0) throw Forged(chain.InvalidSignatures);

            session.Out.Answer(
                new JsonObject
                {
                    ["intact"] = true,
                    ["entries"] = chain.Position - start.Position,
                    ["after_position"] = start.Position,
                    ["head_hash"] = Convert.ToHexStringLower(chain.Hash),
                    ["orders"] = chain.Orders.Drafts,
                    ["order_signatures"] = chain.Orders.Signatures,
                    ["order_steps_before_checkpoint"] = chain.Orders.Earlier,
                    ["order_signatures_of_people_before"] = chain.Orders.Unattributed,
                    ["entries_no_checkpoint_signs_for"] =
                        chain.Position - Math.Min(chain.Position, Math.Max(start.Position, chain.Checkpoints!.Newest)),
                    ["checkpoints"] = chain.Checkpoints!.Believed,
                    ["newest_checkpoint_position"] = chain.Checkpoints.Newest,
                    ["entries_per_second"] = Math.Round(perSecond),
                },
                [
                    string.Create(CultureInfo.InvariantCulture, $"{perSecond:N0} entries/s"),
                    $"orders         {TextFormatter.Count((ulong)chain.Orders.Drafts)} with " +
                    $"{TextFormatter.Count((ulong)chain.Orders.Signatures)} signatures of people, all " +
                    $"good{Earlier(chain.Orders)}",
                    Checkpoints(chain.Checkpoints, chain.Position),
                    start.Position is 0
                        ? $"journal intact: {TextFormatter.Count(chain.Position)} entries, head hash " +
                            $"{Convert.ToHexStringLower(chain.Hash)}"
                        : $"journal intact: {TextFormatter.Count(chain.Position - start.Position)} more after the " +
                            $"checkpoint at position {start.Position}, head hash " +
                            $"{Convert.ToHexStringLower(chain.Hash)}",
                ]);
        });
    }

    private static string Earlier(SignedOrders orders) =>
        (orders.Earlier is 0 ? ""
            : $"; {TextFormatter.Count((ulong)orders.Earlier)} steps of orders that were drafted before the " +
                $"checkpoint " +
            $"were not judged")
        + (orders.Unattributed is 0 ? ""
        : $"; whose keys {TextFormatter.Count((ulong)orders.Unattributed)} of them are, a walk from the beginning " +
            $"tells");

    private static string Checkpoints(Checkpoints checkpoints, ulong head) =>
        $"checkpoints    {TextFormatter.Count((ulong)checkpoints.Believed)}, "
        + (checkpoints.Believed is 0
        ? "so that nothing signs for these entries: compare with a copy that was kept elsewhere"
            : $"all good; the newest signs for all up to position {checkpoints.Newest}, nothing yet for the " +
                $"{TextFormatter.Count(head - Math.Min(head, checkpoints.Newest))} after it")
        + (checkpoints.NotCompared is 0 ? ""
        : $"; {TextFormatter.Count((ulong)checkpoints.NotCompared)} speak of entries too far back to be compared");

    // The signature of the newest checkpoint is verified; the walk then starts at the checkpoint's position.
    private static async Task<ChainEnd> CheckpointAsync(Session session, CancellationToken ct)
    {
        var found = await new ProofService.ProofServiceClient(session.Registrar)
            .GetLatestCheckpointAsync(new GetLatestCheckpointRequest(), session.Within(Session.Usual, ct));
        var fault = "it cannot be read";
        if (JournalEntryRules.TryRead(found.Entry, Checkpoint.Parser, out var checkpoint)
            && CheckpointRules.IsSigned(checkpoint, session.Root, out var statement, out fault))
            return new ChainEnd(statement.Position, statement.Epoch, long.MinValue, statement.Hash.ToByteArray());

        throw Forged([(found.Entry, $"the checkpoint is not believed: {fault}")]);
    }

    private static CliCommand Save()
    {
        var file = new Argument<FileInfo>("FILE") { Description = "The copy. An existing file is replaced." };
        var verb = new CliCommand(
            "export",
            "Keeps a copy of the journal, verified on its way. A history that is rewritten later contradicts " +
            "the copy.",
            "dreg journal export journal.bin", Demo.Auditor)
        {
            file,
        };
        return verb.Does(async (parse, session, ct) =>
        {
            var target = parse.GetValue(file)!;
            JournalChain chain = null!;
            await AtomicFile.WriteAsync(target, async stream =>
                (chain, _) = await WalkAsync(session, null, ChainEnd.Genesis,
                    new Stage("saving", "saved", Quantity.Entries), FeedAsync(session, ChainEnd.Genesis, ct), entry =>
                    entry.WriteDelimitedTo(stream)));

            session.Out.Answer(
                new JsonObject
                {
                    ["file"] = target.ToString(), ["entries"] = chain.Position,
                    ["head_hash"] = Convert.ToHexStringLower(chain.Hash)
                },
                [$"{target}: {TextFormatter.Count(chain.Position)} entries, head hash " +
                    $"{Convert.ToHexStringLower(chain.Hash)}"]);
        });
    }

    private static async Task<(JournalChain Chain, double PerSecond)> WalkAsync(
        Session session, X509Certificate2? root, ChainEnd start, Stage stage,
        IAsyncEnumerable<JournalEntry> entries, Action<JournalEntry> keep)
    {
        var chain = new JournalChain(root, start);
        using var progress = new Progress(session.Out);
        var started = 0L;
        await foreach (var entry in entries)
        {
            // Time starts with the first entry: the handshake is no part of reading the journal.
            if (started is 0) started = Stopwatch.GetTimestamp();
            if (!chain.Take(entry, out var fault)) throw Broken(entry, chain.Position + 1, fault);

            keep(entry);
            progress.Show(stage, (long)entry.Position);
        }

        progress.End();
        return (chain, started is 0 ? 0
            : (chain.Position - start.Position) / Stopwatch.GetElapsedTime(started).TotalSeconds);
    }

    private static CommandException Broken(JournalEntry entry, ulong position, string fault) => new(new Fault(
        Fault.RefusedCode,
        $"The journal is broken at position {position}: {JournalChain.KindOf(entry)} of " +
        $"{JournalChain.TimeOf(entry)}: {fault}.",
        "JOURNAL_INVALID",
        "Everything before that position is as it was written. Compare with a copy that was kept elsewhere: dreg " +
        "journal verify --from-file F.")
    {
        More = new JsonObject
        {
            ["position"] = position,
            ["kind"] = JournalChain.KindOf(entry),
            ["at"] = JournalChain.TimeOf(entry),
            ["fault"] = fault,
        },
    });

    private static CommandException Forged(IReadOnlyList<(JournalEntry Entry, string Fault)> doubts) => new(new Fault(
        Fault.RefusedCode,
        $"The chain is whole, but {(doubts.Count is 1 ? "an entry is" : $"{doubts.Count} entries are")} not signed " +
        $"as {(doubts.Count is 1 ? "it" : "they")} must be:\n"
            + string.Join('\n', doubts.Select(d =>
                $"  position {d.Entry.Position}, {JournalChain.KindOf(d.Entry)} of {JournalChain.TimeOf(d.Entry)}: " +
                $"{d.Fault}")),
        "SIGNATURE_BROKEN",
        "Somebody wrote to the database past the registry. Tell the auditor; dreg order show N shows what an order " +
        "says.")
    {
        More = new JsonObject
        {
            ["doubts"] = new JsonArray([.. doubts.Select(d => new JsonObject
            {
                ["position"] = d.Entry.Position, ["kind"] = JournalChain.KindOf(d.Entry),
                ["at"] = JournalChain.TimeOf(d.Entry), ["fault"] = d.Fault,
            })]),
        },
    });

    private static async IAsyncEnumerable<JournalEntry> FeedAsync(Session session, ChainEnd start,
        [EnumeratorCancellation] CancellationToken ct)
    {
        var feed = new FeedService.FeedServiceClient(session.Registrar);
        using var call = feed.Subscribe(
            new SubscribeRequest
            {
                AfterPosition = start.Position, Hash = start.Position is 0 ? ByteString.Empty
                : ByteString.CopyFrom(start.Hash)
            }, session.Within(Session.Whole, ct));
        await foreach (var part in call.ResponseStream.ReadAllAsync(ct))
            if (part.Entries is { } entries)
                foreach (var entry in entries.Entries) yield return entry;
    }

    private static async IAsyncEnumerable<JournalEntry> FileAsync(FileInfo file,
        [EnumeratorCancellation] CancellationToken ct)
    {
        await using var stream = new BufferedStream(file.OpenRead());
        while (stream.Position < stream.Length)
        {
            ct.ThrowIfCancellationRequested();
            JournalEntry entry;
            try
            {
                entry = JournalEntry.Parser.ParseDelimitedFrom(stream);
            }
            catch (InvalidProtocolBufferException fault)
            {
                throw new CommandException(Fault.Usage(
                    $"{file} is cut short or no copy of a journal: {fault.Message}",
                    "dreg journal export FILE makes one.", "FILE"), fault);
            }

            yield return entry;
        }
    }
}
