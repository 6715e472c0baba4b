using System;
using DeviceRegistry.Postgres.Schema;
using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace DeviceRegistry.Postgres.Migrations
{
    /// <inheritdoc />
    public partial class EnforcementObserved : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.AddColumn<long>(
                name: "armed_position",
                table: "orders",
                type: "bigint",
                nullable: true);

            migrationBuilder.AddColumn<long>(
                name: "clock_ahead_ms",
                table: "node_positions",
                type: "bigint",
                nullable: true);

            migrationBuilder.AddColumn<long>(
                name: "clock_error_ms",
                table: "node_positions",
                type: "bigint",
                nullable: true);

            migrationBuilder.AlterColumn<int>(
                name: "unit",
                table: "alarms",
                type: "integer",
                nullable: true,
                oldClrType: typeof(int),
                oldType: "integer");

            migrationBuilder.AlterColumn<long>(
                name: "imei",
                table: "alarms",
                type: "bigint",
                nullable: true,
                oldClrType: typeof(long),
                oldType: "bigint");

            migrationBuilder.AlterColumn<int>(
                name: "batch_number",
                table: "alarms",
                type: "integer",
                nullable: true,
                oldClrType: typeof(int),
                oldType: "integer");

            migrationBuilder.AddColumn<long>(
                name: "actor_id",
                table: "alarms",
                type: "bigint",
                nullable: true);

            migrationBuilder.AddColumn<long>(
                name: "clock_ahead_ms",
                table: "alarms",
                type: "bigint",
                nullable: true);

            migrationBuilder.AddColumn<DateTime>(
                name: "ended_at",
                table: "alarms",
                type: "timestamp with time zone",
                nullable: true);

            migrationBuilder.AddColumn<long>(
                name: "order_number",
                table: "alarms",
                type: "bigint",
                nullable: true);

            migrationBuilder.AddColumn<long>(
                name: "orders",
                table: "alarms",
                type: "bigint",
                nullable: true);

            migrationBuilder.AddColumn<long>(
                name: "party_id",
                table: "alarms",
                type: "bigint",
                nullable: true);

            migrationBuilder.AddColumn<DateTime>(
                name: "since",
                table: "alarms",
                type: "timestamp with time zone",
                nullable: true);

            migrationBuilder.CreateTable(
                name: "order_refused",
                columns: table => new
                {
                    order_number = table.Column<long>(type: "bigint", nullable: false),
                    party_id = table.Column<long>(type: "bigint", nullable: false),
                    first_refused_at = table.Column<DateTime>(type: "timestamp with time zone", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("PK_order_refused", x => new { x.order_number, x.party_id });
                    table.ForeignKey(
                        name: "FK_order_refused_orders_order_number",
                        column: x => x.order_number,
                        principalTable: "orders",
                        principalColumn: "number",
                        onDelete: ReferentialAction.Restrict);
                    table.ForeignKey(
                        name: "FK_order_refused_parties_party_id",
                        column: x => x.party_id,
                        principalTable: "parties",
                        principalColumn: "id",
                        onDelete: ReferentialAction.Restrict);
                });

            migrationBuilder.CreateIndex(
                name: "orders_ending",
                table: "orders",
                column: "expires_at",
                filter: "state IN (8, 10, 11) AND expires_at IS NOT NULL");

            migrationBuilder.CreateIndex(
                name: "orders_starting",
                table: "orders",
                column: "effective_at",
                filter: "state = 3");

            migrationBuilder.CreateIndex(
                name: "orders_unplaced",
                table: "orders",
                column: "number",
                filter: "state IN (3, 10) AND armed_position IS NULL");

            migrationBuilder.CreateIndex(
                name: "orders_waiting",
                table: "orders",
                columns: new[] { "armed_position", "in_force_at" },
                filter: "state = 10");

            migrationBuilder.CreateIndex(
                name: "IX_alarms_actor_id",
                table: "alarms",
                column: "actor_id");

            migrationBuilder.CreateIndex(
                name: "IX_alarms_party_id",
                table: "alarms",
                column: "party_id");

            migrationBuilder.CreateIndex(
                name: "alarm_open_once",
                table: "alarms",
                columns: new[] { "kind", "party_id", "actor_id" },
                unique: true,
                filter: "kind > 3 AND ended_at IS NULL")
                .Annotation("Npgsql:NullsDistinct", false);

            migrationBuilder.AddCheckConstraint(
                name: "alarm_about",
                table: "alarms",
                sql: "(kind <= 3) = (batch_number IS NOT NULL) AND (kind <= 3) = (unit IS NOT NULL) AND (kind <= 3) = (imei IS NOT NULL) AND (kind > 3) = (party_id IS NOT NULL) AND (kind = 5) = (actor_id IS NOT NULL)");

            migrationBuilder.AddCheckConstraint(
                name: "alarm_ended",
                table: "alarms",
                sql: "kind > 3 OR ended_at IS NULL");

            migrationBuilder.CreateIndex(
                name: "IX_order_refused_party_id",
                table: "order_refused",
                column: "party_id");

            migrationBuilder.AddForeignKey(
                name: "FK_alarms_actors_actor_id",
                table: "alarms",
                column: "actor_id",
                principalTable: "actors",
                principalColumn: "id",
                onDelete: ReferentialAction.Restrict);

            migrationBuilder.AddForeignKey(
                name: "FK_alarms_parties_party_id",
                table: "alarms",
                column: "party_id",
                principalTable: "parties",
                principalColumn: "id",
                onDelete: ReferentialAction.Restrict);

            migrationBuilder.Sql(RegistryDatabase.Script("enforcement.sql"));
        }

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.DropForeignKey(
                name: "FK_alarms_actors_actor_id",
                table: "alarms");

            migrationBuilder.DropForeignKey(
                name: "FK_alarms_parties_party_id",
                table: "alarms");

            migrationBuilder.DropTable(
                name: "order_refused");

            migrationBuilder.DropIndex(
                name: "orders_ending",
                table: "orders");

            migrationBuilder.DropIndex(
                name: "orders_starting",
                table: "orders");

            migrationBuilder.DropIndex(
                name: "orders_unplaced",
                table: "orders");

            migrationBuilder.DropIndex(
                name: "orders_waiting",
                table: "orders");

            migrationBuilder.DropIndex(
                name: "IX_alarms_actor_id",
                table: "alarms");

            migrationBuilder.DropIndex(
                name: "IX_alarms_party_id",
                table: "alarms");

            migrationBuilder.DropIndex(
                name: "alarm_open_once",
                table: "alarms");

            migrationBuilder.DropCheckConstraint(
                name: "alarm_about",
                table: "alarms");

            migrationBuilder.DropCheckConstraint(
                name: "alarm_ended",
                table: "alarms");

            migrationBuilder.DropColumn(
                name: "armed_position",
                table: "orders");

            migrationBuilder.DropColumn(
                name: "clock_ahead_ms",
                table: "node_positions");

            migrationBuilder.DropColumn(
                name: "clock_error_ms",
                table: "node_positions");

            migrationBuilder.DropColumn(
                name: "actor_id",
                table: "alarms");

            migrationBuilder.DropColumn(
                name: "clock_ahead_ms",
                table: "alarms");

            migrationBuilder.DropColumn(
                name: "ended_at",
                table: "alarms");

            migrationBuilder.DropColumn(
                name: "order_number",
                table: "alarms");

            migrationBuilder.DropColumn(
                name: "orders",
                table: "alarms");

            migrationBuilder.DropColumn(
                name: "party_id",
                table: "alarms");

            migrationBuilder.DropColumn(
                name: "since",
                table: "alarms");

            migrationBuilder.AlterColumn<int>(
                name: "unit",
                table: "alarms",
                type: "integer",
                nullable: false,
                defaultValue: 0,
                oldClrType: typeof(int),
                oldType: "integer",
                oldNullable: true);

            migrationBuilder.AlterColumn<long>(
                name: "imei",
                table: "alarms",
                type: "bigint",
                nullable: false,
                defaultValue: 0L,
                oldClrType: typeof(long),
                oldType: "bigint",
                oldNullable: true);

            migrationBuilder.AlterColumn<int>(
                name: "batch_number",
                table: "alarms",
                type: "integer",
                nullable: false,
                defaultValue: 0,
                oldClrType: typeof(int),
                oldType: "integer",
                oldNullable: true);
        }
    }
}
