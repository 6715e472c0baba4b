using System.Reflection;
using Grpc.AspNetCore.Server;
using Grpc.Net.Client;

namespace DeviceRegistry.Grpc.Tests.Surface;

/// <summary>The real gRPC assemblies find all they need in the Grpc.Core.Api and Grpc.Net.Common that are here.</summary>
public sealed class SurfaceTests
{
    private static readonly Assembly[] RealAssemblies =
        [typeof(GrpcServiceOptions).Assembly, typeof(GrpcChannel).Assembly];

    [TestCaseSource(nameof(RealAssemblies))]
    public void Every_type_and_member_reference_resolves(Assembly assembly)
    {
        var surface = new AssemblySurface(assembly);

        surface.ResolveReferences();

        Assert.That(surface.Unresolved, Is.Empty);
        Assert.That(surface.Checked, Is.GreaterThan(500));
    }

    [TestCaseSource(nameof(RealAssemblies))]
    public void Every_type_loads_and_every_method_compiles(Assembly assembly)
    {
        var surface = new AssemblySurface(assembly);

        surface.CompileMethods();

        Assert.That(surface.Unresolved, Is.Empty);
        Assert.That(surface.Checked, Is.GreaterThan(500));
    }
}
