using DeviceRegistry.Core;
using DeviceRegistry.Diameter;
using Microsoft.Extensions.Logging;

namespace DeviceRegistry.Attach.Interfaces.S13;

/// <summary>From an ECR to its ECA: bytes in, bytes out, nothing left for the collector.</summary>
internal sealed partial class EquipmentChecks(AttachService attach, NodeState node, OverloadDetector load,
    NodeName name,
    TimeProvider time, ILogger<S13Listener> log)
{
    private readonly RecentRequests _recent = new(time);

    /// <summary>Answers a request into a room of <see cref="MessageWriter.RoomFor"/> bytes; the length of the answer.
    /// There is always one, and it is never BLACKLISTED for a reason that is ours.</summary>
    public int Answer(in DiameterHeader header, ReadOnlySpan<byte> avps, Span<byte> into, PeerCounters counters)
    {
        try
        {
            // A node that knows no operator's policy yet, or has more to do than it can, says so at once: its caller
            // has another.
            if (!node.IsReady || load.Sheds()) return Refuse(header, avps, into, counters,
                RequestError.Of(ResultCode.TooBusy));
            if (!EquipmentCheckRequest.TryRead(avps, out var request, out var fault)) return Refuse(header, avps, into,
                counters, fault);
            if (name.FaultOfDestination(request.DestinationHost,
                request.DestinationRealm) is not ResultCode.None and var elsewhere)
                return Refuse(header, avps, into, counters, RequestError.Of(elsewhere));

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
            // Ours, whatever it is. The peer's other requests have no part in it.
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
        Message = "A check through S13 failed by our fault; it was answered 5012.")]
    private static partial void Failed(ILogger log, Exception fault);
}
