using System.Runtime.InteropServices;
using DeviceRegistry.Contracts.V1;
using DeviceRegistry.Server;
using DeviceRegistry.Server.Access;
using Grpc.Core;
using Microsoft.AspNetCore.Builder;

namespace DeviceRegistry.Benchmarks;

/// <summary>The real server with an echo behind the attach node's listeners: the cost of a call with the sizes of a
/// check through the same listener, pipeline and interceptors.</summary>
internal static class NodeHost
{
    /// <summary>Runs to the end with the options of the server.</summary>
    public static async Task<int> RunAsync(string[] options)
    {
        using var stop = new CancellationTokenSource();
        void Stop(PosixSignalContext signal)
        {
            signal.Cancel = true;
            stop.Cancel();
        }

        using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop);
        using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop);
        await using var server = new RegistryServer(OptionsReader.Read(options))
        {
            MapExtra = app =>
            app.MapGrpcService<Echo>().WithMetadata(new ListenerScope(ListenerKind.Attach, ListenerKind.Plain))
        };
        await server.RunAsync(stop.Token);
        return 0;
    }

    /// <summary>Receives a check and returns a fixed answer. It uses the path of a method that a core node may call and
    /// that an attach node does not have, so that it is authorized like a check.</summary>
    internal sealed class Echo : EchoBase
    {
        private static readonly Task<CheckResponse> Same = Task.FromResult(new CheckResponse
        {
            Verdict = Verdict.Allow, EvaluatedVerdict = Verdict.Allow, Reason = CheckReason.Compliant, Row = "14b",
            PolicyVersion = 1, Position = 1_000, DataAgeMs = 500, Mode = EnforcementMode.Enforce,
        });

        public override Task<CheckResponse> ReportSightings(CheckRequest request, ServerCallContext context) => Same;
    }

    /// <summary>Base class for the binder of Grpc.AspNetCore, which binds virtual methods only.</summary>
    [BindServiceMethod(typeof(EchoBase), nameof(Bind))]
    internal abstract class EchoBase
    {
        /// <summary>The method, as its callers name it.</summary>
        public static readonly Method<CheckRequest, CheckResponse> Method = new(
            MethodType.Unary, "deviceregistry.v1.SightingsService", "ReportSightings",
            Marshallers.Create<CheckRequest>(Send, c => CheckRequest.Parser.ParseFrom(c.PayloadAsReadOnlySequence())),
            Marshallers.Create<CheckResponse>(Send, c =>
            CheckResponse.Parser.ParseFrom(c.PayloadAsReadOnlySequence())));

        public abstract Task<CheckResponse> ReportSightings(CheckRequest request, ServerCallContext context);

        public static void Bind(ServiceBinderBase binder, EchoBase? echo) =>
            binder.AddMethod(Method, echo is null ? null!
                : new UnaryServerMethod<CheckRequest, CheckResponse>(echo.ReportSightings));

        private static void Send(Google.Protobuf.IMessage message, SerializationContext context)
        {
            context.SetPayloadLength(message.CalculateSize());
            Google.Protobuf.MessageExtensions.WriteTo(message, context.GetBufferWriter());
            context.Complete();
        }
    }
}
