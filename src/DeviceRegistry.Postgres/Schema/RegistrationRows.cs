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

/// <summary>State of a batch (DOMAIN 5.3). Numbers as on the wire. Its units share it: releasing five million is one row.</summary>
public enum BatchState : short
{
    /// <summary>All lines valid and registered.</summary>
    Valid = 1,

    /// <summary>One person has proposed certification.</summary>
    CertificationProposed = 2,

    /// <summary>Certified.</summary>
    Certified = 3,

    /// <summary>On the market.</summary>
    Released = 4,
}

/// <summary>A production batch or import consignment.</summary>
public sealed class BatchRow
{
    /// <summary>Number given by the registry.</summary>
    public long Number { get; set; }

    /// <summary>Owner.</summary>
    public long PartyId { get; set; }

    /// <summary>The owner's reference.</summary>
    public required string Reference { get; set; }

    /// <summary>Authorization it is registered under.</summary>
    public required string AuthorizationNumber { get; set; }

    /// <summary>Production date.</summary>
    public DateOnly ProducedOn { get; set; }

    /// <summary>Origin.</summary>
    public Origin Origin { get; set; }

    /// <summary>Model.</summary>
    public required string Model { get; set; }

    /// <summary>Units.</summary>
    public int Units { get; set; }

    /// <summary>IMEIs.</summary>
    public int Imeis { get; set; }

    /// <summary>SHA-256 over the canonical lines.</summary>
    public required byte[] ContentHash { get; set; }

    /// <summary>State.</summary>
    public BatchState State { get; set; }

    /// <summary>When it was registered.</summary>
    public DateTime RegisteredAt { get; set; }

    /// <summary>Who proposed certification.</summary>
    public long? ProposedBy { get; set; }

    /// <summary>Who confirmed it. A constraint keeps the two apart.</summary>
    public long? CertifiedBy { get; set; }
}

/// <summary>A physical unit.</summary>
public sealed class DeviceRow
{
    /// <summary>Id.</summary>
    public long Id { get; set; }

    /// <summary>Its batch.</summary>
    public long BatchNumber { get; set; }

    /// <summary>Its maker or importer, copied from the batch: serial numbers are unique within it.</summary>
    public long PartyId { get; set; }

    /// <summary>Serial number.</summary>
    public required string SerialNumber { get; set; }
}

/// <summary>An IMEI of a unit.</summary>
public sealed class ImeiRow
{
    /// <summary>The 14 digits as a number.</summary>
    public long Imei { get; set; }

    /// <summary>Its unit.</summary>
    public long DeviceId { get; set; }

    /// <summary>SIM slot, from 1.</summary>
    public short Slot { get; set; }
}
