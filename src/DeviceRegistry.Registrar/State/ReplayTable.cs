namespace DeviceRegistry.Registrar.State;

/// <summary>A table that the journal determines, and how its rows are compared with what the journal says.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Key">Columns of its key.</param>
/// <param name="ErasedBy">The column by whose value rows are marked that an erased private part says something
/// about.</param>
/// <param name="Exact">Columns that must be equal.</param>
internal sealed record ReplayTable(string Name, string[] Key, string ErasedBy, string[] Exact)
{
    /// <summary>Columns with times that entries do not carry: no further from the entry's own time than <see
    /// cref="Limits.RecordedApartMost"/>.</summary>
    public string[] Times { get; init; } = [];

    /// <summary>Columns that an entry says in public: compared even where its private part was erased.</summary>
    public string[] Public { get; init; } = [];

    /// <summary>Columns that no entry says anything about, and why.</summary>
    public (string Column, string Why)[] Left { get; init; } = [];

    /// <summary>Which of the table's rows are to be compared; the others are not in the journal yet.</summary>
    public string Scope { get; init; } = "true";

    /// <summary>The rows that the journal says there are.</summary>
    public string Replayed { get; init; } = $"SELECT * FROM pg_temp.{Name}";

    /// <summary>A row that is missing is one even where something about it was erased.</summary>
    public bool KeepsKeys { get; init; } = true;
}

/// <summary>All tables: those that the journal determines, and the others with the reason.</summary>
internal static class ReplayTables
{
    /// <summary>Units, by batch: compared some batches at a time, since they are a nation's.</summary>
    public static ReplayTable Devices { get; } =
        new("devices", ["batch_number", "unit"], "batch_number", ["party_id", "serial_number", "imeis"])
    {
        Scope = "batch_number BETWEEN $1 AND $2 AND batch_number IN (SELECT number FROM pg_temp.comparable)",
        Replayed = "SELECT * FROM pg_temp.devices WHERE batch_number IN (SELECT number FROM pg_temp.comparable)",
    };

    /// <summary>Their IMEIs. The table has no index by batch: those that are there and should not are found by their
    /// count.</summary>
    public static ReplayTable Imeis { get; } = new("imeis", ["imei"], "batch_number", ["batch_number", "unit"])
    {
        Times = ["retired_at"],
        Scope = "imei IN (SELECT imei FROM pg_temp.imeis WHERE batch_number IN (SELECT number FROM " +
            "pg_temp.comparable))",
        Replayed = "SELECT * FROM pg_temp.imeis WHERE batch_number IN (SELECT number FROM pg_temp.comparable)",
    };

    /// <summary>The others, each compared whole.</summary>
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
            Left =
            [
                ("opened_by", "an upload is journalled when it is decided"), ("opened_at", "likewise"),
                ("expires_at", "a rejected batch vanishes with its report, unjournalled"),
                ("digest", "it covers the header as it came, with what a younger client may have put there"),
                ("chunks", "of the upload"), ("chunk_bytes", "of the upload"),
                ("stored_units", "how far storing came"), ("stored_imeis", "how far storing came"),
                ("withdrawing", "storing"), ("judged_at", "storing"),
                ("reject_message", "words for the entry's reason code"), ("reject_field", "likewise"),
                ("reject_expected", "likewise"),
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
            Left =
            [
                ("party_id", "an alarm about an operator or a node is observation, and none of those is compared"),
                ("actor_id", "likewise"), ("orders", "likewise"), ("order_number", "likewise"),
                ("since", "likewise"), ("clock_skew_ms", "likewise"), ("ended_at", "likewise"),
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
            Left = [("armed_position", "where in the journal it was armed, looked up there for speed")],
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
            Left = [("file_by", "the policy of that day gives the days"), ("decide_by", "likewise")],
        },

        // A unit that was named stands in the draft, and its IMEIs are compared; an identity that is no IMEI has a
        // number of the table's own.
        new("order_items", ["order_number", "kind", "value", "detail"], "order_number", ["party_id"])
        {
            Scope = "kind IN (1, 2, 4) OR (kind = 6 AND value >= 0)",
            Replayed = "SELECT DISTINCT order_number, kind, value, detail, party_id FROM pg_temp.order_items",
        },
    ];

    /// <summary>All that are compared.</summary>
    public static IEnumerable<ReplayTable> All => Whole.Append(Devices).Append(Imeis);

    /// <summary>Tables that no entry says anything about, or that are compared otherwise, and why.</summary>
    public static IReadOnlyList<(string Table, string Why)> Left { get; } =
    [
        ("journal", "what is replayed; its chain is recomputed on the way"),
        ("journal_payloads", "likewise"),
        ("journal_private", "likewise; held against the digests in the chain"),
        ("journal_subjects",
            "an index of entries by what they are about: it follows from them and nothing follows from it but what a " +
            "history shows"),
        ("journal_epochs", "of the database: a restore writes it before there is a journal to write to"),
        ("batch_pieces", "what units are replayed from; held against the digests in the chain"),
        ("order_applied", "when operators had an order, as their nodes reported: no change of state"),
        ("node_positions", "where nodes said they stand: no change of state"),
        ("order_refused",
            "when operators first refused a handset by an order, as their nodes reported: no change of state"),
        ("order_reasons", "data of the schema; an order's reason was looked up there"),
        ("order_transitions", "data of the schema"),
        ("appeal_transitions", "data of the schema"),
        ("receipts", "answers to references: what they say is in the entries of their writes"),
        ("sightings", "what networks saw, by the million a day: what follows from it, alarms, is journalled"),
        ("malformed_identities", "likewise"),
        ("sighting_segments", "the newest report of each node"),
        ("upload_chunks", "files of batches that are not decided"),
        ("fault_pages", "reports that vanish with their rejected batch"),
        ("__EFMigrationsHistory", "of the schema"),
    ];
}
