namespace DeviceRegistry.Registrar.State;

/// <summary>A table whose rows the journal determines, and how they are compared.</summary>
/// <param name="Name">Name of the table.</param>
/// <param name="Key">Columns of its key.</param>
/// <param name="ErasedBy">Column whose value marks the rows that an erased private part refers to.</param>
/// <param name="Exact">Columns that must be equal.</param>
internal sealed record ReplayTable(string Name, string[] Key, string ErasedBy, string[] Exact)
{
    /// <summary>Time columns that entries do not carry: they may differ from the entry's own time by at most
    /// <see cref="Limits.RecordedTimeDifferenceMax"/>.</summary>
    public string[] Times { get; init; } = [];

    /// <summary>Columns in the public part of entries: compared even if the private part was erased.</summary>
    public string[] Public { get; init; } = [];

    /// <summary>Columns that no entry determines, with the reason.</summary>
    public (string Column, string Why)[] NotCompared { get; init; } = [];

    /// <summary>SQL condition for the rows to compare; the others are not in the journal yet.</summary>
    public string Scope { get; init; } = "true";

    /// <summary>SQL query for the rows that the journal determines.</summary>
    public string Replayed { get; init; } = $"SELECT * FROM pg_temp.{Name}";

    /// <summary>Whether a missing row is reported even if its private part was erased.</summary>
    public bool KeepsKeys { get; init; } = true;
}

/// <summary>All tables: those that the journal determines, and the others with the reason why not.</summary>
internal static class ReplayTables
{
    /// <summary>Units, compared some batches at a time, because they may be those of a whole country.</summary>
    public static ReplayTable Devices { get; } =
        new("devices", ["batch_number", "unit"], "batch_number", ["party_id", "serial_number", "imeis"])
        {
            Scope = "batch_number BETWEEN $1 AND $2 AND batch_number IN (SELECT number FROM pg_temp.comparable)",
            Replayed = "SELECT * FROM pg_temp.devices WHERE batch_number IN (SELECT number FROM pg_temp.comparable)",
        };

    /// <summary>IMEIs of the units. The table has no index by batch, so unexpected rows are found by their
    /// count.</summary>
    public static ReplayTable Imeis { get; } = new("imeis", ["imei"], "batch_number", ["batch_number", "unit"])
    {
        Times = ["retired_at"],
        Scope = "imei IN (SELECT imei FROM pg_temp.imeis WHERE batch_number IN (SELECT number FROM " +
            "pg_temp.comparable))",
        Replayed = "SELECT * FROM pg_temp.imeis WHERE batch_number IN (SELECT number FROM pg_temp.comparable)",
    };

    /// <summary>The other tables, each compared whole.</summary>
    public static IReadOnlyList<ReplayTable> Whole { get; } =
    [
        new("parties", ["id"], "id", ["name", "kind", "active", "plmns"]) { Public = ["kind", "active", "plmns"] },
        new("actors", ["id"], "id", ["name", "party_id", "kind", "active", "key", "revoked_keys", "key_set_by"])
        {
            Public = ["party_id", "kind", "active", "key", "revoked_keys", "key_set_by"],
        },
        new("authorizations", ["number"], "party_id",
            ["party_id", "kind", "valid_from", "valid_until", "legal_basis", "state", "quota_units"]),
        new("tac_mandates", ["tac", "party_id"], "party_id",
            ["brand_owner", "tac_holder", "valid_from", "valid_until", "document_hash"]),
        new("changes", ["number"], "number",
            ["kind", "body", "state", "proposed_by", "decided_by"]) { Times = ["proposed_at", "decided_at"],
            Public = ["state", "proposed_by", "decided_by"] },
        new("policies", ["version"], "version",
            ["state", "body", "proposed_by", "approved_by"]) { Times = ["in_force_at"],
            Public = ["state", "proposed_by", "approved_by"] },
        new("tacs", ["tac"], "tac", ["manufacturer", "brand", "model", "device_type", "bands", "allocated_on",
            "sim_slots"])
        {
            Replayed = "SELECT DISTINCT ON (tac) * FROM pg_temp.tacs ORDER BY tac, position DESC",
        },
        new(
            "batches", ["number"], "number",
            [
                "party_id", "reference", "dry_run", "authorization_number", "produced_on", "origin", "model",
                "declared_units", "file_digest", "units", "imeis", "imeis_per_unit", "content_hash",
                "state", "sealed_by", "proposed_by", "certified_by", "certified_under", "reject_reason", "line_errors",
            ])
        {
            Times = ["registered_at"],
            Scope = "state >= 5 OR (state = 3 AND NOT dry_run) OR number IN (SELECT number FROM pg_temp.batches)",
            NotCompared =
            [
                ("opened_by", "an upload is not journalled, only its result"), ("opened_at", "same"),
                ("expires_at", "the deletion of a rejected batch is not journalled"),
                ("digest", "it covers the header as received, including fields unknown to this version"),
                ("chunks", "progress of the upload"), ("chunk_bytes", "progress of the upload"),
                ("stored_units", "progress of storing"), ("stored_imeis", "progress of storing"),
                ("withdrawing", "progress of storing"), ("judged_at", "progress of storing"),
                ("reject_message", "text for the reason code in the entry"), ("reject_field", "same"),
                ("reject_expected", "same"),
            ],
        },
        new("unit_runs", ["batch_number", "first_unit"], "batch_number",
            ["last_unit", "state", "imeis"]) { Times = ["since"], KeepsKeys = false },
        new("quarantined_units", ["batch_number", "unit"], "batch_number", ["imei"])
        {
            Scope = "batch_number NOT IN (SELECT number FROM public.batches WHERE state < 5)",
            KeepsKeys = false,
        },
        new("alarms", ["number"], "number", ["kind", "batch_number", "unit", "imei", "operators"])
        {
            Times = ["raised_at"],
            Scope = "batch_number IS NOT NULL",
            NotCompared =
            [
                ("party_id", "alarms about operators and nodes are observations and are not compared"),
                ("actor_id", "same"), ("orders", "same"), ("order_number", "same"),
                ("since", "same"), ("clock_skew_ms", "same"), ("ended_at", "same"),
            ],
        },
        new(
            "orders", ["number"], "number",
            [
                "action", "order_class", "state", "reason", "check_reason", "basis", "reference", "drafted_by",
                "approved_by", "effective_at", "expires_at", "evidence", "against",
                "against_drafted_by", "against_approved_by", "changed_by", "enforced_at", "ended_by", "end_reason",
                "notice_waiver", "notice_reference", "notice_at", "notice_channel",
                "notice_evidence", "noticed_by", "draft_digest", "appeal",
            ])
        {
            Times = ["drafted_at", "approved_at", "in_force_at", "ended_at"],
            Public = ["drafted_by", "approved_by", "draft_digest"],
            NotCompared = [("armed_position", "position of the arming entry, stored for speed")],
        },

        new(
            "appeals", ["number"], "number",
            [
                "order_number", "order_drafted_by", "order_approved_by", "forum", "state", "after_appeal", "appellant",
                "grounds", "reference", "evidence", "filed_on", "recorded_by", "reviewed_by",
                "decided_by", "findings", "decision_evidence", "measure",
            ])
        {
            Times = ["recorded_at", "reviewed_at", "remitted_at", "decided_at"],
            Public = ["order_number", "order_drafted_by", "order_approved_by", "state", "recorded_by", "reviewed_by",
                "decided_by", "measure"],
            NotCompared = [("file_by", "derived from the policy of the filing day"), ("decide_by", "same")],
        },

        // A unit that was listed is in the draft, and its IMEIs are compared; an identity that is not an IMEI has an id
        // of the table's own.
        new("order_items", ["order_number", "kind", "value", "detail"], "order_number", ["party_id"])
        {
            Scope = "kind IN (1, 2, 4) OR (kind = 6 AND value >= 0)",
            Replayed = "SELECT DISTINCT order_number, kind, value, detail, party_id FROM pg_temp.order_items",
        },
    ];

    /// <summary>All tables that are compared.</summary>
    public static IEnumerable<ReplayTable> All => Whole.Append(Devices).Append(Imeis);

    /// <summary>Tables that no entry determines or that are verified otherwise, with the reason.</summary>
    public static IReadOnlyList<(string Table, string Why)> NotCompared { get; } =
    [
        ("journal", "the source of the replay; its hash chain is recomputed"),
        ("journal_payloads", "same"),
        ("journal_private", "same; verified against the digests in the chain"),
        ("journal_subjects",
            "an index of entries by subject, derived from them; only histories read it"),
        ("journal_epochs", "a restore writes it before the journal accepts entries"),
        ("batch_pieces", "the source of the units; verified against the digests in the chain"),
        ("order_applied", "times at which operators applied an order, as their nodes reported: no change of state"),
        ("node_positions", "positions that nodes reported: no change of state"),
        ("order_refused",
            "times of first denials by an order, as nodes reported: no change of state"),
        ("order_reasons", "data of the schema; the source of an order's check reason"),
        ("order_transitions", "data of the schema"),
        ("appeal_transitions", "data of the schema"),
        ("receipts", "stored responses; their content is in the entries of the writes"),
        ("sightings", "millions a day; the alarms that follow from them are journalled"),
        ("malformed_identities", "same"),
        ("sighting_segments", "the newest segment of each node"),
        ("upload_chunks", "files of batches in progress"),
        ("fault_pages", "error reports, deleted with their rejected batch"),
        ("__EFMigrationsHistory", "maintained by EF Core"),
    ];
}
