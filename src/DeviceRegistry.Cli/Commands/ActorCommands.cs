using System.CommandLine;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using DeviceRegistry.Contracts.V1;
using Google.Protobuf;

namespace DeviceRegistry.Cli.Commands;

/// <summary>People and nodes, and the keys they hold.</summary>
internal static class ActorCommands
{
    public static Command Build() => new("actor", "People and nodes of a party, known by the key of their certificate.") { Put() };

    private static Verb Put()
    {
        var name = new Argument<string>("NAME") { Description = "Unique name, the CN of its certificate: a-z, 0-9, '.' and '-'." };
        var party = Choices.Text("--party", "NAME", "Its party.");
        var kind = Choices.ChoiceOr("--kind", "What it is", ActorKind.Person);
        var state = Choices.ChoiceOr("--state", "Whether it may act", MembershipState.Active);
        var certificate = new Option<FileInfo?>("--certificate")
        {
            HelpName = "PEM-FILE",
            Description = "Certificate with its new key; the earlier key is revoked. Without it the key stays.",
        };
        var reference = Choices.Reference();
        var verb = new Verb(
            "put", "Registers, changes or retires a person or node.",
            "dreg actor put node-c1 --party opco-c --kind node --certificate node-c1.pem --reference PUT-2", Demo.Regulator)
        {
            name, party, kind, state, certificate, reference,
        };
        return verb.Does(async (parse, session, ct) =>
        {
            var request = new PutActorRequest
            {
                Reference = parse.GetValue(reference),
                Name = parse.GetValue(name),
                Party = parse.GetValue(party),
                Kind = parse.GetValue(kind),
                State = parse.GetValue(state),
                KeyDigest = parse.GetValue(certificate) is { } file ? DigestOf(file) : ByteString.Empty,
            };
            var parties = new PartiesService.PartiesServiceClient(session.Registrar);
            var answer = await parties.PutActorAsync(request, session.Within(Session.Usual, ct));
            session.Out.Answer(answer, Layouts.Rows(
                ("actor", $"{request.Name} of {request.Party}"), ("id", Layouts.Number(answer.ActorId)), ("key", Layouts.Hex(request.KeyDigest)),
                ("position", Layouts.Number(answer.JournalPosition))));
        });
    }

    // The key, not the certificate: a renewal with the same key needs no change here.
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
                $"{file} cannot be read as a certificate: {fault.Message}", "Give a PEM file that begins with BEGIN CERTIFICATE.", "FILE"), fault);
        }
    }
}
