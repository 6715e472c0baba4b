namespace DeviceRegistry.Core.Tests.Identities;

/// <summary>The check digit, compared with the examples of TS 23.003 Annex B and with a simple reference
/// implementation.</summary>
public sealed class LuhnTests
{
    [TestCase(49015420323751ul, 8)]
    [TestCase(86650704004053ul, 4)]
    public void The_published_examples_have_their_published_check_digit(ulong digits, int expected)
    {
        Assert.That(Luhn.CheckDigit(digits), Is.EqualTo(expected));
    }

    [Test]
    public void A_sum_that_is_a_multiple_of_ten_has_the_check_digit_zero()
    {
        Assert.That(Luhn.CheckDigit(0), Is.Zero);
    }

    [Property]
    public void The_check_digit_makes_the_luhn_sum_a_multiple_of_ten(DoNotSize<ulong> any)
    {
        var imei = new Imei(any.Item % Imei.Limit);

        Assert.That(SumOfPrinted(imei.Printed) % 10, Is.Zero);
    }

    [Property]
    public void A_change_of_any_single_digit_changes_the_check_digit(DoNotSize<ulong> any, byte place, byte step)
    {
        var digits = (any.Item % Imei.Limit).ToString("00000000000000", CultureInfo.InvariantCulture).ToCharArray();
        var before = Luhn.CheckDigit(ulong.Parse(digits, CultureInfo.InvariantCulture));
        digits[place % 14] = (char)('0' + (digits[place % 14] - '0' + 1 + step % 9) % 10);

        Assert.That(Luhn.CheckDigit(ulong.Parse(digits, CultureInfo.InvariantCulture)), Is.Not.EqualTo(before));
    }

    // Reference implementation: from the right, double every second digit, then add the digits of the results.
    private static int SumOfPrinted(string printed) => printed
        .Reverse()
        .Select((c, i) => (c - '0') * (i % 2 == 0 ? 1 : 2))
        .Sum(product => product / 10 + product % 10);
}
