using DeviceRegistry.Postgres.Schema;
using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace DeviceRegistry.Postgres.Migrations
{
    /// <inheritdoc />
    public partial class RestoredEpochs : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.AddColumn<bool>(
                name: "restored",
                table: "journal_epochs",
                type: "boolean",
                nullable: false,
                defaultValue: false);

            migrationBuilder.CreateIndex(
                name: "IX_journal_payloads_kind",
                table: "journal_payloads",
                column: "kind",
                filter: "kind = 17");

            migrationBuilder.Sql(RegistryDatabase.Script("epochs.sql"));
        }

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.Sql("DROP TRIGGER journal_epoch_holds ON journal; DROP FUNCTION journal_epoch_holds();");

            migrationBuilder.DropIndex(
                name: "IX_journal_payloads_kind",
                table: "journal_payloads");

            migrationBuilder.DropColumn(
                name: "restored",
                table: "journal_epochs");
        }
    }
}
