using Grpc.Core;

namespace DeviceRegistry.Grpc.Tests.Calls;

/// <summary>Headers and trailers keep their keys, their values and their order.</summary>
[CancelAfter(30_000)]
public sealed class MetadataTests
{
    private static readonly byte[] AllBytes = [.. Enumerable.Range(0, 256).Select(value => (byte)value)];

    [Test]
    public async Task Text_and_binary_headers_return_as_headers_and_as_trailers()
    {
        await using var host = await ProbeHost.StartAsync();
        var headers = new Metadata { { "Probe-Name", "value" }, { "probe-raw-bin", AllBytes } };

        using var call = host.Client.EchoAsync(new Text(), headers);
        var responseHeaders = await call.ResponseHeadersAsync;
        await call;

        Assert.That(responseHeaders.GetValue("probe-name"), Is.EqualTo("value"));
        Assert.That(responseHeaders.GetValueBytes("probe-raw-bin"), Is.EqualTo(AllBytes));
        Assert.That(call.GetTrailers().GetValue("probe-name"), Is.EqualTo("value"));
        Assert.That(call.GetTrailers().GetValueBytes("probe-raw-bin"), Is.EqualTo(AllBytes));
        Assert.That(call.GetStatus().StatusCode, Is.EqualTo(StatusCode.OK));
    }

    [Test]
    public void Last_of_several_values_wins_and_all_can_be_read()
    {
        var metadata = new Metadata { { "key", "first" }, { "other", "x" }, { "KEY", "second" } };

        Assert.That(metadata.GetValue("key"), Is.EqualTo("second"));
        Assert.That(metadata.GetAll("Key").Select(entry => entry.Value), Is.EqualTo(new[] { "first", "second" }));
        Assert.That(metadata.GetValue("absent"), Is.Null);
    }

    [Test]
    public void Binary_key_refuses_text() =>
        Assert.That(() => new Metadata { { "key-bin", "text" } }, Throws.ArgumentException);

    [Test]
    public void Text_key_refuses_bytes() =>
        Assert.That(() => new Metadata { { "key", AllBytes } }, Throws.ArgumentException);

    [TestCase("with space")]
    [TestCase("colon:")]
    [TestCase("ümlaut")]
    public void Key_with_characters_not_allowed_is_refused(string key) =>
        Assert.That(() => new Metadata { { key, "value" } }, Throws.ArgumentException);

    [Test]
    public void Shared_empty_metadata_cannot_be_filled() =>
        Assert.That(() => Metadata.Empty.Add("key", "value"), Throws.InvalidOperationException);
}
