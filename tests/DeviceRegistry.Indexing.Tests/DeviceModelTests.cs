namespace DeviceRegistry.Indexing.Tests;

/// <summary>Registered IMEIs compared with a dictionary, in every encoding of a block. The test case name contains the
/// seed.</summary>
public sealed class DeviceModelTests
{
    private const int Serials = 1_000_000;
    private const ulong Tac = 35_290_611;

    private static readonly DeviceStatus[] Statuses = [DeviceStatus.Released, DeviceStatus.Retired];

    private readonly DeviceIndex _index = new();
    private readonly Dictionary<ulong, DeviceStatus> _model = [];

    [Test]
    public void After_batches_of_every_shape_the_index_agrees_with_a_dictionary(
        [Seeds(3)] int seed)
    {
        var random = new Random(seed);

        for (var step = 1; step <= 25; step++)
        {
            var imeis = Batch(random);
            PutBoth(imeis, Statuses[random.Next(Statuses.Length)]);
            Assert.That(_index.Devices, Is.EqualTo(_model.Count), $"seed {seed}, step {step}");
            foreach (var imei in imeis.Take(50)) Assert.That(_index.DeviceOf(new Imei(imei)), Is.EqualTo(_model[imei]),
                $"seed {seed}, step {step}");
        }

        Assert.That(Differences(Tac).Concat(Differences(Tac + 1)), Is.Empty, $"seed {seed}");

        using (Assert.EnterMultipleScope())
        {
            Assert.That(_index.Digest, Is.EqualTo(DigestOf(_model)), $"seed {seed}");
            Assert.That(_index.DigestOfContents(), Is.EqualTo(DigestOf(_model)), $"seed {seed}");
        }
    }

    [Test]
    public void The_encoding_of_a_block_depends_only_on_its_contents()
    {
        var (straight, winding) = (new DeviceIndex(), new DeviceIndex());
        ulong[] imeis = [.. Enumerable.Range(0, 3_000).Select(i => (Tac * Serials) + ((ulong)i * 7 % 20_000))];
        straight.Release(imeis.Order().Select(i => new Imei(i)));
        foreach (var imei in imeis.OrderDescending()) winding.Retire([new Imei(imei)]);
        winding.Release(imeis.Select(i => new Imei(i)));

        Assert.That(IndexBytesTests.Bytes(winding), Is.EqualTo(IndexBytesTests.Bytes(straight)));
    }

    // Batches from one serial to a whole TAC: single serials, a run, a sparse or dense scatter, each sorted or not.
    private static List<ulong> Batch(Random random)
    {
        var (first, length) = ((int)Math.Pow(10, 6 * random.NextDouble()) - 1,
            (int)Math.Pow(10, 5.3 * random.NextDouble()));
        var thin = new[] { 1.0, 1.0, 0.6, 0.2, 0.02 }[random.Next(5)];
        List<ulong> batch = [.. Enumerable.Range(first, Math.Min(length, Serials - first))
            .Where(_ => random.NextDouble() < thin)
            .Select(s => ((Tac + (ulong)random.Next(8) / 7) * Serials) + (ulong)s)];
        return random.Next(4) is 0 ? [.. batch.OrderBy(_ => random.Next())] : batch;
    }

    private void PutBoth(List<ulong> imeis, DeviceStatus status)
    {
        if (status is DeviceStatus.Released) _index.Release(imeis.Select(i => new Imei(i)));
        else _index.Retire(imeis.Select(i => new Imei(i)));
        foreach (var imei in imeis) _model[imei] = status;
    }

    private IEnumerable<ulong> Differences(ulong tac)
    {
        for (var imei = tac * Serials; imei < (tac + 1) * Serials; imei++)
            if (_index.DeviceOf(new Imei(imei)) != _model.GetValueOrDefault(imei)) yield return imei;
    }

    private static StateDigest DigestOf(Dictionary<ulong, DeviceStatus> model)
    {
        var digest = default(StateDigest);
        foreach (var status in Statuses) digest.AddAll((byte)('0' + (int)status),
            [.. model.Where(m => m.Value == status).Select(m => m.Key)]);
        return digest;
    }
}
