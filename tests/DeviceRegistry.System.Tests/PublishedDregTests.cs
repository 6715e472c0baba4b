using DeviceRegistry.TestKit;

namespace DeviceRegistry.System.Tests;

/// <summary>The published dreg is compiled differently from the one that the tests build.</summary>
[CancelAfter(Patience.TestMs)]
public sealed class PublishedDregTests
{
    [Test]
    public async Task The_published_dreg_computes_the_golden_signatures_and_hashes()
    {
        var (builtCode, built) = await Scripts.RunAsync(Scripts.Checkout, "dotnet", [Scripts.BuiltDreg, "selftest"]);
        var (publishedCode, published) = await Scripts.DregAsync("selftest");

        Assert.That(builtCode, Is.Zero, built);
        Assert.That(publishedCode, Is.Zero, published);
        Assert.That(published, Is.EqualTo(built));
    }

    [TestCase("--help")]
    [TestCase("--version")]
    [TestCase("order", "draft", "--help")]
    [TestCase("--json", "chekc")]
    [TestCase("check", "352906110000011", "--json")]
    public async Task The_published_dreg_prints_what_the_built_one_prints(params string[] arguments)
    {
        var built = await Scripts.RunAsync(Scripts.Checkout, "dotnet", [Scripts.BuiltDreg, .. arguments]);

        Assert.That(await Scripts.DregAsync(arguments), Is.EqualTo(built));
    }
}
