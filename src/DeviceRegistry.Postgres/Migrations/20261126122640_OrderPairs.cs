using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace DeviceRegistry.Postgres.Migrations
{
    /// <inheritdoc />
    public partial class OrderPairs : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.AddColumn<long>(
                name: "party_id",
                table: "order_items",
                type: "bigint",
                nullable: true);

            migrationBuilder.CreateIndex(
                name: "IX_order_items_party_id",
                table: "order_items",
                column: "party_id",
                filter: "party_id IS NOT NULL");

            migrationBuilder.AddCheckConstraint(
                name: "order_item_pair",
                table: "order_items",
                sql: "(kind = 6) = (party_id IS NOT NULL) AND (kind <> 6 OR detail <> 0)");

            migrationBuilder.AddForeignKey(
                name: "FK_order_items_parties_party_id",
                table: "order_items",
                column: "party_id",
                principalTable: "parties",
                principalColumn: "id",
                onDelete: ReferentialAction.Restrict);
        }

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.DropForeignKey(
                name: "FK_order_items_parties_party_id",
                table: "order_items");

            migrationBuilder.DropIndex(
                name: "IX_order_items_party_id",
                table: "order_items");

            migrationBuilder.DropCheckConstraint(
                name: "order_item_pair",
                table: "order_items");

            migrationBuilder.DropColumn(
                name: "party_id",
                table: "order_items");
        }
    }
}
