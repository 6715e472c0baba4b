using System.Security.Cryptography;
using DeviceRegistry.Contracts;
using DeviceRegistry.Contracts.V1;
using DeviceRegistry.Core;
using Google.Protobuf;
using Grpc.Core;

namespace DeviceRegistry.Registrar.Sightings;

/// <summary>gRPC service on which nodes report sightings: parses and validates a segment.</summary>
internal sealed class SightingsService(SightingIntake intake, TimeProvider time)
    : Contracts.V1.SightingsService.SightingsServiceBase
{
    /// <inheritdoc/>
    public override Task<ReportSightingsResponse> ReportSightings(ReportSightingsRequest request,
        ServerCallContext context)
    {
        Inputs.Require(request.Number is >= 1 and <= long.MaxValue, "number", "1 or more");
        Inputs.Require(request.Segment.Length <= Limits.SegmentBytesMax, "segment",
            $"at most {Limits.SegmentBytesMax} bytes");
        var checksum = SHA256.HashData(request.Segment.Span);
        if (!checksum.AsSpan().SequenceEqual(request.Checksum.Span))
            throw new RegistryException(RegistryError.ChecksumMismatch,
                "The segment is not the one its checksum is of. Nothing was taken; send it again.", "checksum",
                "SHA-256 of segment, 32 bytes");

        return intake.TakeAsync(CallSession.Of(context).Caller, (long)request.Number, checksum, Read(request.Segment),
            context.CancellationToken);
    }

    private List<SeenIdentity> Read(ByteString bytes)
    {
        SightingSegment segment;
        try
        {
            segment = SightingSegment.Parser.ParseFrom(bytes);
        }
        catch (InvalidProtocolBufferException)
        {
            throw RegistryException.BadField("segment", "a serialised SightingSegment");
        }

        Inputs.Require(segment.Sightings.Count <= Limits.SightingsMax, "segment.sightings",
            $"at most {Limits.SightingsMax} sightings");
        Inputs.Require(segment.Sightings.DistinctBy(s => s.Identity).Count() == segment.Sightings.Count,
            "segment.sightings", "each identity once");
        var latestMs = (time.GetUtcNow() + Limits.ClockSkewMax).ToUnixTimeMilliseconds();
        return [.. segment.Sightings.Select((sighting, i) => Read(sighting, $"segment.sightings[{i}]", latestMs))];
    }

    private static SeenIdentity Read(Sighting sighting, string field, long latestMs)
    {
        var identity = EquipmentIdentity.Parse(sighting.Identity);
        Inputs.Require(
            identity.Kind is EquipmentKind.Imei or EquipmentKind.Malformed
            && sighting.Identity == EquipmentIdentity.Normal(sighting.Identity),
            $"{field}.identity", $"14 digits, or 1 to {EquipmentIdentity.TextMax} characters that show, in upper case");
        Inputs.Require(sighting.FirstSeenMs >= 0 && sighting.FirstSeenMs <= sighting.LastSeenMs,
            $"{field}.first_seen_ms", "a time since 1970, not after last_seen_ms");
        Inputs.Require(sighting.LastSeenMs <= latestMs, $"{field}.last_seen_ms",
            $"a time that is not ahead by more than {Limits.ClockSkewMax.TotalMinutes} minutes");
        Inputs.Require(sighting.Count >= 1, $"{field}.count", "1 or more");
        return new SeenIdentity(identity.Kind is EquipmentKind.Imei ? identity.Imei : null, sighting.Identity,
            At(sighting.FirstSeenMs), At(sighting.LastSeenMs));
    }

    private static DateTime At(long ms) => DateTime.UnixEpoch.AddMilliseconds(ms);
}
