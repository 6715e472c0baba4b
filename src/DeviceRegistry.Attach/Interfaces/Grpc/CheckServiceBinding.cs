using System.Buffers;
using Grpc.Core;

namespace DeviceRegistry.Attach.Interfaces.Grpc;

/// <summary>Binding of AttachService (attach.proto) to Grpc.AspNetCore with messages as raw bytes; <see
/// cref="CheckMessageCodec"/> reads and writes them.</summary>
[BindServiceMethod(typeof(CheckServiceBinding), nameof(Bind))]
internal abstract class CheckServiceBinding
{
    private const string Service = "deviceregistry.v1.AttachService";

    /// <summary>The descriptor of the service, for reflection.</summary>
    public static Google.Protobuf.Reflection.ServiceDescriptor Descriptor => Contracts.V1.AttachService.Descriptor;

    /// <summary>Prefix of the paths of all methods.</summary>
    public const string PathStart = $"/{Service}/";

    private static readonly Marshaller<byte[]> Requests =
        Marshallers.Create<byte[]>((_, _) => throw new NotSupportedException(), context =>
        context.PayloadAsNewBuffer());
    private static readonly Marshaller<ArrayBufferWriter<byte>> Answers =
        Marshallers.Create<ArrayBufferWriter<byte>>(Send, _ => throw new NotSupportedException());

    public abstract Task<ArrayBufferWriter<byte>> Check(byte[] request, ServerCallContext context);

    public abstract Task CheckStream(
        IAsyncStreamReader<byte[]> requestStream, IServerStreamWriter<ArrayBufferWriter<byte>> responseStream,
        ServerCallContext context);

    public abstract Task<ArrayBufferWriter<byte>> CheckMany(byte[] request, ServerCallContext context);

    /// <summary>Called by Grpc.AspNetCore, with a null service when it only lists the methods.</summary>
    public static void Bind(ServiceBinderBase binder, CheckServiceBinding? service)
    {
        binder.AddMethod(MethodOf(MethodType.Unary, nameof(Check)), service is null ? null!
            : new UnaryServerMethod<byte[], ArrayBufferWriter<byte>>(service.Check));
        binder.AddMethod(MethodOf(MethodType.DuplexStreaming, nameof(CheckStream)), service is null ? null!
            : new DuplexStreamingServerMethod<byte[], ArrayBufferWriter<byte>>(service.CheckStream));
        binder.AddMethod(MethodOf(MethodType.Unary, nameof(CheckMany)), service is null ? null!
            : new UnaryServerMethod<byte[], ArrayBufferWriter<byte>>(service.CheckMany));
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
