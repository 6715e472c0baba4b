using DeviceRegistry.Contracts.V1;
using Google.Protobuf;
using Grpc.Core;

namespace DeviceRegistry.Registrar.State;

/// <summary>What a verification tells whoever asked: how far it is now and then, the first differences as they are
/// found, all of them counted.</summary>
/// <param name="to">Who asked.</param>
/// <param name="maxDifferences">Differences to name.</param>
/// <param name="requireStanding">Throws once the caller may not ask any more.</param>
/// <param name="time">The clock.</param>
internal sealed class StateReport(IServerStreamWriter<VerifyStateResponse> to, int maxDifferences,
    Action requireStanding, TimeProvider time)
{
    private readonly SortedDictionary<string, StateTable> _tables = new(StringComparer.Ordinal);
    private StateProgress _told = new();
    private long _toldAt;
    private ulong _differences;

    /// <summary>Entries whose private part was erased.</summary>
    public ulong ErasedEntries { get; set; }

    /// <summary>Pieces of units files that were erased.</summary>
    public ulong ErasedPieces { get; set; }

    /// <summary>What is counted of a table.</summary>
    public StateTable Of(string table)
    {
        if (!_tables.TryGetValue(table, out var counts)) _tables[table] = counts = new StateTable { Name = table };
        return counts;
    }

    /// <summary>It has come so far: told where somebody may be waiting for it.</summary>
    public async Task TellAsync(StatePhase phase, ulong done, ulong total, CancellationToken ct)
    {
        var now = new StateProgress { Phase = phase, Done = done, Total = total };
        if (now.Equals(_told) || (phase == _told.Phase && done < total
            && time.GetElapsedTime(_toldAt) < Limits.ProgressEvery)) return;

        requireStanding();
        (_told, _toldAt) = (now, time.GetTimestamp());
        await to.WriteAsync(new VerifyStateResponse { Progress = _told }, ct);
    }

    /// <summary>A difference.</summary>
    public async Task TellAsync(StateDifference difference, CancellationToken ct)
    {
        Of(difference.Table).Differences++;
        if (_differences++ < (ulong)maxDifferences) await to.WriteAsync(
            new VerifyStateResponse { Difference = difference }, ct);
    }

    /// <summary>Something is wrong with the journal itself, or with what an entry has the digest of.</summary>
    public Task TellJournalAsync(string table, string key, string column, string what, CancellationToken ct) =>
        TellAsync(new StateDifference { Kind = StateDifferenceKind.Journal, Table = table, Key = key, Column = column,
            InTable = what }, ct);

    /// <summary>The end.</summary>
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
