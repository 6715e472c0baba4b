using System.Diagnostics;
using DeviceRegistry.Contracts.V1;

namespace DeviceRegistry.Cli.Commands;

/// <summary>Checks one device at the attach node until an approval takes effect there.</summary>
internal sealed class ApprovalWatch
{
    private static readonly TimeSpan GiveUpAfter = TimeSpan.FromSeconds(5);
    private readonly Session _session;
    private readonly AttachService.AttachServiceClient _attach;
    private readonly CheckRequest _request;
    private readonly bool _deniedBefore;

    private ApprovalWatch(Session session, AttachService.AttachServiceClient attach, CheckRequest request,
        bool deniedBefore) =>
        (_session, _attach, _request, _deniedBefore) = (session, attach, request, deniedBefore);

    /// <summary>Connects and checks twice: the first call includes the handshake, the second only the check.</summary>
    public static async Task<ApprovalWatch> OpenAsync(Session session, string imei, string name, CancellationToken ct)
    {
        var attach = new AttachService.AttachServiceClient(session.AttachAs(name));
        var request = new CheckRequest { Imei = imei, AttachKind = AttachKind.Normal };
        await attach.CheckAsync(request, session.Within(Session.Usual, ct));
        var before = await attach.CheckAsync(request, session.Within(Session.Usual, ct));
        return new ApprovalWatch(session, attach, request, before.Verdict is Verdict.Deny);
    }

    /// <summary>Checks without pause until the node has applied the approval and denies the device (after a lift, stay
    /// or annulment: no longer denies it). Returns the time that took, counted from this call. The position counts too:
    /// another order may have denied the device before.</summary>
    public async Task<TimeSpan?> UntilEffectAsync(OrderAction action, ulong position, CancellationToken ct)
    {
        var answered = Stopwatch.GetTimestamp();
        var deniedAfter = action is OrderAction.Block or OrderAction.Vacate;
        while (true)
        {
            var answer = await _attach.CheckAsync(_request, _session.Within(GiveUpAfter, ct));
            var elapsed = Stopwatch.GetElapsedTime(answered);
            if (answer.Position >= position && answer.Verdict is Verdict.Deny == deniedAfter) return elapsed;
            if (elapsed > GiveUpAfter)
                throw new CommandException(new Fault(Fault.RefusedCode,
                    $"Approved, but {GiveUpAfter.TotalSeconds:0} s later the attach node says " +
                    $"{TextFormatter.Word(answer.Verdict)} {TextFormatter.Word(answer.Reason)}"
                    + $", as of position {answer.Position} (before: {(_deniedBefore ? "denied" : "not denied")}).",
                    "NOT_SEEN",
                    "Another order may stand, the order may start later, or the node does not follow: dreg check " +
                    "IMEI, dreg device show IMEI."));
        }
    }
}
