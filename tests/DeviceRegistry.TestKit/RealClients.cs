using NUnit.Framework;

namespace DeviceRegistry.TestKit;

/// <summary>Counts what third-party programs did. deploy/test.sh adds up these lines and fails if a program did
/// nothing.</summary>
public static class RealClients
{
    /// <summary>Prints how many operations a program did.</summary>
    public static void Did(string program, int count) =>
        TestContext.Progress.WriteLine($"real client {program}: {count}");
}
