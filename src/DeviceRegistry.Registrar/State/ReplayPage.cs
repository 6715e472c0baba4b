using System.Text;
using DeviceRegistry.Contracts.V1;
using DeviceRegistry.Core;
using DeviceRegistry.Postgres;
using DeviceRegistry.Postgres.Schema;
using Google.Protobuf;
using Microsoft.EntityFrameworkCore;
using Npgsql;
using UnitState = DeviceRegistry.Core.UnitState;

namespace DeviceRegistry.Registrar.State;

/// <summary>A run of consecutive units of a batch with the same state, and since when they have it.</summary>
internal readonly record struct DatedRun(int First, int Last, UnitState State, DateTime Since);

/// <summary>The temporary tables while a page of entries is replayed into them. Rows that change are few and go through
/// the EF Core context, whose table names resolve to the temporary tables because pg_temp precedes the schema of the
/// real ones; rows that are only added go by COPY.</summary>
internal sealed class ReplayPage : IAsyncDisposable
{
    private const string RunsSql =
        "SELECT first_unit, last_unit, state, since FROM pg_temp.unit_runs WHERE batch_number = $1 ORDER BY first_unit";

    private static readonly MessageParser<OrderStep> OrderOf = OrderStep.Parser.WithDiscardUnknownFields(true);
    private static readonly MessageParser<BatchStep> BatchOf = BatchStep.Parser.WithDiscardUnknownFields(true);

    private readonly NpgsqlConnection _connection;
    private readonly Buffers _added;
    private readonly Dictionary<int, List<DatedRun>> _runs = [];

    private ReplayPage(NpgsqlConnection connection, NpgsqlTransaction transaction, Buffers added)
    {
        _connection = connection;
        _added = added;
        Db = new RegistryContext(new DbContextOptionsBuilder<RegistryContext>().UseNpgsql(connection).Options);
        Db.Database.UseTransaction(transaction);
        Db.Database.AutoSavepointsEnabled = false;
        Db.Database.SetCommandTimeout(0);
    }

    /// <summary>Context over the temporary tables.</summary>
    public RegistryContext Db { get; }

    /// <summary>Starts a page: loads the rows that its entries refer to in one query per table.</summary>
    public static async Task<ReplayPage> BeginAsync(
        NpgsqlConnection connection, NpgsqlTransaction transaction, Buffers added, IReadOnlyList<ReplayedEntry> entries,
        CancellationToken ct)
    {
        var page = new ReplayPage(connection, transaction, added);
        var orders = NumbersOf(entries, SubjectKind.Order);
        var batches = NumbersOf(entries, SubjectKind.Batch).Select(n => (int)n).ToArray();
        var changes = NumbersOf(entries, SubjectKind.Change);
        if (orders.Length > 0) await page.Db.Orders.Where(o => orders.Contains(o.Number)).LoadAsync(ct);
        if (batches.Length > 0) await page.Db.Batches.Where(b => batches.Contains(b.Number)).LoadAsync(ct);
        if (changes.Length > 0) await page.Db.Changes.Where(c => changes.Contains(c.Number)).LoadAsync(ct);
        return page;
    }

    /// <summary>Returns an order of this page's entries; throws if no earlier entry created it.</summary>
    public OrderRow Order(ulong number) =>
        OrderOrNone(number) ?? throw new StateMismatchException($"no entry before it drafted order {number}");

    /// <summary>Returns an order, or null if there is none.</summary>
    public OrderRow? OrderOrNone(ulong number) => Db.Orders.Local.FindEntry(number.ToKey())?.Entity;

    /// <summary>Returns a batch of this page's entries; throws if no earlier entry created it.</summary>
    public BatchRow Batch(ulong number) =>
        BatchOrNone(number) ?? throw new StateMismatchException($"no entry before it registered batch {number}");

    /// <summary>Returns a batch, or null if there is none.</summary>
    public BatchRow? BatchOrNone(ulong number) => Db.Batches.Local.FindEntry(number.ToBatchKey())?.Entity;

    /// <summary>Returns a change of this page's entries; throws if no earlier entry created it.</summary>
    public ChangeRow Change(ulong number) =>
        ChangeOrNone(number) ?? throw new StateMismatchException($"no entry before it proposed change {number}");

    /// <summary>Returns a change, or null if there is none.</summary>
    public ChangeRow? ChangeOrNone(ulong number) => Db.Changes.Local.FindEntry(number.ToKey())?.Entity;

    /// <summary>Marks the rows of a table with this value as partly erased.</summary>
    public void Erase(string table, long value)
    {
        _added.ErasedTables.Add(table);
        _added.Erased.AddRow(2);
        _added.Erased.AddBytes(Encoding.ASCII.GetBytes(table));
        _added.Erased.AddBigint(value);
    }

    /// <summary>Records that an order's draft lists an IMEI, alone or with a subscriber.</summary>
    public void Named(long order, OrderItemKind kind, long imei, long subscriber = 0, long party = 0)
    {
        _added.Named.AddRow(5);
        _added.Named.AddBigint(order);
        _added.Named.AddSmallint((short)kind);
        _added.Named.AddBigint(imei);
        _added.Named.AddBigint(subscriber);
        _added.Named.AddBigint(party);
    }

    /// <summary>Records that an order's draft lists a unit.</summary>
    public void Named(long order, OrderUnit unit)
    {
        _added.NamedUnits.AddRow(4);
        _added.NamedUnits.AddBigint(order);
        _added.NamedUnits.AddInt(unit.BatchNumber.ToBatchKey());
        _added.NamedUnits.AddInt((int)unit.Unit);
        _added.NamedUnits.AddBytes(Encoding.UTF8.GetBytes(unit.SerialNumber));
    }

    /// <summary>Rows that are only added.</summary>
    public Buffers Added => _added;

    /// <summary>Current states of a batch's units.</summary>
    public async Task<List<DatedRun>> RunsAsync(int batch, CancellationToken ct)
    {
        if (_runs.TryGetValue(batch, out var known)) return known;

        var runs = new List<DatedRun>();
        await using var command = new NpgsqlCommand(RunsSql, _connection)
        {
            CommandTimeout = 0,
            Parameters = { new() { Value = batch } }
        };
        await using var rows = await command.ExecuteReaderAsync(ct);
        while (await rows.ReadAsync(ct)) runs.Add(
            new DatedRun(rows.GetInt32(0), rows.GetInt32(1), (UnitState)rows.GetInt16(2), rows.GetDateTime(3)));
        return runs;
    }

    /// <summary>Replaces the states of a batch's units.</summary>
    public void SetRuns(int batch, List<DatedRun> runs) => _runs[batch] = runs;

    /// <summary>Writes the changes of this page.</summary>
    public async Task SaveAsync(CancellationToken ct)
    {
        await Db.SaveChangesAsync(ct);
        await SaveRunsAsync(ct);
        await _added.SendAsync(_connection, ct);
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => Db.DisposeAsync();

    private async Task SaveRunsAsync(CancellationToken ct)
    {
        if (_runs.Count is 0) return;

        await using var delete = new NpgsqlCommand("DELETE FROM pg_temp.unit_runs WHERE batch_number = ANY ($1)",
            _connection)
        { CommandTimeout = 0, Parameters = { new() { Value = _runs.Keys.ToArray() } } };
        await delete.ExecuteNonQueryAsync(ct);
        foreach (var (batch, runs) in _runs)
            foreach (var run in runs)
            {
                _added.Runs.AddRow(6);
                _added.Runs.AddInt(batch);
                _added.Runs.AddInt(run.First);
                _added.Runs.AddInt(run.Last);
                _added.Runs.AddSmallint((short)run.State);
                _added.Runs.AddTime(run.Since);
                _added.Runs.AddInt(0);
            }
    }

    private static long[] NumbersOf(IReadOnlyList<ReplayedEntry> entries, SubjectKind subject) =>
        [.. entries.Where(e => SubjectOf(e.Kind) == subject).Select(NumberOf).Distinct()];

    // The number is the first field of every message about such a record. An unreadable message is reported when it is
    // replayed.
    private static long NumberOf(ReplayedEntry entry)
    {
        try
        {
            return SubjectOf(entry.Kind) is SubjectKind.Batch ? entry.Read(BatchOf).BatchNumber.ToBatchKey()
                : entry.Read(OrderOf).OrderNumber.ToKey();
        }
        catch (InvalidProtocolBufferException)
        {
            return -1;
        }
    }

    private static SubjectKind? SubjectOf(JournalKind kind) => kind switch
    {
        JournalKind.OrderDrafted or JournalKind.OrderApproved or JournalKind.OrderArmed or JournalKind.OrderPairsArmed
            or JournalKind.OrderLifted or JournalKind.OrderRejected or JournalKind.OrderWithdrawn
            or JournalKind.OrderNoticeRecorded or JournalKind.OrderStayed or JournalKind.OrderAnnulled
            or JournalKind.OrderInForce or JournalKind.OrderExpired or JournalKind.OrderEnforced => SubjectKind.Order,
        JournalKind.BatchDeclared or JournalKind.BatchCertificationProposed
            or JournalKind.BatchCertified or JournalKind.BatchRejected or JournalKind.ImeisReleased
            or JournalKind.ImeisRetired or JournalKind.UnitsChanged or JournalKind.BoardSwapped => SubjectKind.Batch,
        JournalKind.ChangeProposed or JournalKind.ChangeApproved or JournalKind.ChangeRejected => SubjectKind.Change,
        _ => null,
    };

    /// <summary>Buffered rows for tables that are only added to.</summary>
    internal sealed class Buffers
    {
        /// <summary>Marks of erased private parts.</summary>
        public CopyBuffer Erased { get; } = new();

        /// <summary>Tables with such marks.</summary>
        public HashSet<string> ErasedTables { get; } = [];

        /// <summary>Subjects that orders cover.</summary>
        public CopyBuffer OrderItems { get; } = new();

        /// <summary>IMEIs that drafts list.</summary>
        public CopyBuffer Named { get; } = new();

        /// <summary>Units that drafts list.</summary>
        public CopyBuffer NamedUnits { get; } = new();

        /// <summary>TACs, once for each entry that has them.</summary>
        public CopyBuffer Tacs { get; } = new();

        public CopyBuffer Alarms { get; } = new();

        /// <summary>Units that were seen before their registration.</summary>
        public CopyBuffer Quarantined { get; } = new();

        /// <summary>Digests of the pieces that contain units.</summary>
        public CopyBuffer Pieces { get; } = new();

        public CopyBuffer Swaps { get; } = new();

        /// <summary>Runs of unit states.</summary>
        public CopyBuffer Runs { get; } = new();

        /// <summary>Sends and clears the buffers.</summary>
        public async Task SendAsync(NpgsqlConnection connection, CancellationToken ct)
        {
            await Erased.SendAsync(connection, "COPY pg_temp.erased (table_name, value) FROM STDIN (FORMAT BINARY)",
                ct);
            await OrderItems.SendAsync(connection,
                "COPY pg_temp.order_items (order_number, kind, value, detail, party_id) FROM STDIN (FORMAT BINARY)",
                ct);
            await Named.SendAsync(connection,
                "COPY pg_temp.order_named (order_number, kind, imei, detail, party_id) FROM STDIN (FORMAT BINARY)", ct);
            await NamedUnits.SendAsync(connection,
                "COPY pg_temp.order_units (order_number, batch_number, unit, serial_number) FROM STDIN (FORMAT BINARY)",
                ct);
            await Tacs.SendAsync(connection,
                "COPY pg_temp.tacs (position, tac, manufacturer, brand, model, device_type, bands, allocated_on, " +
                "sim_slots) FROM STDIN (FORMAT BINARY)", ct);
            await Alarms.SendAsync(connection,
                "COPY pg_temp.alarms (number, kind, raised_at, batch_number, unit, imei, operators) FROM STDIN " +
                "(FORMAT BINARY)", ct);
            await Quarantined.SendAsync(connection,
                "COPY pg_temp.quarantined_units (batch_number, unit, imei) FROM STDIN (FORMAT BINARY)", ct);
            await Pieces.SendAsync(connection,
                "COPY pg_temp.pieces (batch_number, piece, digest) FROM STDIN (FORMAT BINARY)", ct);
            await Swaps.SendAsync(connection,
                "COPY pg_temp.swaps (position, at, batch_number, unit, retired, imeis) FROM STDIN (FORMAT BINARY)", ct);
            await Runs.SendAsync(connection,
                "COPY pg_temp.unit_runs (batch_number, first_unit, last_unit, state, since, imeis) FROM STDIN " +
                "(FORMAT BINARY)", ct);
        }
    }
}
