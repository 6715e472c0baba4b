using DeviceRegistry.Contracts;
using DeviceRegistry.Contracts.V1;
using DeviceRegistry.Core;
using DeviceRegistry.Postgres.Journal;
using DeviceRegistry.Postgres.Schema;
using DeviceRegistry.Registrar.Sightings;
using Google.Protobuf.WellKnownTypes;
using Microsoft.EntityFrameworkCore;

namespace DeviceRegistry.Registrar.Orders;

/// <summary>Stores the subjects of an order, looks them up, and writes the journal entries from which nodes learn of
/// them.</summary>
internal static class OrderEffects
{
    // An IMEI must be covered by the same IMEI, not by a range or TAC, because the siblings of its unit are covered
    // with an IMEI only. Of ranges and TACs, the numbers are compared. A pair is also covered by an order on its
    // device alone.
    private const string CoversSql = """
        SELECT NOT EXISTS (
            SELECT FROM order_items o WHERE o.order_number = {1} AND o.kind IN (1, 5, 6)
              AND NOT EXISTS (
                SELECT FROM order_items n WHERE n.order_number = {0} AND n.value = o.value
                    AND ((n.kind, n.detail) = (o.kind, o.detail) AND n.party_id IS NOT DISTINCT FROM o.party_id
                    OR (o.kind = 6 AND n.kind IN (1, 5)))))
          AND coalesce(range_agg(s.numbers) FILTER (WHERE s.order_number = {1}),
              '{{}}') <@ coalesce(range_agg(s.numbers) FILTER (WHERE s.order_number = {0}), '{{}}') AS "Value"
        FROM (SELECT order_number, CASE kind WHEN 2 THEN int8range(value * 1000000, (value + 1) * 1000000)
            ELSE int8range(value, detail, '[]') END AS numbers
              FROM order_items WHERE order_number IN ({0}, {1}) AND kind IN (2, 4)) s
        """;

    private const string IsInRangeSql = """
        SELECT EXISTS (
          SELECT FROM unnest({0}) AS n (imei) JOIN order_items i ON i.kind = 4
              AND i.value BETWEEN n.imei / 1000000 * 1000000 AND n.imei AND i.detail >= n.imei
          JOIN orders o ON o.number = i.order_number AND o.state IN (3, 10, 11) AND (o.expires_at IS NULL
              OR o.expires_at > {1})) AS "Value"
        """;

    /// <summary>Stores the subjects of a draft and the siblings that its IMEIs have now; later siblings are added when
    /// the order is armed. Returns the covered IMEIs.</summary>
    public static async Task<IReadOnlyCollection<long>> CoverAsync(RegistryWrite write, OrderRow order,
        OrderSubjects subjects, CancellationToken ct)
    {
        var units = await FindAsync(write.Db, subjects.Units, ct);
        var imeis = await WithSiblingsAsync(write.Db, subjects.Imeis.Select(i => (long)i.Value)
            .Union(units.SelectMany(u => u.Imeis)), ct);
        await RequireOperatorsAsync(write.Db, subjects.Pairs, ct);
        var identities = await MalformedIdentities.InternAsync(write.Connection,
            [.. subjects.Identities.Union(subjects.Pairs.Where(p => p.Imei is null).Select(p => p.Identity))], ct);
        write.Db.OrderItems.AddRange(imeis.Select(i => Item(order, OrderItemKind.Imei, i)));
        write.Db.OrderItems.AddRange(subjects.Tacs.Select(t => Item(order, OrderItemKind.Tac, t.Value)));
        write.Db.OrderItems.AddRange(subjects.Ranges.Select(r =>
            Item(order, OrderItemKind.Range, (long)r.First.Value, (long)r.Last.Value)));
        write.Db.OrderItems.AddRange(units.Select(u => Item(order, OrderItemKind.Unit, u.BatchNumber, u.Unit)));
        write.Db.OrderItems.AddRange(subjects.Identities.Select(text =>
            Item(order, OrderItemKind.Identity, identities[text])));
        write.Db.OrderItems.AddRange(subjects.Pairs.Select(p =>
            Item(order, OrderItemKind.Pair, p.Imei is { } imei ? (long)imei.Value : identities[p.Identity],
            (long)p.Pseudonym, p.Operator)));
        return imeis;
    }

    /// <summary>Whether an order covers every subject of another one.</summary>
    public static Task<bool> CoversAsync(RegistryContext db, long order, long other, CancellationToken ct) =>
        db.Database.SqlQueryRaw<bool>(CoversSql, order, other).SingleAsync(ct);

    /// <summary>Arms an order: adds the current siblings of its IMEIs and stages the journal entries. The shared lock
    /// keeps units from being registered in between: a unit may have been registered since the draft, or have got a
    /// new board during a stay, which <paramref name="vacating"/> ends.</summary>
    public static async Task ArmAsync(RegistryWrite write, OrderRow order, OrderRow? vacating, CancellationToken ct)
    {
        await WriteLock.Subjects.ShareAsync(write.Connection, ct);
        var items = await write.Db.OrderItems.AsNoTracking().Where(i => i.OrderNumber == order.Number).ToListAsync(ct);
        var named = items.Where(i => i.Kind is OrderItemKind.Imei).Select(i => i.Value).ToList();
        // Units are included: each is found by the IMEIs it had when the draft named it.
        var imeis = await WithSiblingsAsync(write.Db, named, ct);
        write.Db.OrderItems.AddRange(imeis.Except(named).Select(i => Item(order, OrderItemKind.Imei, i)));
        var pairs = await PairsAsync(write.Db, order, items, ct);

        // The journal position is known only after the commit; OrderClock sets it.
        order.ArmedPosition = null;
        var armed = new OrderArmed
        {
            OrderNumber = (ulong)order.Number, ActionNumber = (ulong)(vacating?.Number ?? 0),
            OrderClass = (Contracts.V1.OrderClass)order.OrderClass,
            CheckReason = (Contracts.V1.CheckReason)order.CheckReason,
            EffectiveAt = order.EffectiveAt is { } from ? Timestamp.FromDateTime(from) : null,
            ExpiresAt = order.ExpiresAt is { } until ? Timestamp.FromDateTime(until) : null,
            ImeiDeltas = { JournalEntryRules.ToDeltas(imeis.Order().Select(i => (ulong)i)) },
            Tacs = { items.Where(i => i.Kind is OrderItemKind.Tac).Select(i => (uint)i.Value) },
            RangeDeltas = { JournalEntryRules.ToDeltas(items.Where(i => i.Kind is OrderItemKind.Range)
                .OrderBy(i => i.Value).SelectMany(i => new[] { (ulong)i.Value, (ulong)i.Detail })) },
            Identities = { await TextsAsync(write.Db, items, ct) },
            InForceAt = order is { State: Core.OrderState.InForce, InForceAt: { } startedAt }
            ? Timestamp.FromDateTime(startedAt) : null,
        };
        write.Stage(JournalKind.OrderArmed, armed, subject: (SubjectKind.Order, order.Number));

        // The nodes of an operator receive the pairs of its own subscribers only.
        foreach (var ofOperator in pairs.GroupBy(p => p.PartyId!.Value).OrderBy(g => g.Key))
            write.Stage(
                JournalKind.OrderPairsArmed,
                new OrderPairsArmed
                {
                    OrderNumber = (ulong)order.Number, OperatorPartyId = (ulong)ofOperator.Key,
                    KeyVersion = Pseudonyms.KeyVersion
                },
                new OrderPairs { Pairs = { await ArmedAsync(write.Db, ofOperator, ct) } },
                (SubjectKind.Order, order.Number));
    }

    /// <summary>Texts of the malformed identities (negative values) among the items, by id.</summary>
    public static async Task<Dictionary<long, string>> TextsByIdAsync(
        RegistryContext db, IEnumerable<OrderItemRow> items, CancellationToken ct)
    {
        var ids = items.Where(i => i.Value < 0).Select(i => i.Value).Distinct().ToList();
        return ids.Count is 0 ? [] : await db.MalformedIdentities.Where(m => ids.Contains(m.Id))
            .ToDictionaryAsync(m => m.Id, m => m.Text, ct);
    }

    // The named pairs, and the siblings of their IMEIs with the same subscriber.
    private static async Task<IReadOnlyList<OrderItemRow>> PairsAsync(
        RegistryContext db, OrderRow order, List<OrderItemRow> items, CancellationToken ct)
    {
        var pairs = items.Where(i => i.Kind is OrderItemKind.Pair).ToList();
        foreach (var ofSubscriber in pairs.Where(p => p.Value >= 0).GroupBy(p => (p.Detail, p.PartyId)).ToList())
        {
            var named = ofSubscriber.Select(p => p.Value).ToList();
            var following = (await WithSiblingsAsync(db, named, ct)).Except(named)
                .Select(i => Item(order, OrderItemKind.Pair, i, ofSubscriber.Key.Detail, ofSubscriber.Key.PartyId))
                .ToList();
            db.OrderItems.AddRange(following);
            pairs.AddRange(following);
        }

        return pairs;
    }

    private static async Task<IEnumerable<ArmedPair>> ArmedAsync(RegistryContext db, IEnumerable<OrderItemRow> pairs,
        CancellationToken ct)
    {
        var texts = await TextsByIdAsync(db, pairs, ct);
        return pairs.OrderBy(p => p.Value).ThenBy(p => (ulong)p.Detail)
            .Select(p => new ArmedPair
            {
                Imei = (ulong)Math.Max(p.Value, 0), Identity = p.Value >= 0 ? ""
                : texts[p.Value], Pseudonym = (ulong)p.Detail
            });
    }

    private static async Task RequireOperatorsAsync(RegistryContext db, IReadOnlyList<NamedPair> pairs,
        CancellationToken ct)
    {
        var named = pairs.Select(p => p.Operator).Distinct().ToList();
        var known = named.Count is 0 ? []
            : await db.Parties.Where(p => named.Contains(p.Id) && p.Kind == Core.PartyKind.Operator && p.Active)
            .Select(p => p.Id).ToListAsync(ct);
        if (named.Except(known).FirstOrDefault() is not 0 and var unknown) throw RegistryException.BadField(
            pairs.First(p => p.Operator == unknown).Field,
            "an operator of the registry, as PseudonymizeSubscribers tells it");
    }

    /// <summary>Texts of the identities that an order covers, sorted.</summary>
    public static Task<List<string>> TextsAsync(RegistryContext db, IEnumerable<OrderItemRow> items,
        CancellationToken ct)
    {
        var ids = items.Where(i => i.Kind is OrderItemKind.Identity).Select(i => i.Value).ToList();
        return ids.Count is 0 ? Task.FromResult<List<string>>([])
            : db.MalformedIdentities.Where(m => ids.Contains(m.Id)).OrderBy(m => m.Text).Select(m => m.Text)
            .ToListAsync(ct);
    }

    /// <summary>Whether an order that nodes hold covers one of these IMEIs: as an IMEI or a pair, in a range, or by
    /// its TAC. Expired orders do not count.</summary>
    public static async Task<bool> IsBlockedAsync(RegistryContext db, long[] imeis, DateTime now, CancellationToken ct)
    {
        // Two queries, because each uses its own index of the items.
        if (await db.Database.SqlQueryRaw<bool>(IsInRangeSql, imeis, now).SingleAsync(ct)) return true;

        var tacs = imeis.Select(i => (long)new Imei((ulong)i).Tac.Value).ToArray();
        return await (from item in db.OrderItems
                      where ((item.Kind == OrderItemKind.Imei || item.Kind == OrderItemKind.Pair)
                      && imeis.Contains(item.Value)) || (item.Kind == OrderItemKind.Tac && tacs.Contains(item.Value))
                      join order in db.Orders on item.OrderNumber equals order.Number
                      where OrderLifeCycle.AtNodes.Contains(order.State)
                      && (order.ExpiresAt == null || order.ExpiresAt > now)
                      select order).AnyAsync(ct);
    }

    /// <summary>Returns the given IMEIs and all IMEIs of their registered units, because all IMEIs of a unit are
    /// blocked together. The siblings are those of the current board; a unit is also found by the IMEIs of an earlier
    /// board.</summary>
    public static async Task<List<long>> WithSiblingsAsync(RegistryContext db, IEnumerable<long> imeis,
        CancellationToken ct)
    {
        var named = imeis.ToList();
        var siblings = await (from imei in db.Imeis
                              where named.Contains(imei.Imei)
                              join batch in db.Batches on imei.BatchNumber equals batch.Number
                              where batch.State >= Postgres.Schema.BatchState.Valid
                              join unit in db.Devices on new
                              {
                                  imei.BatchNumber,
                                  imei.Unit
                              } equals new { unit.BatchNumber, unit.Unit }
                              select unit.Imeis).AsNoTracking().ToListAsync(ct);
        return [.. named.Union(siblings.SelectMany(s => s))];
    }

    // Finds the named units of registered batches, with one query per batch.
    private static async Task<IReadOnlyList<DeviceRow>> FindAsync(RegistryContext db, IReadOnlyList<NamedUnit> named,
        CancellationToken ct)
    {
        var found = new List<DeviceRow>();
        foreach (var ofBatch in named.GroupBy(u => u.Batch))
        {
            var (serials, numbers) = (ofBatch.Select(u => u.SerialNumber).ToList(),
                ofBatch.Select(u => (int)Math.Min(u.Number, int.MaxValue)).ToList());
            var batch = await db.Batches.AsNoTracking()
                .SingleOrDefaultAsync(b => b.Number == ofBatch.Key.ToKey()
                && b.State >= Postgres.Schema.BatchState.Valid, ct);
            var units = batch is null ? [] : await db.Devices.AsNoTracking()
                .Where(d => d.BatchNumber == batch.Number && numbers.Contains(d.Unit))
                    .Union(db.Devices.Where(d => d.PartyId == batch.PartyId && serials.Contains(d.SerialNumber)
                    && d.BatchNumber == batch.Number))
                .ToListAsync(ct);
            foreach (var one in ofBatch)
                found.Add(units.Find(d => one.Number is 0 ? d.SerialNumber == one.SerialNumber : d.Unit == one.Number)
                    ?? throw new RegistryException(RegistryError.NotFound,
                    $"There is no registered unit {(one.Number is 0 ? one.SerialNumber : one.Number)} of batch " +
                    $"{one.Batch}. Nothing was drafted.", one.Field, "a registered unit"));
        }

        return [.. found.DistinctBy(d => (d.BatchNumber, d.Unit))];
    }

    private static OrderItemRow Item(OrderRow order, OrderItemKind kind, long value, long detail = 0,
        long? party = null) =>
        new() { OrderNumber = order.Number, Kind = kind, Value = value, Detail = detail, PartyId = party };
}
