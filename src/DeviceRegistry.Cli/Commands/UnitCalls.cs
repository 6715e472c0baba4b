using System.Globalization;
using System.Text.RegularExpressions;
using DeviceRegistry.Contracts.V1;
using Grpc.Core;

namespace DeviceRegistry.Cli.Commands;

/// <summary>Makes the calls for a selection of units, one after the other.</summary>
internal static partial class UnitCalls
{
    /// <summary>Makes one call for each part. The fault of a refused call names the parts that are done; the same
    /// command again gets their stored answers and continues with the next part.</summary>
    public static async Task<IReadOnlyList<T>> EachAsync<T>(
        Session session, IReadOnlyList<UnitPart> parts, Func<UnitPart, Task<T>> call)
    {
        var answers = new List<T>();
        var stage = new Stage("changing units", "changed units", new Quantity("calls"));
        using var progress = new Progress(session.Out);
        foreach (var part in parts)
        {
            try
            {
                answers.Add(await call(part));
            }
            catch (RpcException refusal) when (refusal.StatusCode is not StatusCode.Cancelled)
            {
                progress.Dispose();
                throw new CommandException(After(Fault.Of(refusal, session.Address), answers.Count, parts), refusal);
            }

            if (parts.Count > 1) progress.Show(stage, answers.Count, parts.Count);
        }

        progress.End();
        return answers;
    }

    /// <summary>The number of calls and their references; empty for one call.</summary>
    public static string Words(IReadOnlyList<UnitPart> parts) =>
        parts.Count is 1 ? "" : $"{parts.Count}, under the references {parts[0].Reference} to {parts[^1].Reference}";

    private static Fault After(Fault fault, int done, IReadOnlyList<UnitPart> parts)
    {
        var named = fault.Fields.Select(f => NameAt(f.Field, parts[done].Units)).FirstOrDefault(n => n.Length > 0);
        if (named is not null) fault = fault with { What = $"{fault.What} That is {named}." };
        if (parts.Count is 1) return fault;

        fault = fault with { What = $"{fault.What} It was call {done + 1} of {parts.Count}, {parts[done].Reference}." };
        return done is 0 ? fault : fault with
        {
            Next = $"{fault.Next} What came before is done, to {parts[done - 1].Reference}: leave that part of the " +
                $"list as it is, and the same command goes on after it.",
        };
    }

    // The name at a field path such as units.imeis[17], which means little to the author of a list.
    private static string NameAt(string field, UnitSelection? units)
    {
        if (units is null || Indexed.Match(field) is not { Success: true } match) return "";
        if (!int.TryParse(match.Groups[2].Value, CultureInfo.InvariantCulture, out var index)) return "";

        return match.Groups[1].Value switch
        {
            "imeis" => units.Imeis.ElementAtOrDefault(index),
            "serial_numbers" => units.SerialNumbers.ElementAtOrDefault(index),
            _ => units.ImeiRanges.ElementAtOrDefault(index) is { } range ? $"{range.First}-{range.Last}" : null,
        } ?? "";
    }

    [GeneratedRegex(@"^units\.(imeis|serial_numbers|imei_ranges)\[(\d+)\]")]
    private static partial Regex Indexed { get; }
}
