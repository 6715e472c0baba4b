using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text.Json.Nodes;
using DeviceRegistry.Contracts.V1;
using Google.Protobuf;
using Grpc.Core;

namespace DeviceRegistry.Cli.Commands;

/// <summary>The journal as evidence: recomputed here, from the registrar or from a copy kept elsewhere.</summary>
internal static class JournalCommands
{
    public static Command Build() => new("journal", "The journal: every change, chained by hashes.") { Verify(), Save(), RecoverCommand.Build() };

    private static Verb Verify()
    {
        var file = new Option<FileInfo?>("--from-file")
        {
            HelpName = "F",
            Description = "Read a copy made by dreg journal save instead of asking the registrar.",
        };
        var verb = new Verb(
            "verify", "Recomputes the chain of the whole journal and names the first entry that does not fit.",
            "dreg journal verify", Demo.Auditor)
        {
            file,
        };
        return verb.Does(async (parse, session, ct) =>
        {
            var source = parse.GetValue(file);
            if (source is { Exists: false })
                throw new CommandException(Fault.Usage($"There is no file {source}.", "dreg journal save FILE makes one.", "FILE"));

            var entries = source is null ? FeedAsync(session, ct) : FileAsync(source, ct);
            var (chain, perSecond) = await WalkAsync(session, new Stage("verifying", "verified", Measure.Entries), entries, _ => { });
            session.Out.Answer(
                new JsonObject
                {
                    ["intact"] = true,
                    ["entries"] = chain.Position,
                    ["head_hash"] = Convert.ToHexStringLower(chain.Hash),
                    ["entries_per_second"] = Math.Round(perSecond),
                },
                [
                    string.Create(CultureInfo.InvariantCulture, $"{perSecond:N0} entries/s"),
                    $"journal intact: {Layouts.Count(chain.Position)} entries, head hash {Convert.ToHexStringLower(chain.Hash)}",
                ]);
        });
    }

    private static Verb Save()
    {
        var file = new Argument<FileInfo>("FILE") { Description = "The copy. An existing file is replaced." };
        var verb = new Verb(
            "save", "Keeps a copy of the journal, verified on its way. A history that is rewritten later contradicts the copy.",
            "dreg journal save journal.bin", Demo.Auditor)
        {
            file,
        };
        return verb.Does(async (parse, session, ct) =>
        {
            // Written beside and renamed: a copy is whole or not there.
            var target = parse.GetValue(file)!;
            var partial = $"{target.FullName}.partial";
            JournalChain chain;
            try
            {
                await using (var stream = File.Create(partial))
                    (chain, _) = await WalkAsync(session, new Stage("saving", "saved", Measure.Entries), FeedAsync(session, ct), entry => entry.WriteDelimitedTo(stream));
                File.Move(partial, target.FullName, overwrite: true);
            }
            finally
            {
                File.Delete(partial);
            }

            session.Out.Answer(
                new JsonObject { ["file"] = target.ToString(), ["entries"] = chain.Position, ["head_hash"] = Convert.ToHexStringLower(chain.Hash) },
                [$"{target}: {Layouts.Count(chain.Position)} entries, head hash {Convert.ToHexStringLower(chain.Hash)}"]);
        });
    }

    private static async Task<(JournalChain Chain, double PerSecond)> WalkAsync(
        Session session, Stage stage, IAsyncEnumerable<JournalEntry> entries, Action<JournalEntry> keep)
    {
        var chain = new JournalChain();
        using var progress = new Progress(session.Out);
        var started = 0L;
        await foreach (var entry in entries)
        {
            // Counted from the first entry: a handshake says nothing about the journal.
            if (started is 0) started = Stopwatch.GetTimestamp();
            if (!chain.Take(entry, out var fault)) throw Broken(entry, chain.Position + 1, fault);

            keep(entry);
            progress.Show(stage, (long)entry.Position);
        }

        progress.End();
        return (chain, started is 0 ? 0 : chain.Position / Stopwatch.GetElapsedTime(started).TotalSeconds);
    }

    private static CommandException Broken(JournalEntry entry, ulong position, string fault) => new(new Fault(
        Fault.RefusedCode,
        $"The journal is broken at position {position}: {JournalChain.KindOf(entry)} of {JournalChain.TimeOf(entry)}: {fault}.",
        "JOURNAL_BROKEN",
        "Everything before that position is as it was written. Compare with a copy that was kept elsewhere: dreg journal verify --from-file F.")
    {
        More = new JsonObject
        {
            ["position"] = position,
            ["kind"] = JournalChain.KindOf(entry),
            ["at"] = JournalChain.TimeOf(entry),
            ["fault"] = fault,
        },
    });

    private static async IAsyncEnumerable<JournalEntry> FeedAsync(Session session, [EnumeratorCancellation] CancellationToken ct)
    {
        var feed = new FeedService.FeedServiceClient(session.Registrar);
        using var call = feed.Subscribe(new SubscribeRequest(), session.Within(Session.Whole, ct));
        await foreach (var part in call.ResponseStream.ReadAllAsync(ct))
            if (part.Entries is { } entries)
                foreach (var entry in entries.Entries) yield return entry;
    }

    private static async IAsyncEnumerable<JournalEntry> FileAsync(FileInfo file, [EnumeratorCancellation] CancellationToken ct)
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
                    $"{file} is cut short or no copy of a journal: {fault.Message}", "dreg journal save FILE makes one.", "FILE"), fault);
            }

            yield return entry;
        }
    }
}
