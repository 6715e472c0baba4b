using DeviceRegistry.Core;
using DeviceRegistry.Diameter;

namespace DeviceRegistry.Attach.Interfaces.S13;

/// <summary>What a check is answered, as TS 29.272 says it.</summary>
internal enum S13Answer
{
    Whitelisted,
    Greylisted,
    Blacklisted,
    Unknown,
}

/// <summary>Decisions → TS 29.272, the one table.</summary>
internal static class EquipmentAnswers
{
    /// <summary>The answer to a decision. The policy says where equipment counts as unknown: 5422 makes some MMEs
    /// reject with "severe network failure".</summary>
    public static S13Answer Of(in Decision decision) => decision switch
    {
        { UnknownEquipment: true } => S13Answer.Unknown,
        { Verdict: Verdict.Deny } => S13Answer.Blacklisted,
        { Verdict: Verdict.Track } => S13Answer.Greylisted,
        _ => S13Answer.Whitelisted,
    };

    /// <summary>Its Equipment-Status; unknown equipment has none.</summary>
    public static EquipmentStatus StatusOf(S13Answer answer) => answer switch
    {
        S13Answer.Blacklisted => EquipmentStatus.Blacklisted,
        S13Answer.Greylisted => EquipmentStatus.Greylisted,
        _ => EquipmentStatus.Whitelisted,
    };
}
