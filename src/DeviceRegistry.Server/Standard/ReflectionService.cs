using System.Collections.Frozen;
using DeviceRegistry.Contracts.V1;
using Google.Protobuf.Reflection;
using Grpc.Core;
using Grpc.Health.V1;
using Grpc.Reflection.V1;

namespace DeviceRegistry.Server.Standard;

/// <summary>grpc.reflection.v1 over the contract's own descriptors.</summary>
internal sealed class ReflectionService(Services services, IHostApplicationLifetime lifetime)
    : ServerReflection.ServerReflectionBase
{
    private static readonly FileDescriptor[] Roots =
    [
        AttachReflection.Descriptor, NodeReflection.Descriptor, RegistrationReflection.Descriptor,
        OrdersReflection.Descriptor, PartiesReflection.Descriptor,
        RegistryReflection.Descriptor, ChangesReflection.Descriptor, SightingsReflection.Descriptor,
        FeedReflection.Descriptor, JournalReflection.Descriptor, RecoveryReflection.Descriptor,
        HealthReflection.Descriptor, ReflectionReflection.Descriptor,
    ];

    private static readonly FrozenDictionary<string, FileDescriptor> Files =
        Roots.SelectMany(WithImports).DistinctBy(f => f.Name).ToFrozenDictionary(f => f.Name);

    private static readonly FrozenDictionary<string, FileDescriptor> Symbols =
        Files.Values.SelectMany(f => SymbolsOf(f).Select(s => (s, f))).DistinctBy(p => p.s)
        .ToFrozenDictionary(p => p.s, p => p.f);

    private static readonly FrozenSet<string> Messages = Files.Values.SelectMany(f => f.MessageTypes)
        .SelectMany(MessagesOf).ToFrozenSet();

    /// <inheritdoc/>
    public override async Task ServerReflectionInfo(
        IAsyncStreamReader<ServerReflectionRequest> requestStream,
        IServerStreamWriter<ServerReflectionResponse> responseStream, ServerCallContext context)
    {
        using var end = CancellationTokenSource.CreateLinkedTokenSource(context.CancellationToken,
            lifetime.ApplicationStopping);
        while (await requestStream.MoveNext(end.Token))
        {
            var answer = Answer(requestStream.Current, services.Behind(context.GetHttpContext()));
            (answer.OriginalRequest, answer.ValidHost) = (requestStream.Current, requestStream.Current.Host);
            await responseStream.WriteAsync(answer, end.Token);
        }
    }

    private static ServerReflectionResponse Answer(ServerReflectionRequest request, IReadOnlySet<string> services) =>
        request.MessageRequestCase switch
    {
        ServerReflectionRequest.MessageRequestOneofCase.ListServices => new ServerReflectionResponse
        {
            ListServicesResponse = new ListServiceResponse { Service =
                { services.Order().Select(name => new ServiceResponse { Name = name }) } },
        },
        ServerReflectionRequest.MessageRequestOneofCase.FileByFilename =>
            File(Files.GetValueOrDefault(request.FileByFilename)),
        ServerReflectionRequest.MessageRequestOneofCase.FileContainingSymbol =>
            File(Symbols.GetValueOrDefault(request.FileContainingSymbol)),
        // the contract extends nothing
        ServerReflectionRequest.MessageRequestOneofCase.FileContainingExtension => File(null),
        ServerReflectionRequest.MessageRequestOneofCase.AllExtensionNumbersOfType when Messages.Contains(
            request.AllExtensionNumbersOfType) => new ServerReflectionResponse
        {
            AllExtensionNumbersResponse =
                new ExtensionNumberResponse { BaseTypeName = request.AllExtensionNumbersOfType },
        },
        ServerReflectionRequest.MessageRequestOneofCase.AllExtensionNumbersOfType => File(null),
        _ => Error(StatusCode.InvalidArgument, "No request was set."),
    };

    // The file and everything it imports, so that a client needs no second question.
    private static ServerReflectionResponse File(FileDescriptor? file) => file is null
        ? Error(StatusCode.NotFound, "Not found.")
        : new ServerReflectionResponse
        {
            FileDescriptorResponse = new FileDescriptorResponse { FileDescriptorProto =
                { WithImports(file).DistinctBy(f => f.Name).Select(f => f.SerializedData) } },
        };

    private static ServerReflectionResponse Error(StatusCode code, string message) =>
        new() { ErrorResponse = new ErrorResponse { ErrorCode = (int)code, ErrorMessage = message } };

    private static IEnumerable<FileDescriptor> WithImports(FileDescriptor file) =>
        file.Dependencies.SelectMany(WithImports).Prepend(file);

    private static IEnumerable<string> SymbolsOf(FileDescriptor file) =>
        file.Services.SelectMany(s => s.Methods.Select(m => m.FullName).Prepend(s.FullName))
            .Concat(file.MessageTypes.SelectMany(SymbolsOf))
            .Concat(file.EnumTypes.Select(e => e.FullName));

    private static IEnumerable<string> MessagesOf(MessageDescriptor message) =>
        message.NestedTypes.SelectMany(MessagesOf).Prepend(message.FullName);

    private static IEnumerable<string> SymbolsOf(MessageDescriptor message) =>
        message.NestedTypes.SelectMany(SymbolsOf).Concat(message.EnumTypes.Select(e => e.FullName))
            .Prepend(message.FullName);
}
