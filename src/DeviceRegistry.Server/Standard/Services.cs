using System.Collections.Frozen;
using System.Reflection;
using DeviceRegistry.Server.Access;
using Grpc.AspNetCore.Server;
using Grpc.Core;
using ServiceDescriptor = Google.Protobuf.Reflection.ServiceDescriptor;

namespace DeviceRegistry.Server.Standard;

/// <summary>The gRPC services of each listener, read from the mapped endpoints.</summary>
internal sealed class Services(EndpointDataSource endpoints)
{
    private readonly Lazy<FrozenDictionary<ListenerKind, ServiceDescriptor[]>> _byListener = new(() =>
        (from endpoint in endpoints.Endpoints
         let method = endpoint.Metadata.GetMetadata<GrpcMethodMetadata>()
         where method is not null
         from kind in endpoint.Metadata.GetMetadata<ListenerScope>()?.Kinds ?? Enum.GetValues<ListenerKind>()
         group DescriptorOf(method.ServiceType) by kind)
        .ToFrozenDictionary(d => d.Key, d => d.Distinct().OrderBy(s => s.FullName, StringComparer.Ordinal).ToArray()));

    /// <summary>Services by listener, ordered by name. Complete once the server listens.</summary>
    public IReadOnlyDictionary<ListenerKind, ServiceDescriptor[]> ByListener => _byListener.Value;

    // Protobuf's generated base class names the static class that holds the descriptor.
    private static ServiceDescriptor DescriptorOf(Type service)
    {
        for (var type = service; type is not null; type = type.BaseType)
            if (type.GetCustomAttribute<BindServiceMethodAttribute>(inherit: false) is { } bind)
                return (ServiceDescriptor)bind.BindType.GetProperty("Descriptor")!.GetValue(null)!;
        throw new InvalidOperationException($"{service} is no generated gRPC service.");
    }
}
