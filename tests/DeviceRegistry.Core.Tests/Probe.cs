namespace DeviceRegistry.Core.Tests;
public sealed class Probe
{
    [Property] public bool Holds(int a) => a + 1 != a;
    [Property] public bool Fails(int a) => a < 20;
    [Property] public void FailsByAssert(string a) => Assert.That(a, Is.Null.Or.Length.LessThan(5));
}
