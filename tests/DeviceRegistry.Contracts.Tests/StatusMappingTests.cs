using System.Text;
using DeviceRegistry.Core;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Google.Rpc;
using Grpc.Core;
using Enum = System.Enum;
using RpcStatus = Google.Rpc.Status;
using Status = Grpc.Core.Status;

namespace DeviceRegistry.Contracts.Tests;

/// <summary>Errors encoded as a gRPC status and decoded again, and statuses that a peer may send instead.</summary>
public sealed class StatusMappingTests
{
    private const string DetailsTrailer = "grpc-status-details-bin";

    private static readonly Dictionary<RegistryError, StatusCode> Statuses = new()
    {
        [RegistryError.FieldInvalid] = StatusCode.InvalidArgument,
        [RegistryError.FileInvalid] = StatusCode.InvalidArgument,
        [RegistryError.BatchHasInvalidLines] = StatusCode.InvalidArgument,
        [RegistryError.ReferenceReused] = StatusCode.AlreadyExists,
        [RegistryError.KeyInUse] = StatusCode.AlreadyExists,
        [RegistryError.NotFound] = StatusCode.NotFound,
        [RegistryError.SecondPersonRequired] = StatusCode.FailedPrecondition,
        [RegistryError.WrongState] = StatusCode.FailedPrecondition,
        [RegistryError.AuthorizationNotFound] = StatusCode.FailedPrecondition,
        [RegistryError.AuthorizationNotInForce] = StatusCode.FailedPrecondition,
        [RegistryError.ReasonUnknown] = StatusCode.FailedPrecondition,
        [RegistryError.ClassDisabled] = StatusCode.FailedPrecondition,
        [RegistryError.CheckpointsDisabled] = StatusCode.FailedPrecondition,
        [RegistryError.NotTheDrafter] = StatusCode.FailedPrecondition,
        [RegistryError.ChainMismatch] = StatusCode.FailedPrecondition,
        [RegistryError.RecoveryPending] = StatusCode.FailedPrecondition,
        [RegistryError.CertMissing] = StatusCode.Unauthenticated,
        [RegistryError.CertUntrusted] = StatusCode.Unauthenticated,
        [RegistryError.CertExpired] = StatusCode.Unauthenticated,
        [RegistryError.CertRevoked] = StatusCode.Unauthenticated,
        [RegistryError.CertNotRegistered] = StatusCode.Unauthenticated,
        [RegistryError.NotAllowed] = StatusCode.PermissionDenied,
        [RegistryError.TooManyUploads] = StatusCode.ResourceExhausted,
        [RegistryError.QuotaExceeded] = StatusCode.FailedPrecondition,
        [RegistryError.ChunkOutOfOrder] = StatusCode.FailedPrecondition,
        [RegistryError.ChunkConflict] = StatusCode.AlreadyExists,
        [RegistryError.ChecksumMismatch] = StatusCode.InvalidArgument,
        [RegistryError.UnitCountMismatch] = StatusCode.InvalidArgument,
        [RegistryError.UnitBlocked] = StatusCode.FailedPrecondition,
        [RegistryError.SegmentConflict] = StatusCode.AlreadyExists,
        [RegistryError.AppealDeadlinePassed] = StatusCode.FailedPrecondition,
        [RegistryError.VerificationInProgress] = StatusCode.ResourceExhausted,
        [RegistryError.NodeBusy] = StatusCode.ResourceExhausted,
        [RegistryError.NodeDraining] = StatusCode.Unavailable,
        [RegistryError.TooManyDownloads] = StatusCode.ResourceExhausted,
    };

    private static RegistryError[] Errors() => Enum.GetValues<RegistryError>();

    [TestCaseSource(nameof(Errors))]
    public void Every_error_has_the_status_of_the_contract(RegistryError error)
    {
        Assert.That(StatusMapping.ToRpc(new RegistryException(error, "no")).StatusCode, Is.EqualTo(Statuses[error]));
    }

    [TestCaseSource(nameof(Errors))]
    public void Every_code_is_in_upper_snake_case(RegistryError error)
    {
        Assert.That(StatusMapping.CodeOf(error), Does.Match("^[A-Z]+(_[A-Z]+)*$"));
    }

    [TestCaseSource(nameof(Errors))]
    public void Every_code_is_the_name_of_its_error(RegistryError error)
    {
        Assert.That(StatusMapping.CodeOf(error).Replace("_", ""), Is.EqualTo(error.ToString()).IgnoreCase);
    }

    [TestCase(RegistryError.ReferenceReused, "REFERENCE_REUSED")]
    [TestCase(RegistryError.BatchHasInvalidLines, "BATCH_HAS_INVALID_LINES")]
    [TestCase(RegistryError.AuthorizationNotInForce, "AUTHORIZATION_NOT_IN_FORCE")]
    [TestCase(RegistryError.NotFound, "NOT_FOUND")]
    public void A_code_is_the_one_in_the_contract(RegistryError error, string code)
    {
        Assert.That(StatusMapping.CodeOf(error), Is.EqualTo(code));
    }

    [TestCaseSource(nameof(Errors))]
    public void The_code_of_every_error_is_decoded(RegistryError error)
    {
        var refusal = StatusMapping.ToRpc(new RegistryException(error, "no"));

        Assert.That(StatusMapping.ReasonOf(refusal), Is.EqualTo(StatusMapping.CodeOf(error)));
    }

    [Test]
    public void The_message_is_sent_to_the_caller()
    {
        Assert.That(StatusMapping.ToRpc(
            new RegistryException(RegistryError.NotFound, "No batch 7 of yours.")).Status.Detail,
            Is.EqualTo("No batch 7 of yours."));
    }

    [Test]
    public void The_invalid_field_is_decoded_with_its_expected_value()
    {
        var refusal = StatusMapping.ToRpc(RegistryException.BadField("policy.home_mccs", "1 to 16 country codes"));

        var violation = new BadRequest.Types.FieldViolation
        {
            Field = "policy.home_mccs",
            Description = "expected 1 to 16 country codes"
        };
        Assert.That(StatusMapping.FieldsOf(refusal), Is.EqualTo(new[] { violation }));
    }

    [Test]
    public void An_error_without_a_field_names_no_field()
    {
        Assert.That(StatusMapping.FieldsOf(
            StatusMapping.ToRpc(new RegistryException(RegistryError.SecondPersonRequired, "no"))),
            Is.Empty);
    }

    [Test]
    public void A_message_of_512_characters_is_sent_unchanged()
    {
        var message = new string('x', 512);

        Assert.That(StatusMapping.ToRpc(new RegistryException(RegistryError.NotFound, message)).Status.Detail,
            Is.EqualTo(message));
    }

    [Test]
    public void A_longer_message_is_cut_to_512_characters_with_a_mark()
    {
        var detail = StatusMapping.ToRpc(
            new RegistryException(RegistryError.NotFound, new string('x', 513))).Status.Detail;

        Assert.That(detail, Is.EqualTo(new string('x', 511) + "…"));
    }

    [Test]
    public void The_expected_text_of_a_field_is_cut_too()
    {
        var refusal = StatusMapping.ToRpc(RegistryException.BadField("imei", new string('x', 10_000)));

        Assert.That(StatusMapping.FieldsOf(refusal).Single().Description, Has.Length.EqualTo(512));
    }

    [Test]
    public void The_trailer_stays_small_for_any_quoted_input()
    {
        var refusal = StatusMapping.ToRpc(RegistryException.BadField("imei", new string('€', 1_000_000)));

        Assert.That(refusal.Trailers.GetValueBytes(DetailsTrailer), Has.Length.LessThan(4_096));
    }

    [Test]
    public void A_surrogate_pair_is_not_split()
    {
        var message = new string('x', 510) + "😀 and more";

        var detail = StatusMapping.ToRpc(new RegistryException(RegistryError.NotFound, message)).Status.Detail;

        Assert.That(() => new UTF8Encoding(false, throwOnInvalidBytes: true).GetBytes(detail), Throws.Nothing);
    }

    [Test]
    public void A_status_without_details_has_no_reason()
    {
        Assert.That(StatusMapping.ReasonOf(new RpcException(new Status(StatusCode.Unavailable, "gone"))), Is.Empty);
    }

    [Test]
    public void A_status_without_details_names_no_field()
    {
        Assert.That(StatusMapping.FieldsOf(new RpcException(new Status(StatusCode.Unavailable, "gone"))), Is.Empty);
    }

    [Test]
    public void Details_of_an_unknown_type_have_no_reason()
    {
        Assert.That(StatusMapping.ReasonOf(Carrying(Any.Pack(new DebugInfo { Detail = "stack" }))), Is.Empty);
    }

    [Test]
    public void A_trailer_that_is_not_a_status_has_no_reason()
    {
        Assert.That(StatusMapping.ReasonOf(Carrying([0xFF, 0xFF, 0xFF])), Is.Empty);
    }

    [TestCase(long.MaxValue, 0)]
    [TestCase(-1, 0)]
    [TestCase(1, -5)]
    public void A_retry_delay_that_is_not_normalized_is_ignored(long seconds, int nanos)
    {
        var forged = new RetryInfo { RetryDelay = new Duration { Seconds = seconds, Nanos = nanos } };

        Assert.That(StatusMapping.RetryAfterOf(Carrying(Any.Pack(forged))), Is.Null);
    }

    [Test]
    public void A_malformed_reason_in_a_valid_status_is_ignored()
    {
        var hostile = Carrying(new Any
        {
            TypeUrl = "type.googleapis.com/google.rpc.ErrorInfo",
            Value = ByteString.CopyFrom(0xFF, 0xFF)
        });

        Assert.That(() => StatusMapping.ReasonOf(hostile), Is.Empty);
    }

    [Test]
    public void A_malformed_field_in_a_valid_status_is_ignored()
    {
        var hostile = Carrying(new Any
        {
            TypeUrl = "type.googleapis.com/google.rpc.BadRequest",
            Value = ByteString.CopyFrom(0xFF, 0xFF)
        });

        Assert.That(() => StatusMapping.FieldsOf(hostile), Is.Empty);
    }

    [Property(MaxTest = 1_000)]
    public void No_trailer_bytes_make_decoding_the_reason_throw(byte[] bytes)
    {
        Assert.That(() => StatusMapping.ReasonOf(Carrying(bytes)), Throws.Nothing);
    }

    [Property(MaxTest = 1_000)]
    public void No_trailer_bytes_make_decoding_the_fields_throw(byte[] bytes)
    {
        Assert.That(() => StatusMapping.FieldsOf(Carrying(bytes)), Throws.Nothing);
    }

    [Property(MaxTest = 1_000)]
    public void No_message_makes_the_mapping_throw(string? message, string? expected)
    {
        Assert.That(() => StatusMapping.ToRpc(
            new RegistryException(RegistryError.FieldInvalid, message ?? "", "field", expected ?? "")), Throws.Nothing);
    }

    private static RpcException Carrying(Any detail) => Carrying(new RpcStatus { Details = { detail } }.ToByteArray());

    private static RpcException Carrying(byte[] trailer) =>
        new(new Status(StatusCode.InvalidArgument, "no"), new Metadata { { DetailsTrailer, trailer } });
}
