namespace Grpc.Core.Interceptors;

/// <summary>A call about to be made, as a client interceptor sees it.</summary>
public struct ClientInterceptorContext<TRequest, TResponse>(
    Method<TRequest, TResponse> method, string? host, CallOptions options)
    where TRequest : class
    where TResponse : class
{
    /// <summary>What is called.</summary>
    public Method<TRequest, TResponse> Method { get; } = method;

    /// <summary>The authority asked for; null for the channel's own.</summary>
    public string? Host { get; } = host;

    /// <summary>Headers, deadline and the rest.</summary>
    public CallOptions Options { get; } = options;
}
