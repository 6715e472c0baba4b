using System.Globalization;

namespace DeviceRegistry.TestKit;

/// <summary>A property of FsCheck that starts from the seed of the run. Where it fails, FsCheck prints a pair of
/// numbers; the first is the seed of the run.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class PropertyAttribute : FsCheck.NUnit.PropertyAttribute
{
    // FsCheck wants an odd second number.
    public PropertyAttribute() =>
        Replay = string.Create(CultureInfo.InvariantCulture, $"({Seed.OfRun},{Seed.OfRun | 1})");
}
