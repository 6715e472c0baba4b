using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using Google.Protobuf;

namespace DeviceRegistry.Cli;

/// <summary>Writes the answer of a command: text for people, or one JSON document for scripts. Faults go to the error
/// stream in either format.</summary>
internal sealed class Output(bool json)
{
    private static readonly JsonFormatter Formatter =
        new(JsonFormatter.Settings.Default.WithFormatDefaultValues(true).WithPreserveProtoFieldNames(true));

    // Relaxed escaping: the output goes to a terminal or a file, never into a web page.
    private static readonly JsonSerializerOptions Indented =
        new() { WriteIndented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };
    private static readonly JsonWriterOptions IndentedWriter =
        new() { Indented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public bool IsJson => json;

    /// <summary>Prints the only answer of the command, as text or JSON.</summary>
    public void Answer(JsonNode document, IEnumerable<string> lines)
    {
        if (json) Console.Out.WriteLine(document.ToJsonString(Indented));
        else foreach (var line in lines) Console.Out.WriteLine(line);
    }

    /// <summary>The same for a message of the contract.</summary>
    public void Answer(IMessage message, IEnumerable<string> lines) => Answer(ToNode(message), lines);

    /// <summary>Prints an answer of many items page by page, without holding them: as lines, or as one document with
    /// the items in a member. <paramref name="end"/> returns what follows the items. A fault in between leaves the
    /// output incomplete.</summary>
    public async Task AnswerAsync<T>(
        string member,
        IAsyncEnumerable<IReadOnlyList<T>> pages, Func<IReadOnlyList<T>, IEnumerable<string>> lines, Func<(
        JsonObject Members, IEnumerable<string> Lines)> end)
        where T : IMessage
    {
        // Perf: the console's own writer flushes every line; this one flushes millions of them a page at a time.
        await using var stream = Console.OpenStandardOutput();
        if (!json)
        {
            await using var text = new StreamWriter(stream);
            await foreach (var page in pages)
            {
                foreach (var line in lines(page)) await text.WriteLineAsync(line);
                await text.FlushAsync();
            }

            foreach (var line in end().Lines) await text.WriteLineAsync(line);
            return;
        }

        await using (var writer = new Utf8JsonWriter(stream, IndentedWriter))
        {
            writer.WriteStartObject();
            writer.WriteStartArray(member);
            await foreach (var page in pages)
            {
                foreach (var item in page) ToNode(item).WriteTo(writer);
                await writer.FlushAsync();
            }

            writer.WriteEndArray();
            foreach (var (name, value) in end().Members)
            {
                writer.WritePropertyName(name);
                value!.WriteTo(writer);
            }

            writer.WriteEndObject();
        }

        Console.Out.WriteLine();
    }

    /// <summary>Prints a fault; returns its exit code.</summary>
    public int PrintFault(Fault fault)
    {
        if (json)
        {
            Console.Error.WriteLine(ToNode(fault).ToJsonString(Indented));
            return fault.ExitCode;
        }

        foreach (var line in fault.Lines) Console.Error.WriteLine(line);
        Console.Error.WriteLine($"error: {fault.What} [{fault.Reason}]");
        foreach (var (field, expected) in fault.Fields)
            if (!fault.What.Contains(expected, StringComparison.Ordinal)) Console.Error.WriteLine(
                $"  {field}: {expected}");
        if (fault.Next.Length > 0) Console.Error.WriteLine($"next: {fault.Next}");
        return fault.ExitCode;
    }

    /// <summary>Converts a message with protobuf's JSON mapping: field names of the contract, default values
    /// included.</summary>
    public static JsonObject ToNode(IMessage message) => JsonNode.Parse(Formatter.Format(message))!.AsObject();

    private static JsonObject ToNode(Fault fault)
    {
        var error = new JsonObject
        {
            ["reason"] = fault.Reason,
            ["message"] = fault.What,
            ["fields"] = new JsonArray([.. fault.Fields.Select(f =>
                new JsonObject { ["field"] = f.Field, ["expected"] = f.Expected })]),
            ["next"] = fault.Next,
            ["exit_code"] = fault.ExitCode,
        };
        foreach (var (name, value) in fault.More) error[name] = value?.DeepClone();
        return new JsonObject { ["error"] = error };
    }
}
