using DeviceRegistry.Contracts.V1;

namespace DeviceRegistry.System.Tests;

[CancelAfter(Patience.TestMs)]
public sealed class TacTests
{
    private const string OsmocomHead =
        "TAC database under a licence\ntac,name,name,contributor,comment,gsmarena,gsmarena,aka\n";

    [Test]
    public async Task Every_row_of_a_list_is_counted_and_invalid_ones_are_named()
    {
        var list = """
            TAC|Manufacturer|Model_Name|Bands|Allocation_Date|Device_Type
            77000001|Maker|One|LTE|01-Nov-2025|Smartphone
             77000002 |Maker|Two||| 
            77000001|Maker|One again|LTE|01-Nov-2025|Smartphone
            7700003|Maker|Short|||
            77000004||Nobody|||
            77000005|Maker|Odd date||31-Feb-2025|
            77000006|Maker|Too few
            """;

        var answer = await Registry.ImportTacsAsync(Registry.Server, list);
        var again = await Registry.ImportTacsAsync(Registry.Server,
            list.Replace("One|LTE", "One Plus|LTE", StringComparison.Ordinal));

        using (Assert.EnterMultipleScope())
        {
            Assert.That(answer.Rows, Is.EqualTo(7u));
            Assert.That(answer.NewTacs, Is.EqualTo(2u));
            Assert.That(answer.RepairedRows, Is.EqualTo(1u));
            Assert.That(answer.DuplicateRows, Is.EqualTo(1u));
            Assert.That(answer.BadRows, Is.EqualTo(4u));
        }

        Assert.That(answer.Errors.Select(f => $"{f.Line} {f.Reason}"),
            Is.EqualTo(["5 TAC_NOT_EIGHT_DIGITS", "6 MANUFACTURER_MISSING", "7 DATE_INVALID", "8 FIELD_COUNT"]));
        using (Assert.EnterMultipleScope())
        {
            Assert.That(again.NewTacs, Is.EqualTo(0u));
            Assert.That(again.ChangedTacs, Is.EqualTo(1u));
            Assert.That(again.UnchangedTacs, Is.EqualTo(1u));
        }
    }

    [Test]
    public async Task The_same_import_again_gets_the_same_answer()
    {
        var reference = Registry.NewReference();
        const string List = "TAC|Manufacturer|Model_Name\n77000101|Maker|One\n";

        var first = await Registry.ImportTacsAsync(Registry.Server, List, reference: reference);
        var second = await Registry.ImportTacsAsync(Registry.Server, List, reference: reference);

        Assert.That(second, Is.EqualTo(first));
        Assert.That(first.NewTacs, Is.EqualTo(1));
    }

    [Test]
    public async Task The_osmocom_format_is_read_with_its_two_header_lines()
    {
        var answer = await Registry.ImportTacsAsync(Registry.Server, OsmocomHead
            + "77000201,Oppo,N1,Somebody,,,,\n77000202, Nokia ,1610,Somebody,,,,\"a,b\"\n", TacListFormat.Osmocom);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(answer.Rows, Is.EqualTo(2u));
            Assert.That(answer.NewTacs, Is.EqualTo(2u));
            Assert.That(answer.RepairedRows, Is.EqualTo(1u));
            Assert.That(answer.BadRows, Is.EqualTo(0u));
        }
    }

    [Test]
    public async Task The_real_public_list_is_imported_completely()
    {
        var folder = Environment.GetEnvironmentVariable("DEVICEREGISTRY_REFERENCE_DATA");
        if (string.IsNullOrEmpty(folder))
        {
            await TestContext.Progress.WriteLineAsync("reference data absent: 1 checks not run");
            return;
        }

        var answer = await Registry.ImportTacsAsync(Registry.Server,
            await File.ReadAllTextAsync(Path.Combine(folder, "osmocom-tacdb.csv")), TacListFormat.Osmocom);

        Assert.That(answer.Rows, Is.EqualTo(22_527u));
        Assert.That(answer.NewTacs + answer.ChangedTacs + answer.UnchangedTacs + answer.DuplicateRows + answer.BadRows,
            Is.EqualTo(answer.Rows));
        Assert.That(answer.RepairedRows, Is.Positive, "some rows have stray blanks");
        Assert.That(answer.BadRows, Is.LessThan(100u));
    }

    [Test]
    public async Task An_open_quote_before_17_MiB_of_rows_is_refused_with_its_line()
    {
        var list = OsmocomHead + "77000301,\"Oppo,N1,Somebody,,,,\n"
            + string.Concat(Enumerable.Repeat("77000302,Nokia,1610,Somebody,,,,\n", 560_000));

        var refusal = await Registry.RefusalOfAsync(async () =>
            await Registry.ImportTacsAsync(Registry.Server, list, TacListFormat.Osmocom));

        Assert.That(refusal.Status.Detail, Does.Contain("is a quote left open?"));
    }

}
