using System.CommandLine;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using DeviceRegistry.Contracts.V1;
using Google.Protobuf;

namespace DeviceRegistry.Cli.Commands;

/// <summary>People and nodes, and their keys: two command families that differ in one word.</summary>
internal static class MemberCommands
{
    public static Command Person() => Build(
        ActorKind.Person, "person", "People of a party, known by the key of their certificate.",
        "dreg person put jane --party maker-b-mobiles --certificate jane.pem --reference PUT-2");

    public static Command Node()
    {
        var node = Build(
            ActorKind.Node, "node",
            "Machines of a party, known by the key of their certificate; attach nodes among them.",
            "dreg node put node-c1 --party opco-c --certificate node-c1.pem --reference PUT-3");
        foreach (var verb in (CliCommand[])[NodeCommands.Retire(), NodeCommands.Status(), NodeCommands.Drain(),
            NodeCommands.Undrain(),
            NodePeersCommand.Build()]) node.Add(verb);
        return node;
    }

    private static Command Build(ActorKind kind, string word, string description, string example) =>
        new(word, description) { Put(kind, word, example), List(kind, word) };

    private static CliCommand Put(ActorKind kind, string word, string example)
    {
        var name = new Argument<string>(
            "NAME")
        { Description = "Unique name, the CN of its certificate: a-z, 0-9, '.' and '-'." };
        var party = OptionFactory.Text("--party", "NAME", "Its party.");
        var state = OptionFactory.ChoiceOr("--state", "Whether it may act", MembershipState.Active);
        var certificate = OptionFactory.Existing("--certificate", "PEM-FILE",
            "Certificate with its new key; the earlier key is revoked. Without it the key stays.");
        var reference = OptionFactory.Reference();
        var verb = new CliCommand("put",
            $"Proposes to register, change or retire a {word}. It is in force when another person approves it.",
            example, Demo.Regulator)
        {
            name, party, state, certificate, reference,
        };
        return verb.Does(async (parse, session, ct) =>
        {
            var request = new PutActorRequest
            {
                Reference = parse.GetValue(reference),
                Name = parse.GetValue(name),
                Party = parse.GetValue(party),
                Kind = kind,
                State = parse.GetValue(state),
                KeyDigest = parse.GetValue(certificate) is { } file ? DigestOf(file) : ByteString.Empty,
            };
            var answer = await PartyCommands.Parties(session).PutActorAsync(request, session.Within(Session.Usual, ct));
            Proposals.Print(session, answer, new Change { Actor = request }, answer.ChangeNumber,
                answer.JournalPosition);
        });
    }

    private static CliCommand List(ActorKind kind, string word)
    {
        var party = OptionFactory.TextOr("--party", "NAME", "Of this party only.");
        var after = Paging.After("NAME");
        var verb = new CliCommand("list", $"Lists them by name, with the key that each holds.",
            $"dreg {word} list --party pta", Demo.Regulator) { party, after };
        var paging = new Paging().For(verb);
        return verb.Does((parse, session, ct) => paging.PrintAsync<ActorRecord>(
            parse, session.Out, "actors",
            async (last, size) =>
            {
                var request = new ListActorsRequest
                {
                    Kind = kind, Party = parse.GetValue(party) ?? "",
                    AfterName = last?.Name ?? parse.GetValue(after) ?? "", PageSize = size
                };
                var answer = await PartyCommands.Parties(session)
                    .ListActorsAsync(request, session.Within(Session.Usual, ct));
                return new Page<ActorRecord>(answer.Actors, answer.More);
            },
            Columns(kind, new Table<ActorRecord>()
                .Words(word, a => a.Name)
                .Words("party", a => a.Party)
                .Words("state", a => TextFormatter.Word(a.State))
                .Numbers("id", a => TextFormatter.Number(a.ActorId)))
                .Words("key", a => a.KeyDigest.IsEmpty ? "none yet" : TextFormatter.Hex(a.KeyDigest)).Lines,
            last => $"--after {last.Name}"));
    }

    // Nodes report their journal position and their clock.
    private static Table<ActorRecord> Columns(ActorKind kind, Table<ActorRecord> table) =>
        kind is not ActorKind.Node ? table : table
        .Numbers("position", a => a.Node is { } node ? TextFormatter.Number(node.Position) : "")
        .Words("reported at", a => TextFormatter.Time(a.Node?.ReportedAt))
        .Words("clock", a =>
            a.Node is { ClockMeasured: true } node
                ? $"{TextFormatter.Clock(node.ClockSkewMs)} ± {node.ClockUncertaintyMs}"
                : "");

    // Digest of the key, not of the certificate: a renewal with the same key needs no change in the registry.
    private static ByteString DigestOf(FileInfo file)
    {
        try
        {
            using var certificate = X509CertificateLoader.LoadCertificateFromFile(file.FullName);
            return ByteString.CopyFrom(SHA256.HashData(certificate.PublicKey.ExportSubjectPublicKeyInfo()));
        }
        catch (CryptographicException fault)
        {
            throw new CommandException(Fault.Usage(
                $"{file} cannot be read as a certificate: {fault.Message}",
                "Give a PEM file that begins with BEGIN CERTIFICATE.", "FILE"), fault);
        }
    }
}
