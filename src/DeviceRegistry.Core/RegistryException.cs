namespace DeviceRegistry.Core;

/// <summary>Error of a caller, or reason why the registry refuses. The name in upper snake case is the stable reason
/// code (proto/docs/errors.md).</summary>
public enum RegistryError
{
    /// <summary>The value of a field is invalid.</summary>
    FieldInvalid,

    /// <summary>The file is invalid: encoding, header or size.</summary>
    FileInvalid,

    /// <summary>The batch has invalid lines; an error was reported for each.</summary>
    BatchHasInvalidLines,

    /// <summary>The reference was used before with other content.</summary>
    ReferenceReused,

    /// <summary>The key belongs to another actor, or was revoked.</summary>
    KeyInUse,

    /// <summary>No object of that number or name, or none that the caller may see.</summary>
    NotFound,

    /// <summary>A second person is required, and this is the same person.</summary>
    SecondPersonRequired,

    /// <summary>Not possible in the current state of the object.</summary>
    WrongState,

    /// <summary>The caller has no such authorization.</summary>
    AuthorizationNotFound,

    /// <summary>The authorization is not in force on that date, or does not cover the request.</summary>
    AuthorizationNotInForce,

    /// <summary>The reason code does not exist for that class today.</summary>
    ReasonUnknown,

    /// <summary>The policy allows no orders of that class.</summary>
    ClassDisabled,

    /// <summary>Only the drafter may withdraw a draft.</summary>
    NotTheDrafter,

    /// <summary>The hash of the caller's position differs from the registrar's.</summary>
    ChainMismatch,

    /// <summary>The client presented no certificate.</summary>
    CertMissing,

    /// <summary>The certificate does not chain to the registry's root.</summary>
    CertUntrusted,

    /// <summary>The certificate is not valid at this time.</summary>
    CertExpired,

    /// <summary>The key was replaced, or its holder retired.</summary>
    CertRevoked,

    /// <summary>The key is not registered.</summary>
    CertNotRegistered,

    /// <summary>Callers of this kind may not call the method.</summary>
    NotAllowed,

    /// <summary>The registry was restored and waits for the signed recovery statement.</summary>
    RecoveryPending,

    /// <summary>Too many concurrent uploads; retry.</summary>
    TooManyUploads,

    /// <summary>More units than the authorization allows.</summary>
    QuotaExceeded,

    /// <summary>Not the next expected chunk.</summary>
    ChunkOutOfOrder,

    /// <summary>The chunk was received before with other bytes.</summary>
    ChunkConflict,

    /// <summary>The bytes of a chunk or segment do not match the checksum.</summary>
    ChecksumMismatch,

    /// <summary>The number of units in the file differs from the declared number.</summary>
    UnitCountMismatch,

    /// <summary>An order in force covers the unit.</summary>
    UnitBlocked,

    /// <summary>A segment of that number was received before with other contents.</summary>
    SegmentConflict,

    /// <summary>This registry signs no checkpoints.</summary>
    CheckpointsDisabled,

    /// <summary>The deadline for the appeal has passed.</summary>
    AppealDeadlinePassed,

    /// <summary>A comparison of the tables with the journal is already running; only one runs at a time.</summary>
    VerificationInProgress,

    /// <summary>The attach node is overloaded; retry later or at another node.</summary>
    NodeBusy,

    /// <summary>The attach node is being taken out of service and accepts no streams; retry at another node.</summary>
    NodeDraining,

    /// <summary>Too many concurrent snapshot downloads; retry.</summary>
    TooManyDownloads,
}

/// <summary>An error of the caller, with a message for the caller. All other exceptions are failures of the environment
/// or bugs.</summary>
public sealed class RegistryException(RegistryError error, string message, string field = "", string expected = "")
    : Exception(message)
{
    /// <summary>The stable reason code.</summary>
    public RegistryError Error { get; } = error;

    /// <summary>The invalid field; empty if no single field is at fault.</summary>
    public string Field { get; } = field;

    /// <summary>The expected value of the field; empty if the message contains it.</summary>
    public string Expected { get; } = expected;

    /// <summary>Delay after which the caller may retry the same request; null: unknown.</summary>
    public TimeSpan? RetryAfter { get; init; }

    /// <summary>Error of an invalid field.</summary>
    public static RegistryException BadField(string field, string expected) =>
        new(RegistryError.FieldInvalid, $"{field}: expected {expected}.", field, expected);
}
