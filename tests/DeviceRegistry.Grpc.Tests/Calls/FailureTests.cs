using Grpc.Core;

namespace DeviceRegistry.Grpc.Tests.Calls;

/// <summary>A call that fails tells the client why, and a call given up ends on both sides.</summary>
[CancelAfter(30_000)]
public sealed class FailureTests
{
    [Test]
    public async Task Client_receives_status_and_detail_of_a_failed_call()
    {
        await using var host = await ProbeHost.StartAsync();

        var failure = Assert.ThrowsAsync<RpcException>(
            async () => await host.Client.FailAsync(new Failure { Code = 5, Detail = "no such order" }));

        Assert.That(failure!.StatusCode, Is.EqualTo(StatusCode.NotFound));
        Assert.That(failure.Status.Detail, Is.EqualTo("no such order"));
    }

    [Test]
    public async Task Client_receives_trailers_of_a_failed_call()
    {
        await using var host = await ProbeHost.StartAsync();

        var failure = Assert.ThrowsAsync<RpcException>(async () => await host.Client.FailAsync(new Failure { Code = 9 }));

        Assert.That(failure!.Trailers.GetValue("probe-reason"), Is.EqualTo("asked to"));
        Assert.That(failure.Trailers.GetValueBytes("probe-raw-bin"), Is.EqualTo(new byte[] { 0, 255, 128 }));
    }

    [Test]
    public async Task Blocking_call_fails_with_the_same_exception()
    {
        await using var host = await ProbeHost.StartAsync();

        var failure = Assert.Throws<RpcException>(() => host.Client.Fail(new Failure { Code = 7 }));

        Assert.That(failure!.StatusCode, Is.EqualTo(StatusCode.PermissionDenied));
    }

    [Test]
    public async Task Exception_of_a_service_reaches_the_client_without_its_text()
    {
        await using var host = await ProbeHost.StartAsync();

        var failure = Assert.ThrowsAsync<RpcException>(async () => await host.Client.StumbleAsync(new Text()));

        Assert.That(failure!.StatusCode, Is.EqualTo(StatusCode.Unknown));
        Assert.That(failure.Status.Detail, Does.Not.Contain("a secret"));
    }

    [Test]
    public async Task Failed_stream_delivers_what_came_before_the_failure()
    {
        await using var host = await ProbeHost.StartAsync();
        using var call = host.Client.Split(new Text { Text_ = "one fail two" });

        Assert.That(await call.ResponseStream.MoveNext(), Is.True);
        Assert.That(call.ResponseStream.Current.Text_, Is.EqualTo("one"));

        var failure = Assert.ThrowsAsync<RpcException>(async () => await call.ResponseStream.MoveNext());
        Assert.That(failure!.StatusCode, Is.EqualTo(StatusCode.Aborted));
        Assert.That(call.GetStatus().StatusCode, Is.EqualTo(StatusCode.Aborted));
    }

    [Test]
    public async Task Method_without_code_is_unimplemented()
    {
        await using var host = await ProbeHost.StartAsync();

        var failure = Assert.ThrowsAsync<RpcException>(async () => await host.Client.UnwrittenAsync(new Text()));

        Assert.That(failure!.StatusCode, Is.EqualTo(StatusCode.Unimplemented));
    }

    [Test]
    public async Task Call_past_its_deadline_fails_with_deadline_exceeded(CancellationToken cancellationToken)
    {
        await using var host = await ProbeHost.StartAsync();

        var failure = Assert.ThrowsAsync<RpcException>(async () =>
            await host.Client.WaitAsync(new Text(), deadline: DateTime.UtcNow.AddMilliseconds(500)));

        Assert.That(failure!.StatusCode, Is.EqualTo(StatusCode.DeadlineExceeded));
        await host.Service.WaitCancelled.WaitAsync(cancellationToken);
    }

    [Test]
    public async Task Cancelled_call_fails_and_the_server_learns_of_it(CancellationToken cancellationToken)
    {
        await using var host = await ProbeHost.StartAsync();
        using var giveUp = new CancellationTokenSource();
        using var call = host.Client.WaitAsync(new Text(), cancellationToken: giveUp.Token);
        await host.Service.Waiting.WaitAsync(cancellationToken);

        await giveUp.CancelAsync();

        var failure = Assert.ThrowsAsync<RpcException>(async () => await call);
        Assert.That(failure!.StatusCode, Is.EqualTo(StatusCode.Cancelled));
        await host.Service.WaitCancelled.WaitAsync(cancellationToken);
    }

    [Test]
    public async Task Disposed_call_is_cancelled_on_the_server(CancellationToken cancellationToken)
    {
        await using var host = await ProbeHost.StartAsync();
        var call = host.Client.WaitAsync(new Text(), cancellationToken: CancellationToken.None);
        await host.Service.Waiting.WaitAsync(cancellationToken);

        call.Dispose();

        await host.Service.WaitCancelled.WaitAsync(cancellationToken);
    }
}
