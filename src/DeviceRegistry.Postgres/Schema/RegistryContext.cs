using System.Text.RegularExpressions;
using Microsoft.EntityFrameworkCore;

namespace DeviceRegistry.Postgres.Schema;

/// <summary>EF model of the schema, used for small reads and writes. Bulk work uses COPY and set-based SQL
/// instead.</summary>
public sealed partial class RegistryContext(DbContextOptions<RegistryContext> options) : DbContext(options)
{
    public DbSet<PartyRow> Parties => Set<PartyRow>();

    /// <summary>People and nodes.</summary>
    public DbSet<ActorRow> Actors => Set<ActorRow>();

    public DbSet<AuthorizationRow> Authorizations => Set<AuthorizationRow>();

    public DbSet<TacMandateRow> TacMandates => Set<TacMandateRow>();

    /// <summary>The imported TAC list.</summary>
    public DbSet<TacRow> Tacs => Set<TacRow>();

    public DbSet<BatchRow> Batches => Set<BatchRow>();

    /// <summary>Runs of units of a batch in one state.</summary>
    public DbSet<UnitRunRow> UnitRuns => Set<UnitRunRow>();

    /// <summary>Units.</summary>
    public DbSet<DeviceRow> Devices => Set<DeviceRow>();

    public DbSet<ImeiRow> Imeis => Set<ImeiRow>();

    /// <summary>Units with an IMEI that a network saw before the batch was registered.</summary>
    public DbSet<QuarantinedUnitRow> QuarantinedUnits => Set<QuarantinedUnitRow>();

    /// <summary>Identities that a network saw at least once.</summary>
    public DbSet<SightingRow> Sightings => Set<SightingRow>();

    /// <summary>Identities that are not IMEIs.</summary>
    public DbSet<MalformedIdentityRow> MalformedIdentities => Set<MalformedIdentityRow>();

    public DbSet<AlarmRow> Alarms => Set<AlarmRow>();

    /// <summary>Changes that need two people.</summary>
    public DbSet<ChangeRow> Changes => Set<ChangeRow>();

    public DbSet<OrderReasonRow> OrderReasons => Set<OrderReasonRow>();

    public DbSet<OrderRow> Orders => Set<OrderRow>();

    /// <summary>Subjects of orders.</summary>
    public DbSet<OrderItemRow> OrderItems => Set<OrderItemRow>();

    public DbSet<AppealRow> Appeals => Set<AppealRow>();

    public DbSet<PolicyRow> Policies => Set<PolicyRow>();

    /// <summary>Times when all nodes of an operator had applied an order.</summary>
    public DbSet<OrderAppliedRow> OrderApplied => Set<OrderAppliedRow>();

    /// <summary>Times when a node of an operator first denied a device because of an order.</summary>
    public DbSet<OrderRefusedRow> OrderRefused => Set<OrderRefusedRow>();

    /// <summary>The journal position that each node reported last.</summary>
    public DbSet<NodePositionRow> NodePositions => Set<NodePositionRow>();

    /// <summary>Links of the hash chain.</summary>
    public DbSet<JournalRow> Journal => Set<JournalRow>();

    public DbSet<JournalPayloadRow> JournalPayloads => Set<JournalPayloadRow>();

    public DbSet<JournalPrivateRow> JournalPrivate => Set<JournalPrivateRow>();

    public DbSet<JournalSubjectRow> JournalSubjects => Set<JournalSubjectRow>();

    /// <inheritdoc/>
    protected override void OnModelCreating(ModelBuilder modelBuilder)
    {
        Members(modelBuilder);
        Uploaded(modelBuilder);
        Registered(modelBuilder);
        Seen(modelBuilder);
        Ordered(modelBuilder);
        Appealed(modelBuilder);
        Journalled(modelBuilder);
        foreach (var entity in modelBuilder.Model.GetEntityTypes())
        {
            foreach (var property in entity.GetProperties()) property.SetColumnName(Snake(property.Name));

            // A legal record is not deleted together with a row that it refers to.
            foreach (var key in entity.GetForeignKeys()) key.DeleteBehavior = DeleteBehavior.Restrict;
        }
    }

    private static void Members(ModelBuilder model)
    {
        model.Entity<PartyRow>(e =>
        {
            e.ToTable("parties");
            e.HasIndex(r => r.Name).IsUnique();
        });
        model.Entity<ActorRow>(e =>
        {
            e.ToTable("actors");
            e.HasIndex(r => r.Name).IsUnique();
            e.HasIndex(r => r.Key).IsUnique().HasFilter("key <> ''");
            e.HasOne<PartyRow>().WithMany().HasForeignKey(r => r.PartyId);
        });
        model.Entity<AuthorizationRow>(e =>
        {
            e.ToTable("authorizations", t =>
            {
                t.HasCheckConstraint("authorization_dates", "valid_from <= valid_until");
                t.HasCheckConstraint("authorization_quota", "quota_units >= 0");
            });
            e.HasKey(r => r.Number);
            e.HasOne<PartyRow>().WithMany().HasForeignKey(r => r.PartyId);
        });
        model.Entity<TacMandateRow>(e =>
        {
            e.ToTable("tac_mandates", t => t.HasCheckConstraint("tac_mandate_dates", "valid_from <= valid_until"));
            e.HasKey(r => new { r.Tac, r.PartyId });
            e.HasOne<PartyRow>().WithMany().HasForeignKey(r => r.PartyId);
        });
        model.Entity<ChangeRow>(e =>
        {
            e.ToTable("changes", t => t.HasCheckConstraint("change_four_eyes",
                "(decided_by IS NULL) = (state = 1) AND (state <> 2 OR decided_by <> proposed_by)"));
            e.HasKey(r => r.Number);
            e.HasIndex(r => r.Number).HasDatabaseName("changes_proposed").HasFilter("state = 1");
            e.HasOne<ActorRow>().WithMany().HasForeignKey(r => r.ProposedBy);
            e.HasOne<ActorRow>().WithMany().HasForeignKey(r => r.DecidedBy);
        });
        model.Entity<PolicyRow>(e =>
        {
            e.ToTable("policies", t => t.HasCheckConstraint("policy_four_eyes",
                "(approved_by IS NULL) = (state = 1) AND approved_by <> proposed_by"));
            e.HasKey(r => r.Version);
            e.Property(r => r.Version).ValueGeneratedNever();
            e.HasOne<ActorRow>().WithMany().HasForeignKey(r => r.ProposedBy);
            e.HasOne<ActorRow>().WithMany().HasForeignKey(r => r.ApprovedBy);
        });
        model.Entity<NodePositionRow>(e =>
        {
            e.ToTable("node_positions");
            e.HasKey(r => r.ActorId);
            e.Property(r => r.ActorId).ValueGeneratedNever();
        });
    }

    private static void Uploaded(ModelBuilder model)
    {
        model.Entity<BatchRow>(e =>
        {
            e.ToTable("batches", t =>
            {
                t.HasCheckConstraint(
                    "batch_four_eyes",
                    """
                    CASE WHEN state < 6 THEN proposed_by IS NULL AND certified_by IS NULL AND certified_under IS NULL
                    WHEN state = 6 THEN proposed_by IS NOT NULL AND certified_by IS NULL AND certified_under IS NULL
                    WHEN certified_under IS NOT NULL THEN certified_by IS NULL
                    ELSE proposed_by IS NOT NULL AND certified_by IS NOT NULL AND certified_by <> proposed_by END
                    """);
                t.HasCheckConstraint("batch_registered",
                    "(state >= 5) = (registered_at IS NOT NULL) AND (state < 5 OR NOT dry_run)");
                t.HasCheckConstraint("batch_expires", "(state IN (1, 3, 4)) = (expires_at IS NOT NULL)");
                t.HasCheckConstraint("batch_sealed", "(state = 1) = (sealed_by IS NULL)");
            });
            e.HasKey(r => r.Number);

            // A rejected batch releases its reference, so that the corrected file can use it again.
            e.HasIndex(r => new { r.PartyId, r.Reference, r.DryRun }).IsUnique().HasFilter("state <> 3")
                .HasDatabaseName("batch_reference");
            e.HasIndex(r => r.AuthorizationNumber);
            e.HasIndex(r => r.State).HasFilter("state < 5").HasDatabaseName("batches_not_registered");
            e.HasOne<PartyRow>().WithMany().HasForeignKey(r => r.PartyId);
            e.HasOne<AuthorizationRow>().WithMany().HasForeignKey(r => r.AuthorizationNumber);
            e.HasOne<ActorRow>().WithMany().HasForeignKey(r => r.OpenedBy);
            e.HasOne<ActorRow>().WithMany().HasForeignKey(r => r.SealedBy);
            e.HasOne<ActorRow>().WithMany().HasForeignKey(r => r.ProposedBy);
            e.HasOne<ActorRow>().WithMany().HasForeignKey(r => r.CertifiedBy);
            e.HasOne<PolicyRow>().WithMany().HasForeignKey(r => r.CertifiedUnder);
        });
        model.Entity<UploadChunkRow>(e =>
        {
            e.ToTable("upload_chunks");
            e.HasKey(r => new { r.BatchNumber, r.Sequence });
            e.HasOne<BatchRow>().WithMany().HasForeignKey(r => r.BatchNumber);
        });
        model.Entity<ErrorPageRow>(e =>
        {
            e.ToTable("fault_pages");
            e.HasKey(r => new { r.BatchNumber, r.FirstLine });
            e.HasOne<BatchRow>().WithMany().HasForeignKey(r => r.BatchNumber);
        });
        model.Entity<BatchPieceRow>(e =>
        {
            e.ToTable("batch_pieces");
            e.HasKey(r => new { r.BatchNumber, r.Piece });
            e.Property(r => r.Digest).HasComputedColumnSql("sha256(salt || bytes)", stored: true);
            e.HasOne<BatchRow>().WithMany().HasForeignKey(r => r.BatchNumber);
        });
        model.Entity<QuarantinedUnitRow>(e =>
        {
            e.ToTable("quarantined_units");
            e.HasKey(r => new { r.BatchNumber, r.Unit });
            e.HasOne<BatchRow>().WithMany().HasForeignKey(r => r.BatchNumber);
        });
    }

    private static void Registered(ModelBuilder model)
    {
        model.Entity<TacRow>(e =>
        {
            e.ToTable("tacs", t => t.HasCheckConstraint("tac_eight_digits", "tac BETWEEN 0 AND 99999999"));
            e.HasKey(r => r.Tac);
            e.Property(r => r.Tac).ValueGeneratedNever();
        });
        model.Entity<UnitRunRow>(e =>
        {
            e.ToTable("unit_runs");
            e.HasKey(r => new { r.BatchNumber, r.FirstUnit });
            e.Property(r => r.Since).HasDefaultValueSql("now()");
            e.HasOne<BatchRow>().WithMany().HasForeignKey(r => r.BatchNumber);
        });

        // A batch writes the next two tables by COPY, millions of rows at a time: no foreign keys, few indexes. The row
        // of a unit contains its IMEIs, so that finding the other IMEIs of a unit needs no index over all IMEIs.
        model.Entity<DeviceRow>(e =>
        {
            e.ToTable("devices");
            e.HasKey(r => new { r.BatchNumber, r.Unit });
            e.Property(r => r.SerialNumber).UseCollation("C");
            e.HasIndex(r => new { r.PartyId, r.SerialNumber }).IsUnique().HasDatabaseName("device_serial_number");
        });
        model.Entity<ImeiRow>(e =>
        {
            e.ToTable("imeis", t => t.HasCheckConstraint("imei_fourteen_digits", "imei BETWEEN 0 AND 99999999999999"));
            e.HasKey(r => r.Imei);
            e.Property(r => r.Imei).ValueGeneratedNever();
            e.HasIndex(r => new { r.BatchNumber, r.Unit }).HasFilter("retired_at IS NOT NULL")
                .HasDatabaseName("imei_retired_of_unit");
        });
    }

    private static void Seen(ModelBuilder model)
    {
        model.Entity<SightingRow>(e =>
        {
            e.ToTable("sightings", t => t.HasCheckConstraint("sighting_times", "first_seen <= last_seen"));
            e.HasKey(r => r.Identity);
            e.Property(r => r.Identity).ValueGeneratedNever();
        });
        model.Entity<MalformedIdentityRow>(e =>
        {
            e.ToTable("malformed_identities", t => t.HasCheckConstraint("malformed_identity_is_no_imei", "id < 0"));
            e.HasKey(r => r.Id);
            e.Property(r => r.Id).UseIdentityAlwaysColumn()
                .HasIdentityOptions(startValue: -1, incrementBy: -1, minValue: long.MinValue, maxValue: -1);
            e.Property(r => r.Text).UseCollation("C");
            e.HasIndex(r => r.Text).IsUnique();
        });
        model.Entity<SightingSegmentRow>(e =>
        {
            e.ToTable("sighting_segments");
            e.HasKey(r => r.ActorId);
            e.Property(r => r.ActorId).ValueGeneratedNever();
        });
        model.Entity<AlarmRow>(e =>
        {
            e.ToTable("alarms", t =>
            {
                t.HasCheckConstraint(
                    "alarm_about",
                    "(kind <= 3) = (batch_number IS NOT NULL) AND (kind <= 3) = (unit IS NOT NULL) AND (kind <= 3) = " +
                    "(imei IS NOT NULL) AND (kind > 3) = (party_id IS NOT NULL) AND (kind = 5) = (actor_id IS NOT " +
                    "NULL)");
                t.HasCheckConstraint("alarm_ended", "kind > 3 OR ended_at IS NULL");
            });
            e.HasKey(r => r.Number);
            e.HasIndex(r => new { r.Kind, r.PartyId, r.ActorId }).IsUnique().AreNullsDistinct(false)
                .HasFilter("kind > 3 AND ended_at IS NULL").HasDatabaseName("alarm_open_once");
            e.HasOne<PartyRow>().WithMany().HasForeignKey(r => r.PartyId);
            e.HasOne<ActorRow>().WithMany().HasForeignKey(r => r.ActorId);
            e.HasIndex(r => new { r.Kind, r.BatchNumber, r.Unit }).IsUnique().HasDatabaseName("alarm_once");
            e.HasIndex(r => r.BatchNumber);
            e.HasOne<BatchRow>().WithMany().HasForeignKey(r => r.BatchNumber);
        });
    }

    private static void Ordered(ModelBuilder model)
    {
        model.Entity<OrderReasonRow>(e =>
        {
            e.ToTable("order_reasons");
            e.HasKey(r => new { r.Code, r.OrderClass, r.ValidFrom });
        });
        model.Entity<OrderRow>(e =>
        {
            e.ToTable("orders", t =>
            {
                t.HasCheckConstraint("order_four_eyes",
                    "(approved_by IS NULL) = (state IN (1, 6, 7) AND approved_at IS NULL) AND approved_by <> " +
                    "drafted_by");
                t.HasCheckConstraint("order_six_eyes",
                    "(action > 1 AND order_class = 5) OR (approved_by <> against_drafted_by AND approved_by <> " +
                    "against_approved_by)");
                t.HasCheckConstraint(
                    "order_names_its_order",
                    "(action > 1) <= (against IS NOT NULL) AND (against IS NULL) = (against_drafted_by IS NULL) AND " +
                    "(against IS NULL) = (against_approved_by IS NULL)");
                t.HasCheckConstraint("order_notice",
                    "action > 1 OR order_class < 4 OR state NOT IN (3, 8, 10, 11) OR notice_at IS NOT NULL");
                t.HasCheckConstraint("order_noticed",
                    "(notice_at IS NULL) = (noticed_by IS NULL) AND (notice_at IS NULL) = (notice_reference = '')");
                t.HasCheckConstraint("order_dates", "effective_at < expires_at");
                t.HasCheckConstraint("order_lifted_by_something", "state NOT IN (8, 9) OR changed_by IS NOT NULL");
                t.HasCheckConstraint("order_ended",
                    "(ended_at IS NULL) = (state NOT IN (4, 6, 7, 9)) AND (state <> 4 OR changed_by IS NOT NULL OR " +
                    "coalesce(ended_at = expires_at, false))");
                t.HasCheckConstraint("order_rejected",
                    "(ended_by IS NULL) = (state NOT IN (6, 7)) AND (state <> 6 OR ended_by <> drafted_by)");
                t.HasCheckConstraint("order_in_force",
                    "(state NOT IN (10, 11) OR in_force_at IS NOT NULL) AND coalesce(in_force_at < expires_at, true)");
                t.HasCheckConstraint("order_for_an_appeal", "appeal IS NULL OR action > 1");
                t.HasCheckConstraint("order_enforced", "(state = 11) <= (enforced_at IS NOT NULL)");
            });
            e.HasKey(r => r.Number);
            e.HasIndex(r => r.Against);
            e.HasIndex(r => r.State).HasFilter("state IN (3, 8, 10, 11)").HasDatabaseName("orders_alive");

            // Indexes for the queries that the registrar runs every second; their cost must not grow with the number of
            // live orders.
            e.HasIndex(r => r.EffectiveAt).HasFilter("state = 3").HasDatabaseName("orders_starting");
            e.HasIndex(r => r.ExpiresAt).HasFilter("state IN (8, 10, 11) AND expires_at IS NOT NULL")
                .HasDatabaseName("orders_ending");
            e.HasIndex(r => new { r.ArmedPosition, r.InForceAt }).HasFilter("state = 10")
                .HasDatabaseName("orders_waiting");
            e.HasIndex(r => r.Number).HasFilter("state IN (3, 10) AND armed_position IS NULL")
                .HasDatabaseName("orders_unplaced");
            e.HasAlternateKey(r => new { r.Number, r.DraftedBy }).HasName("order_and_drafter");
            e.HasOne<ActorRow>().WithMany().HasForeignKey(r => r.DraftedBy);
            e.HasOne<ActorRow>().WithMany().HasForeignKey(r => r.ApprovedBy);
            e.HasOne<ActorRow>().WithMany().HasForeignKey(r => r.EndedBy);
            e.HasOne<ActorRow>().WithMany().HasForeignKey(r => r.NoticedBy);
            e.HasOne<OrderRow>().WithMany().HasForeignKey(r => new { r.Against, r.AgainstDraftedBy })
                .HasPrincipalKey(r => new { r.Number, r.DraftedBy });

            // An order action carries out an appeal against the same order that the action changes.
            e.HasOne<AppealRow>().WithMany().HasForeignKey(r => new { r.Appeal, r.Against })
                .HasPrincipalKey(r => new { r.Number, r.OrderNumber });
        });
        model.Entity<OrderAppliedRow>(e =>
        {
            e.ToTable("order_applied");
            e.HasKey(r => new { r.OrderNumber, r.PartyId });
            e.HasOne<OrderRow>().WithMany().HasForeignKey(r => r.OrderNumber);
            e.HasOne<PartyRow>().WithMany().HasForeignKey(r => r.PartyId);
        });
        model.Entity<OrderRefusedRow>(e =>
        {
            e.ToTable("order_refused");
            e.HasKey(r => new { r.OrderNumber, r.PartyId });
            e.HasOne<OrderRow>().WithMany().HasForeignKey(r => r.OrderNumber);
            e.HasOne<PartyRow>().WithMany().HasForeignKey(r => r.PartyId);
        });
        model.Entity<OrderItemRow>(e =>
        {
            e.ToTable("order_items", t =>
            {
                t.HasCheckConstraint("order_item_range",
                    "kind <> 4 OR (value <= detail AND value / 1000000 = detail / 1000000)");
                t.HasCheckConstraint("order_item_pair",
                    "(kind = 6) = (party_id IS NOT NULL) AND (kind <> 6 OR detail <> 0)");
            });
            e.HasKey(r => new { r.OrderNumber, r.Kind, r.Value, r.Detail });
            e.HasIndex(r => new { r.Kind, r.Value });
            e.HasOne<OrderRow>().WithMany().HasForeignKey(r => r.OrderNumber);
            e.HasOne<PartyRow>().WithMany().HasForeignKey(r => r.PartyId);
            e.HasIndex(r => r.PartyId).HasFilter("party_id IS NOT NULL");
        });
    }

    private static void Appealed(ModelBuilder model)
    {
        model.Entity<AppealRow>(e =>
        {
            e.ToTable("appeals", t =>
            {
                t.HasCheckConstraint("appeal_other_people",
                    "decided_by NOT IN (order_drafted_by, order_approved_by, recorded_by) AND reviewed_by NOT IN " +
                    "(order_drafted_by, order_approved_by)");
                t.HasCheckConstraint("appeal_in_time", "filed_on <= file_by");
                t.HasCheckConstraint("appeal_reviewed",
                    "(reviewed_by IS NULL) = (reviewed_at IS NULL) AND (state NOT BETWEEN 2 AND 5 OR reviewed_by IS " +
                    "NOT NULL)");
                t.HasCheckConstraint("appeal_decided",
                    "(decided_by IS NULL) = (decided_at IS NULL) AND (decided_by IS NULL) = (findings = '') AND " +
                    "(state < 3 OR decided_by IS NOT NULL)");
                t.HasCheckConstraint("appeal_remitted",
                    "state <> 5 OR (remitted_at IS NOT NULL AND decide_by IS NOT NULL)");
                t.HasCheckConstraint("appeal_reversed", "(state = 4) = (measure IS NOT NULL)");
                t.HasCheckConstraint("appeal_to_the_court_of_last_resort", "forum < 3 OR after_appeal IS NOT NULL");
            });
            e.HasKey(r => r.Number);
            e.HasAlternateKey(r => new { r.Number, r.OrderNumber }).HasName("appeal_and_its_order");
            e.HasIndex(r => r.DecideBy).HasFilter("state IN (1, 2, 5)").HasDatabaseName("appeals_open");

            // A decision can be appealed against once; a withdrawn appeal does not count.
            e.HasIndex(r => r.AfterAppeal).IsUnique().HasFilter("state <> 6").HasDatabaseName("appeal_followed_once");
            e.HasOne<OrderRow>().WithMany().HasForeignKey(r => new { r.OrderNumber, r.OrderDraftedBy })
                .HasPrincipalKey(r => new { r.Number, r.DraftedBy });
            e.HasOne<AppealRow>().WithMany().HasForeignKey(r => new { r.AfterAppeal, r.OrderNumber })
                .HasPrincipalKey(r => new { r.Number, r.OrderNumber });
            e.HasOne<OrderRow>().WithMany().HasForeignKey(r => r.Measure);
            e.HasOne<ActorRow>().WithMany().HasForeignKey(r => r.RecordedBy);
            e.HasOne<ActorRow>().WithMany().HasForeignKey(r => r.ReviewedBy);
            e.HasOne<ActorRow>().WithMany().HasForeignKey(r => r.DecidedBy);
        });
    }

    private static void Journalled(ModelBuilder model)
    {
        model.Entity<ReceiptRow>(e =>
        {
            e.ToTable("receipts");
            e.HasKey(r => new { r.PartyId, r.Reference });
        });
        model.Entity<JournalPayloadRow>(e =>
        {
            e.ToTable("journal_payloads");
            e.HasKey(r => r.Id);
            e.Property(r => r.Id).ValueGeneratedNever();
            e.Property(r => r.PublicDigest).HasComputedColumnSql("sha256(public_bytes)", stored: true);
            // Finds entries that have no subject: members, recovery statements, checkpoints.
            e.HasIndex(r => r.Kind).HasFilter("kind IN (1, 2, 9, 17)");
        });
        model.Entity<JournalPrivateRow>(e =>
        {
            e.ToTable("journal_private");
            e.HasKey(r => r.PayloadId);
            e.Property(r => r.PayloadId).ValueGeneratedNever();
            e.HasOne<JournalPayloadRow>().WithMany().HasForeignKey(r => r.PayloadId);
        });
        model.Entity<JournalEpochRow>(e =>
        {
            e.ToTable("journal_epochs");
            e.HasKey(r => r.Epoch);
            e.Property(r => r.Epoch).ValueGeneratedNever();
            e.Property(r => r.Restored).HasDefaultValue(false);
        });
        model.Entity<JournalRow>(e =>
        {
            e.ToTable("journal", t => t.HasCheckConstraint("journal_from_one", "position >= 1"));
            e.HasKey(r => r.Position);
            e.Property(r => r.Position).ValueGeneratedNever();
            e.HasIndex(r => r.PayloadId).IsUnique();
            e.HasOne<JournalPayloadRow>().WithMany().HasForeignKey(r => r.PayloadId);
            e.HasOne<JournalEpochRow>().WithMany().HasForeignKey(r => r.Epoch);
        });
        model.Entity<JournalSubjectRow>(e =>
        {
            e.ToTable("journal_subjects");
            e.HasKey(r => new { r.Kind, r.Subject, r.PayloadId });
        });
    }

    private static string Snake(string name) => WordStart().Replace(name, "_$1").ToLowerInvariant();

    [GeneratedRegex("(?<=[a-z0-9])([A-Z])")]
    private static partial Regex WordStart();
}
