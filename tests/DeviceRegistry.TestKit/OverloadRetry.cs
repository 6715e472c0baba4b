using DeviceRegistry.Contracts.V1;
using Grpc.Core;
using Grpc.Net.Client;
using Grpc.Net.Client.Configuration;

namespace DeviceRegistry.TestKit;

/// <summary>gRPC retry policy for checks. On a busy machine an attach node rejects checks while it is not scheduled in
/// time. The policy repeats such a call. A stream is repeated only before its first answer.</summary>
public static class OverloadRetry
{
    // An overloaded node sends this delay in RetryInfo.
    private static readonly TimeSpan BackoffMax = TimeSpan.FromSeconds(1);

    /// <summary>Channel options with the policy for <c>AttachService</c>; other services are not repeated.</summary>
    public static GrpcChannelOptions Options() => new()
    {
        ServiceConfig = new ServiceConfig
        {
            MethodConfigs =
            {
                new MethodConfig
                {
                    Names = { new MethodName { Service = AttachService.Descriptor.FullName } },
                    RetryPolicy = new RetryPolicy
                    {
                        // The backoff is random and half its maximum on average, so the attempts last Patience.Event.
                        MaxAttempts = (int)(2 * Patience.Event / BackoffMax),
                        InitialBackoff = TimeSpan.FromMilliseconds(50),
                        MaxBackoff = BackoffMax,
                        BackoffMultiplier = 2,
                        RetryableStatusCodes = { StatusCode.ResourceExhausted },
                    },
                },
            },
        },

        // The default, 5, limits every policy of the channel.
        MaxRetryAttempts = null,
    };
}
