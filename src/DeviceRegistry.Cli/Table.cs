namespace DeviceRegistry.Cli;

/// <summary>Formats rows under headings, each column as wide as its widest value. Works a page at a time, so that a
/// list is never held in memory; columns only grow.</summary>
internal sealed class Table<T>
{
    private readonly List<Column> _columns = [];
    private bool _headed;

    /// <summary>Adds a column of text.</summary>
    public Table<T> Words(string heading, Func<T, string> value) => With(new Column(heading, value, IsNumber: false));

    /// <summary>Adds a right-aligned column of numbers.</summary>
    public Table<T> Numbers(string heading, Func<T, string> value) => With(new Column(heading, value, IsNumber: true));

    /// <summary>Formats the next rows, with the headings before the first.</summary>
    public IEnumerable<string> Lines(IReadOnlyList<T> page)
    {
        var rows = page.Select(row => _columns.Select(c => c.Value(row)).ToArray()).ToList();
        for (var i = 0; i < _columns.Count; i++)
            _columns[i].Width = Math.Max(_columns[i].Width, rows.Select(r => r[i].Length).DefaultIfEmpty().Max());

        if (rows.Count > 0 && !_headed) yield return Line([.. _columns.Select(c => c.Heading)]);
        _headed = true;
        foreach (var row in rows) yield return Line(row);
    }

    private Table<T> With(Column column)
    {
        _columns.Add(column);
        return this;
    }

    private string Line(string[] row) =>
        string.Join("  ", row.Select((value, i) => _columns[i].IsNumber ? value.PadLeft(_columns[i].Width)
            : value.PadRight(_columns[i].Width))).TrimEnd();

    private sealed record Column(string Heading, Func<T, string> Value, bool IsNumber)
    {
        public int Width { get; set; } = Heading.Length;
    }
}
