using System.Globalization;
using DeviceRegistry.Contracts.V1;
using DeviceRegistry.Postgres.Schema;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Microsoft.EntityFrameworkCore;
using OrderAction = DeviceRegistry.Core.OrderAction;

namespace DeviceRegistry.Registrar.Orders;

/// <summary>Maps order rows to messages of the contract.</summary>
internal static class OrderMapping
{
    public static async Task<OrderSummary> ToSummaryAsync(this OrderRow order, RegistryContext db, CancellationToken ct)
    {
        var covering = order.Action is OrderAction.Block ? order.Number : order.Against!.Value;
        var items = await db.OrderItems.AsNoTracking().Where(i => i.OrderNumber == covering).OrderBy(i => i.Value)
            .ToListAsync(ct);
        var people = await db.Actors.AsNoTracking().Where(a => a.Id == order.DraftedBy || a.Id == order.ApprovedBy)
            .ToDictionaryAsync(a => a.Id, a => a.Name, ct);
        return new OrderSummary
        {
            OrderNumber = (ulong)order.Number,
            Action = (Contracts.V1.OrderAction)order.Action,
            OrderClass = (OrderClass)order.OrderClass,
            State = (Contracts.V1.OrderState)order.State,
            Reason = order.Reason,
            Basis = order.Basis,
            Reference = order.Reference,
            DraftedBy = people[order.DraftedBy],
            DraftedAt = Timestamp.FromDateTime(order.DraftedAt),
            ApprovedBy = order.ApprovedBy is { } approver ? people[approver] : "",
            ApprovedAt = order.ApprovedAt is { } at ? Timestamp.FromDateTime(at) : null,
            EffectiveAt = order.EffectiveAt is { } from ? Timestamp.FromDateTime(from) : null,
            ExpiresAt = order.ExpiresAt is { } until ? Timestamp.FromDateTime(until) : null,
            TargetOrderNumber = order.Action is OrderAction.Block ? 0 : (ulong)(order.Against ?? 0),
            ChangedByOrderNumber = order.Action is OrderAction.Block ? (ulong)(order.ChangedBy ?? 0) : 0,
            Supersedes = (ulong)(order.Action is OrderAction.Block ? order.Against ?? 0 : 0),
            Imeis = { items.Where(i => i.Kind is OrderItemKind.Imei).Select(i => Digits(i.Value)) },
            Tacs = { items.Where(i => i.Kind is OrderItemKind.Tac)
                .Select(i => i.Value.ToString("00000000", CultureInfo.InvariantCulture)) },
            ImeiRanges = { items.Where(i => i.Kind is OrderItemKind.Range)
                .Select(i => new ImeiRange { First = Digits(i.Value), Last = Digits(i.Detail) }) },
            Units = { await UnitsAsync(db, items, ct) },
            Identities = { await OrderEffects.TextsAsync(db, items, ct) },
            Pairs = { await PairsAsync(db, items, ct) },
            Evidence = { order.Evidence.Select(e => ByteString.CopyFrom(e)) },
            Notice = order.NoticeAt is { } noticed
                ? new Notice
                {
                    Reference = order.NoticeReference, At = Timestamp.FromDateTime(noticed),
                    Channel = order.NoticeChannel, Evidence = ByteString.CopyFrom(order.NoticeEvidence)
                }
                : null,
            NoticeWaiver = order.NoticeWaiver,
            InForceAt = order.InForceAt is { } startedAt ? Timestamp.FromDateTime(startedAt) : null,
            EndedAt = order.EndedAt is { } ended ? Timestamp.FromDateTime(ended) : null,
            EnforcedAt = order.EnforcedAt is { } enforced ? Timestamp.FromDateTime(enforced) : null,
            EndReason = order.EndReason,
            AppealNumber = (ulong)(order.Appeal ?? 0),
        };
    }

    private static async Task<IReadOnlyList<OrderUnit>> UnitsAsync(RegistryContext db, IEnumerable<OrderItemRow> items,
        CancellationToken ct)
    {
        var units = new List<OrderUnit>();
        foreach (var ofBatch in items.Where(i => i.Kind is OrderItemKind.Unit).GroupBy(i => i.Value))
        {
            var numbers = ofBatch.Select(i => (int)i.Detail).ToList();
            units.AddRange(await db.Devices.Where(d => d.BatchNumber == ofBatch.Key && numbers.Contains(d.Unit))
                .OrderBy(d => d.Unit)
                .Select(d => new OrderUnit
                {
                    BatchNumber = (ulong)d.BatchNumber, SerialNumber = d.SerialNumber,
                    Unit = (uint)d.Unit
                }).ToListAsync(ct));
        }

        return units;
    }

    private static async Task<IEnumerable<OrderPair>> PairsAsync(RegistryContext db, IEnumerable<OrderItemRow> items,
        CancellationToken ct)
    {
        var pairs = items.Where(i => i.Kind is OrderItemKind.Pair).ToList();
        var texts = await OrderEffects.TextsByIdAsync(db, pairs, ct);
        return pairs.Select(p => new OrderPair
        {
            Equipment = p.Value >= 0 ? Digits(p.Value) : texts[p.Value],
            Subscriber = new Subscriber
            {
                OperatorPartyId = (ulong)p.PartyId!.Value, KeyVersion = Pseudonyms.KeyVersion,
                Pseudonym = (ulong)p.Detail
            },
        });
    }

    private static string Digits(long imei) => imei.ToString("00000000000000", CultureInfo.InvariantCulture);
}
