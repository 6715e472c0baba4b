using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace DeviceRegistry.Postgres.Migrations
{
    /// <inheritdoc />
    public partial class OrderSubjects : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.DropPrimaryKey(
                name: "PK_order_items",
                table: "order_items");

            migrationBuilder.AddColumn<long>(
                name: "detail",
                table: "order_items",
                type: "bigint",
                nullable: false,
                defaultValue: 0L);

            migrationBuilder.AddPrimaryKey(
                name: "PK_order_items",
                table: "order_items",
                columns: new[] { "order_number", "kind", "value", "detail" });

            migrationBuilder.AddCheckConstraint(
                name: "order_item_range",
                table: "order_items",
                sql: "kind <> 4 OR (value <= detail AND value / 1000000 = detail / 1000000)");
        }

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.DropPrimaryKey(
                name: "PK_order_items",
                table: "order_items");

            migrationBuilder.DropCheckConstraint(
                name: "order_item_range",
                table: "order_items");

            migrationBuilder.DropColumn(
                name: "detail",
                table: "order_items");

            migrationBuilder.AddPrimaryKey(
                name: "PK_order_items",
                table: "order_items",
                columns: new[] { "order_number", "kind", "value" });
        }
    }
}
