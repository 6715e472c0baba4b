using System.Xml.Linq;
using DeviceRegistry.TestKit;

namespace DeviceRegistry.System.Tests;

/// <summary>Rules of the source tree that no compiler checks.</summary>
public sealed class SourceTests
{
    private const int LineLengthMax = 120;

    [Test]
    public void No_line_of_CSharp_is_longer_than_120_characters()
    {
        var longLines =
            from file in Files("*.cs")
            where Path.GetFileName(Path.GetDirectoryName(file)) is not "Migrations"         // written by dotnet ef
            from line in File.ReadLines(file).Index()
            where line.Item.Length > LineLengthMax
            select $"{Path.GetRelativePath(Scripts.Checkout, file)}:{line.Index + 1}";

        Assert.That(longLines, Is.Empty);
    }

    [Test]
    public void No_project_states_the_version_of_a_package()
    {
        var own = ProjectFiles().Where(file => XDocument.Load(file).Descendants("PackageReference")
            .Any(p => p.Attribute("Version") is not null || p.Attribute("VersionOverride") is not null));

        Assert.That(own, Is.Empty);
    }

    [Test]
    public void Every_project_has_a_lock_file()
    {
        var folders = Files("*.csproj").Select(file => Path.GetDirectoryName(file)!);

        Assert.That(folders, Has.All.Matches<string>(f => File.Exists(Path.Combine(f!, "packages.lock.json"))));
    }

    private static IEnumerable<string> ProjectFiles() =>
        Files("*.csproj").Append(Path.Combine(Scripts.Checkout, "Directory.Build.props"));

    private static IEnumerable<string> Files(string pattern) =>
        new[] { "src", "tests" }
            .SelectMany(f =>
                Directory.EnumerateFiles(Path.Combine(Scripts.Checkout, f), pattern, SearchOption.AllDirectories))
            .Where(f => !f.Split(Path.DirectorySeparatorChar).Any(part => part is "bin" or "obj" or "node_modules"));
}
