using DeviceRegistry.Attach.Interfaces.S13;

namespace DeviceRegistry.Attach.Tests.S13;

/// <summary>The operator's configuration file: all its faults are reported together.</summary>
public sealed class SettingsTests
{
    private const string Good = """
        { "originHost": "eir1.example", "originRealm": "example", // who we are
          "peers": [ { "originHost": "mme1.example", "originRealm": "example", "addresses": ["10.0.0.0/8", "::1"],
            "extraApplications": [16777251], "requireCommonApplication": false }, ] }
        """;

    [Test]
    public void A_valid_file_is_read()
    {
        var (settings, faults) = Read(Good);

        Assert.That(faults, Is.Empty);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(settings!.OriginHost, Is.EqualTo("eir1.example"));
            Assert.That(settings.WatchdogSeconds, Is.EqualTo(30));
            Assert.That(settings.Peers.Single().Name, Is.EqualTo("mme1.example"));
            Assert.That(settings.Peers.Single().RequireCommonApplication, Is.False);
        }
    }

    [TestCase("originRealm\": \"example\", //", "originRealms\": \"example\", //", "originRealms")]
    [TestCase("\"extraApplications\"", "\"extraApplication\"", "extraApplication")]
    [TestCase("16777251", "4294967295", "the relay's")]
    [TestCase("16777251", "16777252", "there anyway")]
    [TestCase("10.0.0.0/8", "10.0.0.0/99", "no address")]
    [TestCase("\"eir1.example\"", "\"eir 1\"", "originHost is \"eir 1\"")]
    [TestCase("\"addresses\": [\"10.0.0.0/8\", \"::1\"],", "", "neither addresses nor certificates")]
    [TestCase("\"addresses\": [", "\"certificates\": [\"abc\"], \"addresses\": [", "no SHA-256")]
    [TestCase("\"peers\"", "\"watchdogSeconds\": 5, \"peers\"", "watchdogSeconds is 5")]
    [TestCase("{ \"originHost\": \"mme1",
        "{ \"originRealm\": \"example\", \"originHost\": \"MME1.example\", \"addresses\": [\"::1\"] }, { " +
        "\"originHost\": \"mme1", "named 2 times")]
    [TestCase("]", "", "cannot be read")]
    public void A_fault_in_the_file_is_reported(string good, string bad, string words)
    {
        var (settings, faults) = Read(Good.Replace(good, bad, StringComparison.Ordinal));

        Assert.That(settings, Is.Null);
        Assert.That(string.Join('\n', faults), Does.Contain(words));
    }

    [Test]
    public void A_missing_file_is_reported()
    {
        var faults = new List<string>();

        Assert.That(S13Settings.Read("/nowhere/at/all.json", faults), Is.Null);
        Assert.That(faults.Single(), Does.Contain("/nowhere/at/all.json cannot be read"));
    }

    private static (S13Settings? Settings, List<string> Faults) Read(string text)
    {
        var (path, faults) = (Path.GetTempFileName(), new List<string>());
        File.WriteAllText(path, text);
        var settings = S13Settings.Read(path, faults);
        File.Delete(path);
        return (settings, faults);
    }
}
