using System.Diagnostics;
using System.Globalization;
using DeviceRegistry.Client;
using DeviceRegistry.Contracts.V1;
using DeviceRegistry.Core;
using DeviceRegistry.Postgres;
using DeviceRegistry.Postgres.Schema;
using DeviceRegistry.TestKit;
using Npgsql;

namespace DeviceRegistry.Benchmarks;

/// <summary>Registration rate of batches of dual-SIM units, from the first chunk to the receipt. Baseline: a bare
/// binary COPY of as many rows into the same tables with their indexes. PostgreSQL is durable; server and client share
/// the machine; both fill the same tables, alternately. At the end, one more registration while orders are
/// approved.</summary>
internal sealed class Registration(TestCluster cluster, string database, RegistryProcess server, string folder)
{
    private const int SerialsOfTac = 999_999;                    // without 000000, which is a filler value
    private const uint FirstTac = 10_000_000;
    private const int PreloadUnits = 5_000_000;
    private const string CopyUnitsSql =
        "COPY devices (batch_number, unit, party_id, serial_number, imeis) FROM STDIN (FORMAT BINARY)";
    private const string CopyImeisSql = "COPY imeis (imei, batch_number, unit) FROM STDIN (FORMAT BINARY)";
    private long _next;
    private int _batches;

    public static Benchmark Benchmark { get; } = new("registration",
        "IMEIs registered a second in dual-SIM batches, beside a bare binary COPY of as many rows.",
        [
            new("units", "devices of a batch", 1_000_000, 100_000, 5_000), new("rounds", "interleaved rounds", 5, 3, 1),
            new("millions", "million IMEIs registered before", 0, 0, 0),
        ],
        ["postgres"],
        values => WorkFolder.WithAsync(folder => RunAsync(values[0], values[1], values[2], folder)));

    private static async Task RunAsync(int units, int rounds, int registeredMillions, string folder)
    {
        await using var cluster = await TestCluster.StartAsync(throwAway: false);
        var database = await cluster.CloneAsync();
        await using var server = await RegistryProcess.StartAsync(Path.Combine(folder, "state"), "--demo", "--database",
            cluster.Server.ConnectionString(RegistryDatabase.ServiceRole, database));
        await new Registration(cluster, database, server, folder).RunRoundsAsync(units, rounds, registeredMillions);
    }

    private async Task RunRoundsAsync(int units, int rounds, int registeredMillions)
    {
        // 1. The rows that exist before.
        var all = registeredMillions * 1_000_000L + 2L * units * (2 * rounds + 1);
        await AllowAsync((int)(all / SerialsOfTac + 2 * rounds + 10));
        for (var registered =
            0; registered < registeredMillions; registered += 2 * PreloadUnits / 1_000_000) await RegisterAsync(
            PreloadUnits);
        Console.WriteLine(
            $"{units:N0} units with {2 * units:N0} IMEIs, {registeredMillions} million IMEIs registered before");

        // 2. Alternate rounds.
        Figure registry = new("registered IMEIs/s"), bare = new("bare COPY IMEIs/s");
        for (var round = 1; round <= rounds; round++)
        {
            registry.Add(2 * units / await RegisterAsync(units));
            bare.Add(2 * units / await CopyAsync(units));
            Console.WriteLine(
                $"  round {round}: registered {registry.Last,9:N0} IMEIs/s, bare COPY {bare.Last,9:N0} IMEIs/s, " +
                $"ratio " +
                $"{registry.Last / bare.Last:0.00}");
        }

        Console.WriteLine(
            $"medians: registered {registry.Median:N0} IMEIs/s, bare COPY {bare.Median:N0} " +
            $"IMEIs/s, "
            + $"ratio {Figure.Ratio(registry, bare).Median:0.00}; registrar's resident " +
                $"memory at most {PeakMegabytes()} MB");

        // 3. Registration during approvals.
        await BesideOrdersAsync(units);
    }

    // A TAC list with every TAC in use, and a mandate for them.
    private async Task AllowAsync(int tacs)
    {
        var list = string.Concat(Enumerable.Range(0, tacs)
            .Select(n => string.Create(CultureInfo.InvariantCulture, $"{FirstTac + n}|Maker A Mobiles|Nova 4G|2\n")));
        using var call = new RegistrationService.RegistrationServiceClient(server.Channel("registrar", "regulator-a"))
            .ImportTacs();
        await call.RequestStream.WriteAsync(
            new ImportTacsRequest
            {
                Header =
            new ImportTacsHeader { Reference = "bench-tacs", Format = TacListFormat.Gsma }
            });
        await call.RequestStream.WriteAsync(
            new ImportTacsRequest
            {
                Data =
            Google.Protobuf.ByteString.CopyFromUtf8("TAC|Manufacturer|Model_Name|Sim_Slots\n" + list)
            });
        await call.RequestStream.CompleteAsync();
        await call;
        var mandate = new PutTacMandateRequest
        {
            Party = "maker-a-mobiles", BrandOwner = "Nova", ValidFrom = "2021-04-01", ValidUntil = "2031-03-31",
            DocumentHash = Google.Protobuf.ByteString.CopyFrom(new byte[32]),
            Tacs = { Enumerable.Range(0, tacs).Select(n => (FirstTac + n).ToString(CultureInfo.InvariantCulture)) },
        };
        await Members.ChangeAsync(server.Channel("registrar", "regulator-a").CreateCallInvoker(),
            server.Channel("registrar", "regulator-b").CreateCallInvoker(), new Change { TacMandate = mandate });
    }

    /// <summary>Registers a batch. Returns the seconds from the first chunk to the receipt.</summary>
    private async Task<double> RegisterAsync(int units)
    {
        var path = WriteFile(units);
        await using var file = File.OpenRead(path);
        var header = new BatchHeader
        {
            Reference = $"bench-{_batches}", Authorization = "MDM-0001", ProducedOn = "2026-11-01",
            Origin = DeviceOrigin.LocalAssembly, Model = "Nova 4G", DeclaredUnits = (uint)units,
        };
        var began = new FirstChunk();
        var end = await new BatchUploader(server.Channel("registrar", "maker-a").CreateCallInvoker())
            .RegisterAsync(header, file, began, CancellationToken.None);
        var seconds = Stopwatch.GetElapsedTime(began.At).TotalSeconds;
        if (end.Receipt?.Units != units) throw new InvalidOperationException($"{end}");

        File.Delete(path);
        return seconds;
    }

    /// <summary>Copies as many rows in two statements. Returns the seconds.</summary>
    private async Task<double> CopyAsync(int units)
    {
        var (first, batch) = (Take(units), 1_000_000 + _batches);
        await using var connection = new NpgsqlConnection(cluster.Server.AdminConnectionString(database));
        await connection.OpenAsync();
        var start = Stopwatch.GetTimestamp();
        await using (var stream = await connection.BeginRawBinaryCopyAsync(CopyUnitsSql))
            await SendAsync(stream, units, (rows, n) =>
            {
                rows.AddRow(5);
                rows.AddInt(batch);
                rows.AddInt(n + 1);
                rows.AddBigint(1);
                rows.AddBytes(System.Text.Encoding.ASCII.GetBytes(Serial(batch, n)));
                rows.AddBigints([(long)ImeiAt(first + 2L * n).Value, (long)ImeiAt(first + 2L * n + 1).Value]);
            });
        await using (var stream = await connection.BeginRawBinaryCopyAsync(CopyImeisSql))
            await SendAsync(stream, 2 * units, (rows, n) =>
            {
                rows.AddRow(3);
                rows.AddBigint((long)ImeiAt(first + n).Value);
                rows.AddInt(batch);
                rows.AddInt(n / 2 + 1);
            });
        return Stopwatch.GetElapsedTime(start).TotalSeconds;
    }

    private static async Task SendAsync(Stream stream, int count, Action<CopyBuffer, int> add)
    {
        var rows = new CopyBuffer();
        await stream.WriteAsync(CopyBuffer.Header);
        for (var n = 0; n < count; n++)
        {
            add(rows, n);
            if (rows.Rows < 10_000 && n < count - 1) continue;

            await stream.WriteAsync(rows.Written);
            rows.Clear();
        }

        await stream.WriteAsync(CopyBuffer.Trailer);
    }

    private async Task BesideOrdersAsync(int units)
    {
        var drafter = new OrdersService.OrdersServiceClient(server.Signer("regulator-a"));
        var approver = new OrdersService.OrdersServiceClient(server.Signer("regulator-b"));
        var attach = new AttachService.AttachServiceClient(server.Channel("attach", "operator-a"));
        Figure approval = new("approval's own round trip"), denial = new("approval sent -> denied");
        var registering = RegisterAsync(units);
        do
        {
            var one = await ApprovalToDenial.MeasureAsync(drafter, approver, attach, $"beside-{approval.Count}",
                TestImei.Next());
            approval.Add(one.Approval);
            denial.Add(one.Approval + one.Denial);
        }
        while (!registering.IsCompleted);

        Console.WriteLine($"beside a registration of {await registering:0.0} s, {denial.Count} orders, milliseconds:");
        foreach (var figure in (Figure[])[approval, denial]) Console.WriteLine($"  {figure.Distribution()}");
    }

    private string WriteFile(int units)
    {
        var (path, first) = (Path.Combine(folder, "units.csv"), Take(units));
        using var file = new StreamWriter(path, append: false, System.Text.Encoding.ASCII, 1024 * 1024);
        file.Write("serial_number,imei_1,imei_2\n");
        for (var n = 0; n < units; n++) file.Write(
            $"{Serial(_batches, n)},{ImeiAt(first + 2L * n).Printed},{ImeiAt(first + 2L * n + 1).Printed}\n");
        return path;
    }

    // A separate number for each batch, and IMEIs that no other batch has.
    private long Take(int units)
    {
        _batches++;
        var first = _next;
        _next += 2L * units;
        return first;
    }

    private static Imei ImeiAt(long number) =>
        new((ulong)((FirstTac + number / SerialsOfTac) * 1_000_000 + 1 + number % SerialsOfTac));

    private static string Serial(int batch, int unit) =>
        string.Create(CultureInfo.InvariantCulture, $"SN{batch:D4}{unit:D8}");

    private long PeakMegabytes() =>
        long.Parse(File.ReadLines($"/proc/{server.Id}/status")
            .First(l => l.StartsWith("VmHWM:", StringComparison.Ordinal))
            .Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture) / 1024;

    /// <summary>The time when hashing ended and sending began.</summary>
    private sealed class FirstChunk : IProgress<UploadProgress>
    {
        public long At { get; private set; }

        public void Report(UploadProgress value)
        {
            if (At is 0 && value.Phase is not UploadPhase.Hashing) At = Stopwatch.GetTimestamp();
        }
    }
}
