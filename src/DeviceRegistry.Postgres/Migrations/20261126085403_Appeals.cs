using System;
using DeviceRegistry.Postgres.Schema;
using Microsoft.EntityFrameworkCore.Migrations;
using Npgsql.EntityFrameworkCore.PostgreSQL.Metadata;

#nullable disable

namespace DeviceRegistry.Postgres.Migrations
{
    /// <inheritdoc />
    public partial class Appeals : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.AddColumn<long>(
                name: "appeal",
                table: "orders",
                type: "bigint",
                nullable: true);

            migrationBuilder.CreateTable(
                name: "appeals",
                columns: table => new
                {
                    number = table.Column<long>(type: "bigint", nullable: false)
                        .Annotation("Npgsql:ValueGenerationStrategy", NpgsqlValueGenerationStrategy.IdentityByDefaultColumn),
                    order_number = table.Column<long>(type: "bigint", nullable: false),
                    order_drafted_by = table.Column<long>(type: "bigint", nullable: false),
                    order_approved_by = table.Column<long>(type: "bigint", nullable: false),
                    forum = table.Column<short>(type: "smallint", nullable: false),
                    state = table.Column<short>(type: "smallint", nullable: false),
                    after_appeal = table.Column<long>(type: "bigint", nullable: true),
                    appellant = table.Column<string>(type: "text", nullable: false),
                    grounds = table.Column<string>(type: "text", nullable: false),
                    reference = table.Column<string>(type: "text", nullable: false),
                    evidence = table.Column<byte[][]>(type: "bytea[]", nullable: false),
                    filed_on = table.Column<DateOnly>(type: "date", nullable: false),
                    file_by = table.Column<DateOnly>(type: "date", nullable: true),
                    decide_by = table.Column<DateOnly>(type: "date", nullable: true),
                    recorded_by = table.Column<long>(type: "bigint", nullable: false),
                    recorded_at = table.Column<DateTime>(type: "timestamp with time zone", nullable: false),
                    reviewed_by = table.Column<long>(type: "bigint", nullable: true),
                    reviewed_at = table.Column<DateTime>(type: "timestamp with time zone", nullable: true),
                    remitted_at = table.Column<DateTime>(type: "timestamp with time zone", nullable: true),
                    decided_by = table.Column<long>(type: "bigint", nullable: true),
                    decided_at = table.Column<DateTime>(type: "timestamp with time zone", nullable: true),
                    findings = table.Column<string>(type: "text", nullable: false),
                    decision_evidence = table.Column<byte[][]>(type: "bytea[]", nullable: false),
                    measure = table.Column<long>(type: "bigint", nullable: true)
                },
                constraints: table =>
                {
                    table.PrimaryKey("PK_appeals", x => x.number);
                    table.UniqueConstraint("appeal_and_its_order", x => new { x.number, x.order_number });
                    table.CheckConstraint("appeal_decided", "(decided_by IS NULL) = (decided_at IS NULL) AND (decided_by IS NULL) = (findings = '') AND (state < 3 OR decided_by IS NOT NULL)");
                    table.CheckConstraint("appeal_in_time", "filed_on <= file_by");
                    table.CheckConstraint("appeal_other_people", "decided_by NOT IN (order_drafted_by, order_approved_by, recorded_by) AND reviewed_by NOT IN (order_drafted_by, order_approved_by)");
                    table.CheckConstraint("appeal_remitted", "state <> 5 OR (remitted_at IS NOT NULL AND decide_by IS NOT NULL)");
                    table.CheckConstraint("appeal_reversed", "(state = 4) = (measure IS NOT NULL)");
                    table.CheckConstraint("appeal_reviewed", "(reviewed_by IS NULL) = (reviewed_at IS NULL) AND (state NOT BETWEEN 2 AND 5 OR reviewed_by IS NOT NULL)");
                    table.CheckConstraint("appeal_to_the_court_of_last_resort", "forum < 3 OR after_appeal IS NOT NULL");
                    table.ForeignKey(
                        name: "FK_appeals_actors_decided_by",
                        column: x => x.decided_by,
                        principalTable: "actors",
                        principalColumn: "id",
                        onDelete: ReferentialAction.Restrict);
                    table.ForeignKey(
                        name: "FK_appeals_actors_recorded_by",
                        column: x => x.recorded_by,
                        principalTable: "actors",
                        principalColumn: "id",
                        onDelete: ReferentialAction.Restrict);
                    table.ForeignKey(
                        name: "FK_appeals_actors_reviewed_by",
                        column: x => x.reviewed_by,
                        principalTable: "actors",
                        principalColumn: "id",
                        onDelete: ReferentialAction.Restrict);
                    table.ForeignKey(
                        name: "FK_appeals_appeals_after_appeal_order_number",
                        columns: x => new { x.after_appeal, x.order_number },
                        principalTable: "appeals",
                        principalColumns: new[] { "number", "order_number" },
                        onDelete: ReferentialAction.Restrict);
                    table.ForeignKey(
                        name: "FK_appeals_orders_measure",
                        column: x => x.measure,
                        principalTable: "orders",
                        principalColumn: "number",
                        onDelete: ReferentialAction.Restrict);
                    table.ForeignKey(
                        name: "FK_appeals_orders_order_number_order_drafted_by",
                        columns: x => new { x.order_number, x.order_drafted_by },
                        principalTable: "orders",
                        principalColumns: new[] { "number", "drafted_by" },
                        onDelete: ReferentialAction.Restrict);
                });

            migrationBuilder.CreateIndex(
                name: "IX_orders_appeal_against",
                table: "orders",
                columns: new[] { "appeal", "against" });

            migrationBuilder.AddCheckConstraint(
                name: "order_for_an_appeal",
                table: "orders",
                sql: "appeal IS NULL OR action > 1");

            migrationBuilder.CreateIndex(
                name: "IX_appeals_after_appeal_order_number",
                table: "appeals",
                columns: new[] { "after_appeal", "order_number" });

            migrationBuilder.CreateIndex(
                name: "IX_appeals_decided_by",
                table: "appeals",
                column: "decided_by");

            migrationBuilder.CreateIndex(
                name: "IX_appeals_measure",
                table: "appeals",
                column: "measure");

            migrationBuilder.CreateIndex(
                name: "IX_appeals_order_number_order_drafted_by",
                table: "appeals",
                columns: new[] { "order_number", "order_drafted_by" });

            migrationBuilder.CreateIndex(
                name: "IX_appeals_recorded_by",
                table: "appeals",
                column: "recorded_by");

            migrationBuilder.CreateIndex(
                name: "IX_appeals_reviewed_by",
                table: "appeals",
                column: "reviewed_by");

            migrationBuilder.CreateIndex(
                name: "appeal_followed_once",
                table: "appeals",
                column: "after_appeal",
                unique: true,
                filter: "state <> 6");

            migrationBuilder.CreateIndex(
                name: "appeals_open",
                table: "appeals",
                column: "decide_by",
                filter: "state IN (1, 2, 5)");

            migrationBuilder.AddForeignKey(
                name: "FK_orders_appeals_appeal_against",
                table: "orders",
                columns: new[] { "appeal", "against" },
                principalTable: "appeals",
                principalColumns: new[] { "number", "order_number" },
                onDelete: ReferentialAction.Restrict);

            // By hand: the steps, the trigger, what a key over a nullable column cannot say, and the grants.
            migrationBuilder.Sql(RegistryDatabase.Script("appeals.sql"));
        }

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.DropForeignKey(
                name: "FK_orders_appeals_appeal_against",
                table: "orders");

            migrationBuilder.DropTable(
                name: "appeals");

            migrationBuilder.Sql("DROP FUNCTION appeal_steps; DROP TABLE appeal_transitions;");

            migrationBuilder.DropIndex(
                name: "IX_orders_appeal_against",
                table: "orders");

            migrationBuilder.DropCheckConstraint(
                name: "order_for_an_appeal",
                table: "orders");

            migrationBuilder.DropColumn(
                name: "appeal",
                table: "orders");
        }
    }
}
