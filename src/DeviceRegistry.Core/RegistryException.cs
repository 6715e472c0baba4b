namespace DeviceRegistry.Core;

/// <summary>What a caller did wrong, or why the registry refuses. The name in upper snake case is the stable reason
/// code.</summary>
public enum RegistryError
{
    /// <summary>A field's value is not what it must be.</summary>
    FieldInvalid,

    /// <summary>The file is not what it must be: encoding, header, size.</summary>
    FileInvalid,

    /// <summary>Lines of the batch are bad; each was named.</summary>
    BatchLinesBad,

    /// <summary>The reference was used before with other content.</summary>
    ReferenceReused,

    /// <summary>Another actor's key, or one that was revoked.</summary>
    KeyInUse,

    /// <summary>Nothing of that number or name, or nothing of the caller's.</summary>
    NotFound,

    /// <summary>Two people are needed, and this is the same person.</summary>
    SamePerson,

    /// <summary>Not possible in the state it is in.</summary>
    WrongState,

    /// <summary>No such authorization of the caller's.</summary>
    AuthorizationUnknown,

    /// <summary>The authorization is not in force on that date, or not for that.</summary>
    AuthorizationNotInForce,

    /// <summary>No such reason code for that class today.</summary>
    ReasonUnknown,

    /// <summary>The policy allows no orders of that class.</summary>
    ClassDisabled,

    /// <summary>A draft is withdrawn by whoever drafted it.</summary>
    NotItsDrafter,

    /// <summary>The registrar does not have the caller's position with that hash.</summary>
    ChainMismatch,

    /// <summary>No certificate was shown.</summary>
    CertMissing,

    /// <summary>The certificate does not lead to the registry's root.</summary>
    CertUntrusted,

    /// <summary>The certificate is not valid at this time.</summary>
    CertExpired,

    /// <summary>The key was replaced, or its holder retired.</summary>
    CertRevoked,

    /// <summary>The key is not registered.</summary>
    CertUnknown,

    /// <summary>The caller's kind may not call this.</summary>
    NotAllowed,

    /// <summary>The registry was restored and waits for the signed statement about it.</summary>
    RecoveryPending,

    /// <summary>Too many uploads at once; worth a retry.</summary>
    TooManyUploads,

    /// <summary>More units than the authorization allows.</summary>
    QuotaExceeded,

    /// <summary>Not the chunk that is wanted next.</summary>
    ChunkOutOfOrder,

    /// <summary>That chunk is here already, with other bytes.</summary>
    ChunkAltered,

    /// <summary>The bytes of a chunk or segment are not those its checksum is of.</summary>
    ChecksumWrong,

    /// <summary>The file has not as many units as were declared.</summary>
    UnitsMiscounted,

    /// <summary>An order in force covers the unit.</summary>
    UnitBlocked,

    /// <summary>A segment of that number came before with other contents.</summary>
    SegmentAltered,

    /// <summary>This registry signs no checkpoints.</summary>
    NoCheckpoint,

    /// <summary>The days to appeal were over.</summary>
    AppealLate,

    /// <summary>The tables are being compared with the journal already; one at a time.</summary>
    VerifyRunning,

    /// <summary>The attach node has more to do than it can; worth a retry, elsewhere or later.</summary>
    NodeBusy,

    /// <summary>The attach node is being taken out of service and begins no streams; worth a retry elsewhere.</summary>
    NodeDraining,

    /// <summary>Too many snapshots are being given at once; worth a retry.</summary>
    TooManyDownloads,
}

/// <summary>The caller's fault, told for the caller to read. Everything else that is thrown is the world's fault or
/// ours.</summary>
public sealed class RegistryException(RegistryError error, string message, string field = "", string expected = "")
    : Exception(message)
{
    /// <summary>The stable reason.</summary>
    public RegistryError Error { get; } = error;

    /// <summary>The field at fault; empty: none alone.</summary>
    public string Field { get; } = field;

    /// <summary>What was expected there; empty: the message says it.</summary>
    public string Expected { get; } = expected;

    /// <summary>When the caller may send the same again; null: nothing is known about it.</summary>
    public TimeSpan? RetryAfter { get; init; }

    /// <summary>A field that is not what it must be.</summary>
    public static RegistryException BadField(string field, string expected) =>
        new(RegistryError.FieldInvalid, $"{field}: expected {expected}.", field, expected);
}
