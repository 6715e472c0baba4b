using System.Security.Cryptography;
using System.Text;
using DeviceRegistry.Contracts;
using DeviceRegistry.Contracts.V1;
using DeviceRegistry.Core;
using DeviceRegistry.TestKit;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using ActorKind = DeviceRegistry.Contracts.V1.ActorKind;
using AppealDecision = DeviceRegistry.Contracts.V1.AppealDecision;
using AppealForum = DeviceRegistry.Contracts.V1.AppealForum;
using OrderAction = DeviceRegistry.Contracts.V1.OrderAction;
using OrderClass = DeviceRegistry.Contracts.V1.OrderClass;
using PartyKind = DeviceRegistry.Contracts.V1.PartyKind;
using static DeviceRegistry.System.Tests.BadInput.InputRow;

namespace DeviceRegistry.System.Tests.BadInput;

/// <summary>Every invalid input, and valid ones that look unusual, in the order of the README.</summary>
internal static class InputRows
{
    public static IEnumerable<InputRow> All =>
        [.. Numbers(), .. Lines(), .. Files(), .. Headers(), .. Messages(), .. Requests(), .. Certificates()];

    private static IEnumerable<InputRow> Numbers()
    {
        (string What, string Imei, string Reason)[] all =
        [
            ("empty", "", "IMEI_MISSING"), ("with letters", "3529061191000A", "IMEI_NOT_DIGITS"),
            ("of 13 digits", "3529061191000", "IMEI_LENGTH"),
            ("of 16 digits", "3529061191000100", "IMEI_LENGTH"), ("of 17 digits", "35290611910001000", "IMEI_LENGTH"),
            ("of 1,000 digits", new string('3', 1_000), "IMEI_LENGTH"),
            ("with a wrong check digit", Wrong(Printed(1)), "IMEI_CHECK_DIGIT"),
        ];
        foreach (var (what, imei, reason) in all)
        {
            yield return Field($"IMEI {what}, typed", "imei", async w =>
                await w.Reads("auditor-a").GetDeviceAsync(new GetDeviceRequest { Imei = imei }));
            yield return Line($"IMEI {what}, in a file", "imei_1", reason, $"S1,{imei},{Printed(2)}");
        }

        yield return Order("IMEI of 13 digits, second in an order", "FIELD_INVALID", "imeis[1]", r =>
            r.Imeis.Add("3529061191000"));
        yield return Call("IMEI of nobody, typed", "NOT_FOUND", "imei", async w =>
            await w.Reads("auditor-a").GetDeviceAsync(new GetDeviceRequest { Imei = Printed(1) }));
        yield return Check("IMEI empty, at attach", "IMEI_ABSENT", "");
        yield return Check("IMEI with letters, at attach", "IMEI_MALFORMED", "3529061191000A");
        yield return Check("IMEI of 13 digits, at attach", "IMEI_MALFORMED", "3529061191000");
        yield return Check("IMEI of 17 digits, at attach", "IMEI_MALFORMED", "35290611910001000");
        yield return Check("IMEI of 16 digits, a wrong check digit, at attach", "FIRST_SEEN", Wrong(Printed(1)) + "0");
    }

    private static IEnumerable<InputRow> Lines() =>
    [
        Line("filler instead of an IMEI", "imei_1", "IMEI_IMPLAUSIBLE", $"S1,{World.Own}000000,{Printed(2)}"),
        Line("TAC in no list", "imei_1", "TAC_UNKNOWN", $"S1,{Printed(1, World.Unknown)},{Printed(2)}"),
        Line("TAC barred", "imei_1", "TAC_BARRED", $"S1,{Printed(1, World.Barred)},{Printed(2)}"),
        Line("TAC mandated to another maker", "imei_1", "TAC_NOT_MANDATED",
            $"S1,{Printed(1, World.OfMakerB)},{Printed(2)}"),
        File("TAC of another model", "BATCH_HAS_INVALID_LINES", "line 2 imei_1 TAC_MODEL_MISMATCH",
            $"{Columns}S1,{Printed(1)},{Printed(2)}\n", h => h.Model = "Nova 5G"),
        Line("IMEI of another unit", "imei_2", "IMEI_TAKEN", $"S1,{Printed(1)},{World.Taken}"),
        Line("IMEI under an order", "imei_1", "IMEI_BLOCKED", $"S1,{World.Blocked},{Printed(2)}"),
        Line("one IMEI for a dual-SIM model", "imei_1", "IMEI_COUNT_MISMATCH", $"S1,{Printed(1)},"),
        Line("serial number of another unit", "serial_number", "SERIAL_TAKEN", $"TAKEN-1,{Printed(1)},{Printed(2)}"),
        File("serial number twice in the file", "BATCH_HAS_INVALID_LINES",
            "line 3 serial_number DUPLICATE_SERIAL_IN_FILE",
            $"{Columns}S1,{Printed(1)},{Printed(2)}\nS1,{Printed(3)},{Printed(4)}\n"),
        File("IMEI twice in the file", "BATCH_HAS_INVALID_LINES", "line 3 imei_2 DUPLICATE_IMEI_IN_FILE",
            $"{Columns}S1,{Printed(1)},{Printed(2)}\nS2,{Printed(3)},{Printed(1)}\n"),
        Line("IMEI twice in a line", "imei_2", "DUPLICATE_IMEI_IN_FILE", $"S1,{Printed(1)},{Printed(1)}"),
        Line("serial number empty", "serial_number", "SERIAL_INVALID", $",{Printed(1)},{Printed(2)}"),
        Line("serial number of 65 characters", "serial_number", "SERIAL_INVALID",
            $"{new string('S', 65)},{Printed(1)},{Printed(2)}"),
        File("line break inside quotes", "BATCH_HAS_INVALID_LINES",
            "line 2 line LINE_MALFORMED, line 3 serial_number SERIAL_INVALID",
            $"{Columns}\"S\n1\",{Printed(1)},{Printed(2)}\n"),
        Line("field too few", "line", "LINE_MALFORMED", $"S1,{Printed(1)}"),
        Line("field too many", "line", "LINE_MALFORMED", $"S1,{Printed(1)},{Printed(2)},{Printed(3)}"),
        File("three bad lines", "BATCH_HAS_INVALID_LINES",
            "line 2 imei_1 IMEI_LENGTH, line 3 serial_number SERIAL_INVALID, line 5 imei_2 IMEI_NOT_DIGITS",
            $"{Columns}S1,1,{Printed(2)}\nS " +
            $"2,{Printed(3)},{Printed(4)}\nS3,{Printed(5)},{Printed(6)}\nS4,{Printed(7)},x\n"),
    ];

    private static IEnumerable<InputRow> Files() =>
    [
        File("byte order mark", "", "",
        [.. Encoding.UTF8.Preamble, .. Encoding.UTF8.GetBytes($"{Columns}OK-1,{Printed(11)},{Printed(12)}\n")]),
        File("CRLF", "", "", $"{Columns}OK-2,{Printed(21)},{Printed(22)}\n".ReplaceLineEndings("\r\n")),
        File("quoted fields", "", "",
            $"\"serial_number\",\"imei_1\",\"imei_2\"\n\"OK-3\",\"{Printed(31)}\",\"{Printed(32)}\"\n"),
        File("blanks around fields", "", "",
            $"serial_number, imei_1, imei_2\n OK-4 , {Printed(41)} , {Printed(42)} \n"),
        File("blank lines between units, no end of the last line", "", "",
            $"{Columns}\nOK-5,{Printed(51)},{Printed(52)}\n\n\nOK-6,{Printed(61)},{Printed(62)}"),
        File("file of one blank", "FILE_INVALID", "data", " "),
        File("file of line ends alone", "FILE_INVALID", "data", "\n\n\n"),
        File("header without units", "FILE_INVALID", "data", Columns),
        File("header missing", "FILE_INVALID", "data", $"S1,{Printed(1)},{Printed(2)}\n"),
        File("header of other names", "FILE_INVALID", "data", $"serial,imei,imei2\nS1,{Printed(1)},{Printed(2)}\n"),
        File("header with a column twice", "FILE_INVALID", "data",
            $"serial_number,imei_1,imei_1\nS1,{Printed(1)},{Printed(2)}\n"),
        File("header twice", "BATCH_HAS_INVALID_LINES", "line 2 imei_1 IMEI_NOT_DIGITS",
            $"{Columns}{Columns}S1,{Printed(1)},{Printed(2)}\n"),
        File("header after a blank line", "FILE_INVALID", "data", $"\n{Columns}S1,{Printed(1)},{Printed(2)}\n"),
        File("semicolons instead of commas", "FILE_INVALID", "data",
            $"{Columns}S1,{Printed(1)},{Printed(2)}\n".Replace(',', ';')),
        File("spreadsheet", "FILE_INVALID", "data", [0x50, 0x4B, 0x03, 0x04, 0x14, 0x00, 0x06, 0x00]),
        File("picture", "FILE_INVALID", "data", [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]),
        File("UTF-16", "FILE_INVALID", "data", [.. Encoding.Unicode.Preamble, .. Encoding.Unicode.GetBytes(Columns)]),
        File("Latin-1", "BATCH_HAS_INVALID_LINES", "line 2 serial_number SERIAL_INVALID",
            [.. Encoding.UTF8.GetBytes(Columns), .. Encoding.Latin1.GetBytes($"Sérial,{Printed(1)},{Printed(2)}\n")]),
        File("line ends of CR alone", "FILE_INVALID", "data",
            $"{Columns}S1,{Printed(1)},{Printed(2)}\n".Replace('\n', '\r')),
        File("line of 10,000 commas", "FILE_INVALID", "data", $"{Columns}{new string(',', 10_000)}"),
        File("quote left open", "BATCH_HAS_INVALID_LINES", "line 2 serial_number SERIAL_INVALID",
            $"{Columns}\"S1,{Printed(1)},{Printed(2)}\n"),
        File("more units than declared", "UNIT_COUNT_MISMATCH", "declared_units",
            $"{Columns}S1,{Printed(1)},{Printed(2)}\nS2,{Printed(3)},{Printed(4)}\n", h => h.DeclaredUnits = 1),
        File("other bytes than its digest is of", "FILE_INVALID", "data", $"{Columns}S1,{Printed(1)},{Printed(2)}\n",
            h => h.FileDigest = ByteString.CopyFrom(new byte[32])),
        TacList("TAC list empty", "FILE_INVALID", "data", ""),
        TacList("TAC list without a column it needs", "FILE_INVALID", "data", "TAC|Model_Name\n77000301|One\n"),
        TacList("TAC list with a column twice", "FILE_INVALID", "data", "TAC|TAC|Manufacturer|Model_Name\n"),
        TacList("TAC list of another form", "FILE_INVALID", "data", "TAC|Manufacturer|Model_Name\n77000301|Maker|One\n",
            TacListFormat.Osmocom),
        TacList("TAC list of no form", "FIELD_INVALID", "header.format", "TAC|Manufacturer|Model_Name\n",
            TacListFormat.Unspecified),
    ];

    private static IEnumerable<InputRow> Headers() =>
    [
        Header("authorization unknown", "AUTHORIZATION_NOT_FOUND", "authorization", h => h.Authorization = "MDM-9999"),
        Header("authorization of another party", "AUTHORIZATION_NOT_FOUND", "authorization", h =>
            h.Authorization = "IMP-0001"),
        Header("authorization expired", "AUTHORIZATION_NOT_IN_FORCE", "authorization", h =>
            h.Authorization = "MDM-EXPIRED"),
        Header("authorization not begun", "AUTHORIZATION_NOT_IN_FORCE", "authorization", h =>
            h.ProducedOn = "2021-03-31"),
        Header("authorization suspended", "AUTHORIZATION_NOT_IN_FORCE", "authorization", h =>
            h.Authorization = "MDM-SUSPENDED"),
        Header("authorization revoked", "AUTHORIZATION_NOT_IN_FORCE", "authorization", h =>
            h.Authorization = "MDM-REVOKED"),
        Header("authorization for manufacturing, goods imported", "AUTHORIZATION_NOT_IN_FORCE", "authorization", h =>
            h.Origin = DeviceOrigin.ImportCommercial),
        Header("reference used before with other content", "REFERENCE_REUSED", "reference", h => h.Reference = "B-1"),
        Header("reference empty", "FIELD_INVALID", "reference", h => h.Reference = ""),
        Header("reference of 10 kB", "FIELD_INVALID", "reference", h => h.Reference = new string('r', 10_240)),
        Header("reference with a blank at its end", "FIELD_INVALID", "reference", h => h.Reference = "B-2 "),
        Header("reference with a line break", "FIELD_INVALID", "reference", h => h.Reference = "B-\n2"),
        Header("reference with a zero character", "FIELD_INVALID", "reference", h => h.Reference = "B-\0"),
        Header("reference that turns its direction", "FIELD_INVALID", "reference", h => h.Reference = "B-\u202E2"),
        Header("production date ahead", "FIELD_INVALID", "produced_on", h => h.ProducedOn = "9999-12-31"),
        Header("production date day first", "FIELD_INVALID", "produced_on", h => h.ProducedOn = "01-11-2026"),
        Header("production date that no calendar has", "FIELD_INVALID", "produced_on", h =>
            h.ProducedOn = "2026-02-30"),
        Header("origin not set", "FIELD_INVALID", "origin", h => h.Origin = DeviceOrigin.Unspecified),
        Header("origin that no batch has", "FIELD_INVALID", "origin", h => h.Origin = DeviceOrigin.Legacy),
        Header("origin that the contract lacks", "FIELD_INVALID", "origin", h => h.Origin = (DeviceOrigin)77),
        Header("model empty", "FIELD_INVALID", "model", h => h.Model = ""),
        Header("more units than the authorization has left", "QUOTA_EXCEEDED", "authorization", h =>
            (h.Authorization, h.DeclaredUnits) = ("MDM-SMALL", 2)),
        Header("more units than a batch can have", "FIELD_INVALID", "declared_units", h =>
            h.DeclaredUnits = 10_000_001),
        Header("digest of the file of 31 bytes", "FIELD_INVALID", "file_digest", h =>
            h.FileDigest = ByteString.CopyFrom(new byte[31])),
    ];

    private static IEnumerable<InputRow> Messages() =>
    [
        Call("batch without a header", "FIELD_INVALID", "header", async w =>
        await Registry.Registration("maker-a", w.Server).OpenBatchAsync(new())),
        Chunk("chunk of no batch", "NOT_FOUND", "batch_number", c => c.BatchNumber = ulong.MaxValue),
        Chunk("chunk of a registered batch", "WRONG_STATE", "batch_number", c => c.BatchNumber = 1),
        Chunk("chunk number 0", "FIELD_INVALID", "sequence", c => c.Sequence = 0),
        Chunk("chunk before its turn", "CHUNK_OUT_OF_ORDER", "sequence", c => c.Sequence = 3),
        Chunk("chunk that came before with other bytes", "CHUNK_CONFLICT", "data", c => c.Sequence = 1),
        Chunk("chunk whose checksum is of other bytes", "CHECKSUM_MISMATCH", "checksum", c =>
            c.Checksum = ByteString.CopyFrom(new byte[32])),
        Chunk("chunk without bytes", "FIELD_INVALID", "data", c => c.Data = ByteString.Empty),
        Chunk("chunk over 1 MiB", "FIELD_INVALID", "data", c =>
            c.Data = ByteString.CopyFrom(new byte[1024 * 1024 + 1])),
        Chunk("message of 5 MiB, a chunk", "", "", c => c.Data = ByteString.CopyFrom(new byte[5 * 1024 * 1024])),
        Call("batch sealed without a file", "WRONG_STATE", "batch_number", async w =>
            await Registry.Registration("maker-a", w.Server).CompleteUploadAsync(new()
        {
            BatchNumber = (await Batches.OpenAsync(w.As("maker-a"),
                Batches.Of(Registry.Header("B-EMPTY"), []))).BatchNumber,
        })) with { LeavesReport = true },
        Call("registered batch discarded", "WRONG_STATE", "batch_number", async w =>
            await Registry.Registration("maker-a", w.Server).CancelUploadAsync(new() { BatchNumber = w.Batch })),
        Order("message of 5 MiB, an order", "", "", r => r.Basis = new string('b', 5 * 1024 * 1024)),
        Call("message that is no protobuf", "FIELD_INVALID", "request", async w =>
            await RawAsync(w.Server.Channel("registrar", "regulator-a").CreateCallInvoker(),
                "deviceregistry.v1.OrdersService", "DraftOrder", [0xFF, 0xFF, 0xFF, 0xFF])),
        Call("method that is not there", "", "", async w =>
            await RawAsync(w.Server.Channel("registrar", "regulator-a").CreateCallInvoker(),
                "deviceregistry.v1.OrdersService", "DropTables", [])),
        Call("checks: none in a message", "FIELD_INVALID", "checks", w => CheckAsync(w, 0)),
        Call("checks: 257 in a message", "FIELD_INVALID", "checks", w => CheckAsync(w, 257)),
        Call("checks: none in a batch", "FIELD_INVALID", "checks", w => BatchAsync(w, 0)),
        Call("checks: 10,001 in a batch", "FIELD_INVALID", "checks", w => BatchAsync(w, 10_001)),
        Call("feed after a position without its hash", "FIELD_INVALID", "hash", w =>
            SubscribeAsync(w, new SubscribeRequest { AfterPosition = 1 })),
        Call("feed after another history", "CHAIN_MISMATCH", "after_position", w =>
            SubscribeAsync(w, new SubscribeRequest { AfterPosition = 1, Hash = ByteString.CopyFrom(new byte[32]) })),
        Field("position reported with 1,001 refusals", "refusals", w =>
            ReportAsync(w, new() { FirstDenials =
            { Enumerable.Repeat(new FirstDenial { OrderNumber = 1, At = new Timestamp() }, 1_001) } })),
        Field("position reported with a refusal at no time", "refusals[0].at", w =>
            ReportAsync(w, new() { FirstDenials = { new FirstDenial { OrderNumber = 1 } } })),
        Field("position reported with a clock past 9999", "node_time", w =>
            ReportAsync(w, new() { NodeTime = new Timestamp { Seconds = 253_402_300_800 } })),
        Field("position reported with a heartbeat heard at no time", "heartbeat_received_at", w =>
            ReportAsync(w, new() { HeartbeatAt = new Timestamp() })),
    ];

    private static IEnumerable<InputRow> Requests() =>
    [
        Units("units: none named", "FIELD_INVALID", "units", new UnitSelection()),
        Units("units: an IMEI that is none", "FIELD_INVALID", "units.imeis[0]",
            new UnitSelection { Imeis = { "123" } }),
        Units("units: an IMEI of no unit of the batch", "NOT_FOUND", "units.imeis",
            new UnitSelection { Imeis = { Printed(1) } }),
        Units("units: a serial number of no unit of the batch", "NOT_FOUND", "units.serial_numbers",
            new UnitSelection { SerialNumbers = { "NOBODYS" } }),
        Units("units: a range that ends before it begins", "FIELD_INVALID", "units.imei_ranges[0].last",
            new UnitSelection { ImeiRanges = { new ImeiRange { First = Printed(2), Last = Printed(1) } } }),
        Units("units: a range without a unit of the batch", "NOT_FOUND", "units.imei_ranges",
            new UnitSelection { ImeiRanges = { new ImeiRange { First = Printed(1), Last = Printed(2) } } }),
        Units("units: 10,001 IMEIs", "FIELD_INVALID", "units.imeis",
            new UnitSelection { Imeis = { Enumerable.Repeat(Printed(1), 10_001) } }),
        Call("release before certification", "WRONG_STATE", "batch_number", async w =>
            await Registry.Registration("maker-a", w.Server)
                .ReleaseBatchAsync(new() { Reference = Reference, BatchNumber = w.Batch })),
        Call("recall before certification", "WRONG_STATE", "batch_number", async w =>
            await Registry.Registration("maker-a", w.Server)
                .RecallBatchAsync(new() { Reference = Reference, BatchNumber = w.Batch, Reason = "fire hazard" })),
        Field("recall without a reason", "reason", async w => await Registry.Registration("maker-a", w.Server)
            .RecallBatchAsync(new() { Reference = Reference, BatchNumber = w.Batch })),
        Field("retirement of all units by leaving them out", "units", async w =>
            await Registry.Registration("maker-a", w.Server)
                .RetireUnitsAsync(new() { Reference = Reference, BatchNumber = w.Batch, Reason = "scrapped" })),
        Call("board swap of a unit of nobody", "NOT_FOUND", "imei", w =>
            SwapAsync(w, Printed(1), Printed(2), Printed(3))),
        Field("board swap with fewer IMEIs", "new_imeis", w => SwapAsync(w, $"{World.Taken}", Printed(1))),
        Field("board swap to an IMEI under an order", "new_imeis[1]", w =>
            SwapAsync(w, $"{World.Taken}", Printed(1), $"{World.Blocked}")),
        Call("quarantine cleared where nothing is in it", "WRONG_STATE", "units", async w =>
            await Registry.Registration("regulator-a", w.Server)
                .ClearQuarantineAsync(new() { Reference = Reference, BatchNumber = w.Batch, Reason = "checked" })),
        Field("list of 1,001 batches", "page_size", async w =>
            await w.Reads("auditor-a").ListBatchesAsync(new() { PageSize = 1_001 })),
        Field("list of people of a kind that the contract lacks", "kind", async w =>
            await w.Parties().ListActorsAsync(new() { Kind = (ActorKind)70_000 })),
        Field("list of changes in a state that the contract lacks", "state", async w =>
            await new ChangesService.ChangesServiceClient(w.Server.Channel("registrar", "auditor-a"))
                .ListChangesAsync(new() { State = (ChangeState)70_000 })),
        Field("list of batches in a state that the contract lacks", "state", async w =>
            await w.Reads("auditor-a").ListBatchesAsync(new() { State = (BatchState)70_000 })),
        Field("list of alarms of a kind that the contract lacks", "kind", async w =>
            await w.Reads("auditor-a").ListAlarmsAsync(new() { Kind = (AlarmKind)70_000 })),
        Field("batches until before they were registered", "registered_until", async w =>
            await w.Reads("auditor-a").ListBatchesAsync(
                new() { RegisteredFrom = "2026-01-02", RegisteredUntil = "2026-01-01" })),
        Field("serial number of a party that is not named", "party", async w =>
            await w.Reads("auditor-a").GetDeviceAsync(new() { SerialNumber = "TAKEN-1" })),
        Call("serial number of no unit", "NOT_FOUND", "serial_number", async w =>
            await w.Reads("maker-a").GetDeviceAsync(new() { SerialNumber = "NOBODYS" })),
        Call("approval of no change", "NOT_FOUND", "change_number", async w =>
            await new ChangesService.ChangesServiceClient(w.As("regulator-b"))
                .ApproveChangeAsync(new() { Reference = Reference, ChangeNumber = 9_999 })),
        Call("approval of a change that is in force", "WRONG_STATE", "change_number", async w =>
            await new ChangesService.ChangesServiceClient(w.As("regulator-b"))
                .ApproveChangeAsync(new() { Reference = Reference, ChangeNumber = 1 })),
        Field("sightings: segment number 0", "number", w => SightAsync(w, r => r.Number = 0)),
        Sightings("sightings: segment whose checksum is of others", "CHECKSUM_MISMATCH", "checksum", _ =>
            { }, r => r.Checksum = ByteString.CopyFrom(new byte[32])),
        Field("sightings: segment that is no protobuf", "segment", w =>
            SightAsync(w, r => r.Segment = ByteString.CopyFrom(0xFF, 0xFF))),
        Sightings("sightings: identity in lower case", "FIELD_INVALID", "segment.sightings[0].identity", s =>
            s.Sightings[0].Identity = "abc"),
        Sightings("sightings: identity with its check digit", "FIELD_INVALID", "segment.sightings[0].identity", s =>
            s.Sightings[0].Identity = Printed(1)),
        Sightings("sightings: identity twice", "FIELD_INVALID", "segment.sightings", s =>
            s.Sightings.Add(s.Sightings[0])),
        Sightings("sightings: last before first", "FIELD_INVALID", "segment.sightings[0].first_seen_ms", s =>
            s.Sightings[0].FirstSeenMs = 3),
        Sightings("sightings: seen in the year 2290", "FIELD_INVALID", "segment.sightings[0].last_seen_ms", s =>
            s.Sightings[0].LastSeenMs = 10_100_000_000_000),
        Sightings("sightings: seen not even once", "FIELD_INVALID", "segment.sightings[0].count", s =>
            s.Sightings[0].Count = 0),
        Order("order of no class", "FIELD_INVALID", "order_class", r => r.OrderClass = OrderClass.Unspecified),
        Order("order of class D", "CLASS_DISABLED", "order_class", r => r.OrderClass = OrderClass.D),
        Order("order for an unknown reason", "REASON_UNKNOWN", "reason", r => r.Reason = "DISLIKED"),
        Order("order without basis", "FIELD_INVALID", "basis", r => r.Basis = ""),
        Order("order against nothing", "FIELD_INVALID", "imeis", r => r.Imeis.Clear()),
        Order("order against 1,001 IMEIs", "FIELD_INVALID", "imeis", r =>
            r.Imeis.AddRange(Enumerable.Repeat(Printed(1), 1_000))),
        Order("order of class C against a TAC", "FIELD_INVALID", "tacs", r => r.Tacs.Add($"{World.Own}")),
        Order("order of class B against a TAC of 7 digits", "FIELD_INVALID", "tacs[0]", r =>
        {
            (r.OrderClass, r.Reason) = (OrderClass.B, "BARRED_TAC");
            r.Tacs.Add("3529061");
        }),
        Order("order against a range over two TACs", "FIELD_INVALID", "imei_ranges[0].last", r =>
            r.ImeiRanges.Add(new ImeiRange { First = Printed(1), Last = Printed(1, World.Barred) })),
        Order("order against a range of 100,001 serials", "FIELD_INVALID", "imei_ranges[0].last", r =>
            r.ImeiRanges.Add(new ImeiRange { First = $"{World.Own}000000", Last = $"{World.Own}100000" })),
        Order("order against a range from no IMEI", "FIELD_INVALID", "imei_ranges[0].first", r =>
            r.ImeiRanges.Add(new ImeiRange { Last = Printed(1) })),
        Order("order against 101 ranges", "FIELD_INVALID", "imei_ranges", r =>
            r.ImeiRanges.AddRange(Enumerable.Repeat(new ImeiRange { First = Printed(1), Last = Printed(2) }, 101))),
        Order("order against a unit of no batch", "NOT_FOUND", "units[0]", r =>
            r.Units.Add(new OrderUnit { BatchNumber = ulong.MaxValue, SerialNumber = "TAKEN-1" })),
        Order("order against a unit that its batch does not have", "NOT_FOUND", "units[0]", r =>
            r.Units.Add(new OrderUnit { BatchNumber = 1, Unit = uint.MaxValue })),
        Order("order against a unit named twice over", "FIELD_INVALID", "units[0]", r =>
            r.Units.Add(new OrderUnit { BatchNumber = 1, SerialNumber = "TAKEN-1", Unit = 1 })),
        Order("order against a unit with a blank in its serial number", "FIELD_INVALID", "units[0].serial_number", r =>
            r.Units.Add(new OrderUnit { BatchNumber = 1, SerialNumber = "TAKEN 1" })),
        Order("order against an identity of 65 characters", "FIELD_INVALID", "identities[0]", r =>
            r.Identities.Add(new string('#', 65))),
        Order("order against an identity with a zero byte", "FIELD_INVALID", "identities[0]", r =>
            r.Identities.Add("#12\0AB")),
        Order("order against an identity that is an IMEI", "FIELD_INVALID", "identities[0]", r =>
            r.Identities.Add(Printed(1))),
        Order("order that has ended", "FIELD_INVALID", "expires_at", r => r.ExpiresAt = At(2020)),
        Order("order that ends before it begins", "FIELD_INVALID", "expires_at", r =>
            (r.EffectiveAt, r.ExpiresAt) = (At(2091), At(2090))),
        Order("order from the year 10000", "FIELD_INVALID", "effective_at", r =>
            r.EffectiveAt = new Timestamp { Seconds = 253_402_300_800 }),
        Order("reference of 10 kB, of an order", "FIELD_INVALID", "reference", r =>
            r.Reference = new string('r', 10_240)),
        Call("approval of no order", "NOT_FOUND", "order_number", async w =>
            await w.Orders().ApproveOrderAsync(new() { Reference = Reference, OrderNumber = ulong.MaxValue })),
        Call("lift of no order", "NOT_FOUND", "order_number", async w =>
            await w.Orders().DraftOrderActionAsync(
                new() { Action = OrderAction.Lift, Reference = Reference, OrderNumber = 999, Basis = "found" })),
        Call("measure of no kind", "FIELD_INVALID", "action", async w =>
            await w.Orders().DraftOrderActionAsync(new() { Reference = Reference, OrderNumber = 1, Basis = "found" })),
        Call("measure that blocks", "FIELD_INVALID", "action", async w => await w.Orders()
            .DraftOrderActionAsync(new() { Action = OrderAction.Block, Reference = Reference, OrderNumber = 1,
            Basis = "found" })),
        Order("order of class C without notice", "FIELD_INVALID", "notice_waiver", r => r.NoticeWaiver = "urgent"),
        Order("order with a digest of 31 bytes", "FIELD_INVALID", "evidence[0]", r =>
            r.Evidence.Add(ByteString.CopyFrom(new byte[31]))),
        Order("order with 17 documents", "FIELD_INVALID", "evidence", r =>
            r.Evidence.AddRange(Enumerable.Repeat(ByteString.CopyFrom(new byte[32]), 17))),
        Order("order that supersedes none there is", "NOT_FOUND", "order_number", r => r.Supersedes = 999),
        Call("rejection of no order", "NOT_FOUND", "order_number", async w =>
            await w.Orders().RejectOrderAsync(
            new() { Reference = Reference, OrderNumber = 999, Reason = "no report" })),
        Call("withdrawal without a reason", "FIELD_INVALID", "reason", async w =>
            await w.Orders().WithdrawOrderAsync(new() { Reference = Reference, OrderNumber = 1 })),
        Call("notice of nothing", "FIELD_INVALID", "notice.reference", async w =>
            await w.Orders().RecordNoticeAsync(new() { Reference = Reference, OrderNumber = 1 })),
        Call("notice at no time", "FIELD_INVALID", "notice.at", async w => await w.Orders().RecordNoticeAsync(new()
        {
            Reference = Reference, OrderNumber = 1,
            Notice = new Notice { Reference = "SMS-1", Channel = "SMS", Evidence = ByteString.CopyFrom(new byte[32]) },
        })),
        Appeal("appeal against no order", "NOT_FOUND", "order_number", r => r.OrderNumber = 999),
        Appeal("appeal to nobody", "FIELD_INVALID", "forum", r => r.Forum = AppealForum.Unspecified),
        Appeal("appeal of nobody", "FIELD_INVALID", "appellant", r => r.Appellant = ""),
        Appeal("appeal with grounds of 2,001 characters", "FIELD_INVALID", "grounds", r =>
            r.Grounds = new string('g', 2_001)),
        Appeal("appeal filed on the 31st of November", "FIELD_INVALID", "filed_on", r => r.FiledOn = "2026-11-31"),
        Appeal("appeal filed in the year 2099", "FIELD_INVALID", "filed_on", r => r.FiledOn = "2099-01-01"),
        Appeal("appeal with a digest of 31 bytes", "FIELD_INVALID", "evidence[0]", r =>
            r.Evidence.Add(ByteString.CopyFrom(new byte[31]))),
        Appeal("appeal to the Supreme Court against no decision", "FIELD_INVALID", "after_appeal", r =>
            r.Forum = AppealForum.SupremeCourt),
        Appeal("appeal against a decision that is none", "NOT_FOUND", "after_appeal", r =>
            (r.Forum, r.AfterAppeal) = (AppealForum.Tribunal, 999)),
        Call("review of no appeal", "NOT_FOUND", "appeal_number", async w =>
            await w.Appeals().ReviewAppealAsync(new() { Reference = Reference, AppealNumber = 999 })),
        Call("decision on no appeal", "NOT_FOUND", "appeal_number", async w =>
            await DecideAsync(w, AppealDecision.Uphold)),
        Call("decision that is none", "FIELD_INVALID", "decision", async w =>
            await DecideAsync(w, AppealDecision.Unspecified)),
        Call("reversal without a measure", "FIELD_INVALID", "action_number", async w =>
            await DecideAsync(w, AppealDecision.Reverse)),
        Call("remittal with a measure", "FIELD_INVALID", "action_number", async w =>
            await DecideAsync(w, AppealDecision.Remit, 1)),
        Call("appeal taken back without a reason", "FIELD_INVALID", "reason", async w =>
            await w.Appeals().WithdrawAppealAsync(new() { Reference = Reference, AppealNumber = 999 })),
        Call("appeals in pages of 1,001", "FIELD_INVALID", "page_size", async w =>
            await w.Appeals().ListAppealsAsync(new() { PageSize = 1_001 })),
        Call("stay for no appeal", "NOT_FOUND", "appeal_number", async w =>
            await w.Orders().DraftOrderActionAsync(
                new() { Action = OrderAction.Stay, Reference = Reference, OrderNumber = 1, Basis = "tribunal",
                AppealNumber = 999 })),
        Field("policy left out", "policy", async w =>
            await Policies(w).ProposePolicyAsync(new() { Reference = Reference })),
        Field("policy with nothing set", "policy.tac_freshness_days", async w =>
            await Policies(w).ProposePolicyAsync(new() { Reference = Reference, Policy = new Policy() })),
        Field("policy for an operator that is none", "policy.operators.party", async w =>
        {
            var policy = PolicyMapping.Defaults();
            policy.Operators.Add(new OperatorPolicy { Party = "maker-a-mobiles",
                Mode = Contracts.V1.EnforcementMode.Observe });
            return await Policies(w).ProposePolicyAsync(new() { Reference = Reference, Policy = policy });
        }),
        Field("party of no kind", "kind", async w => await w.Parties()
            .PutPartyAsync(new() { Reference = Reference, Name = "new-party", State = MembershipState.Active })),
        Field("party name in capitals", "name", async w =>
            await w.Parties().PutPartyAsync(
                new() { Reference = Reference, Name = "PTA", Kind = PartyKind.Auditor,
                State = MembershipState.Active })),
        Field("PLMN codes of a maker", "plmns", async w => await w.Parties().PutPartyAsync(
            new() { Reference = Reference, Name = "new-party", Kind = PartyKind.Manufacturer,
                State = MembershipState.Active, Plmns = { "41001" } })),
        Field("key digest of 31 bytes", "key_digest", async w =>
            await w.Parties().PutActorAsync(Actor("new-person", new byte[31]))),
        Call("person of no party", "NOT_FOUND", "party", async w =>
            await w.Parties().PutActorAsync(Actor("new-person", [], "nobodys"))),
        Call("key of another person", "KEY_IN_USE", "key_digest", async w =>
            await w.Parties().PutActorAsync(
                Actor("new-person", Convert.FromHexString(
                Server.Access.CertificateAuthenticator.KeyOf(w.Bad("retired")!))))),
        Field("authorization that ends before it begins", "valid_until", async w =>
            await w.Parties().PutAuthorizationAsync(new()
        {
            Reference = Reference, Number = "MDM-9", Party = "maker-a-mobiles", Kind = AuthorizationKind.Manufacturing,
            State = AuthorizationState.Active,
            ValidFrom = "2026-01-02", ValidUntil = "2026-01-01", LegalBasis = "law",
        })),
        Field("mandate over no TAC", "tacs", async w => await w.Parties().PutTacMandateAsync(new()
        {
            Reference = Reference, Party = "maker-a-mobiles", BrandOwner = "Nova", ValidFrom = "2026-01-01",
            ValidUntil = "2026-12-31",
            DocumentHash = ByteString.CopyFrom(new byte[32]),
        })),
    ];

    private static IEnumerable<InputRow> Certificates() =>
    [
        Certificate("certificate missing", "CERT_MISSING", null),
        Certificate("certificate of another root", "CERT_UNTRUSTED", "of another root"),
        Certificate("certificate for servers", "CERT_UNTRUSTED", "server"),
        Certificate("certificate expired", "CERT_EXPIRED", "expired"),
        Certificate("certificate not valid yet", "CERT_EXPIRED", "not yet valid"),
        Certificate("certificate of a key never registered", "CERT_NOT_REGISTERED", "unknown"),
        Certificate("certificate of a retired person", "CERT_REVOKED", "retired"),
        Certificate("certificate of a replaced key", "CERT_REVOKED", "replaced"),
        Call("certificate that names another party than its key's", "CERT_NOT_REGISTERED", "", w =>
            WhoAmIAsync(w, "of another party")),
        Call("certificate that names another person than its key's", "CERT_NOT_REGISTERED", "", w =>
            WhoAmIAsync(w, "of another person")),
        Call("certificate of the wrong kind: an operator drafts an order", "NOT_ALLOWED", "", async w =>
            await w.Orders("operator-a").DraftOrderAsync(new())),
        Call("certificate of the wrong kind: a regulator asks at attach", "NOT_ALLOWED", "", async w =>
            await new AttachService.AttachServiceClient(w.Server.Channel("attach", "regulator-a")).CheckAsync(new())),
        Call("certificate of the wrong kind: a maker reads the feed", "NOT_ALLOWED", "", w =>
            SubscribeAsync(w, new(), "maker-a")),
        Field("differences to name: more than 1000", "max_differences", async w =>
        {
            using var call = new StateService.StateServiceClient(w.As("auditor-a"))
                .VerifyState(new() { MaxDifferences = 1_001 });
            await call.ResponseStream.MoveNext(CancellationToken.None);
            return call.ResponseStream.Current;
        }),
        Call("certificate of the wrong kind: a maker verifies the state", "NOT_ALLOWED", "", async w =>
        {
            using var call = new StateService.StateServiceClient(w.As("maker-a")).VerifyState(new());
            await call.ResponseStream.MoveNext(CancellationToken.None);
            return call.ResponseStream.Current;
        }),
        Call("batch of another maker, read", "NOT_FOUND", "batch_number", async w =>
            await w.Reads("maker-b").GetBatchAsync(new() { BatchNumber = w.Batch })),
        Call("batch of another maker, released", "NOT_FOUND", "batch_number", async w =>
            await Registry.Registration("maker-b", w.Server)
                .ReleaseBatchAsync(new() { Reference = Reference, BatchNumber = w.Batch })),
        Call("IMEI of another maker, read", "NOT_FOUND", "imei", async w =>
            await w.Reads("maker-b").GetDeviceAsync(new() { Imei = $"{World.Taken}" })),
        Call("node of another operator", "NOT_ALLOWED", "", async w =>
            await new AttachService.AttachServiceClient(w.Server.Channel("attach", "operator-b"))
                .CheckAsync(new() { Imei = Printed(1) })),
    ];

    private static string Wrong(string printed) => $"{printed[..14]}{(printed[14] - '0' + 1) % 10}";

    private static Timestamp At(int year) =>
        Timestamp.FromDateTime(new DateTime(year, 1, 1, 0, 0, 0, DateTimeKind.Utc));

    private static InputRow Appeal(string what, string reason, string field, Action<FileAppealRequest> spoil) =>
        Call(what, reason, field, async w =>
    {
        var request = new FileAppealRequest
        {
            Reference = Reference, OrderNumber = 1, Forum = AppealForum.Authority,
            Appellant = "Case 12/2026", Grounds = "bought new"
        };
        spoil(request);
        return await w.Appeals().FileAppealAsync(request);
    });

    private static async Task<object> DecideAsync(World w, AppealDecision decision, ulong measure = 0) =>
        await w.Appeals().DecideAppealAsync(
            new()
            {
                Reference = Reference, AppealNumber = 999, Decision = decision, Findings = "heard",
                ActionNumber = measure
            });

    private static PolicyService.PolicyServiceClient Policies(World w) =>
        new(w.Server.Channel("registrar", "regulator-a"));

    private static PutActorRequest Actor(string name, byte[] key, string party = "opco-a") => new()
    {
        Reference = Reference, Name = name, Party = party, Kind = ActorKind.Person, State = MembershipState.Active,
        KeyDigest = ByteString.CopyFrom(key),
    };

    private static async Task<object> SwapAsync(World w, string imei, params string[] fresh) =>
        await Registry.Registration("maker-a", w.Server)
            .SwapBoardAsync(new() { Reference = Reference, Imei = imei, NewImeis = { fresh }, Reason = "repair 17" });

    private static async Task<object> SightAsync(World w, Action<ReportSightingsRequest> spoil)
    {
        var request = new ReportSightingsRequest { Number = 1 };
        spoil(request);
        request.Checksum = ByteString.CopyFrom(SHA256.HashData(request.Segment.Span));
        return await new SightingsService.SightingsServiceClient(w.As("core-a1")).ReportSightingsAsync(request);
    }

    private static async Task<object> WhoAmIAsync(World w, string certificate) =>
        await new PartiesService.PartiesServiceClient(w.Server.Channel("registrar", w.Bad(certificate)))
            .WhoAmIAsync(new());

    private static async Task<object> CheckAsync(World w, int checks)
    {
        using var call = new AttachService.AttachServiceClient(w.Server.Channel("attach", "operator-a")).CheckStream();
        await call.RequestStream.WriteAsync(new() { Checks = { Enumerable.Repeat(new NumberedCheck(), checks) } });
        await call.RequestStream.CompleteAsync();
        await call.ResponseStream.MoveNext(CancellationToken.None);
        return call.ResponseStream.Current;
    }

    private static async Task<object> BatchAsync(World w, int checks) =>
        await new AttachService.AttachServiceClient(w.Server.Channel("attach", "operator-a"))
            .CheckManyAsync(new() { Checks = { Enumerable.Repeat(new CheckRequest(), checks) } });

    private static async Task<object> ReportAsync(World w, ReportPositionRequest request) =>
        await new FeedService.FeedServiceClient(w.As("core-b1")).ReportPositionAsync(request);

    private static async Task<object> SubscribeAsync(World w, SubscribeRequest request, string identity = "node-b1")
    {
        using var call = new FeedService.FeedServiceClient(w.Server.Channel("registrar", identity)).Subscribe(request);
        await call.ResponseStream.MoveNext(CancellationToken.None);
        return call.ResponseStream.Current;
    }
}
