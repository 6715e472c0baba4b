using DeviceRegistry.Contracts.V1;
using DeviceRegistry.TestKit;

namespace DeviceRegistry.System.Tests.Registration;

/// <summary>Sightings by networks and their effect on units: quarantine and alarms, and no effect of checks by
/// people.</summary>
[CancelAfter(Patience.TestMs)]
public sealed class SightingTests
{
    [Test]
    public async Task A_unit_seen_before_registration_is_quarantined()
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

        using (Assert.EnterMultipleScope())
        {
            Assert.That(receipt.Units, Is.EqualTo(4u));
            Assert.That(receipt.QuarantinedUnits, Is.EqualTo(1u));
            Assert.That(alarm.Kind, Is.EqualTo(AlarmKind.SeenBeforeRegistration));
            Assert.That(alarm.SerialNumber, Is.EqualTo(units[2].Serial));
            Assert.That(alarm.Imei, Is.EqualTo(units[2].Second.Digits));
            Assert.That(alarm.Operators, Is.EqualTo(new[] { "opco-a" }));
        }

        Assert.That(ofMaker.Operators, Is.Empty, "which networks, is not for its maker to know");
        using (Assert.EnterMultipleScope())
        {
            Assert.That(released.Units, Is.EqualTo(3u));
            Assert.That(released.Batch.State, Is.EqualTo(BatchState.Released));
        }

        Assert.That((await Registry.CheckAsync(units[2].First)).Reason, Is.EqualTo(CheckReason.FirstSeen));

        // Two people clear the quarantine; then the manufacturer may release the unit.
        var proposed = await Registry.Registration("regulator-a")
            .ClearQuarantineAsync(new ClearQuarantineRequest
            {
                Reference = Registry.NewReference(), BatchNumber = batch,
                Reason = "a typing error at a shop"
            });
        var alone = await Registry.RefusalOfAsync(async () => await ApproveAsync("regulator-a", proposed.ChangeNumber));
        await ApproveAsync("regulator-b", proposed.ChangeNumber);
        var rest = await Registry.ReleaseAsync(batch);

        Assert.That(Registry.ReasonOf(alone), Is.EqualTo("SECOND_PERSON_REQUIRED"));
        using (Assert.EnterMultipleScope())
        {
            Assert.That(rest.Units, Is.EqualTo(1u));
            Assert.That(rest.Batch.State, Is.EqualTo(BatchState.Closed));
        }

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
    public async Task Only_a_core_nodes_check_before_release_raises_an_alarm()
    {
        var (batch, units) = await Registry.GivenRegisteredAsync(3);
        var core = Registry.Attach("core-a1");

        // The person checks first: if that counted as a sighting, its report would precede the other.
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
    public async Task A_denied_device_is_not_recorded_as_seen()
    {
        var (file, units) = TestImei.DualSim(2);
        await Registry.GivenBlockedAsync(units[0].First, OrderClass.B, "BARRED");
        var core = Registry.Attach("core-a1");

        var denied = await core.CheckAsync(new CheckRequest { Imei = units[0].First.Digits });
        await core.CheckAsync(new CheckRequest { Imei = units[1].First.Digits });
        await Registry.UntilAsync(async _ => await IsSeenAsync(units[1].First));

        using (Assert.EnterMultipleScope())
        {
            Assert.That(denied.Verdict, Is.EqualTo(Verdict.Deny));
            Assert.That(await IsSeenAsync(units[0].First), Is.False);
        }

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
        using (Assert.EnterMultipleScope())
        {
            Assert.That(answer.Alarms, Is.EqualTo(1u));
            Assert.That(alarms.Single().SerialNumber, Is.EqualTo(units[0].Serial));
        }
    }

    [Test]
    public async Task A_released_unit_that_is_seen_raises_no_alarm()
    {
        var unit = (await Registry.GivenReleasedAsync())[0];

        var at = TimeProvider.System.GetUtcNow();
        var answer = await Registry.SightAsync(at, unit.First.Digits, unit.Second.Digits, "NO IMEI", "A#B");
        var again = await Registry.SightAsync(at.AddMinutes(1), unit.First.Digits, "NO IMEI");
        var byAuditor = (await Registry.Reads("auditor-a")
            .GetDeviceAsync(new GetDeviceRequest { Imei = unit.First.Digits })).Unit;
        var byMaker = (await Registry.Reads("maker-a")
            .GetDeviceAsync(new GetDeviceRequest { Imei = unit.First.Digits })).Unit;

        using (Assert.EnterMultipleScope())
        {
            Assert.That(answer.Alarms, Is.EqualTo(0u));
            Assert.That(again.NewIdentities, Is.EqualTo(0u));
            Assert.That(byAuditor.FirstSeenAt.Seconds, Is.EqualTo(at.ToUnixTimeSeconds()));
            Assert.That(byAuditor.LastSeenAt.Seconds, Is.EqualTo(at.AddMinutes(1).ToUnixTimeSeconds()));
            Assert.That(byMaker.FirstSeenAt, Is.EqualTo(default(Google.Protobuf.WellKnownTypes.Timestamp)));
            Assert.That(byMaker.LastSeenAt, Is.EqualTo(default(Google.Protobuf.WellKnownTypes.Timestamp)));
        }
    }

    [Test]
    public async Task A_late_sighting_is_judged_by_the_units_state_when_it_was_seen()
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

        using (Assert.EnterMultipleScope())
        {
            Assert.That(beforeRelease.Alarms, Is.EqualTo(1u));
            Assert.That(beforeRetirement.Alarms, Is.EqualTo(0u));
            Assert.That(beforeSwap.Alarms, Is.EqualTo(0u));
            Assert.That(afterSwap.Alarms, Is.EqualTo(1u));
        }

        var alarms = (await Registry.Reads("auditor-a")
            .ListAlarmsAsync(new ListAlarmsRequest { Kind = AlarmKind.SeenBeforeRelease, PageSize = 1_000 })).Alarms;
        Assert.That(alarms.Select(a => a.Imei), Does.Contain(released.First.Digits));
    }

    [Test]
    public async Task A_unit_seen_during_its_registration_raises_one_alarm()
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
            .ApproveChangeAsync(new ApproveChangeRequest
            {
                Reference = Registry.NewReference(),
                ChangeNumber = change
            });

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
