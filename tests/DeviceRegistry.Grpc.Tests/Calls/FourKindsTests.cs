using Google.Protobuf;
using Grpc.Core;

namespace DeviceRegistry.Grpc.Tests.Calls;

/// <summary>Messages of all four kinds of call arrive whole and in order.</summary>
[CancelAfter(30_000)]
public sealed class FourKindsTests
{
    [Test]
    public async Task Unary_call_returns_the_reply()
    {
        await using var host = await ProbeHost.StartAsync();

        var reply = await host.Client.EchoAsync(new Text { Text_ = "hello" });

        Assert.That(reply.Text_, Is.EqualTo("hello"));
    }

    [Test]
    public async Task Blocking_unary_call_returns_the_reply()
    {
        await using var host = await ProbeHost.StartAsync();

        var reply = host.Client.Echo(new Text { Text_ = "hello" });

        Assert.That(reply.Text_, Is.EqualTo("hello"));
    }

    [Test]
    public async Task Empty_message_returns_as_an_empty_message()
    {
        await using var host = await ProbeHost.StartAsync();

        var reply = await host.Client.EchoAsync(new Text());

        Assert.That(reply, Is.EqualTo(new Text()));
    }

    [Test]
    public async Task Client_reads_every_message_of_a_server_stream_in_order()
    {
        await using var host = await ProbeHost.StartAsync();
        using var call = host.Client.Split(new Text { Text_ = "one two three" });

        var words = await call.ResponseStream.ReadAllAsync().Select(reply => reply.Text_).ToListAsync();

        Assert.That(words, Is.EqualTo(new[] { "one", "two", "three" }));
    }

    [Test]
    public async Task Server_reads_every_message_of_a_client_stream_in_order()
    {
        await using var host = await ProbeHost.StartAsync();
        using var call = host.Client.Join();

        foreach (var word in new[] { "one", "two", "three" }) await call.RequestStream.WriteAsync(new Text { Text_ = word });
        await call.RequestStream.CompleteAsync();

        Assert.That((await call).Text_, Is.EqualTo("one two three"));
    }

    [Test]
    public async Task Duplex_stream_answers_each_message_before_the_next_is_sent(CancellationToken cancellationToken)
    {
        await using var host = await ProbeHost.StartAsync();
        using var call = host.Client.Shout(cancellationToken: cancellationToken);
        var answers = new List<string>();

        foreach (var word in new[] { "one", "two" })
        {
            await call.RequestStream.WriteAsync(new Text { Text_ = word }, cancellationToken);
            await call.ResponseStream.MoveNext(cancellationToken);
            answers.Add(call.ResponseStream.Current.Text_);
        }

        await call.RequestStream.CompleteAsync();

        Assert.That(answers, Is.EqualTo(new[] { "ONE", "TWO" }));
        Assert.That(await call.ResponseStream.MoveNext(cancellationToken), Is.False);
        Assert.That(call.GetStatus().StatusCode, Is.EqualTo(StatusCode.OK));
    }

    [Test]
    public async Task Message_of_one_megabyte_returns_unchanged()
    {
        await using var host = await ProbeHost.StartAsync();
        var payload = new byte[1_000_000];
        new Random(1).NextBytes(payload);

        var reply = await host.Client.EchoAsync(new Text { Payload = ByteString.CopyFrom(payload) });

        Assert.That(reply.Payload.Span.SequenceEqual(payload));
    }

    [TestCase("gzip")]
    [TestCase("deflate")]
    public async Task Compressed_messages_return_unchanged(string encoding)
    {
        await using var host = await ProbeHost.StartAsync(options => options.ResponseCompressionAlgorithm = encoding);
        var text = new string('x', 100_000);

        // The client's own name for "compress the requests of this call".
        var headers = new Metadata { { "grpc-internal-encoding-request", encoding } };
        var reply = await host.Client.EchoAsync(new Text { Text_ = text }, headers);

        Assert.That(reply.Text_, Is.EqualTo(text));
    }
}
