namespace DeviceRegistry.Cli.Commands;

/// <summary>Identities of the demo: each is the default of the commands that its kind of caller may call.</summary>
internal static class Demo
{
    public const string Regulator = "regulator-a";

    /// <summary>Approves what the first regulator drafted: two people are required.</summary>
    public const string SecondRegulator = "regulator-b";

    public const string Auditor = "auditor-a";

    public const string Operator = "operator-a";

    public const string Maker = "maker-a";
}
