using System.Buffers;
using Grpc.Core;

namespace DeviceRegistry.Attach.Interfaces.Grpc;

/// <summary>AttachService of attach.proto as the stack binds it, with messages as the bytes they are: <see
/// cref="CheckMessageCodec"/> reads and writes them.</summary>
[BindServiceMethod(typeof(CheckServiceBinding), nameof(Bind))]
internal abstract class CheckServiceBinding
{
    private const string Service = "deviceregistry.v1.AttachService";

    /// <summary>The service as the contract describes it, for reflection.</summary>
    public static Google.Protobuf.Reflection.ServiceDescriptor Descriptor => Contracts.V1.AttachService.Descriptor;

    /// <summary>Where the methods are found: the beginning of their paths.</summary>
    public const string PathStart = $"/{Service}/";

    private static readonly Marshaller<byte[]> Requests =
        Marshallers.Create<byte[]>((_, _) => throw new NotSupportedException(), context =>
        context.PayloadAsNewBuffer());
    private static readonly Marshaller<ArrayBufferWriter<byte>> Answers =
        Marshallers.Create<ArrayBufferWriter<byte>>(Send, _ => throw new NotSupportedException());

    /// <summary>Answers one check.</summary>
    public abstract Task<ArrayBufferWriter<byte>> Check(byte[] request, ServerCallContext context);

    /// <summary>Answers checks as they come.</summary>
    public abstract Task CheckStream(
        IAsyncStreamReader<byte[]> requestStream, IServerStreamWriter<ArrayBufferWriter<byte>> responseStream,
        ServerCallContext context);

    /// <summary>Answers many checks at once.</summary>
    public abstract Task<ArrayBufferWriter<byte>> BatchCheck(byte[] request, ServerCallContext context);

    /// <summary>Called by the stack, with no service where it only asks which methods there are.</summary>
    public static void Bind(ServiceBinderBase binder, CheckServiceBinding? service)
    {
        binder.AddMethod(MethodOf(MethodType.Unary, nameof(Check)), service is null ? null!
            : new UnaryServerMethod<byte[], ArrayBufferWriter<byte>>(service.Check));
        binder.AddMethod(MethodOf(MethodType.DuplexStreaming, nameof(CheckStream)), service is null ? null!
            : new DuplexStreamingServerMethod<byte[], ArrayBufferWriter<byte>>(service.CheckStream));
        binder.AddMethod(MethodOf(MethodType.Unary, nameof(BatchCheck)), service is null ? null!
            : new UnaryServerMethod<byte[], ArrayBufferWriter<byte>>(service.BatchCheck));
    }

    private static Method<byte[], ArrayBufferWriter<byte>> MethodOf(MethodType type, string name) =>
        new(type, Service, name, Requests, Answers);

    private static void Send(ArrayBufferWriter<byte> answers, SerializationContext context)
    {
        context.SetPayloadLength(answers.WrittenCount);
        context.GetBufferWriter().Write(answers.WrittenSpan);
        context.Complete();
    }
}
