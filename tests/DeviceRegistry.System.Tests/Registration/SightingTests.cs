using DeviceRegistry.Contracts.V1;
using DeviceRegistry.TestKit;

namespace DeviceRegistry.System.Tests.Registration;

/// <summary>What networks saw, and what it means for units: quarantine, alarms, and nothing for those who only
/// ask.</summary>
[CancelAfter(Patience.TestMs)]
public sealed class SightingTests
{
    [Test]
    public async Task A_number_that_a_network_has_seen_sinks_no_batch_but_waits_in_quarantine_for_two_people()
    {
        var (file, units) = TestImei.DualSim(4);
        await Registry.SightAsync(units[2].Second.Digits);

        var (receipt, _, _) = await Registry.RegisterAsync(Registry.Header(), file);
        var batch = receipt!.BatchNumber;
        var alarm = (await Registry.Reads("auditor-a")
            .ListAlarmsAsync(new ListAlarmsRequest { BatchNumber = batch })).Alarms.Single();
        var ofMaker = (await Registry.Reads("maker-a")
            .ListAlarmsAsync(new ListAlarmsRequest { BatchNumber = batch })).Alarms.Single();
        await Registry.CertifyAsync(batch);
        var released = await Registry.ReleaseAsync(batch);

        Assert.That((receipt.Units, receipt.QuarantinedUnits), Is.EqualTo((4u, 1u)));
        Assert.That((alarm.Kind, alarm.SerialNumber, alarm.Imei, alarm.Operators),
            Is.EqualTo((AlarmKind.SeenBeforeRegistration, units[2].Serial, units[2].Second.Digits,
            new[] { "opco-a" })));
        Assert.That(ofMaker.Operators, Is.Empty, "which networks, is not for its maker to know");
        Assert.That((released.Units, released.Batch.State), Is.EqualTo((3u, BatchState.Released)));
        Assert.That((await Registry.CheckAsync(units[2].First)).Reason, Is.EqualTo(CheckReason.FirstSeen));

        // Two people let it out; then its maker may release it.
        var proposed = await Registry.Registration("regulator-a")
            .ClearQuarantineAsync(new ClearQuarantineRequest { Reference = Registry.NewReference(), BatchNumber = batch,
            Reason = "a typing error at a shop" });
        var alone = await Registry.RefusalOfAsync(async () => await ApproveAsync("regulator-a", proposed.ChangeNumber));
        await ApproveAsync("regulator-b", proposed.ChangeNumber);
        var rest = await Registry.ReleaseAsync(batch);

        Assert.That(Registry.ReasonOf(alone), Is.EqualTo("SECOND_PERSON_REQUIRED"));
        Assert.That((rest.Units, rest.Batch.State), Is.EqualTo((1u, BatchState.Closed)));
        Assert.That((await Registry.CheckAsync(units[2].First)).Reason, Is.EqualTo(CheckReason.Compliant));
    }

    [Test]
    public async Task A_dry_run_counts_units_that_would_wait_in_quarantine()
    {
        var (file, units) = TestImei.DualSim(3);
        await Registry.SightAsync(units[0].First.Digits, units[0].Second.Digits, units[1].First.Digits);
        var header = Registry.Header();
        header.DryRun = true;

        var end = await Batches.RegisterAsync(Registry.Server.Channel("registrar", "maker-a").CreateCallInvoker(),
            header, file);

        Assert.That(end.DryRun?.QuarantinedUnits, Is.EqualTo(2));
    }

    [Test]
    public async Task A_core_node_that_asks_about_a_unit_before_its_release_raises_one_alarm_and_a_person_none()
    {
        var (batch, units) = await Registry.GivenRegisteredAsync(3);
        var core = Registry.Attach("core-a1");

        // The person first: had it been a sighting, it would have been told before the other.
        await Registry.Attach("operator-a").CheckAsync(new CheckRequest { Imei = units[0].First.Digits });
        await core.CheckAsync(new CheckRequest { Imei = units[1].First.Printed });
        await core.CheckAsync(new CheckRequest { Imei = units[1].Second.Digits });
        await core.CheckAsync(new CheckRequest { Imei = units[2].First.Digits, AttachKind = AttachKind.Emergency });
        await Registry.UntilAsync(async _ => await CountAsync(batch) > 0);
        await core.CheckAsync(new CheckRequest { Imei = units[1].First.Digits });
        await Registry.SightAsync(units[1].First.Digits);

        var alarms = (await Registry.Reads("auditor-a")
            .ListAlarmsAsync(new ListAlarmsRequest { BatchNumber = batch })).Alarms;
        Assert.That(alarms.Select(a => (a.Kind, a.SerialNumber)),
            Is.EqualTo([(AlarmKind.SeenBeforeRelease, units[1].Serial)]));
    }

    [Test]
    public async Task A_handset_that_was_denied_was_not_seen()
    {
        var (file, units) = TestImei.DualSim(2);
        await Registry.GivenBlockedAsync(units[0].First, OrderClass.B, "BARRED");
        var core = Registry.Attach("core-a1");

        var denied = await core.CheckAsync(new CheckRequest { Imei = units[0].First.Digits });
        await core.CheckAsync(new CheckRequest { Imei = units[1].First.Digits });
        await Registry.UntilAsync(async _ => await IsSeenAsync(units[1].First));

        Assert.That((denied.Verdict, await IsSeenAsync(units[0].First)), Is.EqualTo((Verdict.Deny, false)));
        Assert.That(file, Is.Not.Empty);
    }

    [Test]
    public async Task A_retired_unit_that_is_seen_raises_an_alarm()
    {
        var (batch, units) = await Registry.GivenRegisteredAsync(2);
        await Registry.Registration("maker-a").RetireUnitsAsync(new RetireUnitsRequest
        {
            Reference = Registry.NewReference(), BatchNumber = batch, Reason = "scrapped",
            Units = new UnitSelection { SerialNumbers = { units[0].Serial } },
        });

        var answer = await Registry.SightAsync(units[0].Second.Digits);

        var alarms = (await Registry.Reads("maker-a")
            .ListAlarmsAsync(new ListAlarmsRequest { BatchNumber = batch, Kind = AlarmKind.RetiredImeiSeen })).Alarms;
        Assert.That((answer.Alarms, alarms.Single().SerialNumber), Is.EqualTo((1u, units[0].Serial)));
    }

    [Test]
    public async Task A_released_unit_that_is_seen_becomes_active_and_raises_nothing()
    {
        var unit = (await Registry.GivenReleasedAsync())[0];

        var at = TimeProvider.System.GetUtcNow();
        var answer = await Registry.SightAsync(at, unit.First.Digits, unit.Second.Digits, "NO IMEI", "A#B");
        var again = await Registry.SightAsync(at.AddMinutes(1), unit.First.Digits, "NO IMEI");
        var byAuditor = (await Registry.Reads("auditor-a")
            .GetDeviceAsync(new GetDeviceRequest { Imei = unit.First.Digits })).Unit;
        var byMaker = (await Registry.Reads("maker-a")
            .GetDeviceAsync(new GetDeviceRequest { Imei = unit.First.Digits })).Unit;

        Assert.That((answer.Alarms, again.NewIdentities), Is.EqualTo((0u, 0u)));
        Assert.That((byAuditor.FirstSeenAt.Seconds, byAuditor.LastSeenAt.Seconds),
            Is.EqualTo((at.ToUnixTimeSeconds(), at.AddMinutes(1).ToUnixTimeSeconds())));
        Assert.That((byMaker.FirstSeenAt, byMaker.LastSeenAt),
            Is.EqualTo((default(Google.Protobuf.WellKnownTypes.Timestamp),
            default(Google.Protobuf.WellKnownTypes.Timestamp))));
    }

    [Test]
    public async Task A_report_that_comes_late_is_judged_by_what_the_unit_was_when_it_was_seen()
    {
        var released = (await Registry.GivenReleasedAsync())[0];
        var (batch, units) = await Registry.GivenRegisteredAsync(2);
        var swapped = (await Registry.GivenReleasedAsync())[0];
        await Registry.Registration("maker-a").RetireUnitsAsync(new RetireUnitsRequest
        {
            Reference = Registry.NewReference(), BatchNumber = batch, Reason = "scrapped",
            Units = new UnitSelection { SerialNumbers = { units[0].Serial } },
        });
        await Registry.Registration("maker-a").SwapBoardAsync(new SwapBoardRequest
        {
            Reference = Registry.NewReference(), Imei = swapped.First.Printed,
            NewImeis = { TestImei.Next().Printed, TestImei.Next().Printed }, Reason = "repair",
        });
        var before = TimeProvider.System.GetUtcNow().AddHours(-1);

        var beforeRelease = await Registry.SightAsync(before, released.First.Digits);
        var beforeRetirement = await Registry.SightAsync(before, units[0].First.Digits);
        var beforeSwap = await Registry.SightAsync(before, swapped.First.Digits);
        var afterSwap = await Registry.SightAsync(swapped.First.Digits);

        Assert.That((beforeRelease.Alarms, beforeRetirement.Alarms, beforeSwap.Alarms, afterSwap.Alarms),
            Is.EqualTo((1u, 0u, 0u, 1u)));
        var alarms = (await Registry.Reads("auditor-a")
            .ListAlarmsAsync(new ListAlarmsRequest { Kind = AlarmKind.SeenBeforeRelease, PageSize = 1_000 })).Alarms;
        Assert.That(alarms.Select(a => a.Imei), Does.Contain(released.First.Digits));
    }

    [Test]
    public async Task A_unit_seen_while_it_is_being_registered_raises_exactly_one_alarm()
    {
        for (var round = 0; round < 6; round++)
        {
            var (file, units) = TestImei.DualSim(2_000);
            var registering = Registry.RegisterAsync(Registry.Header(), file);
            for (var n = 0; !registering.IsCompleted
                && n < 2_000; n += 97) await Registry.SightAsync(units[n].First.Digits);

            var batch = (await registering).Receipt!.BatchNumber;
            await Registry.SightAsync(units[1].Second.Digits);
            var alarms = (await Registry.Reads("auditor-a")
                .ListAlarmsAsync(new ListAlarmsRequest { BatchNumber = batch, PageSize = 1_000 })).Alarms;
            var seen = 0;
            foreach (var unit in units.Where((_, n) => n % 97 is 0 or 1)) seen += await IsSeenAsync(unit.First)
                || await IsSeenAsync(unit.Second) ? 1 : 0;

            Assert.That(alarms.Select(a => a.SerialNumber), Is.Unique);
            Assert.That(alarms, Has.Count.EqualTo(seen),
                "each unit that was seen is in quarantine, or was found later");
            Assert.That((await Registry.Reads("auditor-a")
                .GetBatchAsync(new GetBatchRequest { BatchNumber = batch })).Batch.UnitCounts.FirstOrDefault(c =>
                c.State is UnitState.Quarantined)?.Units ?? 0,
                Is.EqualTo(alarms.Count(a => a.Kind is AlarmKind.SeenBeforeRegistration)));
        }
    }

    private static async Task<int> CountAsync(ulong batch) =>
        (await Registry.Reads("auditor-a").ListAlarmsAsync(new ListAlarmsRequest { BatchNumber = batch })).Alarms.Count;

    private static async Task ApproveAsync(string who, ulong change) =>
        await new ChangesService.ChangesServiceClient(Registry.Server.Channel("registrar", who))
            .ApproveChangeAsync(new ApproveChangeRequest { Reference = Registry.NewReference(),
            ChangeNumber = change });

    private static async Task<bool> IsSeenAsync(Core.Imei imei)
    {
        await using var connection = new Npgsql.NpgsqlConnection(
            Registry.Cluster.Server.AdminConnectionString(Registry.Database));
        await connection.OpenAsync();
        await using var command = new Npgsql.NpgsqlCommand(
            $"SELECT EXISTS (SELECT FROM sightings WHERE identity = {imei.Value})", connection);
        return (bool)(await command.ExecuteScalarAsync())!;
    }
}
