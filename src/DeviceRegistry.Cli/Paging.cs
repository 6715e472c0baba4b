using System.CommandLine;
using System.Text.Json.Nodes;
using Google.Protobuf;

namespace DeviceRegistry.Cli;

internal sealed record Page<T>(IReadOnlyList<T> Items, bool More);

/// <summary>Options and output of lists: reads page after page, each after the last row of the page before, up to the
/// limit, and prints each page at once.</summary>
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

    /// <summary>Rows before a number, for lists that start with the newest row.</summary>
    public static Option<ulong> Before() =>
        new("--before") { HelpName = "N", Description = "Numbers before this one: where an earlier list ended." };

    /// <summary>Rows after a name, for lists that start with the first row.</summary>
    public static Option<string?> After(string helpName) =>
        new("--after") { HelpName = helpName, Description = "What comes after this: where an earlier list ended." };

    /// <summary>Adds the options to a list command.</summary>
    public Paging For(CliCommand verb)
    {
        verb.Options.Add(_limit);
        verb.Options.Add(_all);
        return this;
    }

    /// <summary>Prints the list. <paramref name="ask"/> gets the last row printed (null at first) and the number of
    /// rows wanted; <paramref name="next"/> returns the option that continues after a row.</summary>
    public async Task PrintAsync<T>(
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
