using DeviceRegistry.Core;

namespace DeviceRegistry.Postgres.Schema;

/// <summary>A TAC of the imported list.</summary>
public sealed class TacRow
{
    /// <summary>TAC as a number.</summary>
    public int Tac { get; set; }

    public string Manufacturer { get; set; } = "";

    public string Brand { get; set; } = "";

    public string Model { get; set; } = "";

    public string DeviceType { get; set; } = "";

    /// <summary>Radio bands.</summary>
    public string Bands { get; set; } = "";

    /// <summary>Allocation date; null if unknown.</summary>
    public DateOnly? AllocatedOn { get; set; }

    /// <summary>Number of SIM slots; 0 if unknown.</summary>
    public short SimSlots { get; set; }
}

/// <summary>Origin of units. Numbers equal those of the contract.</summary>
public enum Origin : short
{
    /// <summary>Assembled in the country.</summary>
    LocalAssembly = 1,

    /// <summary>Commercial import.</summary>
    ImportCommercial = 2,

    /// <summary>Import by a person.</summary>
    ImportIndividual = 3,

    /// <summary>In the country before the registry existed.</summary>
    Legacy = 4,

    Unknown = 5,
}

/// <summary>State of a batch (proto/docs/state-machines.md). Numbers equal those of the contract. From
/// <see cref="Valid"/> on the batch is registered; before, only its owner can see it.</summary>
public enum BatchState : short
{
    /// <summary>Accepts chunks.</summary>
    Open = 1,

    /// <summary>Upload completed; its lines are validated and its units stored.</summary>
    Validating = 2,

    /// <summary>Not registered, in no part.</summary>
    Rejected = 3,

    /// <summary>A dry run without errors.</summary>
    DryRunPassed = 4,

    /// <summary>All lines valid and registered.</summary>
    Valid = 5,

    /// <summary>One person proposed certification.</summary>
    CertificationProposed = 6,

    Certified = 7,

    /// <summary>Some units are on the market.</summary>
    Released = 8,

    /// <summary>No unit remains to be released.</summary>
    Closed = 9,

    /// <summary>Recalled as a whole.</summary>
    Recalled = 10,
}

/// <summary>A production batch or import consignment, from the moment its upload opens.</summary>
public sealed class BatchRow
{
    /// <summary>Number given by the registry.</summary>
    public int Number { get; set; }

    /// <summary>Owner.</summary>
    public long PartyId { get; set; }

    /// <summary>The owner's reference.</summary>
    public required string Reference { get; set; }

    /// <summary>The batch is only validated.</summary>
    public bool DryRun { get; set; }

    /// <summary>Authorization under which the batch is registered.</summary>
    public required string AuthorizationNumber { get; set; }

    public DateOnly ProducedOn { get; set; }

    public Origin Origin { get; set; }

    public required string Model { get; set; }

    /// <summary>Number of units that the owner declared.</summary>
    public int DeclaredUnits { get; set; }

    /// <summary>Digest over header and file together; identifies the content that the reference was used for.</summary>
    public required byte[] Digest { get; set; }

    /// <summary>SHA-256 of the file.</summary>
    public required byte[] FileDigest { get; set; }

    /// <summary>Number of units; 0 until all lines were found valid.</summary>
    public int Units { get; set; }

    /// <summary>Number of IMEIs; 0 until all lines were found valid.</summary>
    public int Imeis { get; set; }

    /// <summary>IMEIs of each unit; null if units differ in their number of IMEIs.</summary>
    public short? ImeisPerUnit { get; set; }

    /// <summary>SHA-256 over the canonical lines; empty until all lines were found valid.</summary>
    public byte[] ContentHash { get; set; } = [];

    public BatchState State { get; set; }

    /// <summary>Person who opened the upload.</summary>
    public long OpenedBy { get; set; }

    public DateTime OpenedAt { get; set; }

    /// <summary>Time when the batch is deleted unless something changes it; set for open and rejected batches and for
    /// finished dry runs.</summary>
    public DateTime? ExpiresAt { get; set; }

    /// <summary>Number of received chunks; they are those from 1 to this number.</summary>
    public int Chunks { get; set; }

    /// <summary>Total size of the received chunks, in bytes.</summary>
    public long ChunkBytes { get; set; }

    /// <summary>Person who completed the upload; the batch is registered in the name of this person.</summary>
    public long? SealedBy { get; set; }

    /// <summary>Number of units stored so far, the first of the file. After an interruption, storing continues
    /// there.</summary>
    public int StoredUnits { get; set; }

    /// <summary>Number of IMEIs stored so far, the lowest of the batch.</summary>
    public int StoredImeis { get; set; }

    /// <summary>The stored rows of the batch are being removed, so it cannot be registered.</summary>
    public bool Withdrawing { get; set; }

    /// <summary>Journal position up to which the lines have been compared with orders; orders in later entries are
    /// compared before the batch is registered. Null before the first comparison.</summary>
    public long? JudgedAt { get; set; }

    /// <summary>Stable code of the reason for rejection.</summary>
    public string RejectReason { get; set; } = "";

    /// <summary>Message of the rejection.</summary>
    public string RejectMessage { get; set; } = "";

    /// <summary>Field at fault; empty if no single field is.</summary>
    public string RejectField { get; set; } = "";

    /// <summary>Value that was expected in the field.</summary>
    public string RejectExpected { get; set; } = "";

    /// <summary>Number of bad lines.</summary>
    public int LineErrors { get; set; }

    public DateTime? RegisteredAt { get; set; }

    /// <summary>Person who proposed certification.</summary>
    public long? ProposedBy { get; set; }

    /// <summary>Person who confirmed certification. A check constraint keeps proposer and confirmer apart.</summary>
    public long? CertifiedBy { get; set; }

    /// <summary>Policy version that certified the batch in place of two people.</summary>
    public long? CertifiedUnder { get; set; }
}

/// <summary>A chunk of the file of a batch that is not validated yet.</summary>
public sealed class UploadChunkRow
{
    public int BatchNumber { get; set; }

    /// <summary>Number of the chunk, from 1.</summary>
    public int Sequence { get; set; }

    public required byte[] Bytes { get; set; }

    /// <summary>SHA-256 of the bytes.</summary>
    public required byte[] Digest { get; set; }
}

/// <summary>Consecutive bad lines of a rejected batch.</summary>
public sealed class ErrorPageRow
{
    public int BatchNumber { get; set; }

    /// <summary>First bad line of the page.</summary>
    public int FirstLine { get; set; }

    /// <summary>Last bad line of the page.</summary>
    public int LastLine { get; set; }

    /// <summary>Serialised ListLineErrorsResponse, compressed (RFC 1950).</summary>
    public required byte[] Bytes { get; set; }
}

/// <summary>Units of a batch as its journal entry records them. The entry holds the digest only.</summary>
public sealed class BatchPieceRow
{
    public int BatchNumber { get; set; }

    /// <summary>Number of the piece, from 1, in file order.</summary>
    public int Piece { get; set; }

    /// <summary>16 random bytes.</summary>
    public required byte[] Salt { get; set; }

    /// <summary>Canonical lines, compressed (RFC 1950).</summary>
    public required byte[] Bytes { get; set; }

    /// <summary>SHA-256 over salt and bytes, computed by the database.</summary>
    public byte[] Digest { get; set; } = [];
}

/// <summary>A unit with an IMEI that a network saw before the batch was registered.</summary>
public sealed class QuarantinedUnitRow
{
    public int BatchNumber { get; set; }

    /// <summary>Number of the unit in its batch.</summary>
    public int Unit { get; set; }

    /// <summary>The IMEI that a network saw.</summary>
    public long Imei { get; set; }
}

/// <summary>Consecutive units of a batch in one state. The runs of a registered batch cover its units without a gap.
/// Only <c>batch_set_runs</c> writes them.</summary>
public sealed class UnitRunRow
{
    public int BatchNumber { get; set; }

    public int FirstUnit { get; set; }

    public int LastUnit { get; set; }

    public UnitState State { get; set; }

    /// <summary>Earliest time since when one of the units has this state.</summary>
    public DateTime Since { get; set; }

    /// <summary>Number of IMEIs of the units.</summary>
    public int Imeis { get; set; }
}

/// <summary>A physical unit. It counts once its batch is registered.</summary>
public sealed class DeviceRow
{
    public int BatchNumber { get; set; }

    /// <summary>Number of the unit in the batch's file, from 1.</summary>
    public int Unit { get; set; }

    /// <summary>Manufacturer or importer, copied from the batch: serial numbers are unique within it.</summary>
    public long PartyId { get; set; }

    public required string SerialNumber { get; set; }

    /// <summary>IMEIs in slot order, as numbers of 14 digits.</summary>
    public required long[] Imeis { get; set; }
}

/// <summary>The unit of an IMEI. The row is permanent: an IMEI is never used again.</summary>
public sealed class ImeiRow
{
    /// <summary>The 14 digits as a number.</summary>
    public long Imei { get; set; }

    /// <summary>Batch of the unit.</summary>
    public int BatchNumber { get; set; }

    /// <summary>Number of the unit in its batch.</summary>
    public int Unit { get; set; }

    /// <summary>Time of the board swap that retired the IMEI; null if the unit still has it. A null takes no space in
    /// the row, and few of the rows of a national registry have a value.</summary>
    public DateTime? RetiredAt { get; set; }
}
