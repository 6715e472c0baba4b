using DeviceRegistry.Core;
using DeviceRegistry.Diameter;

namespace DeviceRegistry.Attach.Interfaces.S13;

/// <summary>Answer to a check in the terms of TS 29.272.</summary>
internal enum S13Answer
{
    Whitelisted,
    Greylisted,
    Blacklisted,
    Unknown,
}

/// <summary>Maps decisions to TS 29.272. The only place that does.</summary>
internal static class EquipmentAnswers
{
    /// <summary>The answer for a decision. The policy decides when equipment is answered as unknown, because 5422 makes
    /// some MMEs reject with "severe network failure".</summary>
    public static S13Answer Of(in Decision decision) => decision switch
    {
        { UnknownEquipment: true } => S13Answer.Unknown,
        { Verdict: Verdict.Deny } => S13Answer.Blacklisted,
        { Verdict: Verdict.Track } => S13Answer.Greylisted,
        _ => S13Answer.Whitelisted,
    };

    /// <summary>The Equipment-Status of an answer; unknown equipment has none.</summary>
    public static EquipmentStatus StatusOf(S13Answer answer) => answer switch
    {
        S13Answer.Blacklisted => EquipmentStatus.Blacklisted,
        S13Answer.Greylisted => EquipmentStatus.Greylisted,
        _ => EquipmentStatus.Whitelisted,
    };
}
