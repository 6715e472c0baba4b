namespace DeviceRegistry.Cli.Commands;

/// <summary>Identities of the demonstration, each the default of the commands that its kind may call.</summary>
internal static class Demo
{
    public const string Regulator = "regulator-a";

    /// <summary>Approves what the first one drafted: the two must differ.</summary>
    public const string SecondRegulator = "regulator-b";

    public const string Auditor = "auditor-a";

    public const string Operator = "operator-a";

    public const string Maker = "maker-a";
}
