namespace DeviceRegistry.Core.Tests.Identities;

/// <summary>An IMEI that a person types or a file contains. Only here is the 15th digit verified.</summary>
public sealed class TypedImeiTests
{
    [Test]
    public void Fourteen_digits_without_a_check_digit_are_accepted()
    {
        Assert.That(Imei.FromTyped("49015420323751"),
            Is.EqualTo(new TypedImei(TypedImeiError.None, new Imei(49015420323751), 8)));
    }

    [Test]
    public void Fifteen_digits_with_the_correct_check_digit_are_accepted()
    {
        Assert.That(Imei.FromTyped("490154203237518"),
            Is.EqualTo(new TypedImei(TypedImeiError.None, new Imei(49015420323751), 8)));
    }

    [Test]
    public void A_wrong_check_digit_is_rejected_and_the_correct_one_is_returned()
    {
        Assert.That(Imei.FromTyped("490154203237517"),
            Is.EqualTo(new TypedImei(TypedImeiError.CheckDigit, new Imei(49015420323751), 8)));
    }

    [Test]
    public void The_message_about_a_wrong_check_digit_contains_the_correct_one()
    {
        Assert.That(Imei.FromTyped("866507040040530").Expected, Does.StartWith("check digit 4 "));
    }

    [TestCase("", TypedImeiError.Empty)]
    [TestCase("0", TypedImeiError.Length)]
    [TestCase("4901542032375", TypedImeiError.Length)]
    [TestCase("4901542032375180", TypedImeiError.Length)]
    [TestCase("49015420323751800", TypedImeiError.Length)]
    [TestCase("49015420323751X", TypedImeiError.NotDigits)]
    [TestCase("4901542032375#", TypedImeiError.NotDigits)]
    [TestCase("A0000012345678", TypedImeiError.NotDigits)]
    [TestCase("49-015420-323751-8", TypedImeiError.NotDigits)]
    [TestCase(" 49015420323751", TypedImeiError.NotDigits)]
    [TestCase("49015420323751 ", TypedImeiError.NotDigits)]
    [TestCase("              ", TypedImeiError.NotDigits)]
    [TestCase("４９０１５４２０３２３７５１", TypedImeiError.NotDigits)]
    public void A_text_that_cannot_be_an_imei_is_rejected_with_its_fault(string text, TypedImeiError fault)
    {
        Assert.That(Imei.FromTyped(text).Fault, Is.EqualTo(fault));
    }

    [TestCase("49015420323751X", "14 or 15 digits and nothing else")]
    [TestCase("", "14 digits, or 15 with the check digit")]
    [TestCase("490154203237", "14 digits, or 15 with the check digit")]
    public void A_rejection_states_what_was_expected(string text, string expected)
    {
        Assert.That(Imei.FromTyped(text).Expected, Is.EqualTo(expected));
    }

    [Test]
    public void Leading_zeros_are_accepted_like_any_digit()
    {
        Assert.That(Imei.FromTyped("004999010640000").Imei.Digits, Is.EqualTo("00499901064000"));
    }

    [Property]
    public void Exactly_one_of_the_ten_possible_check_digits_is_accepted(DoNotSize<ulong> any)
    {
        var imei = new Imei(any.Item % Imei.Limit);

        var taken = Enumerable.Range(0, 10)
            .Where(d => Imei.FromTyped($"{imei.Digits}{d}").Fault is TypedImeiError.None);

        Assert.That(taken, Is.EqualTo(new[] { Luhn.CheckDigit(imei.Value) }));
    }

    [Property(MaxTest = 1_000)]
    public void No_text_makes_parsing_a_typed_imei_throw(string? text)
    {
        Assert.That(() => Imei.FromTyped(text), Throws.Nothing);
    }
}
