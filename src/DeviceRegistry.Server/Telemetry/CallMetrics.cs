using System.Diagnostics;
using System.Diagnostics.Metrics;
using DeviceRegistry.Contracts;
using Grpc.Core;
using Grpc.Core.Interceptors;

namespace DeviceRegistry.Server.Telemetry;

/// <summary>Counts and times every call by method and status, every failure by reason too, and names the call's span.
/// Outermost interceptor: it records the status that the caller receives.</summary>
internal sealed class CallMetrics : Interceptor
{
    /// <summary>Name of the meter.</summary>
    public const string Name = "DeviceRegistry.Server";

    // Perf: computed once; a check allocates no string here.
    private static readonly string[] Statuses =
        [.. Enum.GetValues<StatusCode>().Order()
        .Select(s => s is StatusCode.OK ? "OK" : StatusMapping.UpperSnake(s.ToString()))];

    private readonly Histogram<double> _seconds;
    private readonly Counter<long> _errors;

    public CallMetrics(IMeterFactory meters)
    {
        var meter = meters.Create(Name);
        _seconds = meter.CreateHistogram(
            "device_registry.call.duration", "s",
            "Duration of gRPC calls, from the start of the handler to the status.",
            advice: new InstrumentAdvice<double>
            {
                HistogramBucketBoundaries =
                [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60, 600]
            });
        _errors = meter.CreateCounter<long>("device_registry.call.errors", "{call}",
            "gRPC calls that ended with a status other than OK.");
    }

    /// <inheritdoc/>
    public override async Task<TResponse> UnaryServerHandler<TRequest, TResponse>(
        TRequest request, ServerCallContext context, UnaryServerMethod<TRequest, TResponse> continuation)
    {
        var started = Begin(context);
        try
        {
            var answer = await continuation(request, context);
            End(context, started);
            return answer;
        }
        catch (RpcException fault)
        {
            End(context, started, fault);
            throw;
        }
    }

    /// <inheritdoc/>
    public override async Task<TResponse> ClientStreamingServerHandler<TRequest, TResponse>(
        IAsyncStreamReader<TRequest> requestStream, ServerCallContext context,
        ClientStreamingServerMethod<TRequest, TResponse> continuation)
    {
        var started = Begin(context);
        try
        {
            var answer = await continuation(requestStream, context);
            End(context, started);
            return answer;
        }
        catch (RpcException fault)
        {
            End(context, started, fault);
            throw;
        }
    }

    /// <inheritdoc/>
    public override async Task ServerStreamingServerHandler<TRequest, TResponse>(
        TRequest request,
        IServerStreamWriter<TResponse> responseStream, ServerCallContext context,
        ServerStreamingServerMethod<TRequest, TResponse> continuation)
    {
        var started = Begin(context);
        try
        {
            await continuation(request, responseStream, context);
            End(context, started);
        }
        catch (RpcException fault)
        {
            End(context, started, fault);
            throw;
        }
    }

    /// <inheritdoc/>
    public override async Task DuplexStreamingServerHandler<TRequest, TResponse>(
        IAsyncStreamReader<TRequest> requestStream, IServerStreamWriter<TResponse> responseStream,
        ServerCallContext context,
        DuplexStreamingServerMethod<TRequest, TResponse> continuation)
    {
        var started = Begin(context);
        try
        {
            await continuation(requestStream, responseStream, context);
            End(context, started);
        }
        catch (RpcException fault)
        {
            End(context, started, fault);
            throw;
        }
    }

    /// <summary>Counts a call that was refused before its request was read.</summary>
    public void Refused(string method, RpcException why) =>
        _errors.Add(1, new("method", MethodOf(method)), new("status", Statuses[(int)why.StatusCode]),
            new("reason", StatusMapping.ReasonOf(why)));

    // A caller chooses the path, and routing ignores case, so only method names of the contract become label values.
    private static string MethodOf(string method) =>
        AccessTable.Allowed(method) is CallerKinds.None ? "other" : method;

    private static long Begin(ServerCallContext context)
    {
        // Method and status under OpenTelemetry's names; never anything of the request.
        if (Activity.Current is { IsAllDataRequested: true } span)
        {
            span.DisplayName = context.Method[1..];
            span.SetTag("rpc.system", "grpc").SetTag("rpc.method", context.Method[1..]);
        }

        return Stopwatch.GetTimestamp();
    }

    private void End(ServerCallContext context, long started, RpcException? fault = null)
    {
        var code = fault?.StatusCode ?? StatusCode.OK;
        KeyValuePair<string, object?> method = new("method", MethodOf(context.Method)),
            status = new("status", Statuses[(int)code]);
        _seconds.Record(Stopwatch.GetElapsedTime(started).TotalSeconds, method, status);
        if (fault is not null) _errors.Add(1, method, status, new("reason", StatusMapping.ReasonOf(fault)));
        if (Activity.Current is { IsAllDataRequested: true } span)
        {
            span.SetTag("rpc.grpc.status_code", (int)code);
            if (code is StatusCode.Internal or StatusCode.Unknown or StatusCode.Unavailable
                or StatusCode.DataLoss) span.SetStatus(ActivityStatusCode.Error);
        }
    }
}
