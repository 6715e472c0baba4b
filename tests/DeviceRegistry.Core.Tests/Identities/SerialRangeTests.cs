namespace DeviceRegistry.Core.Tests.Identities;

/// <summary>Ranges of serials within one TAC.</summary>
public sealed class SerialRangeTests
{
    private const ulong Tac = 35290611_000000;

    [TestCase(Tac, Tac, true)]
    [TestCase(Tac, Tac + 999_999, true)]
    [TestCase(Tac + 1, Tac, false)]
    [TestCase(Tac, Tac + 1_000_000, false)]
    [TestCase(99999999_999999ul, 100000000_000000ul, false)]
    [TestCase(0ul, ulong.MaxValue, false)]
    public void Both_ends_must_be_ordered_imeis_of_one_tac(ulong first, ulong last, bool isOne)
    {
        Assert.That(SerialRange.TryFrom(first, last, out _), Is.EqualTo(isOne));
    }

    [Test]
    public void Overlapping_and_adjacent_ranges_are_merged_and_others_kept()
    {
        var merged = SerialRange.Merged(
            [Of(10, 20), Of(0, 3), Of(21, 30), Of(12, 15), Of(33, 33), Of(999_999, 999_999), Of(1_000_000, 1_000_001)]);

        Assert.That(merged, Is.EqualTo(
            new[] { Of(0, 3), Of(10, 30), Of(33, 33), Of(999_999, 999_999), Of(1_000_000, 1_000_001) }));
    }

    [Test]
    public void The_text_of_a_range_masks_its_serials()
    {
        Assert.That(Of(10, 20).ToString(), Is.EqualTo("35290611: 11 serials"));
    }

    private static SerialRange Of(ulong first, ulong last) =>
        SerialRange.TryFrom(Tac + first, Tac + last, out var range) ? range : throw new ArgumentException("no range");
}
