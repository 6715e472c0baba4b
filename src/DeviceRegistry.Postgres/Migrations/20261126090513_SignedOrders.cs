using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace DeviceRegistry.Postgres.Migrations
{
    /// <inheritdoc />
    public partial class SignedOrders : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.DropIndex(
                name: "IX_journal_payloads_kind",
                table: "journal_payloads");

            migrationBuilder.AddColumn<byte[]>(
                name: "draft_digest",
                table: "orders",
                type: "bytea",
                nullable: false,
                defaultValue: new byte[0]);

            migrationBuilder.CreateIndex(
                name: "IX_journal_payloads_kind",
                table: "journal_payloads",
                column: "kind",
                filter: "kind IN (1, 2, 17, 50)");
        }

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.DropIndex(
                name: "IX_journal_payloads_kind",
                table: "journal_payloads");

            migrationBuilder.DropColumn(
                name: "draft_digest",
                table: "orders");

            migrationBuilder.CreateIndex(
                name: "IX_journal_payloads_kind",
                table: "journal_payloads",
                column: "kind",
                filter: "kind = 17");
        }
    }
}
