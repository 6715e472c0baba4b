using System.Reflection;

namespace DeviceRegistry.System.Tests;

/// <summary>Allowed references between projects (src/README.md), checked in the compiled assemblies.</summary>
public sealed class ArchitectureTests
{
    [TestCase("DeviceRegistry.Core", "")]
    [TestCase("DeviceRegistry.Indexing", "Core")]
    [TestCase("DeviceRegistry.Contracts", "Core")]
    [TestCase("DeviceRegistry.Postgres", "Core")]
    [TestCase("DeviceRegistry.Registrar", "Core Contracts Postgres")]
    [TestCase("DeviceRegistry.Diameter", "")]
    [TestCase("DeviceRegistry.Attach", "Core Indexing Contracts Diameter")]
    [TestCase("DeviceRegistry.Client", "Core Contracts")]
    public void A_project_references_only_allowed_projects(string project, string allowed)
    {
        var references = Assembly.Load(project).GetReferencedAssemblies().Select(a => a.Name!)
            .Where(n => n.StartsWith("DeviceRegistry.", StringComparison.Ordinal));

        Assert.That(references, Is.SubsetOf(allowed.Split(' ').Select(n => $"DeviceRegistry.{n}")));
    }

    [TestCase("DeviceRegistry.Core")]
    [TestCase("DeviceRegistry.Indexing")]
    [TestCase("DeviceRegistry.Diameter")]
    [TestCase("DeviceRegistry.Attach")]
    [TestCase("DeviceRegistry.Contracts")]
    [TestCase("DeviceRegistry.Client")]
    public void A_project_without_a_database_references_no_driver(string project) =>
        Assert.That(Assembly.Load(project).GetReferencedAssemblies().Select(a => a.Name),
            Has.None.StartsWith("Npgsql").And.None.StartsWith("Microsoft.EntityFrameworkCore"));

    [TestCase("DeviceRegistry.Core")]
    [TestCase("DeviceRegistry.Postgres")]
    [TestCase("DeviceRegistry.Indexing")]
    public void A_project_without_network_code_references_no_grpc(string project) =>
        Assert.That(Assembly.Load(project).GetReferencedAssemblies().Select(a => a.Name),
            Has.None.StartsWith("Grpc").And.None.StartsWith("Google"));
}
