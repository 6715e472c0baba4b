using System.Globalization;

namespace DeviceRegistry.Core.Tests.Units;

/// <summary>Runs of units with the same state, compared with an array of states.</summary>
public sealed class UnitRunsTests
{
    private static readonly UnitState[] States = Enum.GetValues<UnitState>();

    [Test]
    public void After_any_changes_the_runs_agree_with_an_array_of_states()
    {
        var random = Seed.NewRandom();
        for (var round = 0; round < 300; round++)
        {
            var units = random.Next(1, 60);
            var (runs, array) = (UnitRuns.Whole(units, UnitState.Declared), Enumerable.Repeat(UnitState.Declared, units)
                .ToArray());
            for (var step = 0; step < 20; step++)
            {
                var state = States[random.Next(States.Length)];
                var changed = UnitRuns.Ranges(Enumerable.Range(0, random.Next(4)).Select(_ => Any(random, units)));
                runs = runs.With(changed, state);
                foreach (var range in changed) Array.Fill(array, state, range.First - 1, range.Count);

                var (found, ask) = (UnitRuns.Ranges([Any(random, units), Any(random, units)]),
                    States[random.Next(States.Length)]);
                Assert.That(Enumerable.Range(1, units).Select(runs.StateOf), Is.EqualTo(array));
                Assert.That(runs.In(ask).SelectMany(Units),
                    Is.EqualTo(Enumerable.Range(1, units).Where(u => array[u - 1] == ask)));
                Assert.That(runs.Within(found)
                    .SelectMany(r => Units(new UnitRange(r.First, r.Last)).Select(u => (u, r.State))),
                    Is.EqualTo(found.SelectMany(Units).Select(u => (u, array[u - 1]))));
                Assert.That(runs.All, Is.EqualTo(UnitRuns.Of(runs.All).All), "they can be kept and read again");
                Assert.That(runs.All.Zip(runs.All.Skip(1)),
                    Is.All.Matches<(UnitRun First, UnitRun Second)>(p => p.First.State != p.Second.State),
                    "no two neighbours of one state");
            }
        }
    }

    [Test]
    public void Five_million_units_in_one_state_are_one_run()
    {
        var runs = UnitRuns.Whole(5_000_000, UnitState.Certified)
            .With([new UnitRange(1, 5_000_000)], UnitState.Released);

        Assert.That(runs.All, Is.EqualTo([new UnitRun(1, 5_000_000, UnitState.Released)]));
    }

    [TestCase("2-3", TestName = "Runs_that_do_not_begin_with_the_first_unit_are_refused")]
    [TestCase("1-3 5-6", TestName = "Runs_with_a_gap_are_refused")]
    [TestCase("1-3 3-6", TestName = "Runs_that_overlap_are_refused")]
    [TestCase("1-3 4-2", TestName = "Runs_that_end_before_they_begin_are_refused")]
    public void Stored_runs_are_restored(string kept)
    {
        var runs = kept.Split(' ').Select(r => r.Split('-'))
            .Select(r => new UnitRun(int.Parse(r[0], CultureInfo.InvariantCulture),
            int.Parse(r[1], CultureInfo.InvariantCulture), UnitState.Declared));

        Assert.That(() => UnitRuns.Of(runs), Throws.InvalidOperationException);
    }

    [TestCase(0)]
    [TestCase(11)]
    public void A_unit_outside_the_batch_has_no_state(int unit) =>
        Assert.That(() =>
            UnitRuns.Whole(10, UnitState.Declared).StateOf(unit), Throws.TypeOf<ArgumentOutOfRangeException>());

    private static UnitRange Any(Random random, int units)
    {
        var first = random.Next(1, units + 1);
        return new UnitRange(first, random.Next(first, units + 1));
    }

    private static IEnumerable<int> Units(UnitRange range) => Enumerable.Range(range.First, range.Count);
}
