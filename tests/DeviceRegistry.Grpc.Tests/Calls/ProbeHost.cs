using System.Net;
using Grpc.AspNetCore.Server;
using Grpc.Net.Client;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace DeviceRegistry.Grpc.Tests.Calls;

/// <summary>A real Kestrel with the probe service on a free port of the loopback, and a channel to it.</summary>
internal sealed class ProbeHost : IAsyncDisposable
{
    private readonly WebApplication _app;

    private ProbeHost(WebApplication app)
    {
        _app = app;
        Channel = GrpcChannel.ForAddress(app.Urls.Single());
        Client = new Probe.ProbeClient(Channel);
    }

    public GrpcChannel Channel { get; }

    public Probe.ProbeClient Client { get; }

    public string Address => _app.Urls.Single();

    public ProbeService Service => _app.Services.GetRequiredService<ProbeService>();

    public static async Task<ProbeHost> StartAsync(Action<GrpcServiceOptions>? configure = null)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel =>
            kestrel.Listen(IPAddress.Loopback, 0, listener => listener.Protocols = HttpProtocols.Http2));
        builder.Services.AddSingleton<ProbeService>();
        builder.Services.AddGrpc(configure ?? (_ => { }));

        var app = builder.Build();
        app.MapGrpcService<ProbeService>();
        await app.StartAsync();
        return new ProbeHost(app);
    }

    public async ValueTask DisposeAsync()
    {
        Channel.Dispose();
        await _app.DisposeAsync();
    }
}
