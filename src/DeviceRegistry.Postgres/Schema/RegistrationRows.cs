using DeviceRegistry.Core;

namespace DeviceRegistry.Postgres.Schema;

/// <summary>A TAC as the list has it.</summary>
public sealed class TacRow
{
    /// <summary>TAC as a number.</summary>
    public int Tac { get; set; }

    /// <summary>Manufacturer.</summary>
    public string Manufacturer { get; set; } = "";

    /// <summary>Brand.</summary>
    public string Brand { get; set; } = "";

    /// <summary>Model.</summary>
    public string Model { get; set; } = "";

    /// <summary>Device type.</summary>
    public string DeviceType { get; set; } = "";

    /// <summary>Radio bands.</summary>
    public string Bands { get; set; } = "";

    /// <summary>Allocation date, if known.</summary>
    public DateOnly? AllocatedOn { get; set; }

    /// <summary>SIM slots; 0: unknown.</summary>
    public short SimSlots { get; set; }
}

/// <summary>Origin of units (DOMAIN 3). Numbers as on the wire.</summary>
public enum Origin : short
{
    /// <summary>Made in the country.</summary>
    LocalAssembly = 1,

    /// <summary>Commercial import.</summary>
    ImportCommercial = 2,

    /// <summary>Import by a person.</summary>
    ImportIndividual = 3,

    /// <summary>There before the registry.</summary>
    Legacy = 4,

    /// <summary>Not known.</summary>
    Unknown = 5,
}

/// <summary>State of a batch (DOMAIN 5.3). Numbers as on the wire. From <see cref="Valid"/> on it is registered;
/// before, nobody but its owner sees it.</summary>
public enum BatchState : short
{
    /// <summary>Chunks are taken.</summary>
    Open = 1,

    /// <summary>Sealed; its lines are judged and its units stored.</summary>
    Validating = 2,

    /// <summary>Nothing of it is registered.</summary>
    Rejected = 3,

    /// <summary>A dry run that found nothing wrong.</summary>
    DryRunPassed = 4,

    /// <summary>All lines valid and registered.</summary>
    Valid = 5,

    /// <summary>One person has proposed certification.</summary>
    CertificationProposed = 6,

    /// <summary>Certified.</summary>
    Certified = 7,

    /// <summary>Some units are on the market.</summary>
    Released = 8,

    /// <summary>No unit is left to release.</summary>
    Closed = 9,

    /// <summary>Recalled as a whole.</summary>
    Recalled = 10,
}

/// <summary>A production batch or import consignment, from the opening of its upload on.</summary>
public sealed class BatchRow
{
    /// <summary>Number given by the registry.</summary>
    public int Number { get; set; }

    /// <summary>Owner.</summary>
    public long PartyId { get; set; }

    /// <summary>The owner's reference.</summary>
    public required string Reference { get; set; }

    /// <summary>Only to be judged.</summary>
    public bool DryRun { get; set; }

    /// <summary>Authorization it is registered under.</summary>
    public required string AuthorizationNumber { get; set; }

    /// <summary>Production date.</summary>
    public DateOnly ProducedOn { get; set; }

    /// <summary>Origin.</summary>
    public Origin Origin { get; set; }

    /// <summary>Model.</summary>
    public required string Model { get; set; }

    /// <summary>Units its owner declared.</summary>
    public int DeclaredUnits { get; set; }

    /// <summary>Header and file as one content: what a reference stands for.</summary>
    public required byte[] Digest { get; set; }

    /// <summary>SHA-256 of its file.</summary>
    public required byte[] FileDigest { get; set; }

    /// <summary>Units; 0 until its lines were found good.</summary>
    public int Units { get; set; }

    /// <summary>IMEIs; 0 until then.</summary>
    public int Imeis { get; set; }

    /// <summary>IMEIs of each unit, if all have as many; null: they have not.</summary>
    public short? ImeisPerUnit { get; set; }

    /// <summary>SHA-256 over the canonical lines; empty until then.</summary>
    public byte[] ContentHash { get; set; } = [];

    /// <summary>State.</summary>
    public BatchState State { get; set; }

    /// <summary>Who opened it.</summary>
    public long OpenedBy { get; set; }

    /// <summary>When.</summary>
    public DateTime OpenedAt { get; set; }

    /// <summary>When it vanishes if nothing more happens: open, rejected and checked ones do.</summary>
    public DateTime? ExpiresAt { get; set; }

    /// <summary>Chunks that are here, all from 1 on.</summary>
    public int Chunks { get; set; }

    /// <summary>Their bytes.</summary>
    public long ChunkBytes { get; set; }

    /// <summary>Who sealed it, in whose name it is registered.</summary>
    public long? SealedBy { get; set; }

    /// <summary>Units stored so far, the first of the file: where storing goes on after a cut.</summary>
    public int StoredUnits { get; set; }

    /// <summary>IMEIs stored so far, the lowest.</summary>
    public int StoredImeis { get; set; }

    /// <summary>What it stored is being removed: it cannot be registered.</summary>
    public bool Withdrawing { get; set; }

    /// <summary>Newest journal position when its lines were first compared with orders; what is newer is compared
    /// before it is registered.</summary>
    public long? JudgedAt { get; set; }

    /// <summary>Why it was rejected, the stable code.</summary>
    public string RejectReason { get; set; } = "";

    /// <summary>The same in words.</summary>
    public string RejectMessage { get; set; } = "";

    /// <summary>The field at fault; empty: none alone.</summary>
    public string RejectField { get; set; } = "";

    /// <summary>What was expected there.</summary>
    public string RejectExpected { get; set; } = "";

    /// <summary>Bad lines.</summary>
    public int LineErrors { get; set; }

    /// <summary>When it was registered.</summary>
    public DateTime? RegisteredAt { get; set; }

    /// <summary>Who proposed certification.</summary>
    public long? ProposedBy { get; set; }

    /// <summary>Who confirmed it. A constraint keeps the two apart.</summary>
    public long? CertifiedBy { get; set; }

    /// <summary>The policy version that certified it in the place of two people.</summary>
    public long? CertifiedUnder { get; set; }
}

/// <summary>A chunk of the file of a batch that is not judged yet.</summary>
public sealed class UploadChunkRow
{
    /// <summary>The batch.</summary>
    public int BatchNumber { get; set; }

    /// <summary>Number, from 1.</summary>
    public int Sequence { get; set; }

    /// <summary>The bytes.</summary>
    public required byte[] Bytes { get; set; }

    /// <summary>SHA-256 of them.</summary>
    public required byte[] Digest { get; set; }
}

/// <summary>Bad lines of a rejected batch that stand together.</summary>
public sealed class ErrorPageRow
{
    /// <summary>The batch.</summary>
    public int BatchNumber { get; set; }

    /// <summary>First bad line.</summary>
    public int FirstLine { get; set; }

    /// <summary>Last bad line.</summary>
    public int LastLine { get; set; }

    /// <summary>A serialised ListLineErrorsResponse, compressed (RFC 1950).</summary>
    public required byte[] Bytes { get; set; }
}

/// <summary>Units of a batch as its journal entry means them: it has the digest alone.</summary>
public sealed class BatchPieceRow
{
    /// <summary>The batch.</summary>
    public int BatchNumber { get; set; }

    /// <summary>Number, from 1, in file order.</summary>
    public int Piece { get; set; }

    /// <summary>16 random bytes.</summary>
    public required byte[] Salt { get; set; }

    /// <summary>Canonical lines, compressed (RFC 1950).</summary>
    public required byte[] Bytes { get; set; }

    /// <summary>SHA-256 over salt and bytes, computed by the database.</summary>
    public byte[] Digest { get; set; } = [];
}

/// <summary>A unit of a batch one of whose IMEIs was seen before the batch was registered.</summary>
public sealed class QuarantinedUnitRow
{
    /// <summary>The batch.</summary>
    public int BatchNumber { get; set; }

    /// <summary>The unit.</summary>
    public int Unit { get; set; }

    /// <summary>The IMEI.</summary>
    public long Imei { get; set; }
}

/// <summary>Units of a batch that share a state and stand together. The runs of a registered batch cover its units
/// without gap; they are set by
/// <c>batch_set_runs</c> alone.</summary>
public sealed class UnitRunRow
{
    /// <summary>The batch.</summary>
    public int BatchNumber { get; set; }

    /// <summary>First unit.</summary>
    public int FirstUnit { get; set; }

    /// <summary>Last unit.</summary>
    public int LastUnit { get; set; }

    /// <summary>Their state.</summary>
    public UnitState State { get; set; }

    /// <summary>Since when, the earliest of them.</summary>
    public DateTime Since { get; set; }

    /// <summary>IMEIs of them.</summary>
    public int Imeis { get; set; }
}

/// <summary>A physical unit. It counts once its batch is registered.</summary>
public sealed class DeviceRow
{
    /// <summary>Its batch.</summary>
    public int BatchNumber { get; set; }

    /// <summary>Its number in the batch's file, from 1.</summary>
    public int Unit { get; set; }

    /// <summary>Its maker or importer, copied from the batch: serial numbers are unique within it.</summary>
    public long PartyId { get; set; }

    /// <summary>Serial number.</summary>
    public required string SerialNumber { get; set; }

    /// <summary>Its IMEIs in slot order, as numbers of 14 digits.</summary>
    public required long[] Imeis { get; set; }
}

/// <summary>Whose an IMEI is, for ever: a number is never used again.</summary>
public sealed class ImeiRow
{
    /// <summary>The 14 digits as a number.</summary>
    public long Imei { get; set; }

    /// <summary>Its unit's batch.</summary>
    public int BatchNumber { get; set; }

    /// <summary>Its unit.</summary>
    public int Unit { get; set; }

    /// <summary>When its unit got another board; null: it has this one. Null costs a row nothing, and a nation's table
    /// has few others.</summary>
    public DateTime? RetiredAt { get; set; }
}
