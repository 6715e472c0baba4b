using System.Text;
using DeviceRegistry.Contracts;
using DeviceRegistry.Contracts.V1;
using Grpc.Core;

namespace DeviceRegistry.System.Tests.BadInput;

/// <summary>Everything that a client sees of an answer, and its short form in the README.</summary>
/// <param name="Text">Short form, as in the README.</param>
/// <param name="Reason">Stable reason code; empty where the status alone describes the error.</param>
/// <param name="Place">Field, or line and field, with the error.</param>
/// <param name="Whole">Complete text of the answer, compared and searched by tests.</param>
internal sealed record Answer(string Text, string Reason, string Place, string Whole)
{
    /// <summary>Answer to a valid input.</summary>
    public static Answer Accepted(object whole) => new("accepted", "", "", $"{whole}");

    /// <summary>Answer of a check. Checks have no invalid input: every text gets a verdict. Position and data age
    /// change from call to call and are left out.</summary>
    public static Answer Of(CheckResponse check)
    {
        var text =
            $"{StatusMapping.UpperSnake(check.Verdict.ToString())} " +
            $"{StatusMapping.UpperSnake(check.Reason.ToString())} (row {check.Row})";
        return new Answer(text, StatusMapping.UpperSnake(check.Reason.ToString()), "", text);
    }

    /// <summary>A refusal, with the line errors that preceded it.</summary>
    public static Answer Of(RpcException refusal, IReadOnlyCollection<LineError>? faults = null)
    {
        var status = StatusMapping.UpperSnake(refusal.StatusCode.ToString());
        var reason = StatusMapping.ReasonOf(refusal);
        var fields = StatusMapping.FieldsOf(refusal);
        var lines = faults ?? [];
        var detail = lines.Count > 0
            ? string.Join("; ", lines.Select(f => $"line {f.Line} {f.Field} {f.Reason}, expected {f.Expected}"))
            : refusal.Status.Detail;
        var trailers = refusal.Trailers.Where(t => t.Key is not "date")
            .Select(t => $"{t.Key}: {(t.IsBinary ? Encoding.UTF8.GetString(t.ValueBytes) : t.Value)}");
        return new Answer(
            $"{(reason == status || reason is "" ? status : $"{status} {reason}")} \"{detail}\"",
            reason,
            string.Join(", ", lines.Count > 0 ? lines.Select(f => $"line {f.Line} {f.Field} {f.Reason}")
                : fields.Select(f => f.Field)),
            string.Join('\n', [$"{status} {reason} {refusal.Status.Detail}", .. fields.Select(f => $"{f}"),
                .. lines.Select(f => $"{f}"), .. trailers]));
    }

    /// <summary>The answer of a call, accepted or refused.</summary>
    public static async Task<Answer> OfAsync(Func<Task<object>> call)
    {
        try
        {
            return await call() switch { CheckResponse check => Of(check), var good => Accepted(good) };
        }
        catch (RpcException refusal)
        {
            return Of(refusal);
        }
    }
}
