using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using DeviceRegistry.Contracts;
using DeviceRegistry.Contracts.V1;
using Google.Protobuf;
using Grpc.Core;

namespace DeviceRegistry.Client;

/// <summary>Signs a person's drafts and approvals with the key of their certificate, as every order requires: <c>new
/// OrdersServiceClient(new OrderSigner(client.Registrar, certificate))</c>. Before signing an approval without a
/// digest, it fetches the draft and verifies that the digest and the drafter's signature match its contents; show the
/// draft to the person first. Forwards all other calls unchanged. Thread-safe.</summary>
public sealed class OrderSigner(CallInvoker inner, X509Certificate2 certificate) : ForwardingInvoker
{
    /// <inheritdoc/>
    private protected override CallInvoker Next => inner;

    /// <inheritdoc/>
    public override AsyncUnaryCall<TResponse> AsyncUnaryCall<TRequest, TResponse>(Method<TRequest, TResponse> method,
        string? host, CallOptions options, TRequest request)
    {
        switch (request)
        {
            case DraftOrderRequest { Signature: null } or DraftOrderActionRequest { Signature: null }:
                return inner.AsyncUnaryCall(method, host, options, Signed(request));
            case ApproveOrderRequest { Signature: null } approval:
                var call = ApproveAsync(method, host, options, approval);
                return new AsyncUnaryCall<TResponse>(
                    ResponseAsync(call), HeadersAsync(call), () =>
                    call.Result.GetStatus(), () => call.Result.GetTrailers(), () => _ = DisposeAsync(call));
            default:
                return inner.AsyncUnaryCall(method, host, options, request);
        }
    }

    private TRequest Signed<TRequest>(TRequest request)
        where TRequest : class
    {
        if (request is DraftOrderRequest order)
        {
            var signed = order.Clone();
            signed.Signature = Sign(key => OrderSigning.SignDraft(order, key));
            return (TRequest)(object)signed;
        }

        var measure = ((DraftOrderActionRequest)(object)request).Clone();
        measure.Signature = Sign(key => OrderSigning.SignDraft(measure, key));
        return (TRequest)(object)measure;
    }

    private async Task<AsyncUnaryCall<TResponse>> ApproveAsync<TRequest, TResponse>(Method<TRequest, TResponse> method,
        string? host, CallOptions options, ApproveOrderRequest approval)
        where TRequest : class
        where TResponse : class
    {
        var signed = approval.Clone();
        if (signed.DraftDigest.IsEmpty)
        {
            using var describing = new OrdersService.OrdersServiceClient(inner)
                .GetDraftAsync(new GetDraftRequest { OrderNumber = approval.OrderNumber }, options);
            var draft = await describing.ResponseAsync.ConfigureAwait(false);
            signed.DraftDigest = ByteString.CopyFrom(DigestOf(draft, approval.OrderNumber));
            signed.TargetOrderNumber = draft.Block?.Supersedes ?? draft.Action.OrderNumber;
        }

        signed.Signature = Sign(key =>
            OrderSigning.SignApproval(signed.OrderNumber, signed.DraftDigest.Span, signed.TargetOrderNumber, key));
        return inner.AsyncUnaryCall(method, host, options, (TRequest)(object)signed);
    }

    private static byte[] DigestOf(GetDraftResponse draft, ulong order) =>
        OrderSigning.DraftDigest(draft.Block, draft.Action) is { } digest
            && OrderSigning.Verifies(digest, draft.Block?.Signature ?? draft.Action.Signature) ? digest
            : throw NotSigned(order);

    private static RpcException NotSigned(ulong order) =>
        new(new Status(StatusCode.DataLoss,
            $"The draft of order {order} does not carry its drafter's signature over what it says. Do not approve " +
            $"it; tell the auditor."));

    private T Sign<T>(Func<ECDsa, T> sign)
    {
        using var key = certificate.GetECDsaPrivateKey()
            ?? throw new InvalidOperationException("The certificate has no ECDSA key to sign with.");
        return sign(key);
    }

    private static async Task<TResponse> ResponseAsync<TResponse>(Task<AsyncUnaryCall<TResponse>> call) =>
        await (await call.ConfigureAwait(false)).ResponseAsync.ConfigureAwait(false);

    private static async Task<Metadata> HeadersAsync<TResponse>(Task<AsyncUnaryCall<TResponse>> call) =>
        await (await call.ConfigureAwait(false)).ResponseHeadersAsync.ConfigureAwait(false);

    private static async Task DisposeAsync<TResponse>(Task<AsyncUnaryCall<TResponse>> call)
    {
        try
        {
            (await call.ConfigureAwait(false)).Dispose();
        }
        catch (RpcException)
        {
            // Fetching the draft failed; the response contains the error.
        }
    }
}
