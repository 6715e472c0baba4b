using System;
using DeviceRegistry.Postgres.Schema;
using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace DeviceRegistry.Postgres.Migrations
{
    /// <inheritdoc />
    public partial class LivesOfOrders : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.DropForeignKey(
                name: "FK_orders_orders_lifts_lifts_drafted_by",
                table: "orders");

            migrationBuilder.DropIndex(
                name: "IX_orders_lifts",
                table: "orders");

            migrationBuilder.DropIndex(
                name: "IX_orders_lifts_lifts_drafted_by",
                table: "orders");

            migrationBuilder.DropCheckConstraint(
                name: "order_four_eyes",
                table: "orders");

            migrationBuilder.DropCheckConstraint(
                name: "order_lift_names_its_order",
                table: "orders");

            migrationBuilder.DropCheckConstraint(
                name: "order_lift_six_eyes",
                table: "orders");

            migrationBuilder.DropCheckConstraint(
                name: "order_lifted_by_a_lift",
                table: "orders");

            migrationBuilder.DropCheckConstraint(
                name: "order_notice",
                table: "orders");

            migrationBuilder.RenameColumn(
                name: "lifts",
                table: "orders",
                newName: "against");

            migrationBuilder.RenameColumn(
                name: "lifts_drafted_by",
                table: "orders",
                newName: "against_drafted_by");

            migrationBuilder.RenameColumn(
                name: "lifts_approved_by",
                table: "orders",
                newName: "against_approved_by");

            migrationBuilder.RenameColumn(
                name: "lifted_by",
                table: "orders",
                newName: "changed_by");

            migrationBuilder.AddColumn<long>(
                name: "noticed_by",
                table: "orders",
                type: "bigint",
                nullable: true);

            migrationBuilder.AddColumn<long>(
                name: "ended_by",
                table: "orders",
                type: "bigint",
                nullable: true);

            migrationBuilder.AddColumn<string>(
                name: "end_reason",
                table: "orders",
                type: "text",
                nullable: false,
                defaultValue: "");

            migrationBuilder.AddColumn<DateTime>(
                name: "ended_at",
                table: "orders",
                type: "timestamp with time zone",
                nullable: true);

            migrationBuilder.AddColumn<DateTime>(
                name: "enforced_at",
                table: "orders",
                type: "timestamp with time zone",
                nullable: true);

            migrationBuilder.AddColumn<byte[][]>(
                name: "evidence",
                table: "orders",
                type: "bytea[]",
                nullable: false,
                defaultValueSql: "'{}'");

            migrationBuilder.AddColumn<DateTime>(
                name: "in_force_at",
                table: "orders",
                type: "timestamp with time zone",
                nullable: true);

            migrationBuilder.AddColumn<DateTime>(
                name: "notice_at",
                table: "orders",
                type: "timestamp with time zone",
                nullable: true);

            migrationBuilder.AddColumn<string>(
                name: "notice_channel",
                table: "orders",
                type: "text",
                nullable: false,
                defaultValue: "");

            migrationBuilder.AddColumn<byte[]>(
                name: "notice_evidence",
                table: "orders",
                type: "bytea",
                nullable: false,
                defaultValue: new byte[0]);

            migrationBuilder.AddColumn<string>(
                name: "notice_reference",
                table: "orders",
                type: "text",
                nullable: false,
                defaultValue: "");

            migrationBuilder.AddColumn<string>(
                name: "notice_waiver",
                table: "orders",
                type: "text",
                nullable: false,
                defaultValue: "");

            migrationBuilder.CreateTable(
                name: "order_applied",
                columns: table => new
                {
                    order_number = table.Column<long>(type: "bigint", nullable: false),
                    party_id = table.Column<long>(type: "bigint", nullable: false),
                    applied_at = table.Column<DateTime>(type: "timestamp with time zone", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("PK_order_applied", x => new { x.order_number, x.party_id });
                    table.ForeignKey(
                        name: "FK_order_applied_orders_order_number",
                        column: x => x.order_number,
                        principalTable: "orders",
                        principalColumn: "number",
                        onDelete: ReferentialAction.Restrict);
                    table.ForeignKey(
                        name: "FK_order_applied_parties_party_id",
                        column: x => x.party_id,
                        principalTable: "parties",
                        principalColumn: "id",
                        onDelete: ReferentialAction.Restrict);
                });

            migrationBuilder.CreateIndex(
                name: "IX_orders_against",
                table: "orders",
                column: "against");

            migrationBuilder.CreateIndex(
                name: "IX_orders_against_against_drafted_by",
                table: "orders",
                columns: new[] { "against", "against_drafted_by" });

            migrationBuilder.CreateIndex(
                name: "IX_orders_ended_by",
                table: "orders",
                column: "ended_by");

            migrationBuilder.CreateIndex(
                name: "IX_orders_noticed_by",
                table: "orders",
                column: "noticed_by");

            migrationBuilder.CreateIndex(
                name: "orders_alive",
                table: "orders",
                column: "state",
                filter: "state IN (3, 8, 10, 11)");

            // What was armed and has begun is in force; what was lifted ended when its lift was approved.
            migrationBuilder.Sql("""
                UPDATE orders SET state = 10, in_force_at = greatest(effective_at, approved_at) WHERE action = 1 AND state = 3 AND greatest(effective_at, approved_at) <= now()
                  AND coalesce(greatest(effective_at, approved_at) < expires_at, true);
                UPDATE orders o SET ended_at = least(l.approved_at, o.expires_at) FROM orders l WHERE o.state = 4 AND l.number = o.changed_by;
                UPDATE orders SET in_force_at = greatest(effective_at, approved_at) WHERE state = 4 AND greatest(effective_at, approved_at) < ended_at;
                """);

            migrationBuilder.AddCheckConstraint(
                name: "order_ended",
                table: "orders",
                sql: "(ended_at IS NULL) = (state NOT IN (4, 6, 7, 9)) AND (state <> 4 OR changed_by IS NOT NULL OR coalesce(ended_at = expires_at, false))");

            migrationBuilder.AddCheckConstraint(
                name: "order_enforced",
                table: "orders",
                sql: "(state = 11) <= (enforced_at IS NOT NULL)");

            migrationBuilder.AddCheckConstraint(
                name: "order_four_eyes",
                table: "orders",
                sql: "(approved_by IS NULL) = (state IN (1, 6, 7) AND approved_at IS NULL) AND approved_by <> drafted_by");

            migrationBuilder.AddCheckConstraint(
                name: "order_in_force",
                table: "orders",
                sql: "(state NOT IN (10, 11) OR in_force_at IS NOT NULL) AND coalesce(in_force_at < expires_at, true)");

            migrationBuilder.AddCheckConstraint(
                name: "order_lifted_by_something",
                table: "orders",
                sql: "state NOT IN (8, 9) OR changed_by IS NOT NULL");

            migrationBuilder.AddCheckConstraint(
                name: "order_names_its_order",
                table: "orders",
                sql: "(action > 1) <= (against IS NOT NULL) AND (against IS NULL) = (against_drafted_by IS NULL) AND (against IS NULL) = (against_approved_by IS NULL)");

            migrationBuilder.AddCheckConstraint(
                name: "order_notice",
                table: "orders",
                sql: "action > 1 OR order_class < 4 OR state NOT IN (3, 8, 10, 11) OR notice_at IS NOT NULL");

            migrationBuilder.AddCheckConstraint(
                name: "order_noticed",
                table: "orders",
                sql: "(notice_at IS NULL) = (noticed_by IS NULL) AND (notice_at IS NULL) = (notice_reference = '')");

            migrationBuilder.AddCheckConstraint(
                name: "order_rejected",
                table: "orders",
                sql: "(ended_by IS NULL) = (state NOT IN (6, 7)) AND (state <> 6 OR ended_by <> drafted_by)");

            migrationBuilder.AddCheckConstraint(
                name: "order_six_eyes",
                table: "orders",
                sql: "(action > 1 AND order_class = 5) OR (approved_by <> against_drafted_by AND approved_by <> against_approved_by)");

            migrationBuilder.CreateIndex(
                name: "IX_order_applied_party_id",
                table: "order_applied",
                column: "party_id");

            migrationBuilder.AddForeignKey(
                name: "FK_orders_actors_ended_by",
                table: "orders",
                column: "ended_by",
                principalTable: "actors",
                principalColumn: "id",
                onDelete: ReferentialAction.Restrict);

            migrationBuilder.AddForeignKey(
                name: "FK_orders_actors_noticed_by",
                table: "orders",
                column: "noticed_by",
                principalTable: "actors",
                principalColumn: "id",
                onDelete: ReferentialAction.Restrict);

            migrationBuilder.AddForeignKey(
                name: "FK_orders_orders_against_against_drafted_by",
                table: "orders",
                columns: new[] { "against", "against_drafted_by" },
                principalTable: "orders",
                principalColumns: new[] { "number", "drafted_by" },
                onDelete: ReferentialAction.Restrict);
            migrationBuilder.Sql(RegistryDatabase.Script("lifecycle.sql"));
        }

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.DropForeignKey(
                name: "FK_orders_actors_ended_by",
                table: "orders");

            migrationBuilder.DropForeignKey(
                name: "FK_orders_actors_noticed_by",
                table: "orders");

            migrationBuilder.DropForeignKey(
                name: "FK_orders_orders_against_against_drafted_by",
                table: "orders");

            migrationBuilder.DropTable(
                name: "order_applied");

            migrationBuilder.DropIndex(
                name: "IX_orders_against",
                table: "orders");

            migrationBuilder.DropIndex(
                name: "IX_orders_against_against_drafted_by",
                table: "orders");

            migrationBuilder.DropIndex(
                name: "IX_orders_ended_by",
                table: "orders");

            migrationBuilder.DropIndex(
                name: "IX_orders_noticed_by",
                table: "orders");

            migrationBuilder.DropIndex(
                name: "orders_alive",
                table: "orders");

            migrationBuilder.DropCheckConstraint(
                name: "order_ended",
                table: "orders");

            migrationBuilder.DropCheckConstraint(
                name: "order_enforced",
                table: "orders");

            migrationBuilder.DropCheckConstraint(
                name: "order_four_eyes",
                table: "orders");

            migrationBuilder.DropCheckConstraint(
                name: "order_in_force",
                table: "orders");

            migrationBuilder.DropCheckConstraint(
                name: "order_lifted_by_something",
                table: "orders");

            migrationBuilder.DropCheckConstraint(
                name: "order_names_its_order",
                table: "orders");

            migrationBuilder.DropCheckConstraint(
                name: "order_notice",
                table: "orders");

            migrationBuilder.DropCheckConstraint(
                name: "order_noticed",
                table: "orders");

            migrationBuilder.DropCheckConstraint(
                name: "order_rejected",
                table: "orders");

            migrationBuilder.DropCheckConstraint(
                name: "order_six_eyes",
                table: "orders");

            migrationBuilder.Sql("DROP TRIGGER order_steps ON orders; DROP FUNCTION order_steps; DROP TABLE order_transitions;");

            migrationBuilder.RenameColumn(
                name: "against",
                table: "orders",
                newName: "lifts");

            migrationBuilder.RenameColumn(
                name: "against_drafted_by",
                table: "orders",
                newName: "lifts_drafted_by");

            migrationBuilder.RenameColumn(
                name: "against_approved_by",
                table: "orders",
                newName: "lifts_approved_by");

            migrationBuilder.RenameColumn(
                name: "changed_by",
                table: "orders",
                newName: "lifted_by");

            migrationBuilder.DropColumn(
                name: "noticed_by",
                table: "orders");

            migrationBuilder.DropColumn(
                name: "ended_by",
                table: "orders");

            migrationBuilder.DropColumn(
                name: "end_reason",
                table: "orders");

            migrationBuilder.DropColumn(
                name: "ended_at",
                table: "orders");

            migrationBuilder.DropColumn(
                name: "enforced_at",
                table: "orders");

            migrationBuilder.DropColumn(
                name: "evidence",
                table: "orders");

            migrationBuilder.DropColumn(
                name: "in_force_at",
                table: "orders");

            migrationBuilder.DropColumn(
                name: "notice_at",
                table: "orders");

            migrationBuilder.DropColumn(
                name: "notice_channel",
                table: "orders");

            migrationBuilder.DropColumn(
                name: "notice_evidence",
                table: "orders");

            migrationBuilder.DropColumn(
                name: "notice_reference",
                table: "orders");

            migrationBuilder.DropColumn(
                name: "notice_waiver",
                table: "orders");

            migrationBuilder.CreateIndex(
                name: "IX_orders_lifts",
                table: "orders",
                column: "lifts");

            migrationBuilder.CreateIndex(
                name: "IX_orders_lifts_lifts_drafted_by",
                table: "orders",
                columns: new[] { "lifts", "lifts_drafted_by" });

            migrationBuilder.AddCheckConstraint(
                name: "order_four_eyes",
                table: "orders",
                sql: "(approved_by IS NULL) = (state = 1) AND approved_by <> drafted_by");

            migrationBuilder.AddCheckConstraint(
                name: "order_lift_names_its_order",
                table: "orders",
                sql: "(action = 2) = (lifts IS NOT NULL) AND (lifts IS NULL) = (lifts_drafted_by IS NULL) AND (lifts IS NULL) = (lifts_approved_by IS NULL)");

            migrationBuilder.AddCheckConstraint(
                name: "order_lift_six_eyes",
                table: "orders",
                sql: "approved_by <> lifts_drafted_by AND approved_by <> lifts_approved_by");

            migrationBuilder.AddCheckConstraint(
                name: "order_lifted_by_a_lift",
                table: "orders",
                sql: "(state = 4) = (lifted_by IS NOT NULL) AND (state = 4) <= (action = 1)");

            migrationBuilder.AddCheckConstraint(
                name: "order_notice",
                table: "orders",
                sql: "action = 2 OR order_class < 4 OR state < 3");

            migrationBuilder.AddForeignKey(
                name: "FK_orders_orders_lifts_lifts_drafted_by",
                table: "orders",
                columns: new[] { "lifts", "lifts_drafted_by" },
                principalTable: "orders",
                principalColumns: new[] { "number", "drafted_by" },
                onDelete: ReferentialAction.Restrict);
        }
    }
}
