namespace DeviceRegistry.Core.Tests.Identities;

/// <summary>The check digit against the examples of TS 23.003 Annex B as PROTOCOLS §1 quotes them, and against a slow
/// reading.</summary>
public sealed class LuhnTests
{
    [TestCase(49015420323751ul, 8)]
    [TestCase(86650704004053ul, 4)]
    public void The_published_examples_have_their_published_digit(ulong digits, int expected)
    {
        Assert.That(Luhn.CheckDigit(digits), Is.EqualTo(expected));
    }

    [Test]
    public void A_sum_that_is_a_whole_ten_has_the_digit_zero()
    {
        Assert.That(Luhn.CheckDigit(0), Is.Zero);
    }

    [Property]
    public void The_digit_brings_the_sum_of_the_printed_digits_to_a_whole_ten(DoNotSize<ulong> any)
    {
        var imei = new Imei(any.Item % Imei.Limit);

        Assert.That(SumOfPrinted(imei.Printed) % 10, Is.Zero);
    }

    [Property]
    public void Any_other_single_digit_in_its_place_changes_the_check_digit(DoNotSize<ulong> any, byte place, byte step)
    {
        var digits = (any.Item % Imei.Limit).ToString("00000000000000", CultureInfo.InvariantCulture).ToCharArray();
        var before = Luhn.CheckDigit(ulong.Parse(digits, CultureInfo.InvariantCulture));
        digits[place % 14] = (char)('0' + (digits[place % 14] - '0' + 1 + step % 9) % 10);

        Assert.That(Luhn.CheckDigit(ulong.Parse(digits, CultureInfo.InvariantCulture)), Is.Not.EqualTo(before));
    }

    // The slow, obvious version: read from the right, every second digit doubled, the digits of the products added.
    private static int SumOfPrinted(string printed) => printed
        .Reverse()
        .Select((c, i) => (c - '0') * (i % 2 == 0 ? 1 : 2))
        .Sum(product => product / 10 + product % 10);
}
