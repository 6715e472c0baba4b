using System.Reflection;

namespace DeviceRegistry.System.Tests;

/// <summary>Who may know whom (src/README.md), read from what the compiler wrote down.</summary>
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
    public void A_room_knows_no_other_than_it_may(string room, string mayKnow)
    {
        var known = Assembly.Load(room).GetReferencedAssemblies().Select(a => a.Name!)
            .Where(n => n.StartsWith("DeviceRegistry.", StringComparison.Ordinal));

        Assert.That(known, Is.SubsetOf(mayKnow.Split(' ').Select(n => $"DeviceRegistry.{n}")));
    }

    [TestCase("DeviceRegistry.Core")]
    [TestCase("DeviceRegistry.Indexing")]
    [TestCase("DeviceRegistry.Diameter")]
    [TestCase("DeviceRegistry.Attach")]
    [TestCase("DeviceRegistry.Contracts")]
    [TestCase("DeviceRegistry.Client")]
    public void A_room_without_a_database_knows_no_driver(string room) =>
        Assert.That(Assembly.Load(room).GetReferencedAssemblies().Select(a => a.Name),
            Has.None.StartsWith("Npgsql").And.None.StartsWith("Microsoft.EntityFrameworkCore"));

    [TestCase("DeviceRegistry.Core")]
    [TestCase("DeviceRegistry.Postgres")]
    [TestCase("DeviceRegistry.Indexing")]
    public void A_room_without_a_wire_knows_no_grpc(string room) =>
        Assert.That(Assembly.Load(room).GetReferencedAssemblies().Select(a => a.Name),
            Has.None.StartsWith("Grpc").And.None.StartsWith("Google"));
}
