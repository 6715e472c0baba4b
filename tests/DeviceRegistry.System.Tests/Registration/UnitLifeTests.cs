using DeviceRegistry.Contracts.V1;
using DeviceRegistry.TestKit;
using Grpc.Core;

namespace DeviceRegistry.System.Tests.Registration;

/// <summary>Units after registration: released whole or in part, recalled, retired, given a new board; and what
/// networks and readers are told.</summary>
[CancelAfter(Patience.TestMs)]
public sealed class UnitLifeTests
{
    [Test]
    public async Task A_part_is_released_by_range_imei_or_serial_number_and_the_rest_stays()
    {
        var (batch, units) = await Registry.GivenCertifiedAsync(10);

        var first = await Registry.ReleaseAsync(batch, new UnitSelection
        {
            ImeiRanges = { new ImeiRange { First = units[0].First.Printed, Last = units[1].First.Printed } },
            Imeis = { units[4].Second.Digits }, SerialNumbers = { units[6].Serial, units[4].Serial },
        });

        Assert.That((first.Units, first.Imeis, first.Batch.State), Is.EqualTo((4u, 8u, BatchState.Released)));
        Assert.That(Counts(first.Batch),
            Is.EqualTo([(UnitState.Certified, 6ul, 12ul), (UnitState.Released, 4ul, 8ul)]));
        foreach (var (unit, n) in units.Select((u, n) => (u, n)))
            Assert.That((await Registry.CheckAsync(unit.Second)).Reason,
                Is.EqualTo(n is 0 or 1 or 4 or 6 ? CheckReason.Compliant : CheckReason.FirstSeen));

        var rest = await Registry.ReleaseAsync(batch);
        Assert.That((rest.Units, rest.Batch.State), Is.EqualTo((6u, BatchState.Closed)));
        Assert.That((await Registry.CheckAsync(units[9].First)).Reason, Is.EqualTo(CheckReason.Compliant));
    }

    [Test]
    public async Task Ranges_may_overlap_and_be_as_wide_as_all_numbers_there_are()
    {
        var (batch, units) = await Registry.GivenCertifiedAsync(6);
        var everything = new ImeiRange { First = "00000000000000", Last = "99999999999999" };

        var first = await Registry.ReleaseAsync(batch, new UnitSelection
        {
            ImeiRanges = { Of(units[0].First, units[2].First), Of(units[1].First, units[3].Second),
                Of(units[1].First, units[1].First) },
        });
        var nobody = await Registry.RefusalOfAsync(() => Registry.ReleaseAsync(batch, new UnitSelection
        {
            ImeiRanges = { new ImeiRange { First = "00000000000000", Last = "00000000009999" },
                Of(units[4].First, new Core.Imei(99_999_999_999_999)) },
        }));
        var retired = await Registry.Registration("maker-a").RetireUnitsAsync(new RetireUnitsRequest
        {
            Reference = Registry.NewReference(), BatchNumber = batch, Reason = "all",
            Units = new UnitSelection { ImeiRanges = { Enumerable.Repeat(everything, 1_000) } },
        });

        Assert.That((first.Units, retired.Units, retired.Imeis), Is.EqualTo((4u, 6u, 12u)));
        Assert.That((Registry.ReasonOf(nobody), nobody.Status.Detail),
            Is.EqualTo(("NOT_FOUND",
            $"Batch {batch} has no unit with IMEI from 00000000000000 to 00000000009999. Nothing was changed.")));
        static ImeiRange Of(Core.Imei from, Core.Imei to) => new() { First = from.Digits, Last = to.Digits };
    }

    [Test]
    public async Task A_selection_with_a_unit_that_cannot_is_refused_whole()
    {
        var (batch, units) = await Registry.GivenCertifiedAsync(4);
        await Registry.ReleaseAsync(batch, new UnitSelection { SerialNumbers = { units[1].Serial } });

        var refusal = await Registry.RefusalOfAsync(() =>
            Registry.ReleaseAsync(batch, new UnitSelection { SerialNumbers = { units[0].Serial, units[1].Serial } }));

        Assert.That((Registry.ReasonOf(refusal), refusal.Status.Detail),
            Is.EqualTo(("WRONG_STATE",
            $"Unit {units[1].Serial} of batch {batch} is RELEASED, not CERTIFIED. Nothing was changed.")));
        Assert.That(Counts((await Registry.Reads("maker-a")
            .GetBatchAsync(new GetBatchRequest { BatchNumber = batch })).Batch),
            Is.EqualTo([(UnitState.Certified, 3ul, 6ul), (UnitState.Released, 1ul, 2ul)]));
    }

    [Test]
    public async Task A_recalled_unit_is_tracked_and_not_denied()
    {
        var (batch, units) = await Registry.GivenCertifiedAsync(3);
        await Registry.ReleaseAsync(batch, new UnitSelection { SerialNumbers = { units[0].Serial, units[1].Serial } });

        var recalled = await Registry.Registration("maker-a").RecallBatchAsync(new RecallBatchRequest
        {
            Reference = Registry.NewReference(), BatchNumber = batch, Reason = "fire hazard",
            Units = new UnitSelection { Imeis = { units[0].First.Printed } },
        });
        await Registry.AppliedAsync(recalled.JournalPosition);
        var (gone, other) = (await Registry.CheckAsync(units[0].Second), await Registry.CheckAsync(units[1].First));

        Assert.That((recalled.Units, recalled.Batch.State), Is.EqualTo((1u, BatchState.Released)));
        Assert.That((gone.Verdict, gone.Reason, gone.Row),
            Is.EqualTo((Verdict.Track, CheckReason.RetiredImeiSeen, "12c")));
        Assert.That(other.Reason, Is.EqualTo(CheckReason.Compliant));
    }

    [Test]
    public async Task A_batch_recalled_as_a_whole_is_recalled_and_releases_nothing_more()
    {
        var (batch, units) = await Registry.GivenCertifiedAsync(3);
        await Registry.ReleaseAsync(batch, new UnitSelection { SerialNumbers = { units[0].Serial } });

        var recalled = await Registry.Registration("maker-a")
            .RecallBatchAsync(new RecallBatchRequest { Reference = Registry.NewReference(), BatchNumber = batch,
            Reason = "fire hazard" });
        var refusal = await Registry.RefusalOfAsync(() => Registry.ReleaseAsync(batch));

        Assert.That((recalled.Units, recalled.Imeis, recalled.Batch.State), Is.EqualTo((3u, 6u, BatchState.Recalled)));
        Assert.That(Registry.ReasonOf(refusal), Is.EqualTo("WRONG_STATE"));
    }

    [Test]
    public async Task The_numbers_of_a_retired_unit_are_never_used_again()
    {
        var (batch, units) = await Registry.GivenRegisteredAsync(2);
        var retired = await Registry.Registration("maker-a").RetireUnitsAsync(new RetireUnitsRequest
        {
            Reference = Registry.NewReference(), BatchNumber = batch, Reason = "scrapped",
            Units = new UnitSelection { SerialNumbers = { units[0].Serial } },
        });
        var again = await Registry.RegisterAsync(Registry.Header(), File("R-1", units[0].First, TestImei.Next()));
        await Registry.CertifyAsync(batch);
        var released = await Registry.ReleaseAsync(batch);

        Assert.That((retired.Units, Counts(retired.Batch)),
            Is.EqualTo((1u, new[] { (UnitState.Declared, 1ul, 2ul), (UnitState.Retired, 1ul, 2ul) })));
        Assert.That(again.Faults.Single().Reason, Is.EqualTo("IMEI_TAKEN"));
        Assert.That((released.Units, released.Batch.State), Is.EqualTo((1u, BatchState.Closed)));
    }

    [Test]
    public async Task A_new_board_inherits_its_units_registration_and_the_old_numbers_are_retired()
    {
        var unit = (await Registry.GivenReleasedAsync(3))[1];
        var (first, second) = (TestImei.Next(), TestImei.Next());

        var swapped = await SwapAsync(unit.Second, first, second);
        await Registry.AppliedAsync(swapped.JournalPosition);
        var (old, now) = (await Registry.CheckAsync(unit.First), await Registry.CheckAsync(second));
        var byOld = await Registry.Reads("auditor-a")
            .GetDeviceAsync(new GetDeviceRequest { Imei = unit.First.Printed });
        var byNew = await Registry.Reads("maker-a").GetDeviceAsync(new GetDeviceRequest { Imei = first.Printed });
        var again = await Registry.RegisterAsync(Registry.Header(), File("R-2", unit.First, TestImei.Next()));

        Assert.That((old.Row, now.Row), Is.EqualTo(("12c", "14b")));
        Assert.That((byOld.Unit.SerialNumber, byOld.Unit.Imeis, byOld.Unit.RetiredImeis),
            Is.EqualTo((unit.Serial, new[] { first.Digits, second.Digits },
            new[] { unit.First.Digits, unit.Second.Digits })));
        Assert.That(byNew.Unit.Imeis, Is.EqualTo(byOld.Unit.Imeis));
        Assert.That(byNew.History.Select(h => h.Event.Split(' ')[0]), Does.Contain("BOARD_SWAPPED"));
        Assert.That(again.Faults.Single().Reason, Is.EqualTo("IMEI_TAKEN"));
    }

    [Test]
    public async Task A_unit_under_an_order_gets_no_new_board()
    {
        var unit = (await Registry.GivenReleasedAsync())[0];
        await Registry.GivenBlockedAsync(unit.First);

        var refusal = await Registry.RefusalOfAsync(() => SwapAsync(unit.Second, TestImei.Next(), TestImei.Next()));

        Assert.That(Registry.ReasonOf(refusal), Is.EqualTo("UNIT_BLOCKED"));
    }

    [Test]
    public async Task An_order_against_a_number_of_the_old_board_covers_the_new_one()
    {
        var unit = (await Registry.GivenReleasedAsync())[0];
        var (first, second) = (TestImei.Next(), TestImei.Next());
        await SwapAsync(unit.First, first, second);

        var order = await Registry.GivenBlockedAsync(unit.First);

        Assert.That(order.Order.Imeis, Is.SupersetOf([unit.First.Digits, first.Digits, second.Digits]));
        Assert.That((await Registry.CheckAsync(second)).Verdict, Is.EqualTo(Verdict.Deny));
    }

    [Test]
    public async Task A_board_swapped_while_its_unit_is_being_blocked_never_escapes()
    {
        for (var round = 0; round < 5; round++)
        {
            var unit = (await Registry.GivenReleasedAsync())[0];
            var (first, second) = (TestImei.Next(), TestImei.Next());
            var draft = await Registry.Orders("regulator-a").DraftOrderAsync(Registry.Draft(unit.First));

            var swapping = Task.Run(() => SwapAsync(unit.First, first, second))
                .ContinueWith(t => t.IsCompletedSuccessfully, TaskScheduler.Default);
            var approved = await Registry.Orders("regulator-b")
                .ApproveOrderAsync(new ApproveOrderRequest { Reference = Registry.NewReference(),
                OrderNumber = draft.Order.OrderNumber });

            var swapped = await swapping;
            Assert.That(approved.Order.Imeis.Contains(first.Digits), Is.EqualTo(swapped),
                "either the order covers the new board, or there is none");
        }
    }

    [Test]
    public async Task A_unit_is_found_by_its_serial_number_within_its_maker()
    {
        var unit = (await Registry.GivenReleasedAsync(2))[1];

        var own = await Registry.Reads("maker-a").GetDeviceAsync(new GetDeviceRequest { SerialNumber = unit.Serial });
        var byAuditor = await Registry.Reads("auditor-a")
            .GetDeviceAsync(new GetDeviceRequest { SerialNumber = unit.Serial, Party = "maker-a-mobiles" });
        var foreign = await Registry.RefusalOfAsync(async () => await Registry.Reads("maker-b")
            .GetDeviceAsync(new GetDeviceRequest { SerialNumber = unit.Serial, Party = "maker-a-mobiles" }));

        Assert.That((own.Unit.Imeis[1], byAuditor.Unit.Imeis[1], own.Unit.State),
            Is.EqualTo((unit.Second.Digits, unit.Second.Digits, UnitState.Released)));
        Assert.That(own.History.Select(h => h.Event.Split(' ')[0]),
            Is.EqualTo(["BATCH_DECLARED", "BATCH_CERTIFICATION_PROPOSED", "BATCH_CERTIFIED", "IMEIS_RELEASED"]));
        Assert.That(foreign.StatusCode, Is.EqualTo(StatusCode.NotFound));
    }

    [Test]
    public async Task The_past_of_a_unit_leaves_out_what_happened_to_others_of_its_batch()
    {
        var (batch, units) = await Registry.GivenCertifiedAsync(3);
        await Registry.ReleaseAsync(batch, new UnitSelection { SerialNumbers = { units[0].Serial } });
        await Registry.ReleaseAsync(batch, new UnitSelection { SerialNumbers = { units[1].Serial } });
        await Registry.Registration("maker-a").RecallBatchAsync(new RecallBatchRequest
        {
            Reference = Registry.NewReference(), BatchNumber = batch, Reason = "loose screw",
            Units = new UnitSelection { SerialNumbers = { units[0].Serial, units[2].Serial } },
        });

        Assert.That(await PastAsync(units[0].Serial), Is.EqualTo(["IMEIS_RELEASED", "IMEIS_RETIRED"]));
        Assert.That(await PastAsync(units[1].Serial), Is.EqualTo(["IMEIS_RELEASED"]));
        Assert.That(await PastAsync(units[2].Serial), Is.EqualTo(["IMEIS_RETIRED"]));
    }

    [Test]
    public async Task Batches_are_listed_newest_first_page_by_page_and_every_maker_sees_its_own()
    {
        var batches = new List<ulong>();
        for (var n = 0; n < 5; n++) batches.Add((await Registry.GivenRegisteredAsync(1)).Batch);

        var first = await Registry.Reads("maker-a")
            .ListBatchesAsync(new ListBatchesRequest { State = BatchState.Valid, PageSize = 2 });
        var second = await Registry.Reads("maker-a")
            .ListBatchesAsync(new ListBatchesRequest { State = BatchState.Valid, PageSize = 2,
            BeforeNumber = first.Batches[^1].BatchNumber });
        var foreign = await Registry.Reads("maker-b")
            .ListBatchesAsync(new ListBatchesRequest { Party = "maker-a-mobiles", PageSize = 1_000 });
        var tomorrow = await Registry.Reads("auditor-a")
            .ListBatchesAsync(new ListBatchesRequest { Party = "maker-a-mobiles", RegisteredFrom = "2999-01-01" });
        var all = await Registry.Reads("auditor-a")
            .ListBatchesAsync(new ListBatchesRequest { Party = "maker-a-mobiles", RegisteredFrom = "2020-01-01",
            PageSize = 1_000 });

        Assert.That(first.More, Is.True);
        Assert.That(first.Batches.Concat(second.Batches).Select(b => b.BatchNumber), Is.Ordered.Descending.And.Unique);
        Assert.That(foreign.Batches.Select(b => b.Party), Is.All.EqualTo("maker-b-mobiles"));
        Assert.That((tomorrow.Batches.Count, tomorrow.More), Is.EqualTo((0, false)));
        Assert.That(all.Batches.Select(b => b.BatchNumber), Is.SupersetOf(batches));
    }

    [Test]
    public async Task Units_are_counted_apart_from_their_imeis()
    {
        var party = "importer-a-trading";
        var before = await CountAsync(party);
        var header = Registry.Header();
        (header.Authorization, header.Origin) = ("IMP-0001", DeviceOrigin.ImportCommercial);
        await Registry.RegisterAsync(header, TestImei.DualSim(7).File, "importer-a");

        var after = await CountAsync(party);

        Assert.That((after.Declared.Units - before.Declared.Units, after.Declared.Imeis - before.Declared.Imeis,
            after.Batches - before.Batches), Is.EqualTo((7ul, 14ul, 1ul)));
    }

    private static async Task<(UnitCount Declared, ulong Batches)> CountAsync(string party)
    {
        var counts = await Registry.Reads("auditor-a").CountUnitsAsync(new CountUnitsRequest { Party = party });
        return (counts.Counts.FirstOrDefault(c => c.State is UnitState.Declared) ?? new UnitCount(), counts.Batches);
    }

    private static async Task<IEnumerable<string>> PastAsync(string serial) =>
        (await Registry.Reads("maker-a")
            .GetDeviceAsync(new GetDeviceRequest { SerialNumber = serial })).History.Select(h => h.Event.Split(' ')[0])
            .Where(e => !e.StartsWith("BATCH", StringComparison.Ordinal));

    private static IEnumerable<(UnitState State, ulong Units, ulong Imeis)> Counts(BatchSummary batch) =>
        batch.UnitCounts.Select(c => (c.State, c.Units, c.Imeis));

    private static async Task<SwapBoardResponse> SwapAsync(Core.Imei old, Core.Imei first, Core.Imei second) =>
        await Registry.Registration("maker-a").SwapBoardAsync(new SwapBoardRequest
    {
        Reference = Registry.NewReference(), Imei = old.Printed, NewImeis = { first.Printed, second.Printed },
        Reason = "repair 17",
    });

    private static byte[] File(string serial, Core.Imei first, Core.Imei second) =>
        global::System.Text.Encoding.ASCII.GetBytes(
            $"serial_number,imei_1,imei_2\n{serial}-{first.Value},{first.Printed},{second.Printed}\n");
}
