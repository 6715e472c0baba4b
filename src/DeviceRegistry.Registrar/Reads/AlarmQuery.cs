using DeviceRegistry.Contracts.V1;
using DeviceRegistry.Core;
using DeviceRegistry.Postgres.Schema;
using Google.Protobuf.WellKnownTypes;
using Microsoft.EntityFrameworkCore;
using AlarmKind = DeviceRegistry.Postgres.Schema.AlarmKind;

namespace DeviceRegistry.Registrar.Reads;

/// <summary>A parsed query for alarms. Manufacturers and importers see alarms about their own batches, without the
/// operators, and none about operators.</summary>
internal sealed record AlarmQuery(long? Own, AlarmKind? Kind, int? Batch, long BeforeNumber, int PageSize)
{
    public static AlarmQuery From(Caller caller, ListAlarmsRequest request) => new(
        Scope.Of(caller, "").Own,
        Inputs.ChoiceOrAny<Contracts.V1.AlarmKind, AlarmKind>("kind", request.Kind),
        request.BatchNumber is 0 ? null : request.BatchNumber.ToBatchKey(),
        request.BeforeNumber is 0 ? long.MaxValue : request.BeforeNumber.ToKey(),
        Inputs.PageSize(request.PageSize));

    /// <summary>Returns a page of alarms, newest first.</summary>
    public async Task<ListAlarmsResponse> ListAsync(RegistryContext db, CancellationToken ct)
    {
        var alarms = db.Alarms.AsNoTracking().Where(a => a.Number < BeforeNumber);
        if (Own is { } own) alarms = alarms.Where(a =>
            db.Batches.Any(b => b.Number == a.BatchNumber && b.PartyId == own));
        if (Kind is { } kind) alarms = alarms.Where(a => a.Kind == kind);
        if (Batch is { } batch) alarms = alarms.Where(a => a.BatchNumber == batch);
        var rows = await (from alarm in alarms
                          join device in db.Devices on new
                          {
                              alarm.BatchNumber,
                              alarm.Unit
                          } equals new
                          {
                              BatchNumber = (int?)device.BatchNumber,
                              Unit = (int?)device.Unit
                          } into units
                          from unit in units.DefaultIfEmpty()
                          orderby alarm.Number descending
                          select new
                          {
                              Alarm = alarm, SerialNumber = unit == null ? "" : unit.SerialNumber,
                              Node = db.Actors.Where(a => a.Id == alarm.ActorId).Select(a => a.Name).FirstOrDefault()
                              ?? "",
                          }).Take(PageSize + 1).ToListAsync(ct);
        var names = Own is null ? await db.Parties.AsNoTracking().ToDictionaryAsync(p => p.Id, p => p.Name, ct) : [];
        return new ListAlarmsResponse
        {
            Alarms =
            {
                rows.Take(PageSize).Select(r => new Alarm
                {
                    AlarmNumber = (ulong)r.Alarm.Number, Kind = (Contracts.V1.AlarmKind)r.Alarm.Kind,
                    RaisedAt = Timestamp.FromDateTime(r.Alarm.RaisedAt),
                    BatchNumber = (ulong)(r.Alarm.BatchNumber ?? 0), SerialNumber = r.SerialNumber,
                    Imei = r.Alarm.Imei is { } imei ? new Imei((ulong)imei).Digits : "",
                    Operators = { r.Alarm.Operators.Where(names.ContainsKey).Select(o => names[o]) },
                    Operator = r.Alarm.PartyId is { } party ? names.GetValueOrDefault(party, "") : "", Node = r.Node,
                    Orders = (ulong)(r.Alarm.Orders ?? 0), OrderNumber = (ulong)(r.Alarm.OrderNumber ?? 0),
                    Since = At(r.Alarm.Since),
                    ClockSkewMs = r.Alarm.ClockSkewMs ?? 0, EndedAt = At(r.Alarm.EndedAt),
                }),
            },
            More = rows.Count > PageSize,
        };
    }

    private static Timestamp? At(DateTime? at) => at is { } time ? Timestamp.FromDateTime(time) : null;
}
