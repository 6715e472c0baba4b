using DeviceRegistry.Core;

namespace DeviceRegistry.Postgres.Schema;

/// <summary>An appeal against a block order (DOMAIN 5.11).</summary>
public sealed class AppealRow
{
    /// <summary>Number given by the registry.</summary>
    public long Number { get; set; }

    /// <summary>The order it is against.</summary>
    public long OrderNumber { get; set; }

    /// <summary>Copied from that order and held to it by a foreign key, so that a constraint can compare
    /// people.</summary>
    public long OrderDraftedBy { get; set; }

    /// <summary>Copied likewise.</summary>
    public long OrderApprovedBy { get; set; }

    /// <summary>Who hears it.</summary>
    public AppealForum Forum { get; set; }

    /// <summary>State.</summary>
    public AppealState State { get; set; }

    /// <summary>The appeal whose decision it is against; one against the same order.</summary>
    public long? AfterAppeal { get; set; }

    /// <summary>Who appeals.</summary>
    public required string Appellant { get; set; }

    /// <summary>On what grounds.</summary>
    public required string Grounds { get; set; }

    /// <summary>The reference of whoever recorded it.</summary>
    public required string Reference { get; set; }

    /// <summary>SHA-256 of the documents it is based on.</summary>
    public byte[][] Evidence { get; set; } = [];

    /// <summary>The day it was filed, UTC.</summary>
    public DateOnly FiledOn { get; set; }

    /// <summary>The last day to file it; null: its days had not begun.</summary>
    public DateOnly? FileBy { get; set; }

    /// <summary>The last day to decide it; null: there is none.</summary>
    public DateOnly? DecideBy { get; set; }

    /// <summary>Who recorded it.</summary>
    public long RecordedBy { get; set; }

    /// <summary>When.</summary>
    public DateTime RecordedAt { get; set; }

    /// <summary>Who took it up last.</summary>
    public long? ReviewedBy { get; set; }

    /// <summary>When.</summary>
    public DateTime? ReviewedAt { get; set; }

    /// <summary>When it was remitted last.</summary>
    public DateTime? RemittedAt { get; set; }

    /// <summary>Who decided it last, or recorded that it was taken back. A constraint keeps them apart from the people
    /// of the order and of the filing.</summary>
    public long? DecidedBy { get; set; }

    /// <summary>When.</summary>
    public DateTime? DecidedAt { get; set; }

    /// <summary>Why.</summary>
    public string Findings { get; set; } = "";

    /// <summary>SHA-256 of the decision and what belongs to it.</summary>
    public byte[][] DecisionEvidence { get; set; } = [];

    /// <summary>The measure that ended the order of a reversed appeal.</summary>
    public long? Measure { get; set; }
}
