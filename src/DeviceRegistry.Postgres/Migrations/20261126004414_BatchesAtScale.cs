using System;
using DeviceRegistry.Postgres.Schema;
using Microsoft.EntityFrameworkCore.Migrations;
using Npgsql.EntityFrameworkCore.PostgreSQL.Metadata;

#nullable disable

namespace DeviceRegistry.Postgres.Migrations
{
    /// <inheritdoc />
    public partial class BatchesAtScale : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.DropIndex(
                name: "IX_batches_party_id_reference",
                table: "batches");

            migrationBuilder.DropCheckConstraint(
                name: "batch_four_eyes",
                table: "batches");

            migrationBuilder.AddColumn<string>(
                name: "tac_holder",
                table: "tac_mandates",
                type: "text",
                nullable: false,
                defaultValue: "");

            migrationBuilder.AlterColumn<DateTime>(
                name: "registered_at",
                table: "batches",
                type: "timestamp with time zone",
                nullable: true,
                oldClrType: typeof(DateTime),
                oldType: "timestamp with time zone");

            migrationBuilder.AlterColumn<int>(
                name: "number",
                table: "batches",
                type: "integer",
                nullable: false,
                oldClrType: typeof(long),
                oldType: "bigint")
                .Annotation("Npgsql:ValueGenerationStrategy", NpgsqlValueGenerationStrategy.IdentityByDefaultColumn)
                .OldAnnotation("Npgsql:ValueGenerationStrategy", NpgsqlValueGenerationStrategy.IdentityByDefaultColumn);

            migrationBuilder.AddColumn<long>(
                name: "certified_under",
                table: "batches",
                type: "bigint",
                nullable: true);

            migrationBuilder.AddColumn<long>(
                name: "chunk_bytes",
                table: "batches",
                type: "bigint",
                nullable: false,
                defaultValue: 0L);

            migrationBuilder.AddColumn<int>(
                name: "chunks",
                table: "batches",
                type: "integer",
                nullable: false,
                defaultValue: 0);

            migrationBuilder.AddColumn<int>(
                name: "declared_units",
                table: "batches",
                type: "integer",
                nullable: false,
                defaultValue: 0);

            migrationBuilder.AddColumn<byte[]>(
                name: "digest",
                table: "batches",
                type: "bytea",
                nullable: false,
                defaultValue: new byte[0]);

            migrationBuilder.AddColumn<bool>(
                name: "dry_run",
                table: "batches",
                type: "boolean",
                nullable: false,
                defaultValue: false);

            migrationBuilder.AddColumn<DateTime>(
                name: "expires_at",
                table: "batches",
                type: "timestamp with time zone",
                nullable: true);

            migrationBuilder.AddColumn<byte[]>(
                name: "file_digest",
                table: "batches",
                type: "bytea",
                nullable: false,
                defaultValue: new byte[0]);

            migrationBuilder.AddColumn<short>(
                name: "imeis_per_unit",
                table: "batches",
                type: "smallint",
                nullable: true);

            migrationBuilder.AddColumn<long>(
                name: "judged_at",
                table: "batches",
                type: "bigint",
                nullable: true);

            migrationBuilder.AddColumn<int>(
                name: "line_faults",
                table: "batches",
                type: "integer",
                nullable: false,
                defaultValue: 0);

            migrationBuilder.AddColumn<DateTime>(
                name: "opened_at",
                table: "batches",
                type: "timestamp with time zone",
                nullable: false,
                defaultValue: new DateTime(1, 1, 1, 0, 0, 0, 0, DateTimeKind.Unspecified));

            migrationBuilder.AddColumn<long>(
                name: "opened_by",
                table: "batches",
                type: "bigint",
                nullable: false,
                defaultValue: 0L);

            migrationBuilder.AddColumn<string>(
                name: "reject_expected",
                table: "batches",
                type: "text",
                nullable: false,
                defaultValue: "");

            migrationBuilder.AddColumn<string>(
                name: "reject_field",
                table: "batches",
                type: "text",
                nullable: false,
                defaultValue: "");

            migrationBuilder.AddColumn<string>(
                name: "reject_message",
                table: "batches",
                type: "text",
                nullable: false,
                defaultValue: "");

            migrationBuilder.AddColumn<string>(
                name: "reject_reason",
                table: "batches",
                type: "text",
                nullable: false,
                defaultValue: "");

            migrationBuilder.AddColumn<long>(
                name: "sealed_by",
                table: "batches",
                type: "bigint",
                nullable: true);

            migrationBuilder.AddColumn<int>(
                name: "stored_imeis",
                table: "batches",
                type: "integer",
                nullable: false,
                defaultValue: 0);

            migrationBuilder.AddColumn<int>(
                name: "stored_units",
                table: "batches",
                type: "integer",
                nullable: false,
                defaultValue: 0);

            migrationBuilder.AddColumn<bool>(
                name: "withdrawing",
                table: "batches",
                type: "boolean",
                nullable: false,
                defaultValue: false);

            migrationBuilder.AddColumn<long>(
                name: "quota_units",
                table: "authorizations",
                type: "bigint",
                nullable: false,
                defaultValue: 0L);

            migrationBuilder.CreateTable(
                name: "alarms",
                columns: table => new
                {
                    number = table.Column<long>(type: "bigint", nullable: false)
                        .Annotation("Npgsql:ValueGenerationStrategy", NpgsqlValueGenerationStrategy.IdentityByDefaultColumn),
                    kind = table.Column<short>(type: "smallint", nullable: false),
                    raised_at = table.Column<DateTime>(type: "timestamp with time zone", nullable: false),
                    batch_number = table.Column<int>(type: "integer", nullable: false),
                    unit = table.Column<int>(type: "integer", nullable: false),
                    imei = table.Column<long>(type: "bigint", nullable: false),
                    operators = table.Column<long[]>(type: "bigint[]", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("PK_alarms", x => x.number);
                    table.ForeignKey(
                        name: "FK_alarms_batches_batch_number",
                        column: x => x.batch_number,
                        principalTable: "batches",
                        principalColumn: "number",
                        onDelete: ReferentialAction.Restrict);
                });

            migrationBuilder.CreateTable(
                name: "batch_pieces",
                columns: table => new
                {
                    batch_number = table.Column<int>(type: "integer", nullable: false),
                    piece = table.Column<int>(type: "integer", nullable: false),
                    salt = table.Column<byte[]>(type: "bytea", nullable: false),
                    bytes = table.Column<byte[]>(type: "bytea", nullable: false),
                    digest = table.Column<byte[]>(type: "bytea", nullable: false, computedColumnSql: "sha256(salt || bytes)", stored: true)
                },
                constraints: table =>
                {
                    table.PrimaryKey("PK_batch_pieces", x => new { x.batch_number, x.piece });
                    table.ForeignKey(
                        name: "FK_batch_pieces_batches_batch_number",
                        column: x => x.batch_number,
                        principalTable: "batches",
                        principalColumn: "number",
                        onDelete: ReferentialAction.Restrict);
                });

            migrationBuilder.CreateTable(
                name: "changes",
                columns: table => new
                {
                    number = table.Column<long>(type: "bigint", nullable: false)
                        .Annotation("Npgsql:ValueGenerationStrategy", NpgsqlValueGenerationStrategy.IdentityByDefaultColumn),
                    kind = table.Column<short>(type: "smallint", nullable: false),
                    body = table.Column<byte[]>(type: "bytea", nullable: false),
                    state = table.Column<short>(type: "smallint", nullable: false),
                    proposed_by = table.Column<long>(type: "bigint", nullable: false),
                    proposed_at = table.Column<DateTime>(type: "timestamp with time zone", nullable: false),
                    decided_by = table.Column<long>(type: "bigint", nullable: true),
                    decided_at = table.Column<DateTime>(type: "timestamp with time zone", nullable: true)
                },
                constraints: table =>
                {
                    table.PrimaryKey("PK_changes", x => x.number);
                    table.CheckConstraint("change_four_eyes", "(decided_by IS NULL) = (state = 1) AND (state <> 2 OR decided_by <> proposed_by)");
                    table.ForeignKey(
                        name: "FK_changes_actors_decided_by",
                        column: x => x.decided_by,
                        principalTable: "actors",
                        principalColumn: "id",
                        onDelete: ReferentialAction.Restrict);
                    table.ForeignKey(
                        name: "FK_changes_actors_proposed_by",
                        column: x => x.proposed_by,
                        principalTable: "actors",
                        principalColumn: "id",
                        onDelete: ReferentialAction.Restrict);
                });

            migrationBuilder.CreateTable(
                name: "fault_pages",
                columns: table => new
                {
                    batch_number = table.Column<int>(type: "integer", nullable: false),
                    first_line = table.Column<int>(type: "integer", nullable: false),
                    last_line = table.Column<int>(type: "integer", nullable: false),
                    bytes = table.Column<byte[]>(type: "bytea", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("PK_fault_pages", x => new { x.batch_number, x.first_line });
                    table.ForeignKey(
                        name: "FK_fault_pages_batches_batch_number",
                        column: x => x.batch_number,
                        principalTable: "batches",
                        principalColumn: "number",
                        onDelete: ReferentialAction.Restrict);
                });

            migrationBuilder.CreateTable(
                name: "malformed_identities",
                columns: table => new
                {
                    id = table.Column<long>(type: "bigint", nullable: false)
                        .Annotation("Npgsql:IdentitySequenceOptions", "'-1', '-1', '-9223372036854775808', '-1', 'False', '1'")
                        .Annotation("Npgsql:ValueGenerationStrategy", NpgsqlValueGenerationStrategy.IdentityAlwaysColumn),
                    text = table.Column<string>(type: "text", nullable: false, collation: "C")
                },
                constraints: table =>
                {
                    table.PrimaryKey("PK_malformed_identities", x => x.id);
                    table.CheckConstraint("malformed_identity_is_no_imei", "id < 0");
                });

            migrationBuilder.CreateTable(
                name: "quarantined_units",
                columns: table => new
                {
                    batch_number = table.Column<int>(type: "integer", nullable: false),
                    unit = table.Column<int>(type: "integer", nullable: false),
                    imei = table.Column<long>(type: "bigint", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("PK_quarantined_units", x => new { x.batch_number, x.unit });
                    table.ForeignKey(
                        name: "FK_quarantined_units_batches_batch_number",
                        column: x => x.batch_number,
                        principalTable: "batches",
                        principalColumn: "number",
                        onDelete: ReferentialAction.Restrict);
                });

            migrationBuilder.CreateTable(
                name: "sighting_segments",
                columns: table => new
                {
                    actor_id = table.Column<long>(type: "bigint", nullable: false),
                    number = table.Column<long>(type: "bigint", nullable: false),
                    checksum = table.Column<byte[]>(type: "bytea", nullable: false),
                    new_identities = table.Column<int>(type: "integer", nullable: false),
                    alarms = table.Column<int>(type: "integer", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("PK_sighting_segments", x => x.actor_id);
                });

            migrationBuilder.CreateTable(
                name: "sightings",
                columns: table => new
                {
                    identity = table.Column<long>(type: "bigint", nullable: false),
                    first_seen = table.Column<DateTime>(type: "timestamp with time zone", nullable: false),
                    last_seen = table.Column<DateTime>(type: "timestamp with time zone", nullable: false),
                    operators = table.Column<long[]>(type: "bigint[]", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("PK_sightings", x => x.identity);
                    table.CheckConstraint("sighting_times", "first_seen <= last_seen");
                });

            migrationBuilder.CreateTable(
                name: "unit_runs",
                columns: table => new
                {
                    batch_number = table.Column<int>(type: "integer", nullable: false),
                    first_unit = table.Column<int>(type: "integer", nullable: false),
                    last_unit = table.Column<int>(type: "integer", nullable: false),
                    state = table.Column<short>(type: "smallint", nullable: false),
                    imeis = table.Column<int>(type: "integer", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("PK_unit_runs", x => new { x.batch_number, x.first_unit });
                    table.ForeignKey(
                        name: "FK_unit_runs_batches_batch_number",
                        column: x => x.batch_number,
                        principalTable: "batches",
                        principalColumn: "number",
                        onDelete: ReferentialAction.Restrict);
                });

            migrationBuilder.CreateTable(
                name: "upload_chunks",
                columns: table => new
                {
                    batch_number = table.Column<int>(type: "integer", nullable: false),
                    sequence = table.Column<int>(type: "integer", nullable: false),
                    bytes = table.Column<byte[]>(type: "bytea", nullable: false),
                    digest = table.Column<byte[]>(type: "bytea", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("PK_upload_chunks", x => new { x.batch_number, x.sequence });
                    table.ForeignKey(
                        name: "FK_upload_chunks_batches_batch_number",
                        column: x => x.batch_number,
                        principalTable: "batches",
                        principalColumn: "number",
                        onDelete: ReferentialAction.Restrict);
                });

            // The two tables that hold a nation get their columns anew rather than changed: a dropped column would stay in every row.
            migrationBuilder.Sql("""
                ALTER TABLE devices RENAME TO devices_before;
                ALTER TABLE imeis RENAME TO imeis_before;
                CREATE TABLE devices (batch_number int NOT NULL, unit int NOT NULL, party_id bigint NOT NULL, serial_number text COLLATE "C" NOT NULL, imeis bigint[] NOT NULL);
                CREATE TABLE imeis (imei bigint NOT NULL, batch_number int NOT NULL, unit int NOT NULL, retired_at timestamptz,
                  CONSTRAINT imei_fourteen_digits CHECK (imei BETWEEN 0 AND 99999999999999));
                INSERT INTO devices SELECT d.batch_number, row_number() OVER (PARTITION BY d.batch_number ORDER BY d.id), d.party_id, d.serial_number,
                  ARRAY(SELECT i.imei FROM imeis_before i WHERE i.device_id = d.id ORDER BY i.slot) FROM devices_before d;
                INSERT INTO imeis SELECT unnest(d.imeis), d.batch_number, d.unit FROM devices d ORDER BY 1;
                DROP TABLE imeis_before, devices_before;
                ALTER TABLE devices ADD CONSTRAINT "PK_devices" PRIMARY KEY (batch_number, unit);
                ALTER TABLE imeis ADD CONSTRAINT "PK_imeis" PRIMARY KEY (imei);
                CREATE INDEX imei_retired_of_unit ON imeis (batch_number, unit) WHERE retired_at IS NOT NULL;
                CREATE UNIQUE INDEX device_serial_number ON devices (party_id, serial_number);

                UPDATE tac_mandates SET tac_holder = brand_owner;
                UPDATE batches SET state = state + 4, opened_at = registered_at, declared_units = units,
                  imeis_per_unit = CASE WHEN units > 0 AND NOT EXISTS (
                    SELECT FROM devices d WHERE d.batch_number = number AND cardinality(d.imeis) <> batches.imeis / units) THEN batches.imeis / units END;
                UPDATE batches b SET opened_by = p.actor, sealed_by = p.actor
                  FROM journal_subjects s JOIN journal_payloads p ON p.id = s.payload_id WHERE s.kind = 1 AND s.subject = b.number AND p.kind = 8;
                INSERT INTO unit_runs (batch_number, first_unit, last_unit, state, imeis)
                  SELECT number, 1, units, CASE state WHEN 7 THEN 3 WHEN 8 THEN 4 ELSE 1 END, imeis FROM batches;
                UPDATE batches SET state = 9 WHERE state = 8;
                """);

            migrationBuilder.CreateIndex(
                name: "IX_batches_certified_under",
                table: "batches",
                column: "certified_under");

            migrationBuilder.CreateIndex(
                name: "IX_batches_opened_by",
                table: "batches",
                column: "opened_by");

            migrationBuilder.CreateIndex(
                name: "IX_batches_sealed_by",
                table: "batches",
                column: "sealed_by");

            migrationBuilder.CreateIndex(
                name: "batch_reference",
                table: "batches",
                columns: new[] { "party_id", "reference", "dry_run" },
                unique: true,
                filter: "state <> 3");

            migrationBuilder.CreateIndex(
                name: "batches_not_registered",
                table: "batches",
                column: "state",
                filter: "state < 5");

            migrationBuilder.AddCheckConstraint(
                name: "batch_expires",
                table: "batches",
                sql: "(state IN (1, 3, 4)) = (expires_at IS NOT NULL)");

            migrationBuilder.AddCheckConstraint(
                name: "batch_four_eyes",
                table: "batches",
                sql: "CASE WHEN state < 6 THEN proposed_by IS NULL AND certified_by IS NULL AND certified_under IS NULL\nWHEN state = 6 THEN proposed_by IS NOT NULL AND certified_by IS NULL AND certified_under IS NULL\nWHEN certified_under IS NOT NULL THEN certified_by IS NULL\nELSE proposed_by IS NOT NULL AND certified_by IS NOT NULL AND certified_by <> proposed_by END");

            migrationBuilder.AddCheckConstraint(
                name: "batch_registered",
                table: "batches",
                sql: "(state >= 5) = (registered_at IS NOT NULL) AND (state < 5 OR NOT dry_run)");

            migrationBuilder.AddCheckConstraint(
                name: "batch_sealed",
                table: "batches",
                sql: "(state = 1) = (sealed_by IS NULL)");

            migrationBuilder.AddCheckConstraint(
                name: "authorization_quota",
                table: "authorizations",
                sql: "quota_units >= 0");

            migrationBuilder.CreateIndex(
                name: "IX_alarms_batch_number",
                table: "alarms",
                column: "batch_number");

            migrationBuilder.CreateIndex(
                name: "alarm_once",
                table: "alarms",
                columns: new[] { "kind", "batch_number", "unit" },
                unique: true);

            migrationBuilder.CreateIndex(
                name: "IX_changes_decided_by",
                table: "changes",
                column: "decided_by");

            migrationBuilder.CreateIndex(
                name: "IX_changes_proposed_by",
                table: "changes",
                column: "proposed_by");

            migrationBuilder.CreateIndex(
                name: "changes_proposed",
                table: "changes",
                column: "number",
                filter: "state = 1");

            migrationBuilder.CreateIndex(
                name: "IX_malformed_identities_text",
                table: "malformed_identities",
                column: "text",
                unique: true);

            migrationBuilder.AddForeignKey(
                name: "FK_batches_actors_opened_by",
                table: "batches",
                column: "opened_by",
                principalTable: "actors",
                principalColumn: "id",
                onDelete: ReferentialAction.Restrict);

            migrationBuilder.AddForeignKey(
                name: "FK_batches_actors_sealed_by",
                table: "batches",
                column: "sealed_by",
                principalTable: "actors",
                principalColumn: "id",
                onDelete: ReferentialAction.Restrict);

            migrationBuilder.AddForeignKey(
                name: "FK_batches_policies_certified_under",
                table: "batches",
                column: "certified_under",
                principalTable: "policies",
                principalColumn: "version",
                onDelete: ReferentialAction.Restrict);

            migrationBuilder.Sql(RegistryDatabase.Script("registration.sql"));
        }

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder) =>
            throw new NotSupportedException("The states of single units have no place in the schema before. Restore a backup.");
    }
}
