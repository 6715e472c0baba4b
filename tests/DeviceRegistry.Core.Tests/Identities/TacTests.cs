namespace DeviceRegistry.Core.Tests.Identities;

public sealed class TacTests
{
    [Test]
    public void Eight_digits_are_a_tac()
    {
        Assert.That(Tac.TryParse("86650704", out var tac) ? tac : default, Is.EqualTo(new Tac(86650704)));
    }

    [TestCase("")]
    [TestCase("8665070")]
    [TestCase("866507040")]
    [TestCase("8665070A")]
    [TestCase(" 8665070")]
    [TestCase("8665070 ")]
    [TestCase("+8665070")]
    [TestCase("-8665070")]
    [TestCase("٨٦٦٥٠٧٠٤")]
    public void A_text_that_is_not_eight_digits_is_not_a_tac(string text)
    {
        Assert.That(Tac.TryParse(text, out _), Is.False);
    }

    [Test]
    public void Leading_zeros_are_kept()
    {
        Assert.That(new Tac(440000).ToString(), Is.EqualTo("00440000"));
    }

    [TestCase(86650704u, 86)]
    [TestCase(440000u, 0)]
    [TestCase(1999999u, 1)]
    [TestCase(99999999u, 99)]
    public void The_reporting_body_is_the_first_two_digits(uint tac, int body)
    {
        Assert.That(new Tac(tac).ReportingBody, Is.EqualTo(body));
    }

    [Property]
    public void Eight_digits_parsed_again_give_the_same_tac(DoNotSize<uint> any)
    {
        var tac = new Tac(any.Item % Tac.Limit);

        Assert.That(Tac.TryParse(tac.ToString(), out var read) ? read : default, Is.EqualTo(tac));
    }
}
