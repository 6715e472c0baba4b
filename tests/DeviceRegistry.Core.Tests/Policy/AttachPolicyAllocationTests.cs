using static DeviceRegistry.Core.Tests.Policy.Situation;

namespace DeviceRegistry.Core.Tests.Policy;

/// <summary>The attach answer is arithmetic on memory: deciding leaves nothing for the collector.</summary>
public sealed class AttachPolicyAllocationTests
{
    private static IEnumerable<TestCaseData<Situation>> Ways() =>
    [
        new(new Situation()) { TestName = "compliant" },
        new(new Situation { Emergency = true }) { TestName = "emergency" },
        new(new Situation { ImeiOrders = [Theft, Bar, Court], TacOrders = [TacBar] }) { TestName = "orders" },
        new(new Situation { Equipment = "no imei" }) { TestName = "malformed" },
        new(new Situation { Equipment = Router, Rules = Enforcing(UnknownAnswer.Unknown) }) { TestName = "wireline" },
        new(new Situation { Equipment = TestHandset }) { TestName = "test TAC" },
        new(new Situation { Imsi = ForeignImsi }) { TestName = "roamer" },
        new(InvalidTac with { FirstSeenMs = 0 }) { TestName = "waiting TAC" },
        new(InvalidTac) { TestName = "invalid TAC" },
        new(InvalidTac with { Imsi = OtherLocalImsi, Plmns = null }) { TestName = "unknown local operator" },
        new(InvalidTac with { KnownAtMs = 0 }) { TestName = "fail open" },
        new(new Situation { ImeiOrders = [Theft], Rules = AttachRules.Default }) { TestName = "observed" },
    ];

    [TestCaseSource(nameof(Ways))]
    public void Deciding_allocates_nothing(Situation situation)
    {
        situation.Decide();                                      // pays for JIT and statics

        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 10_000; i++) situation.Decide();

        Assert.That(GC.GetAllocatedBytesForCurrentThread() - before, Is.Zero);
    }
}
