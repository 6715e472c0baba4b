namespace DeviceRegistry.Postgres.Schema;

/// <summary>A link of the chain: small, so that the lock is held for its insert alone.</summary>
public sealed class JournalRow
{
    /// <summary>Position, from 1, without gaps.</summary>
    public long Position { get; set; }

    /// <summary>Epoch of the primary.</summary>
    public int Epoch { get; set; }

    /// <summary>When; later than the entry before.</summary>
    public DateTime At { get; set; }

    /// <summary>Its contents.</summary>
    public Guid PayloadId { get; set; }

    /// <summary>Its hash.</summary>
    public required byte[] Hash { get; set; }
}

/// <summary>The contents of an entry, written before the lock is taken.</summary>
public sealed class JournalPayloadRow
{
    /// <summary>Id given by the writer.</summary>
    public Guid Id { get; set; }

    /// <summary>Kind of entry.</summary>
    public int Kind { get; set; }

    /// <summary>A reader that does not know the kind stops.</summary>
    public bool MustUnderstand { get; set; }

    /// <summary>Who wrote it; 0: the registry itself.</summary>
    public long Actor { get; set; }

    /// <summary>What everybody may read.</summary>
    public required byte[] PublicBytes { get; set; }

    /// <summary>SHA-256 of it, computed by the database.</summary>
    public byte[] PublicDigest { get; set; } = [];

    /// <summary>SHA-256 over salt and private bytes; of nothing if there are none.</summary>
    public required byte[] PrivateDigest { get; set; }
}

/// <summary>What stays in the registry. A row can be erased without breaking the chain.</summary>
public sealed class JournalPrivateRow
{
    /// <summary>The entry's contents.</summary>
    public Guid PayloadId { get; set; }

    /// <summary>16 random bytes: a short private part cannot be guessed from its digest.</summary>
    public required byte[] Salt { get; set; }

    /// <summary>The private part.</summary>
    public required byte[] PrivateBytes { get; set; }
}

/// <summary>Kind of thing an entry is about.</summary>
public enum SubjectKind : short
{
    /// <summary>A batch, by number.</summary>
    Batch = 1,

    /// <summary>An order, by number.</summary>
    Order = 2,

    /// <summary>A change that needs two people, by number.</summary>
    Change = 3,
}

/// <summary>What an entry is about, so that history can be read by subject.</summary>
public sealed class JournalSubjectRow
{
    /// <summary>Kind.</summary>
    public SubjectKind Kind { get; set; }

    /// <summary>Number.</summary>
    public long Subject { get; set; }

    /// <summary>The entry's contents.</summary>
    public Guid PayloadId { get; set; }
}

/// <summary>An epoch: the reign of one primary.</summary>
public sealed class JournalEpochRow
{
    /// <summary>Number, from 1.</summary>
    public int Epoch { get; set; }

    /// <summary>Why it began.</summary>
    public required string Reason { get; set; }

    /// <summary>It began with a restore to an earlier point: its first entry must be the statement about
    /// that.</summary>
    public bool Restored { get; set; }
}

/// <summary>What a reference was answered: the memory behind "the same call again gets the first answer".</summary>
public sealed class ReceiptRow
{
    /// <summary>Party of the caller.</summary>
    public long PartyId { get; set; }

    /// <summary>The caller's reference.</summary>
    public required string Reference { get; set; }

    /// <summary>SHA-256 over method and content.</summary>
    public required byte[] Digest { get; set; }

    /// <summary>The answer, but for the journal position, which follows from the payload.</summary>
    public required byte[] Answer { get; set; }

    /// <summary>Last journal entry of the write; null: it changed nothing.</summary>
    public Guid? PayloadId { get; set; }
}
