using System.Text.RegularExpressions;
using Microsoft.EntityFrameworkCore;

namespace DeviceRegistry.Postgres.Schema;

/// <summary>The schema, and the small reads and writes. Bulk goes by COPY and set-based SQL beside it.</summary>
public sealed partial class RegistryContext(DbContextOptions<RegistryContext> options) : DbContext(options)
{
    /// <summary>Parties.</summary>
    public DbSet<PartyRow> Parties => Set<PartyRow>();

    /// <summary>People and nodes.</summary>
    public DbSet<ActorRow> Actors => Set<ActorRow>();

    /// <summary>Authorizations.</summary>
    public DbSet<AuthorizationRow> Authorizations => Set<AuthorizationRow>();

    /// <summary>TAC mandates.</summary>
    public DbSet<TacMandateRow> TacMandates => Set<TacMandateRow>();

    /// <summary>The TAC list.</summary>
    public DbSet<TacRow> Tacs => Set<TacRow>();

    /// <summary>Batches.</summary>
    public DbSet<BatchRow> Batches => Set<BatchRow>();

    /// <summary>Units.</summary>
    public DbSet<DeviceRow> Devices => Set<DeviceRow>();

    /// <summary>IMEIs of units.</summary>
    public DbSet<ImeiRow> Imeis => Set<ImeiRow>();

    /// <summary>Reason codes.</summary>
    public DbSet<OrderReasonRow> OrderReasons => Set<OrderReasonRow>();

    /// <summary>Orders.</summary>
    public DbSet<OrderRow> Orders => Set<OrderRow>();

    /// <summary>What orders cover.</summary>
    public DbSet<OrderItemRow> OrderItems => Set<OrderItemRow>();

    /// <summary>Policy versions.</summary>
    public DbSet<PolicyRow> Policies => Set<PolicyRow>();

    /// <summary>Where nodes stand.</summary>
    public DbSet<NodePositionRow> NodePositions => Set<NodePositionRow>();

    /// <summary>The chain.</summary>
    public DbSet<JournalRow> Journal => Set<JournalRow>();

    /// <summary>Contents of entries.</summary>
    public DbSet<JournalPayloadRow> JournalPayloads => Set<JournalPayloadRow>();

    /// <summary>Subjects of entries.</summary>
    public DbSet<JournalSubjectRow> JournalSubjects => Set<JournalSubjectRow>();

    /// <inheritdoc/>
    protected override void OnModelCreating(ModelBuilder modelBuilder)
    {
        Members(modelBuilder);
        Registered(modelBuilder);
        Ordered(modelBuilder);
        Journalled(modelBuilder);
        foreach (var entity in modelBuilder.Model.GetEntityTypes())
        {
            foreach (var property in entity.GetProperties()) property.SetColumnName(Snake(property.Name));

            // A legal record does not vanish with the row it points at.
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
            e.ToTable("authorizations", t => t.HasCheckConstraint("authorization_dates", "valid_from <= valid_until"));
            e.HasKey(r => r.Number);
            e.HasOne<PartyRow>().WithMany().HasForeignKey(r => r.PartyId);
        });
        model.Entity<TacMandateRow>(e =>
        {
            e.ToTable("tac_mandates", t => t.HasCheckConstraint("tac_mandate_dates", "valid_from <= valid_until"));
            e.HasKey(r => new { r.Tac, r.PartyId });
            e.HasOne<PartyRow>().WithMany().HasForeignKey(r => r.PartyId);
        });
        model.Entity<PolicyRow>(e =>
        {
            e.ToTable("policies", t => t.HasCheckConstraint("policy_four_eyes", "(approved_by IS NULL) = (state = 1) AND approved_by <> proposed_by"));
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

    private static void Registered(ModelBuilder model)
    {
        model.Entity<TacRow>(e =>
        {
            e.ToTable("tacs", t => t.HasCheckConstraint("tac_eight_digits", "tac BETWEEN 0 AND 99999999"));
            e.HasKey(r => r.Tac);
            e.Property(r => r.Tac).ValueGeneratedNever();
        });
        model.Entity<BatchRow>(e =>
        {
            e.ToTable("batches", t => t.HasCheckConstraint(
                "batch_four_eyes",
                "(state >= 2) = (proposed_by IS NOT NULL) AND (state >= 3) = (certified_by IS NOT NULL) AND certified_by <> proposed_by"));
            e.HasKey(r => r.Number);
            e.HasIndex(r => new { r.PartyId, r.Reference }).IsUnique();
            e.HasOne<PartyRow>().WithMany().HasForeignKey(r => r.PartyId);
            e.HasOne<AuthorizationRow>().WithMany().HasForeignKey(r => r.AuthorizationNumber);
            e.HasOne<ActorRow>().WithMany().HasForeignKey(r => r.ProposedBy);
            e.HasOne<ActorRow>().WithMany().HasForeignKey(r => r.CertifiedBy);
        });
        // No foreign keys and no more indexes than needed on the two tables that hold a nation: a batch writes them by COPY,
        // in one transaction that also writes the batch they point at.
        model.Entity<DeviceRow>(e =>
        {
            e.ToTable("devices");
            e.HasIndex(r => new { r.PartyId, r.SerialNumber }).IsUnique();
            e.HasIndex(r => r.BatchNumber);
        });
        model.Entity<ImeiRow>(e =>
        {
            e.ToTable("imeis", t => t.HasCheckConstraint("imei_fourteen_digits", "imei BETWEEN 0 AND 99999999999999"));
            e.HasKey(r => r.Imei);
            e.Property(r => r.Imei).ValueGeneratedNever();
            e.HasIndex(r => r.DeviceId);
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
                t.HasCheckConstraint("order_four_eyes", "(approved_by IS NULL) = (state = 1) AND approved_by <> drafted_by");
                t.HasCheckConstraint("order_lift_six_eyes", "approved_by <> lifts_drafted_by AND approved_by <> lifts_approved_by");
                t.HasCheckConstraint(
                    "order_lift_names_its_order",
                    "(action = 2) = (lifts IS NOT NULL) AND (lifts IS NULL) = (lifts_drafted_by IS NULL) AND (lifts IS NULL) = (lifts_approved_by IS NULL)");
                t.HasCheckConstraint("order_notice", "action = 2 OR order_class < 4 OR state < 3");
                t.HasCheckConstraint("order_dates", "effective_at < expires_at");
                t.HasCheckConstraint("order_lifted_by_a_lift", "(state = 4) = (lifted_by IS NOT NULL) AND (state = 4) <= (action = 1)");
            });
            e.HasKey(r => r.Number);
            e.HasIndex(r => r.Lifts);
            e.HasAlternateKey(r => new { r.Number, r.DraftedBy }).HasName("order_and_drafter");
            e.HasOne<ActorRow>().WithMany().HasForeignKey(r => r.DraftedBy);
            e.HasOne<ActorRow>().WithMany().HasForeignKey(r => r.ApprovedBy);
            e.HasOne<OrderRow>().WithMany().HasForeignKey(r => new { r.Lifts, r.LiftsDraftedBy }).HasPrincipalKey(r => new { r.Number, r.DraftedBy });
        });
        model.Entity<OrderItemRow>(e =>
        {
            e.ToTable("order_items");
            e.HasKey(r => new { r.OrderNumber, r.Kind, r.Value });
            e.HasIndex(r => new { r.Kind, r.Value });
            e.HasOne<OrderRow>().WithMany().HasForeignKey(r => r.OrderNumber);
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
            e.HasIndex(r => r.Kind).HasFilter("kind = 17");             // statements about restores, which nodes ask for
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
