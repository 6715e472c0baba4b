using System;
using DeviceRegistry.Postgres.Schema;
using Microsoft.EntityFrameworkCore.Migrations;
using Npgsql.EntityFrameworkCore.PostgreSQL.Metadata;

#nullable disable

namespace DeviceRegistry.Postgres.Migrations
{
    /// <inheritdoc />
    public partial class First : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.CreateTable(
                name: "devices",
                columns: table => new
                {
                    id = table.Column<long>(type: "bigint", nullable: false)
                        .Annotation("Npgsql:ValueGenerationStrategy", NpgsqlValueGenerationStrategy.IdentityByDefaultColumn),
                    batch_number = table.Column<long>(type: "bigint", nullable: false),
                    party_id = table.Column<long>(type: "bigint", nullable: false),
                    serial_number = table.Column<string>(type: "text", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("PK_devices", x => x.id);
                });

            migrationBuilder.CreateTable(
                name: "imeis",
                columns: table => new
                {
                    imei = table.Column<long>(type: "bigint", nullable: false),
                    device_id = table.Column<long>(type: "bigint", nullable: false),
                    slot = table.Column<short>(type: "smallint", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("PK_imeis", x => x.imei);
                    table.CheckConstraint("imei_fourteen_digits", "imei BETWEEN 0 AND 99999999999999");
                });

            migrationBuilder.CreateTable(
                name: "journal_epochs",
                columns: table => new
                {
                    epoch = table.Column<int>(type: "integer", nullable: false),
                    reason = table.Column<string>(type: "text", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("PK_journal_epochs", x => x.epoch);
                });

            migrationBuilder.CreateTable(
                name: "journal_payloads",
                columns: table => new
                {
                    id = table.Column<Guid>(type: "uuid", nullable: false),
                    kind = table.Column<int>(type: "integer", nullable: false),
                    must_understand = table.Column<bool>(type: "boolean", nullable: false),
                    actor = table.Column<long>(type: "bigint", nullable: false),
                    public_bytes = table.Column<byte[]>(type: "bytea", nullable: false),
                    public_digest = table.Column<byte[]>(type: "bytea", nullable: false, computedColumnSql: "sha256(public_bytes)", stored: true),
                    private_digest = table.Column<byte[]>(type: "bytea", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("PK_journal_payloads", x => x.id);
                });

            migrationBuilder.CreateTable(
                name: "journal_subjects",
                columns: table => new
                {
                    kind = table.Column<short>(type: "smallint", nullable: false),
                    subject = table.Column<long>(type: "bigint", nullable: false),
                    payload_id = table.Column<Guid>(type: "uuid", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("PK_journal_subjects", x => new { x.kind, x.subject, x.payload_id });
                });

            migrationBuilder.CreateTable(
                name: "node_positions",
                columns: table => new
                {
                    actor_id = table.Column<long>(type: "bigint", nullable: false),
                    position = table.Column<long>(type: "bigint", nullable: false),
                    hash = table.Column<byte[]>(type: "bytea", nullable: false),
                    reported_at = table.Column<DateTime>(type: "timestamp with time zone", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("PK_node_positions", x => x.actor_id);
                });

            migrationBuilder.CreateTable(
                name: "order_reasons",
                columns: table => new
                {
                    code = table.Column<string>(type: "text", nullable: false),
                    order_class = table.Column<byte>(type: "smallint", nullable: false),
                    valid_from = table.Column<DateOnly>(type: "date", nullable: false),
                    valid_until = table.Column<DateOnly>(type: "date", nullable: true),
                    check_reason = table.Column<byte>(type: "smallint", nullable: false),
                    gsma_code = table.Column<string>(type: "text", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("PK_order_reasons", x => new { x.code, x.order_class, x.valid_from });
                });

            migrationBuilder.CreateTable(
                name: "parties",
                columns: table => new
                {
                    id = table.Column<long>(type: "bigint", nullable: false)
                        .Annotation("Npgsql:ValueGenerationStrategy", NpgsqlValueGenerationStrategy.IdentityByDefaultColumn),
                    name = table.Column<string>(type: "text", nullable: false),
                    kind = table.Column<byte>(type: "smallint", nullable: false),
                    active = table.Column<bool>(type: "boolean", nullable: false),
                    plmns = table.Column<string[]>(type: "text[]", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("PK_parties", x => x.id);
                });

            migrationBuilder.CreateTable(
                name: "receipts",
                columns: table => new
                {
                    party_id = table.Column<long>(type: "bigint", nullable: false),
                    reference = table.Column<string>(type: "text", nullable: false),
                    digest = table.Column<byte[]>(type: "bytea", nullable: false),
                    answer = table.Column<byte[]>(type: "bytea", nullable: false),
                    payload_id = table.Column<Guid>(type: "uuid", nullable: true)
                },
                constraints: table =>
                {
                    table.PrimaryKey("PK_receipts", x => new { x.party_id, x.reference });
                });

            migrationBuilder.CreateTable(
                name: "tacs",
                columns: table => new
                {
                    tac = table.Column<int>(type: "integer", nullable: false),
                    manufacturer = table.Column<string>(type: "text", nullable: false),
                    brand = table.Column<string>(type: "text", nullable: false),
                    model = table.Column<string>(type: "text", nullable: false),
                    device_type = table.Column<string>(type: "text", nullable: false),
                    bands = table.Column<string>(type: "text", nullable: false),
                    allocated_on = table.Column<DateOnly>(type: "date", nullable: true),
                    sim_slots = table.Column<short>(type: "smallint", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("PK_tacs", x => x.tac);
                    table.CheckConstraint("tac_eight_digits", "tac BETWEEN 0 AND 99999999");
                });

            migrationBuilder.CreateTable(
                name: "journal",
                columns: table => new
                {
                    position = table.Column<long>(type: "bigint", nullable: false),
                    epoch = table.Column<int>(type: "integer", nullable: false),
                    at = table.Column<DateTime>(type: "timestamp with time zone", nullable: false),
                    payload_id = table.Column<Guid>(type: "uuid", nullable: false),
                    hash = table.Column<byte[]>(type: "bytea", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("PK_journal", x => x.position);
                    table.CheckConstraint("journal_from_one", "position >= 1");
                    table.ForeignKey(
                        name: "FK_journal_journal_epochs_epoch",
                        column: x => x.epoch,
                        principalTable: "journal_epochs",
                        principalColumn: "epoch",
                        onDelete: ReferentialAction.Restrict);
                    table.ForeignKey(
                        name: "FK_journal_journal_payloads_payload_id",
                        column: x => x.payload_id,
                        principalTable: "journal_payloads",
                        principalColumn: "id",
                        onDelete: ReferentialAction.Restrict);
                });

            migrationBuilder.CreateTable(
                name: "journal_private",
                columns: table => new
                {
                    payload_id = table.Column<Guid>(type: "uuid", nullable: false),
                    salt = table.Column<byte[]>(type: "bytea", nullable: false),
                    private_bytes = table.Column<byte[]>(type: "bytea", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("PK_journal_private", x => x.payload_id);
                    table.ForeignKey(
                        name: "FK_journal_private_journal_payloads_payload_id",
                        column: x => x.payload_id,
                        principalTable: "journal_payloads",
                        principalColumn: "id",
                        onDelete: ReferentialAction.Restrict);
                });

            migrationBuilder.CreateTable(
                name: "actors",
                columns: table => new
                {
                    id = table.Column<long>(type: "bigint", nullable: false)
                        .Annotation("Npgsql:ValueGenerationStrategy", NpgsqlValueGenerationStrategy.IdentityByDefaultColumn),
                    name = table.Column<string>(type: "text", nullable: false),
                    party_id = table.Column<long>(type: "bigint", nullable: false),
                    kind = table.Column<byte>(type: "smallint", nullable: false),
                    active = table.Column<bool>(type: "boolean", nullable: false),
                    key = table.Column<string>(type: "text", nullable: false),
                    revoked_keys = table.Column<string[]>(type: "text[]", nullable: false),
                    key_set_by = table.Column<long[]>(type: "bigint[]", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("PK_actors", x => x.id);
                    table.ForeignKey(
                        name: "FK_actors_parties_party_id",
                        column: x => x.party_id,
                        principalTable: "parties",
                        principalColumn: "id",
                        onDelete: ReferentialAction.Restrict);
                });

            migrationBuilder.CreateTable(
                name: "authorizations",
                columns: table => new
                {
                    number = table.Column<string>(type: "text", nullable: false),
                    party_id = table.Column<long>(type: "bigint", nullable: false),
                    kind = table.Column<short>(type: "smallint", nullable: false),
                    valid_from = table.Column<DateOnly>(type: "date", nullable: false),
                    valid_until = table.Column<DateOnly>(type: "date", nullable: false),
                    legal_basis = table.Column<string>(type: "text", nullable: false),
                    state = table.Column<short>(type: "smallint", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("PK_authorizations", x => x.number);
                    table.CheckConstraint("authorization_dates", "valid_from <= valid_until");
                    table.ForeignKey(
                        name: "FK_authorizations_parties_party_id",
                        column: x => x.party_id,
                        principalTable: "parties",
                        principalColumn: "id",
                        onDelete: ReferentialAction.Restrict);
                });

            migrationBuilder.CreateTable(
                name: "tac_mandates",
                columns: table => new
                {
                    tac = table.Column<int>(type: "integer", nullable: false),
                    party_id = table.Column<long>(type: "bigint", nullable: false),
                    brand_owner = table.Column<string>(type: "text", nullable: false),
                    valid_from = table.Column<DateOnly>(type: "date", nullable: false),
                    valid_until = table.Column<DateOnly>(type: "date", nullable: false),
                    document_hash = table.Column<byte[]>(type: "bytea", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("PK_tac_mandates", x => new { x.tac, x.party_id });
                    table.CheckConstraint("tac_mandate_dates", "valid_from <= valid_until");
                    table.ForeignKey(
                        name: "FK_tac_mandates_parties_party_id",
                        column: x => x.party_id,
                        principalTable: "parties",
                        principalColumn: "id",
                        onDelete: ReferentialAction.Restrict);
                });

            migrationBuilder.CreateTable(
                name: "orders",
                columns: table => new
                {
                    number = table.Column<long>(type: "bigint", nullable: false)
                        .Annotation("Npgsql:ValueGenerationStrategy", NpgsqlValueGenerationStrategy.IdentityByDefaultColumn),
                    action = table.Column<short>(type: "smallint", nullable: false),
                    order_class = table.Column<byte>(type: "smallint", nullable: false),
                    state = table.Column<short>(type: "smallint", nullable: false),
                    reason = table.Column<string>(type: "text", nullable: false),
                    check_reason = table.Column<byte>(type: "smallint", nullable: false),
                    basis = table.Column<string>(type: "text", nullable: false),
                    reference = table.Column<string>(type: "text", nullable: false),
                    drafted_by = table.Column<long>(type: "bigint", nullable: false),
                    drafted_at = table.Column<DateTime>(type: "timestamp with time zone", nullable: false),
                    approved_by = table.Column<long>(type: "bigint", nullable: true),
                    approved_at = table.Column<DateTime>(type: "timestamp with time zone", nullable: true),
                    effective_at = table.Column<DateTime>(type: "timestamp with time zone", nullable: true),
                    expires_at = table.Column<DateTime>(type: "timestamp with time zone", nullable: true),
                    lifts = table.Column<long>(type: "bigint", nullable: true),
                    lifts_drafted_by = table.Column<long>(type: "bigint", nullable: true),
                    lifts_approved_by = table.Column<long>(type: "bigint", nullable: true),
                    lifted_by = table.Column<long>(type: "bigint", nullable: true)
                },
                constraints: table =>
                {
                    table.PrimaryKey("PK_orders", x => x.number);
                    table.UniqueConstraint("order_and_drafter", x => new { x.number, x.drafted_by });
                    table.CheckConstraint("order_dates", "effective_at < expires_at");
                    table.CheckConstraint("order_four_eyes", "(approved_by IS NULL) = (state = 1) AND approved_by <> drafted_by");
                    table.CheckConstraint("order_lift_names_its_order", "(action = 2) = (lifts IS NOT NULL) AND (lifts IS NULL) = (lifts_drafted_by IS NULL) AND (lifts IS NULL) = (lifts_approved_by IS NULL)");
                    table.CheckConstraint("order_lift_six_eyes", "approved_by <> lifts_drafted_by AND approved_by <> lifts_approved_by");
                    table.CheckConstraint("order_lifted_by_a_lift", "(state = 4) = (lifted_by IS NOT NULL) AND (state = 4) <= (action = 1)");
                    table.CheckConstraint("order_notice", "action = 2 OR order_class < 4 OR state < 3");
                    table.ForeignKey(
                        name: "FK_orders_actors_approved_by",
                        column: x => x.approved_by,
                        principalTable: "actors",
                        principalColumn: "id",
                        onDelete: ReferentialAction.Restrict);
                    table.ForeignKey(
                        name: "FK_orders_actors_drafted_by",
                        column: x => x.drafted_by,
                        principalTable: "actors",
                        principalColumn: "id",
                        onDelete: ReferentialAction.Restrict);
                    table.ForeignKey(
                        name: "FK_orders_orders_lifts_lifts_drafted_by",
                        columns: x => new { x.lifts, x.lifts_drafted_by },
                        principalTable: "orders",
                        principalColumns: new[] { "number", "drafted_by" },
                        onDelete: ReferentialAction.Restrict);
                });

            migrationBuilder.CreateTable(
                name: "policies",
                columns: table => new
                {
                    version = table.Column<long>(type: "bigint", nullable: false),
                    state = table.Column<short>(type: "smallint", nullable: false),
                    body = table.Column<byte[]>(type: "bytea", nullable: false),
                    proposed_by = table.Column<long>(type: "bigint", nullable: false),
                    approved_by = table.Column<long>(type: "bigint", nullable: true),
                    in_force_at = table.Column<DateTime>(type: "timestamp with time zone", nullable: true)
                },
                constraints: table =>
                {
                    table.PrimaryKey("PK_policies", x => x.version);
                    table.CheckConstraint("policy_four_eyes", "(approved_by IS NULL) = (state = 1) AND approved_by <> proposed_by");
                    table.ForeignKey(
                        name: "FK_policies_actors_approved_by",
                        column: x => x.approved_by,
                        principalTable: "actors",
                        principalColumn: "id",
                        onDelete: ReferentialAction.Restrict);
                    table.ForeignKey(
                        name: "FK_policies_actors_proposed_by",
                        column: x => x.proposed_by,
                        principalTable: "actors",
                        principalColumn: "id",
                        onDelete: ReferentialAction.Restrict);
                });

            migrationBuilder.CreateTable(
                name: "batches",
                columns: table => new
                {
                    number = table.Column<long>(type: "bigint", nullable: false)
                        .Annotation("Npgsql:ValueGenerationStrategy", NpgsqlValueGenerationStrategy.IdentityByDefaultColumn),
                    party_id = table.Column<long>(type: "bigint", nullable: false),
                    reference = table.Column<string>(type: "text", nullable: false),
                    authorization_number = table.Column<string>(type: "text", nullable: false),
                    produced_on = table.Column<DateOnly>(type: "date", nullable: false),
                    origin = table.Column<short>(type: "smallint", nullable: false),
                    model = table.Column<string>(type: "text", nullable: false),
                    units = table.Column<int>(type: "integer", nullable: false),
                    imeis = table.Column<int>(type: "integer", nullable: false),
                    content_hash = table.Column<byte[]>(type: "bytea", nullable: false),
                    state = table.Column<short>(type: "smallint", nullable: false),
                    registered_at = table.Column<DateTime>(type: "timestamp with time zone", nullable: false),
                    proposed_by = table.Column<long>(type: "bigint", nullable: true),
                    certified_by = table.Column<long>(type: "bigint", nullable: true)
                },
                constraints: table =>
                {
                    table.PrimaryKey("PK_batches", x => x.number);
                    table.CheckConstraint("batch_four_eyes", "(state >= 2) = (proposed_by IS NOT NULL) AND (state >= 3) = (certified_by IS NOT NULL) AND certified_by <> proposed_by");
                    table.ForeignKey(
                        name: "FK_batches_actors_certified_by",
                        column: x => x.certified_by,
                        principalTable: "actors",
                        principalColumn: "id",
                        onDelete: ReferentialAction.Restrict);
                    table.ForeignKey(
                        name: "FK_batches_actors_proposed_by",
                        column: x => x.proposed_by,
                        principalTable: "actors",
                        principalColumn: "id",
                        onDelete: ReferentialAction.Restrict);
                    table.ForeignKey(
                        name: "FK_batches_authorizations_authorization_number",
                        column: x => x.authorization_number,
                        principalTable: "authorizations",
                        principalColumn: "number",
                        onDelete: ReferentialAction.Restrict);
                    table.ForeignKey(
                        name: "FK_batches_parties_party_id",
                        column: x => x.party_id,
                        principalTable: "parties",
                        principalColumn: "id",
                        onDelete: ReferentialAction.Restrict);
                });

            migrationBuilder.CreateTable(
                name: "order_items",
                columns: table => new
                {
                    order_number = table.Column<long>(type: "bigint", nullable: false),
                    kind = table.Column<short>(type: "smallint", nullable: false),
                    value = table.Column<long>(type: "bigint", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("PK_order_items", x => new { x.order_number, x.kind, x.value });
                    table.ForeignKey(
                        name: "FK_order_items_orders_order_number",
                        column: x => x.order_number,
                        principalTable: "orders",
                        principalColumn: "number",
                        onDelete: ReferentialAction.Restrict);
                });

            migrationBuilder.CreateIndex(
                name: "IX_actors_key",
                table: "actors",
                column: "key",
                unique: true,
                filter: "key <> ''");

            migrationBuilder.CreateIndex(
                name: "IX_actors_name",
                table: "actors",
                column: "name",
                unique: true);

            migrationBuilder.CreateIndex(
                name: "IX_actors_party_id",
                table: "actors",
                column: "party_id");

            migrationBuilder.CreateIndex(
                name: "IX_authorizations_party_id",
                table: "authorizations",
                column: "party_id");

            migrationBuilder.CreateIndex(
                name: "IX_batches_authorization_number",
                table: "batches",
                column: "authorization_number");

            migrationBuilder.CreateIndex(
                name: "IX_batches_certified_by",
                table: "batches",
                column: "certified_by");

            migrationBuilder.CreateIndex(
                name: "IX_batches_party_id_reference",
                table: "batches",
                columns: new[] { "party_id", "reference" },
                unique: true);

            migrationBuilder.CreateIndex(
                name: "IX_batches_proposed_by",
                table: "batches",
                column: "proposed_by");

            migrationBuilder.CreateIndex(
                name: "IX_devices_batch_number",
                table: "devices",
                column: "batch_number");

            migrationBuilder.CreateIndex(
                name: "IX_devices_party_id_serial_number",
                table: "devices",
                columns: new[] { "party_id", "serial_number" },
                unique: true);

            migrationBuilder.CreateIndex(
                name: "IX_imeis_device_id",
                table: "imeis",
                column: "device_id");

            migrationBuilder.CreateIndex(
                name: "IX_journal_epoch",
                table: "journal",
                column: "epoch");

            migrationBuilder.CreateIndex(
                name: "IX_journal_payload_id",
                table: "journal",
                column: "payload_id",
                unique: true);

            migrationBuilder.CreateIndex(
                name: "IX_order_items_kind_value",
                table: "order_items",
                columns: new[] { "kind", "value" });

            migrationBuilder.CreateIndex(
                name: "IX_orders_approved_by",
                table: "orders",
                column: "approved_by");

            migrationBuilder.CreateIndex(
                name: "IX_orders_drafted_by",
                table: "orders",
                column: "drafted_by");

            migrationBuilder.CreateIndex(
                name: "IX_orders_lifts",
                table: "orders",
                column: "lifts");

            migrationBuilder.CreateIndex(
                name: "IX_orders_lifts_lifts_drafted_by",
                table: "orders",
                columns: new[] { "lifts", "lifts_drafted_by" });

            migrationBuilder.CreateIndex(
                name: "IX_parties_name",
                table: "parties",
                column: "name",
                unique: true);

            migrationBuilder.CreateIndex(
                name: "IX_policies_approved_by",
                table: "policies",
                column: "approved_by");

            migrationBuilder.CreateIndex(
                name: "IX_policies_proposed_by",
                table: "policies",
                column: "proposed_by");

            migrationBuilder.CreateIndex(
                name: "IX_tac_mandates_party_id",
                table: "tac_mandates",
                column: "party_id");

            migrationBuilder.Sql(RegistryDatabase.Script("orders.sql"));
            migrationBuilder.Sql(RegistryDatabase.Script("journal.sql"));
        }

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.DropTable(
                name: "batches");

            migrationBuilder.DropTable(
                name: "devices");

            migrationBuilder.DropTable(
                name: "imeis");

            migrationBuilder.DropTable(
                name: "journal");

            migrationBuilder.DropTable(
                name: "journal_private");

            migrationBuilder.DropTable(
                name: "journal_subjects");

            migrationBuilder.DropTable(
                name: "node_positions");

            migrationBuilder.DropTable(
                name: "order_items");

            migrationBuilder.DropTable(
                name: "order_reasons");

            migrationBuilder.DropTable(
                name: "policies");

            migrationBuilder.DropTable(
                name: "receipts");

            migrationBuilder.DropTable(
                name: "tac_mandates");

            migrationBuilder.DropTable(
                name: "tacs");

            migrationBuilder.DropTable(
                name: "authorizations");

            migrationBuilder.DropTable(
                name: "journal_epochs");

            migrationBuilder.DropTable(
                name: "journal_payloads");

            migrationBuilder.DropTable(
                name: "orders");

            migrationBuilder.DropTable(
                name: "actors");

            migrationBuilder.DropTable(
                name: "parties");
        }
    }
}
