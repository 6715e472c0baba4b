namespace DeviceRegistry.Core.Tests.Identities;

/// <summary>The IMEI as a network sends it: 14, 15 or 16 characters. Only the first 14 are validated.</summary>
public sealed class ImeiTests
{
    [TestCase("86650704004053")]
    [TestCase("866507040040534")]
    [TestCase("866507040040530")]
    [TestCase("866507040040539")]
    [TestCase("8665070400405300")]
    [TestCase("8665070400405399")]
    [TestCase("86650704004053F")]
    [TestCase("86650704004053##")]
    public void Every_network_form_of_an_imei_gives_the_same_value(string text)
    {
        Assert.That(FromNetwork(text), Is.EqualTo(new Imei(86650704004053)));
    }

    [TestCase("")]
    [TestCase("8665070400405")]
    [TestCase("86650704004053412")]
    [TestCase("8665070400405A")]
    [TestCase("A6650704004053")]
    [TestCase(" 86650704004053")]
    [TestCase("8665070-004053")]
    [TestCase("٨٦٦٥٠٧٠٤٠٠٤٠٥٣")]
    public void A_network_imei_with_a_wrong_length_or_a_non_digit_is_rejected(
        string text)
    {
        Assert.That(Imei.TryFromNetwork(text, out _), Is.False);
    }

    [Test]
    public void A_rejected_text_leaves_the_default_imei()
    {
        Imei.TryFromNetwork("8665070400405A", out var imei);

        Assert.That(imei, Is.EqualTo(default(Imei)));
    }

    [Test]
    public void Leading_zeros_are_kept_in_the_digits()
    {
        Assert.That(FromNetwork("00000012345678").Digits, Is.EqualTo("00000012345678"));
    }

    [Test]
    public void Leading_zeros_are_kept_in_the_printed_form()
    {
        Assert.That(new Imei(499901064000).Printed, Is.EqualTo("004999010640000"));
    }

    [Test]
    public void The_printed_form_ends_with_the_check_digit()
    {
        Assert.That(new Imei(49015420323751).Printed, Is.EqualTo("490154203237518"));
    }

    [Test]
    public void The_tac_is_the_first_eight_digits()
    {
        Assert.That(new Imei(86650704004053).Tac, Is.EqualTo(new Tac(86650704)));
    }

    [Test]
    public void The_tac_of_an_imei_with_leading_zeros_is_its_first_eight_digits()
    {
        Assert.That(FromNetwork("00100123456789").Tac, Is.EqualTo(new Tac(100123)));
    }

    [Test]
    public void The_text_of_an_imei_shows_its_tac_and_masks_its_serial()
    {
        Assert.That($"{new Imei(86650704004053)}", Is.EqualTo("86650704-******"));
    }

    [Test]
    public void A_masked_imei_keeps_the_leading_zeros_of_its_tac()
    {
        Assert.That(new Imei(123456).ToString(), Is.EqualTo("00000000-******"));
    }

    [Test]
    public void The_largest_value_is_fourteen_nines()
    {
        Assert.That(new Imei(99_999_999_999_999).Digits, Is.EqualTo("99999999999999"));
    }

    [Test]
    public void A_value_of_fifteen_digits_is_rejected()
    {
        Assert.That(() => new Imei(Imei.Limit), Throws.InstanceOf<ArgumentOutOfRangeException>());
    }

    [Property]
    public void Digits_parsed_again_give_the_same_imei(DoNotSize<ulong> any)
    {
        var imei = new Imei(any.Item % Imei.Limit);

        Assert.That(FromNetwork(imei.Digits), Is.EqualTo(imei));
    }

    [Property]
    public void The_printed_form_parsed_as_typed_gives_the_same_imei(DoNotSize<ulong> any)
    {
        var imei = new Imei(any.Item % Imei.Limit);

        Assert.That(Imei.FromTyped(imei.Printed),
            Is.EqualTo(new TypedImei(TypedImeiError.None, imei, imei.Printed[14] - '0')));
    }

    private static Imei FromNetwork(string text) =>
        Imei.TryFromNetwork(text, out var imei) ? imei : throw new AssertionException($"'{text}' was refused");
}
