using DeviceRegistry.Contracts.V1;
using Google.Protobuf;
using Grpc.Core;

namespace DeviceRegistry.Registrar.State;

/// <summary>Streams a verification to its caller: progress at intervals, the first differences as they are found, and
/// the count of all.</summary>
/// <param name="to">Stream to the caller.</param>
/// <param name="maxDifferences">Differences to list.</param>
/// <param name="requireStillAuthorized">Throws if the caller is no longer authorized.</param>
/// <param name="time">The clock.</param>
internal sealed class StateReport(IServerStreamWriter<VerifyStateResponse> to, int maxDifferences,
    Action requireStillAuthorized, TimeProvider time)
{
    private readonly SortedDictionary<string, StateTable> _tables = new(StringComparer.Ordinal);
    private StateProgress _sent = new();
    private long _sentAt;
    private ulong _differences;

    public ulong ErasedEntries { get; set; }

    /// <summary>Erased pieces of units files.</summary>
    public ulong ErasedPieces { get; set; }

    /// <summary>Counts of a table.</summary>
    public StateTable Of(string table)
    {
        if (!_tables.TryGetValue(table, out var counts)) _tables[table] = counts = new StateTable { Name = table };
        return counts;
    }

    /// <summary>Sends progress, at most once per <see cref="Limits.ProgressEvery"/> within a phase.</summary>
    public async Task ReportAsync(StatePhase phase, ulong done, ulong total, CancellationToken ct)
    {
        var now = new StateProgress { Phase = phase, Done = done, Total = total };
        if (now.Equals(_sent) || (phase == _sent.Phase && done < total
            && time.GetElapsedTime(_sentAt) < Limits.ProgressEvery)) return;

        requireStillAuthorized();
        (_sent, _sentAt) = (now, time.GetTimestamp());
        await to.WriteAsync(new VerifyStateResponse { Progress = _sent }, ct);
    }

    /// <summary>Counts a difference, and sends it if it is among the first.</summary>
    public async Task ReportAsync(StateDifference difference, CancellationToken ct)
    {
        Of(difference.Table).Differences++;
        if (_differences++ < (ulong)maxDifferences) await to.WriteAsync(
            new VerifyStateResponse { Difference = difference }, ct);
    }

    /// <summary>Reports an error of the journal itself, or of data whose digest is in an entry.</summary>
    public Task ReportJournalAsync(string table, string key, string column, string what, CancellationToken ct) =>
        ReportAsync(new StateDifference
        {
            Kind = StateDifferenceKind.Journal, Table = table, Key = key, Column = column,
            InTable = what
        }, ct);

    /// <summary>Sends the summary.</summary>
    public Task EndAsync(ulong position, byte[] hash, CancellationToken ct) => to.WriteAsync(
        new VerifyStateResponse
        {
            Summary = new StateSummary
            {
                Matches = _differences is 0, Position = position, Hash = ByteString.CopyFrom(hash),
                Differences = _differences, ErasedEntries = ErasedEntries, ErasedPieces = ErasedPieces,
                Tables = { _tables.Values },
            },
        },
        ct);
}
