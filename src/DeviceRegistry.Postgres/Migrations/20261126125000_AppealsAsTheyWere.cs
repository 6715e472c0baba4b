using DeviceRegistry.Postgres.Schema;
using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace DeviceRegistry.Postgres.Migrations
{
    /// <inheritdoc />
    public partial class AppealsAsTheyWere : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder)
        {
            // By hand: a trigger alone; the model is as it was.
            migrationBuilder.Sql(RegistryDatabase.Script("appeals_as_they_were.sql"));
        }

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.Sql("DROP TRIGGER appeal_unchanged ON appeals; DROP FUNCTION appeal_as_it_was;");
        }
    }
}
