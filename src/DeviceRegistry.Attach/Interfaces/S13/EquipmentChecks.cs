using DeviceRegistry.Core;
using DeviceRegistry.Diameter;
using Microsoft.Extensions.Logging;

namespace DeviceRegistry.Attach.Interfaces.S13;

/// <summary>Answers an ECR with an ECA: bytes in, bytes out, no allocation.</summary>
internal sealed partial class EquipmentChecks(AttachService attach, NodeState node, OverloadDetector load,
    NodeName name,
    TimeProvider time, ILogger<S13Listener> log)
{
    private readonly RecentRequests _recent = new(time);

    /// <summary>Writes the answer to a request into a buffer of <see cref="MessageWriter.RoomFor"/> bytes and returns
    /// its length. There is always an answer, and an error of this node is never BLACKLISTED.</summary>
    public int Answer(in DiameterHeader header, ReadOnlySpan<byte> avps, Span<byte> into, PeerCounters counters)
    {
        try
        {
            // A node without its operator's policy, or overloaded, rejects at once: the client has another EIR.
            if (!node.IsReady || load.ShouldShed()) return Refuse(header, avps, into, counters,
                RequestError.Of(ResultCode.TooBusy));
            if (!EquipmentCheckRequest.TryRead(avps, out var request, out var fault)) return Refuse(header, avps, into,
                counters, fault);
            if (name.FaultOfDestination(request.DestinationHost,
                request.DestinationRealm) is not ResultCode.None and var wrong)
                return Refuse(header, avps, into, counters, RequestError.Of(wrong));

            Span<char> text = stackalloc char[EquipmentCheckRequest.EquipmentMax];
            if (request.Equipment(text, out fault) is var chars && chars < 0) return Refuse(header, avps, into,
                counters, fault);

            Span<char> digits = stackalloc char[EquipmentCheckRequest.ImsiMax];
            ReadOnlySpan<char> equipment = text[..chars];
            ReadOnlySpan<char> imsi = digits[..request.Imsi(digits)];
            var decision = _recent.IsRepeated(header, request.OriginHost)
                ? attach.Check(CheckInterface.S13, equipment, imsi, emergency: false).Decision
                : attach.CheckPresent(CheckInterface.S13, equipment, imsi, emergency: false).Decision;
            var answer = EquipmentAnswers.Of(decision);
            counters.Count(answer);
            return answer is S13Answer.Unknown
                ? name.Unknown(into, header, request, avps)
                : name.Status(into, header, request, avps, EquipmentAnswers.StatusOf(answer));
        }
        catch (Exception fault)
        {
            // A defect of this program; other requests of the peer are not affected.
            Failed(log, fault);
            return Refuse(header, avps, into, counters, RequestError.Of(ResultCode.UnableToComply));
        }
    }

    private int Refuse(in DiameterHeader header, ReadOnlySpan<byte> avps, Span<byte> into, PeerCounters counters,
        in RequestError fault)
    {
        counters.Count(fault.Code);
        return name.Refuse(into, header, avps, fault);
    }

    [LoggerMessage(EventId = 3060, Level = LogLevel.Error,
        Message = "Internal error in an S13 check; answered 5012")]
    private static partial void Failed(ILogger log, Exception fault);
}
