using DeviceRegistry.Core;

namespace DeviceRegistry.Postgres.Schema;

/// <summary>An appeal against a block order; its states are in proto/docs/state-machines.md.</summary>
public sealed class AppealRow
{
    /// <summary>Number given by the registry.</summary>
    public long Number { get; set; }

    /// <summary>The block order that the appeal is against.</summary>
    public long OrderNumber { get; set; }

    /// <summary>Drafter of that order. A foreign key holds the copy to the order, so that a check constraint can
    /// compare people.</summary>
    public long OrderDraftedBy { get; set; }

    /// <summary>Approver of that order, copied in the same way.</summary>
    public long OrderApprovedBy { get; set; }

    /// <summary>The body that hears the appeal.</summary>
    public AppealForum Forum { get; set; }

    public AppealState State { get; set; }

    /// <summary>The appeal whose decision this appeal is against; both are against the same order. Null for a first
    /// appeal.</summary>
    public long? AfterAppeal { get; set; }

    public required string Appellant { get; set; }

    public required string Grounds { get; set; }

    /// <summary>Reference that the person who recorded the appeal gave it.</summary>
    public required string Reference { get; set; }

    /// <summary>SHA-256 of each document that the appeal is based on.</summary>
    public byte[][] Evidence { get; set; } = [];

    /// <summary>Day of filing, UTC.</summary>
    public DateOnly FiledOn { get; set; }

    /// <summary>Last day to file the appeal; null if the period had not begun.</summary>
    public DateOnly? FileBy { get; set; }

    /// <summary>Last day to decide the appeal; null if there is no deadline.</summary>
    public DateOnly? DecideBy { get; set; }

    /// <summary>Person who recorded the appeal.</summary>
    public long RecordedBy { get; set; }

    public DateTime RecordedAt { get; set; }

    /// <summary>Person who last took the appeal up for review.</summary>
    public long? ReviewedBy { get; set; }

    public DateTime? ReviewedAt { get; set; }

    /// <summary>Time of the last remittal.</summary>
    public DateTime? RemittedAt { get; set; }

    /// <summary>Person who made the last decision, or recorded the withdrawal. A check constraint keeps this person
    /// apart from the people of the order and of the filing.</summary>
    public long? DecidedBy { get; set; }

    public DateTime? DecidedAt { get; set; }

    /// <summary>Reasons of the decision.</summary>
    public string Findings { get; set; } = "";

    /// <summary>SHA-256 of the decision and of each document that belongs to it.</summary>
    public byte[][] DecisionEvidence { get; set; } = [];

    /// <summary>The order action that ended the order after the appeal was reversed.</summary>
    public long? Measure { get; set; }
}
