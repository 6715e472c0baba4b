using Grpc.Core;
using Grpc.Core.Interceptors;
using Grpc.Net.Client;
using Microsoft.Extensions.DependencyInjection;

namespace DeviceRegistry.Grpc.Tests.Calls;

/// <summary>Interceptors and credentials stand around every call, on both sides.</summary>
[CancelAfter(30_000)]
public sealed class InterceptorTests
{
    [Test]
    public async Task Server_interceptor_sees_every_kind_of_call()
    {
        var log = new CallLog();
        await using var host = await ProbeHost.StartAsync(options => options.Interceptors.Add<ServerNotes>(log));

        await CallEachKindAsync(host.Client);

        const string service = "/deviceregistry.grpc.tests.v1.Probe/";
        Assert.That(log.Lines, Is.EqualTo(new[]
        {
            $"unary {service}Echo", $"unary {service}Echo", $"client stream {service}Join",
            $"server stream {service}Split", $"duplex {service}Shout",
        }));
    }

    [Test]
    public async Task Server_interceptor_can_refuse_a_call()
    {
        await using var host = await ProbeHost.StartAsync(options => options.Interceptors.Add<ServerRefusal>());

        var failure = Assert.ThrowsAsync<RpcException>(async () => await host.Client.EchoAsync(new Text()));

        Assert.That(failure!.Status.Detail, Is.EqualTo("not you"));
    }

    [Test]
    public async Task Client_interceptor_sees_every_kind_of_call()
    {
        var log = new CallLog();
        await using var host = await ProbeHost.StartAsync();

        await CallEachKindAsync(new Probe.ProbeClient(host.Channel.Intercept(new ClientNotes(log))));

        Assert.That(log.Lines, Is.EqualTo(new[]
        {
            "blocking Echo", "unary Echo", "client stream Join", "server stream Split", "duplex Shout",
        }));
    }

    [Test]
    public async Task First_of_several_client_interceptors_sees_the_call_first()
    {
        var log = new CallLog();
        await using var host = await ProbeHost.StartAsync();
        var invoker = host.Channel.Intercept(new ClientNotes(log, "first "), new ClientNotes(log, "second "));

        await new Probe.ProbeClient(invoker).EchoAsync(new Text());

        Assert.That(log.Lines, Is.EqualTo(new[] { "first unary Echo", "second unary Echo" }));
    }

    [Test]
    public async Task Function_over_headers_adds_one_to_a_call()
    {
        await using var host = await ProbeHost.StartAsync();
        var invoker = host.Channel.Intercept(headers =>
        {
            headers.Add("probe-added", "yes");
            return headers;
        });

        using var call = new Probe.ProbeClient(invoker).EchoAsync(new Text());

        Assert.That((await call.ResponseHeadersAsync).GetValue("probe-added"), Is.EqualTo("yes"));
    }

    [Test]
    public async Task Call_credentials_add_their_headers_to_a_call()
    {
        await using var host = await ProbeHost.StartAsync();
        var options = new GrpcChannelOptions { UnsafeUseInsecureChannelCallCredentials = true };
        using var channel = GrpcChannel.ForAddress(host.Address, options);
        var credentials = CallCredentials.Compose(Adding("probe-one"), Adding("probe-two"));

        using var call = new Probe.ProbeClient(channel).EchoAsync(new Text(), new CallOptions(credentials: credentials));

        var headers = await call.ResponseHeadersAsync;
        Assert.That(headers.GetValue("probe-one"), Is.EqualTo("Echo"));
        Assert.That(headers.GetValue("probe-two"), Is.EqualTo("Echo"));
    }

    private static CallCredentials Adding(string key) => CallCredentials.FromInterceptor((context, metadata) =>
    {
        metadata.Add(key, context.MethodName);
        return Task.CompletedTask;
    });

    private static async Task CallEachKindAsync(Probe.ProbeClient client)
    {
        client.Echo(new Text());
        await client.EchoAsync(new Text());

        using var join = client.Join();
        await join.RequestStream.CompleteAsync();
        await join;

        using var split = client.Split(new Text { Text_ = "one" });
        await split.ResponseStream.ReadAllAsync().CountAsync();

        using var shout = client.Shout();
        await shout.RequestStream.CompleteAsync();
        await shout.ResponseStream.ReadAllAsync().CountAsync();
    }
}
