using System.Collections.Frozen;
using DeviceRegistry.Server.Access;
using Grpc.AspNetCore.Server;

namespace DeviceRegistry.Server.Standard;

/// <summary>Which gRPC services are to be found behind which door, read from what was mapped.</summary>
internal sealed class Services(EndpointDataSource endpoints)
{
    private readonly Lazy<FrozenDictionary<Door, FrozenSet<string>>> _behind = new(() =>
        (from endpoint in endpoints.Endpoints
         let method = endpoint.Metadata.GetMetadata<GrpcMethodMetadata>()
         where method is not null
         from door in endpoint.Metadata.GetMetadata<Behind>()?.Doors ?? Enum.GetValues<Door>()
         group method.Method.ServiceName by door).ToFrozenDictionary(d => d.Key, d => d.ToFrozenSet()));

    /// <summary>Full names of the services behind the door of a request.</summary>
    public IReadOnlySet<string> Behind(HttpContext http) =>
        _behind.Value.GetValueOrDefault(Doors.Of(http)) ?? FrozenSet<string>.Empty;
}
