using System.CommandLine;
using System.Text.Json.Nodes;
using Google.Protobuf;

namespace DeviceRegistry.Cli;

/// <summary>A page of a list.</summary>
internal sealed record Page<T>(IReadOnlyList<T> Items, bool More);

/// <summary>How lists are read: page after page from the last row on, as far as was asked, told as they come.</summary>
internal sealed class Paging
{
    private const int PageMax = 1_000;                      // rows that the registry gives in one answer
    private const long Usual = 100;

    private readonly Option<long> _limit = new("--limit")
    {
        HelpName = "N",
        Description = "Rows at most.",
        DefaultValueFactory = _ => Usual,
        Validators =
        {
            result =>
            {
                if (result.Tokens is [var token] && (!long.TryParse(token.Value, out var rows) || rows < 1))
                    result.AddError($"--limit {token.Value}: expected a number, 1 or more.");
            },
        },
    };

    private readonly Option<bool> _all = new("--all") { Description = "All there are, however many." };

    /// <summary>Rows before a number, of lists that begin with the newest.</summary>
    public static Option<ulong> Before() =>
        new("--before") { HelpName = "N", Description = "Numbers before this one: where an earlier list ended." };

    /// <summary>Rows after a name, of lists that begin with the first.</summary>
    public static Option<string?> After(string helpName) =>
        new("--after") { HelpName = helpName, Description = "What comes after this: where an earlier list ended." };

    /// <summary>Gives a list its options.</summary>
    public Paging For(CliCommand verb)
    {
        verb.Options.Add(_limit);
        verb.Options.Add(_all);
        return this;
    }

    /// <summary>Tells the list. <paramref name="ask"/> gets the last row told, null at first, and how many rows are
    /// wanted;
    /// <paramref name="next"/> is the option that goes on after a row.</summary>
    public async Task TellAsync<T>(
        ParseResult parse, Output output, string member,
        Func<T?, uint, Task<Page<T>>> ask, Func<IReadOnlyList<T>, IEnumerable<string>> lines, Func<T, string> next)
        where T : class, IMessage
    {
        var (last, more, none) = ((T?)null, true, true);
        await output.AnswerAsync(member, PagesAsync(), lines, () => (new JsonObject { ["more"] = more }, Ending()));

        async IAsyncEnumerable<IReadOnlyList<T>> PagesAsync()
        {
            for (var left = parse.GetValue(_all) ? long.MaxValue : parse.GetValue(_limit); left > 0 && more;)
            {
                var page = await ask(last, (uint)Math.Min(left, PageMax));
                more = page.More && page.Items.Count > 0;
                if (page.Items.Count is 0) yield break;

                (last, none) = (page.Items[^1], false);
                left -= page.Items.Count;
                yield return page.Items;
            }
        }

        IEnumerable<string> Ending() => none ? ["There are none."] : more
            ? [$"There are more: the same command with {next(last!)}, or with --all."] : [];
    }
}
