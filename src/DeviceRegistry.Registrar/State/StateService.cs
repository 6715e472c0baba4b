using DeviceRegistry.Contracts;
using DeviceRegistry.Contracts.V1;
using DeviceRegistry.Core;
using Grpc.Core;
using Microsoft.Extensions.Hosting;

namespace DeviceRegistry.Registrar.State;

/// <summary>gRPC service that verifies the tables against the journal.</summary>
internal sealed class StateService(StateVerification verification, MemberDirectory members, TimeProvider time,
    IHostApplicationLifetime lifetime)
    : Contracts.V1.StateService.StateServiceBase
{
    /// <inheritdoc/>
    public override async Task VerifyState(VerifyStateRequest request,
        IServerStreamWriter<VerifyStateResponse> responseStream, ServerCallContext context)
    {
        Inputs.Require(request.MaxDifferences <= Limits.DifferencesListedMax, "max_differences",
            $"1 to {Limits.DifferencesListedMax}; 0 for {Limits.DifferencesListedDefault}");
        var most = request.MaxDifferences is 0 ? Limits.DifferencesListedDefault : (int)request.MaxDifferences;
        var session = CallSession.Of(context);
        using var end = CancellationTokenSource.CreateLinkedTokenSource(context.CancellationToken,
            lifetime.ApplicationStopping);
        await verification.VerifyAsync(
            new StateReport(responseStream, most, () => session.RequireStillAuthorized(members, time.Now()), time),
                end.Token);
    }
}
