using DeviceRegistry.Attach;
using DeviceRegistry.Contracts.V1;
using DeviceRegistry.Core;
using DeviceRegistry.TestKit;
using CheckReason = DeviceRegistry.Core.CheckReason;
using Verdict = DeviceRegistry.Core.Verdict;

namespace DeviceRegistry.Attach.Tests;

/// <summary>Sightings from all interfaces, counted outside the answer's path: each identity once a day, in bounded
/// memory.</summary>
public sealed class SightingCollectorTests
{
    private const long Noon = 1_800_014_400_000;
    private const long DayMs = 86_400_000;
    private readonly SightingCollector _seen = new();

    [Test]
    public void An_identity_has_one_sighting_with_first_last_and_count_in_any_spelling()
    {
        Saw("35290611000001", Noon + 5);
        Saw("3529061100000178", Noon + 9);
        Saw("352906110000010", Noon);

        Assert.That(Take(), Is.EqualTo(["35290611000001 +0 +9 ×3"]));
    }

    [Test]
    public void A_malformed_identity_is_reported_in_its_canonical_form()
    {
        Saw("abc", Noon);
        Saw("ABC", Noon + 1);

        Assert.That(Take(), Is.EqualTo(["ABC +0 +1 ×2"]));
    }

    [Test]
    public void A_segment_is_never_larger_than_the_registrar_accepts()
    {
        foreach (var i in Enumerable.Range(0, 9_000)) Saw($"{i:00000}{new string('Ω', 59)}", Noon);

        var segments = _seen.Take().ToList();

        Assert.That(segments.Sum(s => s.Sightings.Count), Is.EqualTo(9_000));
        Assert.That(segments.Select(s => s.CalculateSize()),
            Is.All.LessThanOrEqualTo(900_000).And.Some.GreaterThan(800_000));
    }

    [Test]
    public void A_segment_with_an_unreadable_file_does_not_block_the_others()
    {
        var folder = TemporaryFolder.New();
        var segments = new SegmentStore(folder);
        var numbers = new List<ulong>();
        foreach (var i in Enumerable.Range(1, 3)) segments.Keep(
            new SightingSegment { Sightings = { new Sighting { Identity = $"3529061100000{i}", Count = 1 } } }, Noon
            + i);
        var first = Directory.GetFiles(folder, "*.segment").Order().First();
        File.Delete(first);
        Directory.CreateDirectory(first);

        Assert.That(() => segments.Oldest((number, _) => numbers.Add(number)),
            Throws.InstanceOf<UnauthorizedAccessException>().Or.InstanceOf<IOException>(),
            "it may be readable in a moment");

        using (Assert.EnterMultipleScope())
        {
            Assert.That(numbers, Is.Empty);
            Assert.That(segments.Waiting, Is.EqualTo(3));
        }

        var oldest = segments.Oldest((number, _) => numbers.Add(number));

        using (Assert.EnterMultipleScope())
        {
            Assert.That(numbers, Is.EqualTo(new List<ulong> { Noon + 1 }));
            Assert.That(oldest!.Number, Is.EqualTo((ulong)Noon + 2));
            Assert.That(segments.Waiting, Is.EqualTo(2));
            Assert.That(new SegmentStore(folder).Waiting, Is.EqualTo(2));
        }
    }

    [Test]
    public void Sightings_of_two_days_are_two_segments()
    {
        Saw("35290611000001", Noon);
        Saw("35290611000001", Noon + DayMs);

        var segments = _seen.Take().ToList();

        Assert.That(segments.Select(s => s.Sightings.Single().FirstSeenMs), Is.EqualTo([Noon, Noon + DayMs]));
        Assert.That(segments.Select(s => s.Sightings.Single().LastSeenMs), Is.EqualTo([Noon, Noon + DayMs]));
    }

    [TestCase("35290611000001", Verdict.Deny, CheckReason.Stolen)]
    [TestCase("35290611000001", Verdict.Allow, CheckReason.Emergency)]
    [TestCase("", Verdict.Track, CheckReason.ImeiAbsent)]
    [TestCase("mac-00-11-22-33-44-55", Verdict.Allow, CheckReason.UnknownEquipment)]
    public void Denials_emergencies_and_other_equipment_are_not_recorded(string text, Verdict verdict,
        CheckReason reason)
    {
        _seen.Record(EquipmentIdentity.Parse(text), text, Decided(verdict, reason), Noon);

        Assert.That(Take(), Is.Empty);
    }

    [Test]
    public void A_collected_sighting_is_not_reported_again()
    {
        Saw("35290611000001", Noon);
        _ = Take();

        Assert.That(Take(), Is.Empty);
    }

    [Test]
    public void Sightings_above_the_limit_are_dropped_and_counted()
    {
        for (var i = 0; i < 200_000; i++)
        {
            Saw(new Imei((ulong)i).Digits, Noon);
            if (i % 1_000 is 0) _seen.Count();
        }

        using (Assert.EnterMultipleScope())
        {
            Assert.That(Take().Count, Is.EqualTo(150_000));
            Assert.That(_seen.Lost, Is.EqualTo(50_000L));
        }
    }

    [Test]
    public void Recording_an_imei_allocates_nothing()
    {
        Assert.That(Allocation.ByAThousand(() => Saw("35290611000001", Noon)), Is.Zero);
    }

    [Test]
    public async Task No_sighting_is_lost_or_counted_twice_with_concurrent_recorders()
    {
        const int Each = 50_000;
        using var over = new CancellationTokenSource();
        var taken = new List<Sighting>();
        var counting = Task.Run(() =>
        {
            while (!over.IsCancellationRequested) taken.AddRange(_seen.Take().SelectMany(s => s.Sightings));
        });

        await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => Task.Run(() =>
        {
            for (var i = 0; i < Each; i++) Saw(new Imei((ulong)(i % 100)).Digits, Noon);
        })));
        await over.CancelAsync();
        await counting;
        taken.AddRange(_seen.Take().SelectMany(s => s.Sightings));

        Assert.That(taken.Sum(s => (long)s.Count) + _seen.Lost, Is.EqualTo(4 * Each));
        Assert.That(taken.Select(s => s.Identity).Distinct().Count(), Is.EqualTo(100));
    }

    private void Saw(string text, long atMs) =>
        _seen.Record(EquipmentIdentity.Parse(text), text, Decided(Verdict.Allow, CheckReason.Compliant), atMs);

    private static Decision Decided(Verdict verdict, CheckReason reason) =>
        new() { Verdict = verdict, Evaluated = verdict, Reason = reason, Row = "14b" };

    private List<string> Take() =>
        [.. _seen.Take().SelectMany(s => s.Sightings)
        .Select(s => $"{s.Identity} +{s.FirstSeenMs - Noon} +{s.LastSeenMs - Noon} ×{s.Count}")];
}
