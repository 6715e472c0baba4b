using DeviceRegistry.Contracts.V1;
using DeviceRegistry.Postgres.Journal;
using DeviceRegistry.Postgres.Schema;
using Google.Protobuf;

namespace DeviceRegistry.Registrar.Registration;

/// <summary>Parsed and validated header of a batch.</summary>
/// <param name="Header">The header as received.</param>
/// <param name="ProducedOn">Production date.</param>
/// <param name="Origin">Origin of the units.</param>
/// <param name="Digest">Digest of header and file: the content of the batch's reference.</param>
internal sealed record BatchDeclaration(BatchHeader Header, DateOnly ProducedOn, Origin Origin, byte[] Digest)
{
    // A factory in an eastern time zone has tomorrow's date earlier than UTC; UTC+14 is the earliest time zone.
    private static readonly TimeSpan FurthestEast = TimeSpan.FromHours(14);

    /// <summary>Parses a header; throws INVALID_ARGUMENT naming the invalid field.</summary>
    public static BatchDeclaration From(BatchHeader? header, DateTimeOffset now)
    {
        Inputs.Require(header is not null, "header", "what the batch is");
        Inputs.Reference(header!.Reference);
        Inputs.Printable("authorization", header.Authorization, 64);
        Inputs.Printable("model", header.Model, 100);
        Inputs.Require(header.Origin is DeviceOrigin.LocalAssembly or DeviceOrigin.ImportCommercial, "origin",
            "LOCAL_ASSEMBLY or IMPORT_COMMERCIAL for a batch");
        var producedOn = Inputs.Date("produced_on", header.ProducedOn);
        Inputs.Require(producedOn <= DateOnly.FromDateTime((now + FurthestEast).UtcDateTime), "produced_on",
            "a date not in the future, by the clock furthest east (UTC+14)");
        Inputs.Require(header.DeclaredUnits is >= 1 and <= Limits.ImeisMax, "declared_units",
            $"1 to {Limits.ImeisMax} units; split it into batches");
        Inputs.Digest("file_digest", header.FileDigest.Span);
        return new BatchDeclaration(
            header, producedOn, Inputs.Choice<DeviceOrigin, Origin>("origin", header.Origin),
            WriteClaim.DigestOf(BatchHeader.Descriptor.FullName, header.ToByteArray()));
    }
}
