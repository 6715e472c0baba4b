using System.Security.Cryptography.X509Certificates;
using DeviceRegistry.Contracts;
using DeviceRegistry.Contracts.V1;
using DeviceRegistry.Core;
using DeviceRegistry.TestKit;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Https;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using CheckReason = DeviceRegistry.Contracts.V1.CheckReason;
using OrderClass = DeviceRegistry.Contracts.V1.OrderClass;

namespace DeviceRegistry.Benchmarks;

/// <summary>A feed that sends a node the registrar's journal and then additional orders at a given rate: journal load
/// on a node while it answers checks.</summary>
internal sealed class TailFeed : FeedService.FeedServiceBase, IAsyncDisposable
{
    private static readonly TimeSpan Tick = TimeSpan.FromMilliseconds(10);
    private readonly FeedService.FeedServiceClient _centre;
    private readonly WebApplication _app;
    private ChainEnd _end = ChainEnd.Genesis;

    private TailFeed(RegistryProcess centre, string folder)
    {
        _centre = new FeedService.FeedServiceClient(centre.Channel("registrar", "node-b1"));
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseKestrelHttpsConfiguration()
            .ConfigureKestrel(kestrel => kestrel.ListenLocalhost(Port, listener =>
        {
            listener.Protocols = HttpProtocols.Http2;
            using var certificate = X509Certificate2.CreateFromPemFile(Path.Combine(folder, "server.pem"),
                Path.Combine(folder, "server.key"));
            listener.UseHttps(https =>
            {
                https.ServerCertificate = X509CertificateLoader.LoadPkcs12(certificate.Export(X509ContentType.Pkcs12),
                    null);
                https.ClientCertificateMode = ClientCertificateMode.AllowCertificate;
                https.ClientCertificateValidation = (_, _, _) => true;
            });
        }));
        builder.Services.AddGrpc();
        builder.Services.AddSingleton(this);
        _app = builder.Build();
        _app.MapGrpcService<TailFeed>();
    }

    /// <summary>Port of the feed.</summary>
    public int Port { get; } = int.Parse(Scripts.FreePort(), System.Globalization.CultureInfo.InvariantCulture);

    /// <summary>Orders per second from now on.</summary>
    public int Rate { get; set; }

    /// <summary>Orders sent so far.</summary>
    public long Sent { get; private set; }

    public static async Task<TailFeed> StartAsync(RegistryProcess centre)
    {
        var feed = new TailFeed(centre, Path.Combine(centre.State, "certs"));
        await feed._app.StartAsync();
        return feed;
    }

    /// <inheritdoc/>
    public override async Task Subscribe(SubscribeRequest request,
        IServerStreamWriter<SubscribeResponse> responseStream, ServerCallContext context)
    {
        // 1. The existing journal.
        using (var call = _centre.Subscribe(
            new SubscribeRequest { AfterPosition = request.AfterPosition, Hash = request.Hash }))
            await foreach (var message in call.ResponseStream.ReadAllAsync(context.CancellationToken))
            {
                if (message.Entries?.Entries is [.., var newest]) _end = ChainEnd.At(newest);
                await responseStream.WriteAsync(message);
            }

        // 2. Additional orders.
        using var tick = new PeriodicTimer(Tick, TimeProvider.System);
        for (var ticks = 0; await tick.WaitForNextTickAsync(context.CancellationToken); ticks++)
        {
            if (Rate > 0) await responseStream.WriteAsync(
                new SubscribeResponse
                {
                    Entries =
                new JournalEntries
                {
                    Entries =
                { Enumerable.Range(0, (int)(Rate * Tick.TotalSeconds)).Select(_ => Next()) }
                }
                });
            if (ticks % 100 is 0) await responseStream.WriteAsync(
                new SubscribeResponse
                {
                    Heartbeat =
                new Heartbeat
                {
                    HeadPosition = _end.Position,
                    At = Timestamp.FromDateTimeOffset(TimeProvider.System.GetUtcNow()), Epoch = _end.Epoch
                }
                });
        }
    }

    /// <inheritdoc/>
    public override Task<ReportPositionResponse> ReportPosition(ReportPositionRequest request,
        ServerCallContext context) => Task.FromResult(new ReportPositionResponse());

    /// <inheritdoc/>
    public override async Task<GetPseudonymKeyResponse> GetPseudonymKey(GetPseudonymKeyRequest request,
        ServerCallContext context) => await _centre.GetPseudonymKeyAsync(request);

    /// <inheritdoc/>
    public async ValueTask DisposeAsync() => await _app.DisposeAsync();

    // An order against one IMEI that no check asks for.
    private JournalEntry Next()
    {
        var order = new OrderArmed
        {
            OrderNumber = 1_000_000 + (ulong)Sent, OrderClass = OrderClass.C,
            CheckReason = CheckReason.Stolen, ImeiDeltas = { 35_290_611_500_000 + (ulong)(Sent % 400_000) }
        };
        Sent++;
        var entry = new JournalEntry
        {
            Position = _end.Position + 1, Epoch = _end.Epoch,
            AtUs = Math.Max(_end.AtUs + 1, TimeProvider.System.GetUtcNow().ToUnixTimeMilliseconds() * 1_000),
            Kind = (int)JournalKind.OrderArmed, MustUnderstand = true,
            PublicBytes = order.ToByteString(), PrivateDigest = ByteString.CopyFrom(new byte[JournalHash.Size]),
        };
        entry.Hash = ByteString.CopyFrom(JournalEntryRules.HashOf(entry, _end.Hash));
        _end = ChainEnd.At(entry);
        return entry;
    }
}
