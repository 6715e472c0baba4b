using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using Google.Protobuf;

namespace DeviceRegistry.Cli;

/// <summary>Where words go: text for people, or one JSON document for scripts. Faults go to the error stream in either form.</summary>
internal sealed class Output(bool json)
{
    private static readonly JsonFormatter Formatter =
        new(JsonFormatter.Settings.Default.WithFormatDefaultValues(true).WithPreserveProtoFieldNames(true));

    // Relaxed: it goes to a terminal or a file, never into a web page.
    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public bool IsJson => json;

    /// <summary>The command's one answer, in the form that was asked for.</summary>
    public void Answer(JsonNode document, IEnumerable<string> lines)
    {
        if (json) Console.Out.WriteLine(document.ToJsonString(Indented));
        else foreach (var line in lines) Console.Out.WriteLine(line);
    }

    /// <summary>The same for a message of the contract.</summary>
    public void Answer(IMessage message, IEnumerable<string> lines) => Answer(ToNode(message), lines);

    /// <summary>Tells a fault; returns the exit code.</summary>
    public int Tell(Fault fault)
    {
        if (json)
        {
            Console.Error.WriteLine(ToNode(fault).ToJsonString(Indented));
            return fault.ExitCode;
        }

        foreach (var line in fault.Lines) Console.Error.WriteLine(line);
        Console.Error.WriteLine($"error: {fault.What} [{fault.Reason}]");
        foreach (var (field, expected) in fault.Fields)
            if (!fault.What.Contains(expected, StringComparison.Ordinal)) Console.Error.WriteLine($"  {field}: {expected}");
        if (fault.Next.Length > 0) Console.Error.WriteLine($"next: {fault.Next}");
        return fault.ExitCode;
    }

    /// <summary>A message by protobuf's JSON mapping, fields named as in the contract, none left out.</summary>
    public static JsonObject ToNode(IMessage message) => JsonNode.Parse(Formatter.Format(message))!.AsObject();

    private static JsonObject ToNode(Fault fault)
    {
        var error = new JsonObject
        {
            ["reason"] = fault.Reason,
            ["message"] = fault.What,
            ["fields"] = new JsonArray([.. fault.Fields.Select(f => new JsonObject { ["field"] = f.Field, ["expected"] = f.Expected })]),
            ["next"] = fault.Next,
            ["exit_code"] = fault.ExitCode,
        };
        foreach (var (name, value) in fault.More) error[name] = value?.DeepClone();
        return new JsonObject { ["error"] = error };
    }
}
