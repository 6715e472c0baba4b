using DeviceRegistry.TestKit;

namespace DeviceRegistry.System.Tests.BadInput;

/// <summary>Every invalid input has its own answer. The README lists it, a second call gets it again, and the input
/// changes nothing.</summary>
[CancelAfter(Patience.TestMs)]
public sealed class BadInputTableTests
{
    private const string Head = "| input | answer |\n|---|---|\n";

    // Marks of internals that no answer may contain: a stack frame, a type, a source line, SQL.
    private static readonly string[] Inner =
        ["   at ", "Exception", ".cs:line", "SELECT ", "INSERT ", "relation \"", "Npgsql"];
    private static readonly string[] ReportTables =
        ["batches:", "fault_pages:", "journal:", "journal_payloads:", "journal_private:", "journal_subjects:"];
    private static readonly List<InputRow> AllRows = [.. InputRows.All];
    private static World _world = null!;

    [OneTimeSetUp]
    public static async Task Start() => _world = await World.StartAsync();

    [OneTimeTearDown]
    public static async Task Stop() => await _world.DisposeAsync();

    private static IEnumerable<TestCaseData> Rows() =>
        AllRows.Select(r => new TestCaseData(r) { TestName = $"{{m}}({r.Input})" });

    [TestCaseSource(nameof(Rows))]
    public async Task An_invalid_input_gets_the_readmes_answer_and_changes_nothing(object row)
    {
        var input = (InputRow)row;
        var before = await _world.StateAsync();
        var first = await input.SendAsync(_world);
        var between = await _world.StateAsync();
        var second = await input.SendAsync(_world);
        var after = await _world.StateAsync();

        using var all = Assert.EnterMultipleScope();
        Assert.That(Readme().Contains($"\n{input.InReadme(first)}\n", StringComparison.Ordinal),
            $"the README lacks the row\n{input.InReadme(first)}");
        using (Assert.EnterMultipleScope())
        {
            Assert.That(first.Reason, Is.EqualTo(input.Reason));
            Assert.That(first.Place, Is.EqualTo(input.Place));
        }

        Assert.That(second, Is.EqualTo(first));
        Assert.That(after, Is.EqualTo(between));
        if (first.Text is not "accepted") Assert.That(Compared(between, input), Is.EqualTo(Compared(before, input)));
        foreach (var mark in Inner) Assert.That(first.Whole, Does.Not.Contain(mark));
    }

    private static IEnumerable<string> Compared(string state, InputRow input) =>
        state.Split('\n').Where(table => !input.LeavesReport
            || !ReportTables.Any(t => table.StartsWith(t, StringComparison.Ordinal)));

    [Test]
    public void The_readme_table_lists_exactly_the_tested_inputs()
    {
        var table = Readme()[(Readme().IndexOf(Head, StringComparison.Ordinal) + Head.Length)..];
        var inputs = table[..table.IndexOf("\n\n", StringComparison.Ordinal)].Split('\n')
            .Select(l => l.Split(" | ")[0][2..]);

        Assert.That(inputs, Is.EqualTo(AllRows.Select(r => r.Input)));
    }

    private static string Readme() => File.ReadAllText(Path.Combine(Scripts.Checkout, "README.md"));
}
