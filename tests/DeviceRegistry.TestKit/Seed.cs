using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using NUnit.Framework;
using NUnit.Framework.Interfaces;

namespace DeviceRegistry.TestKit;

/// <summary>The one seed of a test run. Every randomised test derives its own from it and prints how to replay
/// it.</summary>
public static class Seed
{
    /// <summary>The environment variable that replays a run; its value is the number that the run printed.</summary>
    public const string Variable = "DEVICEREGISTRY_TEST_SEED";

    /// <summary>The seed of this run: the variable's value, or a new one.</summary>
    public static int OfRun { get; } = Environment.GetEnvironmentVariable(Variable) is { Length: > 0 } given
        ? int.Parse(given, NumberStyles.None, CultureInfo.InvariantCulture) : Random.Shared.Next();

    /// <summary>Prints the seed of the run and returns the random numbers of the current test.</summary>
    /// <param name="part">Separates several sources of random numbers within one test.</param>
    public static Random NewRandom(string part = "")
    {
        TestContext.Progress.WriteLine(
            $"{TestContext.CurrentContext.Test.Name}{part}: seed {OfRun} ({Variable} replays it)");
        return new Random(Derive(TestContext.CurrentContext.Test.FullName + part));
    }

    // SHA-256: string.GetHashCode differs from process to process.
    private static int Derive(string name) =>
        BitConverter.ToInt32(SHA256.HashData(Encoding.UTF8.GetBytes($"{OfRun}/{name}"))) & int.MaxValue;
}

/// <summary>Runs a test with several consecutive seeds that begin with the seed of the run. The name of a test case
/// shows its seed; a run with that seed executes the same case first.</summary>
[AttributeUsage(AttributeTargets.Parameter)]
public sealed class SeedsAttribute(int count) : NUnitAttribute, IParameterDataSource
{
    public int Count { get; } = count;

    System.Collections.IEnumerable IParameterDataSource.GetData(IParameterInfo parameter) =>
        Enumerable.Range(0, Count).Select(n => (Seed.OfRun + n) & int.MaxValue);
}
