using DeviceRegistry.Contracts.V1;
using DeviceRegistry.Core;
using DeviceRegistry.Postgres.Schema;
using Google.Protobuf;
using Microsoft.EntityFrameworkCore;
using Npgsql;

namespace DeviceRegistry.Registrar.State;

/// <summary>Replays journal entries in order into temporary tables. Each kind of record has its own class: members in
/// <see cref="MemberReplay"/>, TACs in <see cref="TacReplay"/>, policies and batches in <see cref="BatchReplay"/>,
/// orders in <see cref="OrderReplay"/>, appeals in <see cref="AppealReplay"/>, alarms in
/// <see cref="AlarmReplay"/>.</summary>
internal sealed class Replay(NpgsqlConnection connection, NpgsqlTransaction transaction, StateReport report,
    IReadOnlyList<OrderReasonRow> reasons)
{
    private readonly ReplayPage.Buffers _added = new();
    private readonly MemberReplay _members = new();
    private readonly BatchReplay _batches = new();
    private readonly OrderReplay _orders = new(reasons);

    /// <summary>Tables with rows whose private parts were erased.</summary>
    public ISet<string> ErasedTables => _added.ErasedTables;

    /// <summary>Replays one page of entries; reports those that cannot be replayed.</summary>
    public async Task TakeAsync(IReadOnlyList<ReplayedEntry> entries, CancellationToken ct)
    {
        await using var page = await ReplayPage.BeginAsync(connection, transaction, _added, entries, ct);
        foreach (var entry in entries)
            try
            {
                if (!await TakeAsync(page, entry, ct))
                    await ReportAsync(entry, "kind",
                        $"entry {entry.Position} of kind {(int)entry.Kind} is not known to this version", ct);
            }
            catch (Exception fault) when (fault is StateMismatchException or InvalidProtocolBufferException
                or RegistryException or ArgumentException or InvalidOperationException)
            {
                await ReportAsync(entry, "contents",
                    $"entry {entry.Position} ({entry.KindName}) cannot be replayed: {fault.Message}", ct);
            }

        // If the changes of this page cannot be stored, only this page is lost.
        const string Before = "page";
        await transaction.SaveAsync(Before, ct);
        try
        {
            await page.SaveAsync(ct);
        }
        catch (Exception fault) when (fault is DbUpdateException or PostgresException)
        {
            await transaction.RollbackAsync(Before, ct);
            await ReportAsync(entries[0], "contents",
                $"entries {entries[0].Position} to {entries[^1].Position} cannot be replayed: " +
                $"{(fault.InnerException ?? fault).Message}", ct);
        }
    }

    private Task ReportAsync(ReplayedEntry entry, string column, string what, CancellationToken ct) =>
        report.ReportJournalAsync("journal", $"{entry.Position}", column, what, ct);

    // Returns false if the kind is unknown.
    private async Task<bool> TakeAsync(ReplayPage page, ReplayedEntry entry, CancellationToken ct)
    {
        switch (entry.Kind)
        {
            case JournalKind.Recovered or JournalKind.Checkpoint:
                return true;                                                        // about the journal only
            case JournalKind.AlarmsCleared:
                // about columns that are not compared (ReplayTables)
                return true;
            case JournalKind.AppealFiled or JournalKind.AppealUnderReview or JournalKind.AppealDecided
                or JournalKind.AppealWithdrawn:
                await AppealReplay.TakeAsync(page, entry, ct);
                return true;
            case JournalKind.PartyChanged or JournalKind.ActorChanged or JournalKind.AuthorizationChanged
                or JournalKind.TacMandateChanged or JournalKind.ChangeProposed
                or JournalKind.ChangeApproved or JournalKind.ChangeRejected:
                await _members.TakeAsync(page, entry, ct);
                return true;
            case JournalKind.PolicyProposed or JournalKind.PolicyInForce:
                await _batches.TakePolicyAsync(page, entry, ct);
                return true;
            case JournalKind.TacsChanged:
                TacReplay.Take(page, entry);
                return true;
            case JournalKind.BatchDeclared or JournalKind.BatchCertificationProposed
                or JournalKind.BatchCertified or JournalKind.BatchRejected
                or JournalKind.ImeisReleased or JournalKind.ImeisRetired or JournalKind.UnitsChanged
                    or JournalKind.BoardSwapped:
                await _batches.TakeAsync(page, entry, ct);
                return true;
            case JournalKind.AlarmsRaised:
                await AlarmReplay.TakeAsync(page, entry, connection, ct);
                return true;
            case JournalKind.OrderDrafted or JournalKind.OrderApproved or JournalKind.OrderArmed
                or JournalKind.OrderPairsArmed or JournalKind.OrderLifted or JournalKind.OrderRejected
                or JournalKind.OrderWithdrawn
                or JournalKind.OrderNoticeRecorded or JournalKind.OrderStayed or JournalKind.OrderAnnulled
                    or JournalKind.OrderInForce or JournalKind.OrderExpired or JournalKind.OrderEnforced:
                await _orders.TakeAsync(page, entry, ct);
                return true;
            default:
                return false;
        }
    }
}
