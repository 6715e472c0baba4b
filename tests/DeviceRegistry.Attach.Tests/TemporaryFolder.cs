using System.Collections.Concurrent;

namespace DeviceRegistry.Attach.Tests;

/// <summary>Folders of the tests, deleted after the last test.</summary>
[SetUpFixture]
public sealed class TemporaryFolder
{
    private static readonly ConcurrentBag<string> All = [];

    public static string New()
    {
        var folder = Directory.CreateTempSubdirectory("dra").FullName;
        All.Add(folder);
        return folder;
    }

    [OneTimeTearDown]
    public void DeleteAll()
    {
        foreach (var folder in All) Directory.Delete(folder, recursive: true);
    }
}
