using System.Text;
using DeviceRegistry.Contracts.V1;
using DeviceRegistry.Core;
using DeviceRegistry.TestKit;
using Grpc.Core;
using UnitState = DeviceRegistry.Contracts.V1.UnitState;

namespace DeviceRegistry.System.Tests.Registration;

/// <summary>Random batches that draw from few IMEIs, so that they collide. They are sent in random chunks, interrupted,
/// repeated, cancelled, released, recalled and retired in part. After each step the registry agrees with a plain model
/// about receipts, line errors and unit states, and at the end about every answer of the node.</summary>
[CancelAfter(Patience.TestMs)]
public sealed class BatchModelTests
{
    private const int Steps = 120;
    private readonly CallInvoker _maker = Registry.Server.Channel("registrar", "maker-a").CreateCallInvoker();
    private readonly List<Imei> _numbers = [.. Enumerable.Range(0, 120).Select(_ => TestImei.Next())];
    private readonly string _run = Guid.NewGuid().ToString("N")[..8];
    private readonly BatchModel _model = new();
    private readonly List<(BatchHeader Header, byte[] File)> _sent = [];
    private Random _random = new();

    [Test]
    public async Task The_registry_agrees_with_the_model_after_random_uploads()
    {
        _random = Seed.NewRandom();
        for (var step = 0; step < Steps; step++)
            await (_random.Next(10) switch
            {
                < 5 => SendAsync(NewHeader(), AnyFile()),
                5 when _sent.Count > 0 => SendAgainAsync(),
                6 when _sent.Count > 0 => ReuseAsync(),
                7 => TakeBackAsync(),
                _ => MoveUnitsAsync(),
            });

        TestContext.Out.WriteLine(
            $"{_model.Batches.Count} batches registered, {_model.Units.Count()} units, {_model.Rejected} rejected");
        Assert.That(_model.Batches.Count + _model.Rejected, Is.Positive);
        await AssertAnswersAsync();
    }

    private async Task SendAsync(BatchHeader given, byte[] file)
    {
        var header = Batches.Of(given, file);
        _sent.Add((header, file));
        await InterruptedAsync(header, file);
        var expected = _model.Judge(file);
        var end = await Batches.RegisterAsync(_maker, header, file, chunkBytes: _random.Next(40, 2_000));
        await AssertEndAsync(header, file, expected, end);
    }

    // Sends part of the chunks, one of them twice or out of order, and then stops.
    private async Task InterruptedAsync(BatchHeader header, byte[] file)
    {
        if (_random.Next(2) is 0) return;

        var batch = await Batches.OpenAsync(_maker, header);
        var chunks = file.Chunk(_random.Next(40, 400))
            .Select((bytes, n) => Batches.Chunk(batch.BatchNumber, (uint)n + 1, bytes)).ToList();
        var some = chunks.Take(_random.Next(chunks.Count)).ToList();
        if (some.Count > 0) some.Insert(_random.Next(some.Count) + 1, some[_random.Next(some.Count)]);
        var inTurn = some.Select((c, n) => c.Sequence <= some.Take(n).Select(s => s.Sequence).DefaultIfEmpty(0u).Max()
            + 1).All(ok => ok);
        try
        {
            await Batches.SendAsync(_maker, some);
            Assert.That(inTurn, Is.True);
        }
        catch (RpcException refusal)
        {
            using (Assert.EnterMultipleScope())
            {
                Assert.That(inTurn, Is.False);
                Assert.That(Registry.ReasonOf(refusal), Is.EqualTo("CHUNK_OUT_OF_ORDER"));
            }
        }
    }

    private async Task AssertEndAsync(BatchHeader header, byte[] file, IReadOnlyList<ModelFault> expected, BatchEnd end)
    {
        Assert.That(end.Faults.Select(f => new ModelFault((int)f.Line, f.Field, f.Reason)), Is.EqualTo(expected),
            Encoding.ASCII.GetString(file));
        if (expected.Count > 0)
        {
            Assert.That(Registry.ReasonOf(end.Refusal!), Is.EqualTo("BATCH_HAS_INVALID_LINES"));
            _model.Rejected++;
            return;
        }

        Assert.That(end.Receipt, Is.Not.Null, $"{end.Refusal}");
        _model.Register(end.Number, header.Reference, end.Receipt!, file);
        await AssertStatesAsync(end.Number);
    }

    // A registered batch gets its receipt again. A rejected batch gets the line errors of its original validation.
    private async Task SendAgainAsync()
    {
        var (header, file) = _sent[_random.Next(_sent.Count)];
        var end = await Batches.RegisterAsync(_maker, header, file);
        var known = _model.Batches.Values.SingleOrDefault(b => b.Reference == header.Reference);
        if (known is null) Assert.That(Registry.ReasonOf(end.Refusal!), Is.EqualTo("BATCH_HAS_INVALID_LINES"));
        else if (known.File.AsSpan().SequenceEqual(file)) Assert.That(end.Receipt, Is.EqualTo(known.Receipt));
        else Assert.That(Registry.ReasonOf(end.Refusal!), Is.EqualTo("REFERENCE_REUSED"));
    }

    // The reference of a registered batch is used. The reference of a rejected batch may be used again with a corrected
    // file.
    private async Task ReuseAsync()
    {
        var (header, _) = _sent[_random.Next(_sent.Count)];
        var (reused, file) = (NewHeader(), AnyFile());
        reused.Reference = header.Reference;
        if (_model.Batches.Values.All(b => b.Reference != header.Reference))
        {
            await SendAsync(reused, file);
            return;
        }

        var end = await Batches.RegisterAsync(_maker, reused, file);
        Assert.That(Registry.ReasonOf(end.Refusal!), Is.EqualTo("REFERENCE_REUSED"));
    }

    private async Task TakeBackAsync()
    {
        var file = AnyFile();
        var batch = await Batches.OpenAsync(_maker, Batches.Of(NewHeader(), file));
        await Batches.SendAsync(_maker, batch, file.AsSpan(0, file.Length / 2).ToArray());
        await Registry.Registration("maker-a")
            .CancelUploadAsync(new CancelUploadRequest { BatchNumber = batch.BatchNumber });
        Assert.That((await Registry.RefusalOfAsync(() => Batches.SealAsync(_maker, batch.BatchNumber))).StatusCode,
            Is.EqualTo(StatusCode.NotFound));
    }

    private async Task MoveUnitsAsync()
    {
        if (_model.Batches.Count is 0) return;

        var batch = _model.Batches.Values.ElementAt(_random.Next(_model.Batches.Count));
        if (!batch.IsCertified)
        {
            await Registry.CertifyAsync(batch.Number);
            _model.Certify(batch);
            await AssertStatesAsync(batch.Number);
            return;
        }

        // Some units of the batch, selected by serial number, by IMEI or by range.
        var some = batch.Units.Where(_ => _random.Next(3) is 0).Take(20).ToList();
        if (some.Count is 0) return;

        var selection = new UnitSelection();
        foreach (var unit in some)
            if (_random.Next(3) is 0) selection.SerialNumbers.Add(unit.Serial);
            else if (_random.Next(2) is 0) selection.Imeis.Add(new Imei(unit.Imeis[_random.Next(2)]).Printed);
            else selection.ImeiRanges.Add(
                new ImeiRange { First = new Imei(unit.Imeis[0]).Digits, Last = new Imei(unit.Imeis[0]).Digits });
        var (to, from) = _random.Next(3) switch
        {
            0 => (UnitState.Recalled, new[] { UnitState.Certified, UnitState.Released }),
            1 => (UnitState.Retired, [UnitState.Certified, UnitState.Released, UnitState.Recalled]),
            _ => (UnitState.Released, new[] { UnitState.Certified }),
        };
        var can = some.TrueForAll(u => from.Contains(u.State));
        try
        {
            await MoveAsync(batch.Number, selection, to);
            Assert.That(can, Is.True);
            _model.Move(some, to);
        }
        catch (RpcException refusal)
        {
            using (Assert.EnterMultipleScope())
            {
                Assert.That(can, Is.False);
                Assert.That(Registry.ReasonOf(refusal), Is.EqualTo("WRONG_STATE"));
            }
        }

        await AssertStatesAsync(batch.Number);
    }

    private static async Task MoveAsync(ulong batch, UnitSelection units, UnitState to)
    {
        var (registration, reference) = (Registry.Registration("maker-a"), Registry.NewReference());
        if (to is UnitState.Released) await registration.ReleaseBatchAsync(
            new ReleaseBatchRequest { Reference = reference, BatchNumber = batch, Units = units });
        else if (to is UnitState.Recalled) await registration.RecallBatchAsync(
            new RecallBatchRequest { Reference = reference, BatchNumber = batch, Units = units, Reason = "model" });
        else await registration.RetireUnitsAsync(
            new RetireUnitsRequest { Reference = reference, BatchNumber = batch, Units = units, Reason = "model" });
    }

    private async Task AssertStatesAsync(ulong number)
    {
        var counts = (await Registry.Reads("maker-a")
            .GetBatchAsync(new GetBatchRequest { BatchNumber = number })).Batch.UnitCounts;
        var units = _model.Batches[number].Units.GroupBy(u => u.State).OrderBy(g => g.Key)
            .Select(g => (g.Key, (ulong)g.Count(), (ulong)g.Sum(u => u.Imeis.Length)));
        Assert.That(counts.Select(c => (c.State, c.Units, c.Imeis)), Is.EqualTo(units));
    }

    private async Task AssertAnswersAsync()
    {
        var head = await Registry.Orders("regulator-a").DraftOrderAsync(Registry.Draft(TestImei.Next()));
        await Registry.AppliedAsync(head.JournalPosition);
        foreach (var imei in _numbers)
            Assert.That((await Registry.CheckAsync(imei)).Reason, Is.EqualTo(_model.AnswerFor(imei.Value)),
                imei.Digits);
        foreach (var unit in _model.Units.Take(30))
            Assert.That((await Registry.Reads("maker-a")
                .GetDeviceAsync(new GetDeviceRequest { SerialNumber = unit.Serial })).Unit.State,
                Is.EqualTo(unit.State));
    }

    private static BatchHeader NewHeader() => Registry.Header();

    // A few units. Most are valid; each of the others has one of the possible errors.
    private byte[] AnyFile()
    {
        var file = new StringBuilder("serial_number,imei_1,imei_2\n");
        var units = _random.Next(1, 6);
        var spoil = _random.Next(3) is 0;
        for (var n = 0; n < units; n++) file.Append(spoil && _random.Next(2) is 0 ? Spoilt()
            : $"{Serial()},{Number()},{Number()}").Append('\n');
        return Encoding.ASCII.GetBytes(file.ToString());
    }

    private string Spoilt() => _random.Next(9) switch
    {
        0 => $"{Serial()},{Number()}",
        1 => $",{Number()},{Number()}",
        2 => $"{Serial()},,{Number()}",
        3 => $"{Serial()},{Number()}x,{Number()}",
        4 => $"{Serial()},{Number()[..13]},{Number()}",
        5 => $"{Serial()},{WrongDigit()},{Number()}",
        6 => $"{Serial()},{Number()},{new Imei(35_999_999_000_001ul + (ulong)_random.Next(1_000)).Printed}",
        7 => $"{Serial()},{Number()},",
        _ => $"{Serial()},{Registry.Tac}000000,{Number()}",
    };

    private string Serial() => $"{_run}-{_random.Next(400)}";

    private string Number() => _numbers[_random.Next(_numbers.Count)].Printed;

    private string WrongDigit()
    {
        var printed = Number();
        return printed[..14] + (printed[14] is '9' ? '0' : (char)(printed[14] + 1));
    }
}
