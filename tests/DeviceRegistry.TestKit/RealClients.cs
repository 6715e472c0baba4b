using NUnit.Framework;

namespace DeviceRegistry.TestKit;

/// <summary>Programs nobody here wrote, counted: deploy/test.sh adds these lines up and fails where one of them did
/// nothing.</summary>
public static class RealClients
{
    /// <summary>A program did so many of something.</summary>
    public static void Did(string program, int count) =>
        TestContext.Progress.WriteLine($"real client {program}: {count}");
}
