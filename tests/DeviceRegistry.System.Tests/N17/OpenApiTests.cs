using System.Reflection;
using System.Text.Json;
using DeviceRegistry.Attach.Interfaces.N17;
using DeviceRegistry.TestKit;

namespace DeviceRegistry.System.Tests.N17;

/// <summary>The answers, checked against 3GPP's OpenAPI files with an independent validator.</summary>
[CancelAfter(Patience.TestMs)]
public sealed class OpenApiTests
{
    [Test]
    public async Task Every_N17_answer_conforms_to_the_3GPP_OpenAPI_files()
    {
        var folder = Environment.GetEnvironmentVariable("DEVICEREGISTRY_REFERENCE_DATA");
        if (string.IsNullOrEmpty(folder))
        {
            await TestContext.Progress.WriteLineAsync("reference data absent: 1 checks not run");
            return;
        }

        // Every row of the table, and answers received over the network.
        var replies = typeof(N17Reply).GetFields(BindingFlags.Static | BindingFlags.Public)
            .Select(f => (N17Reply)f.GetValue(null)!).Append(N17Reply.Forbidden("for a reason")).ToList();
        var file = Path.Combine(Registry.NewFolder(), "replies.json");
        await File.WriteAllTextAsync(file,
            JsonSerializer.Serialize(replies.Select(r =>
            new
            {
                status = r.Status, type = r.Status is 200 ? "application/json" : "application/problem+json",
                body = r.Text
            })));
        var (code, output) = await Scripts.RunAsync(
            Path.Combine(Scripts.Checkout, "tests", "independent-client"), "node",
            ["n17.js", "--n17", $"{Registry.Server.Address("n17")}", "--reference", folder, "--replies", file]);

        Assert.That(code, Is.Zero, output);
        Assert.That(output, Does.Match(@"independent client: [1-9]\d* passed, 0 failed"));
        Assert.That(replies, Has.Count.GreaterThan(15));
    }
}
