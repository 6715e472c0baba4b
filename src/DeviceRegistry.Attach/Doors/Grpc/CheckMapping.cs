using DeviceRegistry.Contracts.V1;
using Google.Protobuf.WellKnownTypes;

namespace DeviceRegistry.Attach.Doors.Grpc;

/// <summary>Answers → the wire. The enums carry the same numbers on both sides; a test holds them together.</summary>
internal static class CheckMapping
{
    public static CheckResponse ToWire(this Answer answer) => new()
    {
        Verdict = (Verdict)answer.Decision.Verdict,
        EvaluatedVerdict = (Verdict)answer.Decision.Evaluated,
        Reason = (CheckReason)answer.Decision.Reason,
        Row = answer.Decision.Row,
        PolicyVersion = answer.PolicyVersion,
        Position = answer.Position,
        KnowledgeAgeMs = answer.KnowledgeAgeMs,
        DueAt = answer.Decision.DueAtMs is 0 ? null : new Timestamp { Seconds = answer.Decision.DueAtMs / 1000, Nanos = (int)(answer.Decision.DueAtMs % 1000) * 1_000_000 },
        Mode = (EnforcementMode)answer.Mode,
        UnknownEquipment = answer.Decision.UnknownEquipment,
    };
}
