namespace DeviceRegistry.Indexing.Tests;

/// <summary>Random changes compared with a dictionary: after every step both agree on every IMEI. The test case name
/// contains the seed; to replay it, put it into a <c>[TestCase]</c>.</summary>
public sealed class DeviceIndexModelTests
{
    private const int Steps = 400;

    // Few IMEIs, TACs and order numbers, so that orders overlap, are repeated, and are lifted before they are armed.
    private static readonly Imei[] Imeis =
    [
        new(10000000_000001), new(10000000_000002), new(10000000_000003), new(20000000_000001), new(20000000_000002),
        new(30000000_000001),
    ];

    private static readonly string[] Texts = ["#12AB", "NO IMEI", "MAC-00-11-22-33-44-55"];

    private readonly DeviceIndex _index = new();
    private readonly Dictionary<ulong, (
        OrderTerm Order, Imei[] Imeis, Tac[] Tacs, SerialRange[] Ranges, string[] Texts)> _armed = [];
    private readonly HashSet<Imei> _released = [];

    [Test]
    public void After_every_random_change_the_index_agrees_with_a_dictionary([Seeds(20)] int seed)
    {
        var random = new Random(seed);

        for (var step = 1; step <= Steps; step++)
        {
            var change = ChangeBoth(random);
            foreach (var imei in Imeis) Assert.That(SeenInIndex(imei), Is.EqualTo(SeenInModel(imei)),
                $"seed {seed}, step {step}: {change}");
            foreach (var text in Texts) Assert.That(SeenInIndex(text), Is.EqualTo(SeenInModel(text)),
                $"seed {seed}, step {step}: {change}");

            using (Assert.EnterMultipleScope())
            {
                Assert.That(_index.Orders, Is.EqualTo(_armed.Count), $"seed {seed}, step {step}: {change}");
                Assert.That(_index.DigestOfContents(), Is.EqualTo(_index.Digest),
                    $"seed {seed}, step {step}: {change}");
            }
        }
    }

    private string ChangeBoth(Random random)
    {
        var number = (ulong)random.Next(1, 12);
        return random.Next(10) switch
        {
            < 5 => ArmBoth(random, number),
            < 9 => LiftBoth(number),
            _ => ReleaseBoth(Imeis[random.Next(Imeis.Length)]),
        };
    }

    private string ArmBoth(Random random, ulong number)
    {
        var order = new OrderTerm(number, (OrderClass)random.Next(1, 6), CheckReason.Stolen, random.Next(),
            random.Next());
        Imei[] imeis = [.. Imeis.Where(_ => random.Next(3) == 0)];
        Tac[] tacs = [.. Imeis.Select(h => h.Tac).Distinct().Where(_ => random.Next(4) == 0)];
        SerialRange[] ranges = [.. Imeis.Where(_ => random.Next(4) == 0).Select(h => RangeAround(random, h))];
        string[] texts = [.. Texts.Where(_ => random.Next(4) == 0)];

        _index.Arm(order, imeis, tacs, ranges, texts);
        _armed.TryAdd(number, (order, imeis, tacs, ranges, texts));
        return $"arm {number} on {imeis.Length} handsets, {tacs.Length} TACs, {ranges.Length} ranges and " +
            $"{texts.Length} texts";
    }

    // Ranges near the IMEIs, so that they contain some, miss some, overlap, touch and repeat.
    private static SerialRange RangeAround(Random random, Imei imei)
    {
        var first = (uint)Math.Max(0, (int)(imei.Value % 1_000_000) - random.Next(3));
        return Known.Serials(imei.Tac, first, first + (uint)random.Next(4));
    }

    private string LiftBoth(ulong number)
    {
        _index.Lift(number);
        _armed.Remove(number);
        return $"lift {number}";
    }

    private string ReleaseBoth(Imei imei)
    {
        _index.Release([imei]);
        _released.Add(imei);
        return $"release {imei}";
    }

    private string SeenInIndex(Imei imei) =>
        Seen(_index.DeviceOf(imei), _index.ImeiOrdersOf(imei), _index.TacOrdersOf(imei), _index.RangeOrdersOf(imei));

    private string SeenInIndex(string text) =>
        Seen(DeviceStatus.NotRegistered, _index.OrdersOf(text.ToLowerInvariant()));

    private string SeenInModel(string text) =>
        Seen(DeviceStatus.NotRegistered, _armed.Values.Where(a => a.Texts.Contains(text)).Select(a => a.Order));

    private string SeenInModel(Imei imei) => Seen(
        _released.Contains(imei) ? DeviceStatus.Released : DeviceStatus.NotRegistered,
        _armed.Values.Where(a => a.Imeis.Contains(imei)).Select(a => a.Order),
        _armed.Values.Where(a => a.Tacs.Contains(imei.Tac)).Select(a => a.Order),
        _armed.Values.Where(a => a.Ranges.Any(r => r.First.Value <= imei.Value && imei.Value <= r.Last.Value))
            .Select(a => a.Order));

    private static string Seen(DeviceStatus device, params IEnumerable<OrderTerm>[] orders) =>
        $"{device}; {string.Join("; ", orders.Select(o => string.Join(", ", o.OrderBy(o => o.Number))))}";
}
