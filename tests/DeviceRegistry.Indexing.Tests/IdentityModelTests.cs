namespace DeviceRegistry.Indexing.Tests;

/// <summary>Orders and pairings on many identities (IMEIs and texts), compared with dictionaries: enough identities
/// that the tables split, and short lifetimes, so that slots are reused. The test case name contains the
/// seed.</summary>
public sealed class IdentityModelTests
{
    private const int Identities = 3_000;

    private readonly Dictionary<ulong, (OrderTerm Order, int[] On)> _armed = [];
    private readonly HashSet<(int, ulong)> _paired = [];
    private DeviceIndex _index = new();

    [Test]
    public void After_many_changes_of_orders_and_pairings_the_index_agrees_with_a_model(
        [Seeds(3)] int seed)
    {
        var random = new Random(seed);

        for (var round = 1; round <= 4; round++)
        {
            for (var step = 0; step < 5_000; step++) Change(random, grow: round % 2 is 1);
            var wrong = Enumerable.Range(0, Identities).FirstOrDefault(i => InIndex(i) != InModel(i), -1);
            Assert.That(wrong, Is.EqualTo(-1), () =>
                $"seed {seed}, round {round}: {InIndex(wrong)} for {InModel(wrong)}");

            using (Assert.EnterMultipleScope())
            {
                Assert.That(_index.Orders, Is.EqualTo(_armed.Count), $"seed {seed}, round {round}");
                Assert.That(_index.Pairings, Is.EqualTo((long)_paired.Count), $"seed {seed}, round {round}");
            }

            var digest = _index.Digest;
            _index = IndexBytesTests.Read(IndexBytesTests.Bytes(_index));

            using (Assert.EnterMultipleScope())
            {
                Assert.That(_index.Digest, Is.EqualTo(digest), $"seed {seed}, round {round}");
                Assert.That(Afresh().Digest, Is.EqualTo(digest), $"seed {seed}, round {round}");
            }
        }
    }

    [Test]
    public void After_removing_everything_the_index_is_empty()
    {
        var random = new Random(1);
        for (var step = 0; step < 4_000; step++) Change(random, grow: true);

        foreach (var number in _armed.Keys) _index.Lift(number);
        _index.Unpair(_paired.Select(p => Pair(p.Item1, p.Item2)));

        using (Assert.EnterMultipleScope())
        {
            Assert.That(_index.Orders, Is.Zero);
            Assert.That(_index.Pairings, Is.Zero);
            Assert.That(_index.Digest, Is.EqualTo(default(StateDigest)));
        }

        Assert.That(Enumerable.Range(0, Identities)
            .Where(i => _index.DependsOnSubscriber(Identity(i), Text(i)) || Facts(i, 1).ImeiOrders.Length > 0),
            Is.Empty);
    }

    private void Change(Random random, bool grow)
    {
        // Some identities are requested far more often than others. Order numbers mostly increase, and some are above
        // the range with the compact encoding.
        int Any() => random.Next(8) is 0 ? random.Next(3) : random.Next(Identities);
        var number = random.Next(40) switch
        {
            0 => ulong.MaxValue - (ulong)random.Next(40),
            1 => (1ul << 30)
            + (ulong)random.Next(40),
            _ => 1 + (ulong)random.Next(9_000)
        };
        var (i, subscriber) = (Any(), 1 + (ulong)random.Next(6));
        switch (random.Next(grow ? 6 : 10))
        {
            case 0 or 1 or 2:
                int[] on = [.. Enumerable.Range(0, random.Next(10) switch { 0 => 3, < 4 => 2, _ => 1 })
                    .Select(_ => Any())];
                Arm(new OrderTerm(number, (OrderClass)random.Next(1, 6), CheckReason.Stolen, random.Next(3),
                    random.Next(9) is 0 ? random.Next() : long.MaxValue), on);
                break;
            case 3 or 4:
                _index.Pair([Pair(i, subscriber)]);
                _paired.Add((i, subscriber));
                break;
            case 5 or 6 or 7:
                if (_armed.Count > 0 && random.Next(2) is 0) number =
                    _armed.Keys.ElementAt(random.Next(Math.Min(_armed.Count, 20)));
                _index.Lift(number);
                _armed.Remove(number);
                break;
            default:
                if (_paired.Count > 0 && random.Next(2) is 0) (i, subscriber) =
                    _paired.ElementAt(random.Next(Math.Min(_paired.Count, 20)));
                _index.Unpair([Pair(i, subscriber)]);
                _paired.Remove((i, subscriber));
                break;
        }
    }

    private void Arm(OrderTerm order, int[] on)
    {
        ArmIn(_index, order, on);
        _armed.TryAdd(order.Number, (order, on));
    }

    private static void ArmIn(DeviceIndex index, OrderTerm order, int[] on) =>
        index.Arm(order, [.. on.Where(IsImei).Select(ImeiOf)], [], null, [.. on.Where(i => !IsImei(i)).Select(Text)]);

    private DeviceIndex Afresh()
    {
        var index = new DeviceIndex();
        foreach (var (order, on) in _armed.Values.OrderByDescending(a => a.Order.Number)) ArmIn(index, order, on);
        index.Pair(_paired.Select(p => Pair(p.Item1, p.Item2)));
        return index;
    }

    private string InIndex(int i)
    {
        var pairings = Enumerable.Range(0, 7).Select(s => Facts(i, (ulong)s).Pairing).ToList();
        return $"{string.Join(", ", Facts(i, 0).ImeiOrders.ToArray())}; {string.Join(", ", pairings)}; " +
            $"{_index.DependsOnSubscriber(Identity(i), Text(i))}";
    }

    private string InModel(int i)
    {
        var some = Enumerable.Range(1, 6).Any(s => _paired.Contains((i, (ulong)s)));
        var pairings = Enumerable.Range(0, 7)
            .Select(s => _paired.Contains((i, (ulong)s)) ? Pairing.Paired : some ? Pairing.Other : Pairing.None);
        return $"{string.Join(", ", _armed.Values.Where(a => a.On.Contains(i)).Select(a => a.Order)
            .OrderBy(o => o.Number))}; {string.Join(", ", pairings)}; {some}";
    }

    private AttachFacts Facts(int i, ulong subscriber) => _index.FactsOf(Identity(i), [], Text(i), subscriber);

    private static bool IsImei(int i) => i % 3 > 0;

    private static Imei ImeiOf(int i) => new(35_290_611_000_000 + (ulong)i);

    private static string Text(int i) => $"#{i:X}Ä{new string('X', i % 50)}";

    private static EquipmentIdentity Identity(int i) =>
        IsImei(i) ? Known.Identity(ImeiOf(i)) : new EquipmentIdentity(EquipmentKind.Malformed, default);

    private static EquipmentPair Pair(int i, ulong subscriber) =>
        IsImei(i) ? new EquipmentPair(ImeiOf(i), subscriber) : new EquipmentPair(Text(i), subscriber);
}
