using System.Globalization;

namespace DeviceRegistry.TestKit;

/// <summary>An FsCheck property that starts from the seed of the run. On failure FsCheck prints a pair of numbers; the
/// first is the seed of the run.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class PropertyAttribute : FsCheck.NUnit.PropertyAttribute
{
    // FsCheck requires an odd second number.
    public PropertyAttribute() =>
        Replay = string.Create(CultureInfo.InvariantCulture, $"({Seed.OfRun},{Seed.OfRun | 1})");
}
