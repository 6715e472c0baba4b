using DeviceRegistry.Contracts.V1;
using DeviceRegistry.TestKit;
using Grpc.Core;

namespace DeviceRegistry.System.Tests.Registration;

/// <summary>Units after registration: released whole or in part, recalled, retired, given a new board, and what nodes
/// and readers then see.</summary>
[CancelAfter(Patience.TestMs)]
public sealed class UnitLifeTests
{
    [Test]
    public async Task Units_are_released_by_range_imei_or_serial_number()
    {
        var (batch, units) = await Registry.GivenCertifiedAsync(10);

        var first = await Registry.ReleaseAsync(batch, new UnitSelection
        {
            ImeiRanges = { new ImeiRange { First = units[0].First.Printed, Last = units[1].First.Printed } },
            Imeis = { units[4].Second.Digits }, SerialNumbers = { units[6].Serial, units[4].Serial },
        });

        using (Assert.EnterMultipleScope())
        {
            Assert.That(first.Units, Is.EqualTo(4u));
            Assert.That(first.Imeis, Is.EqualTo(8u));
            Assert.That(first.Batch.State, Is.EqualTo(BatchState.Released));
        }

        Assert.That(Counts(first.Batch),
            Is.EqualTo([(UnitState.Certified, 6ul, 12ul), (UnitState.Released, 4ul, 8ul)]));
        foreach (var (unit, n) in units.Select((u, n) => (u, n)))
            Assert.That((await Registry.CheckAsync(unit.Second)).Reason,
                Is.EqualTo(n is 0 or 1 or 4 or 6 ? CheckReason.Compliant : CheckReason.FirstSeen));

        var rest = await Registry.ReleaseAsync(batch);
        using (Assert.EnterMultipleScope())
        {
            Assert.That(rest.Units, Is.EqualTo(6u));
            Assert.That(rest.Batch.State, Is.EqualTo(BatchState.Closed));
        }

        Assert.That((await Registry.CheckAsync(units[9].First)).Reason, Is.EqualTo(CheckReason.Compliant));
    }

    [Test]
    public async Task Ranges_may_overlap_and_span_all_imeis()
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

        using (Assert.EnterMultipleScope())
        {
            Assert.That(first.Units, Is.EqualTo(4u));
            Assert.That(retired.Units, Is.EqualTo(6u));
            Assert.That(retired.Imeis, Is.EqualTo(12u));
            Assert.That(Registry.ReasonOf(nobody), Is.EqualTo("NOT_FOUND"));
            Assert.That(nobody.Status.Detail,
                Is.EqualTo(
                $"Batch {batch} has no unit with IMEI from 00000000000000 to 00000000009999. Nothing was changed."));
        }

        static ImeiRange Of(Core.Imei from, Core.Imei to) => new() { First = from.Digits, Last = to.Digits };
    }

    [Test]
    public async Task A_selection_with_one_unsuitable_unit_is_refused_whole()
    {
        var (batch, units) = await Registry.GivenCertifiedAsync(4);
        await Registry.ReleaseAsync(batch, new UnitSelection { SerialNumbers = { units[1].Serial } });

        var refusal = await Registry.RefusalOfAsync(() =>
            Registry.ReleaseAsync(batch, new UnitSelection { SerialNumbers = { units[0].Serial, units[1].Serial } }));

        using (Assert.EnterMultipleScope())
        {
            Assert.That(Registry.ReasonOf(refusal), Is.EqualTo("WRONG_STATE"));
            Assert.That(refusal.Status.Detail,
                Is.EqualTo(
                $"Unit {units[1].Serial} of batch {batch} is RELEASED, not CERTIFIED. Nothing was changed."));
        }

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

        using (Assert.EnterMultipleScope())
        {
            Assert.That(recalled.Units, Is.EqualTo(1u));
            Assert.That(recalled.Batch.State, Is.EqualTo(BatchState.Released));
            Assert.That(gone.Verdict, Is.EqualTo(Verdict.Track));
            Assert.That(gone.Reason, Is.EqualTo(CheckReason.RetiredImeiSeen));
            Assert.That(gone.Row, Is.EqualTo("12c"));
        }

        Assert.That(other.Reason, Is.EqualTo(CheckReason.Compliant));
    }

    [Test]
    public async Task A_recalled_batch_cannot_release_units()
    {
        var (batch, units) = await Registry.GivenCertifiedAsync(3);
        await Registry.ReleaseAsync(batch, new UnitSelection { SerialNumbers = { units[0].Serial } });

        var recalled = await Registry.Registration("maker-a")
            .RecallBatchAsync(new RecallBatchRequest
            {
                Reference = Registry.NewReference(), BatchNumber = batch,
                Reason = "fire hazard"
            });
        var refusal = await Registry.RefusalOfAsync(() => Registry.ReleaseAsync(batch));

        using (Assert.EnterMultipleScope())
        {
            Assert.That(recalled.Units, Is.EqualTo(3u));
            Assert.That(recalled.Imeis, Is.EqualTo(6u));
            Assert.That(recalled.Batch.State, Is.EqualTo(BatchState.Recalled));
        }

        Assert.That(Registry.ReasonOf(refusal), Is.EqualTo("WRONG_STATE"));
    }

    [Test]
    public async Task The_imeis_of_a_retired_unit_cannot_be_registered_again()
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

        using (Assert.EnterMultipleScope())
        {
            Assert.That(retired.Units, Is.EqualTo(1u));
            Assert.That(Counts(retired.Batch),
                Is.EqualTo(new[] { (UnitState.Declared, 1ul, 2ul), (UnitState.Retired, 1ul, 2ul) }));
        }

        Assert.That(again.Faults.Single().Reason, Is.EqualTo("IMEI_TAKEN"));
        using (Assert.EnterMultipleScope())
        {
            Assert.That(released.Units, Is.EqualTo(1u));
            Assert.That(released.Batch.State, Is.EqualTo(BatchState.Closed));
        }
    }

    [Test]
    public async Task A_board_swap_keeps_the_registration_and_retires_the_old_imeis()
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

        using (Assert.EnterMultipleScope())
        {
            Assert.That(old.Row, Is.EqualTo("12c"));
            Assert.That(now.Row, Is.EqualTo("14b"));
            Assert.That(byOld.Unit.SerialNumber, Is.EqualTo(unit.Serial));
            Assert.That(byOld.Unit.Imeis, Is.EqualTo(new[] { first.Digits, second.Digits }));
            Assert.That(byOld.Unit.RetiredImeis, Is.EqualTo(new[] { unit.First.Digits, unit.Second.Digits }));
        }

        Assert.That(byNew.Unit.Imeis, Is.EqualTo(byOld.Unit.Imeis));
        Assert.That(byNew.History.Select(h => h.Event.Split(' ')[0]), Does.Contain("BOARD_SWAPPED"));
        Assert.That(again.Faults.Single().Reason, Is.EqualTo("IMEI_TAKEN"));
    }

    [Test]
    public async Task A_unit_under_an_order_cannot_swap_its_board()
    {
        var unit = (await Registry.GivenReleasedAsync())[0];
        await Registry.GivenBlockedAsync(unit.First);

        var refusal = await Registry.RefusalOfAsync(() => SwapAsync(unit.Second, TestImei.Next(), TestImei.Next()));

        Assert.That(Registry.ReasonOf(refusal), Is.EqualTo("UNIT_BLOCKED"));
    }

    [Test]
    public async Task An_order_on_an_imei_of_the_old_board_covers_the_new_board()
    {
        var unit = (await Registry.GivenReleasedAsync())[0];
        var (first, second) = (TestImei.Next(), TestImei.Next());
        await SwapAsync(unit.First, first, second);

        var order = await Registry.GivenBlockedAsync(unit.First);

        Assert.That(order.Order.Imeis, Is.SupersetOf([unit.First.Digits, first.Digits, second.Digits]));
        Assert.That((await Registry.CheckAsync(second)).Verdict, Is.EqualTo(Verdict.Deny));
    }

    [Test]
    public async Task A_board_swapped_during_the_approval_of_an_order_is_covered()
    {
        for (var round = 0; round < 5; round++)
        {
            var unit = (await Registry.GivenReleasedAsync())[0];
            var (first, second) = (TestImei.Next(), TestImei.Next());
            var draft = await Registry.Orders("regulator-a").DraftOrderAsync(Registry.Draft(unit.First));

            var swapping = Task.Run(() => SwapAsync(unit.First, first, second))
                .ContinueWith(t => t.IsCompletedSuccessfully, TaskScheduler.Default);
            var approved = await Registry.Orders("regulator-b")
                .ApproveOrderAsync(new ApproveOrderRequest
                {
                    Reference = Registry.NewReference(),
                    OrderNumber = draft.Order.OrderNumber
                });

            var swapped = await swapping;
            Assert.That(approved.Order.Imeis.Contains(first.Digits), Is.EqualTo(swapped),
                "either the order covers the new board, or there is none");
        }
    }

    [Test]
    public async Task A_unit_is_found_by_manufacturer_and_serial_number()
    {
        var unit = (await Registry.GivenReleasedAsync(2))[1];

        var own = await Registry.Reads("maker-a").GetDeviceAsync(new GetDeviceRequest { SerialNumber = unit.Serial });
        var byAuditor = await Registry.Reads("auditor-a")
            .GetDeviceAsync(new GetDeviceRequest { SerialNumber = unit.Serial, Party = "maker-a-mobiles" });
        var foreign = await Registry.RefusalOfAsync(async () => await Registry.Reads("maker-b")
            .GetDeviceAsync(new GetDeviceRequest { SerialNumber = unit.Serial, Party = "maker-a-mobiles" }));

        using (Assert.EnterMultipleScope())
        {
            Assert.That(own.Unit.Imeis[1], Is.EqualTo(unit.Second.Digits));
            Assert.That(byAuditor.Unit.Imeis[1], Is.EqualTo(unit.Second.Digits));
            Assert.That(own.Unit.State, Is.EqualTo(UnitState.Released));
        }

        Assert.That(own.History.Select(h => h.Event.Split(' ')[0]),
            Is.EqualTo(["BATCH_DECLARED", "BATCH_CERTIFICATION_PROPOSED", "BATCH_CERTIFIED", "IMEIS_RELEASED"]));
        Assert.That(foreign.StatusCode, Is.EqualTo(StatusCode.NotFound));
    }

    [Test]
    public async Task The_history_of_a_unit_excludes_other_units_of_its_batch()
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
    public async Task A_manufacturer_lists_its_own_batches_newest_first()
    {
        var batches = new List<ulong>();
        for (var n = 0; n < 5; n++) batches.Add((await Registry.GivenRegisteredAsync(1)).Batch);

        var first = await Registry.Reads("maker-a")
            .ListBatchesAsync(new ListBatchesRequest { State = BatchState.Valid, PageSize = 2 });
        var second = await Registry.Reads("maker-a")
            .ListBatchesAsync(new ListBatchesRequest
            {
                State = BatchState.Valid, PageSize = 2,
                BeforeNumber = first.Batches[^1].BatchNumber
            });
        var foreign = await Registry.Reads("maker-b")
            .ListBatchesAsync(new ListBatchesRequest { Party = "maker-a-mobiles", PageSize = 1_000 });
        var tomorrow = await Registry.Reads("auditor-a")
            .ListBatchesAsync(new ListBatchesRequest { Party = "maker-a-mobiles", RegisteredFrom = "2999-01-01" });
        var all = await Registry.Reads("auditor-a")
            .ListBatchesAsync(new ListBatchesRequest
            {
                Party = "maker-a-mobiles", RegisteredFrom = "2020-01-01",
                PageSize = 1_000
            });

        Assert.That(first.More, Is.True);
        Assert.That(first.Batches.Concat(second.Batches).Select(b => b.BatchNumber), Is.Ordered.Descending.And.Unique);
        Assert.That(foreign.Batches.Select(b => b.Party), Is.All.EqualTo("maker-b-mobiles"));
        using (Assert.EnterMultipleScope())
        {
            Assert.That(tomorrow.Batches.Count, Is.EqualTo(0));
            Assert.That(tomorrow.More, Is.False);
        }

        Assert.That(all.Batches.Select(b => b.BatchNumber), Is.SupersetOf(batches));
    }

    [Test]
    public async Task Units_and_imeis_are_counted_separately()
    {
        var party = "importer-a-trading";
        var before = await CountAsync(party);
        var header = Registry.Header();
        (header.Authorization, header.Origin) = ("IMP-0001", DeviceOrigin.ImportCommercial);
        await Registry.RegisterAsync(header, TestImei.DualSim(7).File, "importer-a");

        var after = await CountAsync(party);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(after.Declared.Units - before.Declared.Units, Is.EqualTo(7ul));
            Assert.That(after.Declared.Imeis - before.Declared.Imeis, Is.EqualTo(14ul));
            Assert.That(after.Batches - before.Batches, Is.EqualTo(1ul));
        }
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
