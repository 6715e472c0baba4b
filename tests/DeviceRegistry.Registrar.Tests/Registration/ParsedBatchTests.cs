using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using DeviceRegistry.Core;
using DeviceRegistry.Registrar.Registration;
using DeviceRegistry.TestKit;

namespace DeviceRegistry.Registrar.Tests.Registration;

/// <summary>A parsed file, compared with plain lists of its lines.</summary>
public sealed class ParsedBatchTests
{
    private readonly Fuzz _fuzz = new();

    [Test]
    public void A_file_in_pieces_of_any_size_is_parsed_the_same()
    {
        for (var round = 0; round < 300; round++)
        {
            var file = AnyFile();
            var whole = Read([file]);
            var pieces = Read(Cut(file));

            Assert.That(pieces, Is.EqualTo(whole));
        }
    }

    [Test]
    public void The_parsed_batch_equals_the_lines_of_the_file()
    {
        for (var round = 0; round < 200; round++)
        {
            var units = Units(_fuzz.Below(40) + 1);
            using var contents = Held(units);

            var all = units.SelectMany((u, unit) =>
                u.Imeis.Select((imei, slot) => (Imei: imei, Unit: unit, Slot: slot + 1))).Order().ToList();
            Assert.That(contents.Keys.ToArray()
                .Select(k => (contents.ImeiOf(k).Value, ParsedBatch.UnitOf(k), ParsedBatch.SlotOf(k))),
                Is.EqualTo(all));

            using (Assert.EnterMultipleScope())
            {
                Assert.That(contents.Units, Is.EqualTo(units.Count));
                Assert.That(contents.Imeis, Is.EqualTo(all.Count));
            }

            Assert.That(contents.ContentHash,
                Is.EqualTo(SHA256.HashData(Encoding.ASCII.GetBytes(
                string.Concat(units.Select(u =>
                $"{u.Serial},{string.Join(',', u.Imeis.Select(i => $"{i:D14}"))}\n"))))));
            Assert.That(contents.ImeisPerUnit,
                Is.EqualTo(units.Select(u => u.Imeis.Length).Distinct().Count() is 1 ? (short)units[0].Imeis.Length
                : null));

            // Each IMEI is found at its first occurrence; other IMEIs are not found.
            foreach (var (imei, unit, slot) in all.DistinctBy(a => a.Imei)) Assert.That(Place(contents, imei),
                Is.EqualTo((unit, slot)));
            foreach (var absent in Enumerable.Range(0, 20).Select(_ => AnyImei())
                .Where(i => all.TrueForAll(a => a.Imei != i))) Assert.That(contents.Find(new Imei(absent)),
                Is.Negative);

            // A repeated IMEI is reported at every occurrence but the first.
            var twice = all.GroupBy(a => a.Imei).SelectMany(g => g.Skip(1)).GroupBy(a => a.Unit)
                .ToDictionary(g => g.Key, g => new UnitLineError(ErrorReason.DuplicateImeiInFile, g.Min(a => a.Slot)));
            Assert.That(Enumerable.Range(0, units.Count).Select(contents.ErrorOf),
                Is.EqualTo(Enumerable.Range(0, units.Count).Select(u => twice.GetValueOrDefault(u))));
            Assert.That(contents.InvalidUnits, Is.EqualTo(twice.Count));
        }
    }

    [Test]
    public void Two_batches_overlap_if_they_share_an_imei_or_a_serial_of_one_party()
    {
        var overlaps = 0;
        for (var round = 0; round < 500; round++)
        {
            var (one, other) = (Units(_fuzz.Below(6) + 1), Units(_fuzz.Below(6) + 1));
            using var first = Held(one);
            using var second = Held(other);
            var byImei = one.SelectMany(u => u.Imeis).Intersect(other.SelectMany(u => u.Imeis)).Any();
            var bySerial = one.Select(u => u.Serial).Intersect(other.Select(u => u.Serial)).Any();

            Assert.That(first.Overlaps(second, ofOneParty: false), Is.EqualTo(byImei));
            Assert.That(second.Overlaps(first, ofOneParty: true), Is.EqualTo(byImei || bySerial));
            if (byImei || bySerial) overlaps++;
        }

        Assert.That(overlaps, Is.InRange(1, 499));
    }

    [Test]
    public void Exactly_the_repeated_serial_numbers_may_repeat()
    {
        for (var round = 0; round < 200; round++)
        {
            var units = Units(_fuzz.Below(30) + 1);
            using var contents = Held(units);

            foreach (var unit in units)
                Assert.That(contents.MayRepeat(ParsedBatch.HashOf(Encoding.ASCII.GetBytes(unit.Serial))),
                    Is.EqualTo(units.Count(u => u.Serial == unit.Serial) > 1));
            Assert.That(contents.MayRepeatSerials(),
                Is.EqualTo(units.Select(u => u.Serial).Distinct().Count() < units.Count));
        }
    }

    [Test]
    public void A_batch_that_has_ended_overlaps_no_other()
    {
        var units = Units(5);
        using var running = Held(units);
        var ended = Held(units);
        ended.Dispose();

        Assert.That(running.Overlaps(ended, ofOneParty: true), Is.False);
    }

    [Test]
    public void The_first_line_error_in_the_order_of_the_rules_is_reported()
    {
        using var contents = Held(Units(3));

        contents.AddError(1, new UnitLineError(ErrorReason.SerialTaken));
        contents.AddError(1, new UnitLineError(ErrorReason.ImeiTaken, 2));
        contents.AddError(1, new UnitLineError(ErrorReason.ImeiTaken, 1));
        contents.AddError(1, new UnitLineError(ErrorReason.ImeiBlocked, 1));

        Assert.That(contents.ErrorOf(1), Is.EqualTo(new UnitLineError(ErrorReason.ImeiTaken, 1)));
    }

    private static (int Unit, int Slot) Place(ParsedBatch contents, ulong imei)
    {
        var key = contents.Keys[contents.Find(new Imei(imei))];
        return (ParsedBatch.UnitOf(key), ParsedBatch.SlotOf(key));
    }

    // Few IMEIs, so that they repeat, under three TACs in any order.
    private ulong AnyImei() =>
        _fuzz.Of(35_290_611ul, 01_000_000ul, 99_999_998ul) * 1_000_000 + (ulong)_fuzz.Below(40) + 1;

    private List<(string Serial, ulong[] Imeis)> Units(int count) =>
        [.. Enumerable.Range(0, count)
            .Select(_ => ($"S{_fuzz.Below(60)}", Enumerable.Range(0, 1 + _fuzz.Below(5)).Select(_ => AnyImei())
            .ToArray()))];

    private ParsedBatch Held(List<(string Serial, ulong[] Imeis)> units)
    {
        var file = "serial_number,imei_1,imei_2,imei_3,imei_4,imei_5\n"
            + string.Concat(units.Select(u =>
            $"{u.Serial},{string.Join(',', u.Imeis.Select(i => new Imei(i).Printed))}"
            + $"{new string(',', 5 - u.Imeis.Length)}\n"));
        var contents = new ParsedBatch(_fuzz.Below(2) * units.Count);
        var reader = new UnitsReader(contents);
        reader.Read(Encoding.ASCII.GetBytes(file));
        reader.End();
        contents.Sort();
        return contents;
    }

    private byte[] AnyFile()
    {
        string[] cells = ["S1", "35290611000001", "352906110000015", "35290611000002", "", " ", "\"S2\"", "x", "é",
            "35290611000000", "1234567890123456"];
        var file = new StringBuilder("serial_number,imei_1,imei_2");
        for (var line = _fuzz.Below(12); line >= 0; line--)
            file.Append(_fuzz.Of("\n", "\r\n", "\n\n", " \n"))
                .Append(string.Join(',', Enumerable.Range(0, 2 + _fuzz.Below(3)).Select(_ => _fuzz.Of(cells))));
        return [.. _fuzz.Of<byte[]>([], Encoding.UTF8.GetPreamble()), .. Encoding.UTF8.GetBytes(file.ToString())];
    }

    private IEnumerable<byte[]> Cut(byte[] file)
    {
        for (var at = 0; at < file.Length;)
        {
            var end = Math.Min(file.Length, at + 1 + _fuzz.Below(_fuzz.Of(3, 40, 400)));
            yield return file[at..end];
            at = end;
        }
    }

    private static string Read(IEnumerable<byte[]> pieces)
    {
        var lines = new Lines();
        var reader = new UnitsReader(lines);
        try
        {
            foreach (var piece in pieces) reader.Read(piece);
            reader.End();
            return $"{lines.Text}{reader.Units} units, {reader.Columns} columns";
        }
        catch (RegistryException refusal)
        {
            return $"{lines.Text}{refusal.Error} {refusal.Message}";
        }
    }

    private sealed class Lines : IUnitsSink
    {
        private readonly StringBuilder _text = new();

        public string Text => _text.ToString();

        public void Take(int line, in UnitRecord unit)
        {
            var canonical = new byte[UnitRecord.CanonicalMax];
            _text.Append(CultureInfo.InvariantCulture,
                $"{line}: {Encoding.ASCII.GetString(canonical, 0, unit.WriteCanonical(canonical))}");
        }

        public void Reject(int line, UnitLineError error, ReadOnlySpan<byte> value) =>
            _text.Append(CultureInfo.InvariantCulture, $"{line}: {error} {Convert.ToHexString(value)}\n");
    }
}
