namespace DeviceRegistry.Postgres.Schema;

/// <summary>A link of the hash chain. It is small, because the journal lock is held while it is inserted.</summary>
public sealed class JournalRow
{
    /// <summary>Position, from 1, without gaps.</summary>
    public long Position { get; set; }

    public int Epoch { get; set; }

    /// <summary>Time of the entry; later than that of the entry before.</summary>
    public DateTime At { get; set; }

    public Guid PayloadId { get; set; }

    /// <summary>Hash over the previous hash and this entry (proto/docs/canonical-forms.md, Journal).</summary>
    public required byte[] Hash { get; set; }
}

/// <summary>The contents of an entry, written before the journal lock is taken.</summary>
public sealed class JournalPayloadRow
{
    /// <summary>Id assigned by the writer.</summary>
    public Guid Id { get; set; }

    public int Kind { get; set; }

    /// <summary>True: a reader that does not know the kind stops.</summary>
    public bool MustUnderstand { get; set; }

    /// <summary>The actor of the entry; 0 is the registry itself.</summary>
    public long Actor { get; set; }

    /// <summary>The public part, which every reader of the journal receives.</summary>
    public required byte[] PublicBytes { get; set; }

    /// <summary>SHA-256 of the public part, computed by the database.</summary>
    public byte[] PublicDigest { get; set; } = [];

    /// <summary>SHA-256 over salt and private part; SHA-256 of no bytes if the entry has no private part.</summary>
    public required byte[] PrivateDigest { get; set; }
}

/// <summary>The private part of an entry, which only the registry keeps. A row can be erased without breaking the
/// chain.</summary>
public sealed class JournalPrivateRow
{
    public Guid PayloadId { get; set; }

    /// <summary>16 random bytes, so that a short private part cannot be guessed from its digest.</summary>
    public required byte[] Salt { get; set; }

    public required byte[] PrivateBytes { get; set; }
}

/// <summary>Kind of subject of an entry.</summary>
public enum SubjectKind : short
{
    /// <summary>A batch, by number.</summary>
    Batch = 1,

    /// <summary>An order, by number.</summary>
    Order = 2,

    /// <summary>A change that needs two people, by number.</summary>
    Change = 3,
}

/// <summary>A subject of an entry, so that history can be read by subject.</summary>
public sealed class JournalSubjectRow
{
    public SubjectKind Kind { get; set; }

    /// <summary>Number of the subject.</summary>
    public long Subject { get; set; }

    public Guid PayloadId { get; set; }
}

/// <summary>An epoch: the time of one primary.</summary>
public sealed class JournalEpochRow
{
    /// <summary>Number, from 1.</summary>
    public int Epoch { get; set; }

    /// <summary>Why the epoch began.</summary>
    public required string Reason { get; set; }

    /// <summary>The epoch began with a restore to an earlier point: its first entry must be the recovery
    /// statement.</summary>
    public bool Restored { get; set; }
}

/// <summary>The answer to a reference. A repeated call with the same reference and content gets this answer
/// again.</summary>
public sealed class ReceiptRow
{
    /// <summary>Party of the caller.</summary>
    public long PartyId { get; set; }

    public required string Reference { get; set; }

    /// <summary>Digest of the call: SHA-256 over method and content and, where two people must act, the
    /// person.</summary>
    public required byte[] Digest { get; set; }

    /// <summary>The answer without its journal position, which follows from the payload.</summary>
    public required byte[] Answer { get; set; }

    /// <summary>Last journal entry of the write; null if the write made no entry.</summary>
    public Guid? PayloadId { get; set; }
}
