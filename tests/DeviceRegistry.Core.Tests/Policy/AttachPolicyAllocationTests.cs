using static DeviceRegistry.Core.Tests.Policy.Situation;

namespace DeviceRegistry.Core.Tests.Policy;

/// <summary>Deciding a check allocates nothing.</summary>
public sealed class AttachPolicyAllocationTests
{
    private static IEnumerable<TestCaseData<Situation>> Ways() =>
    [
        new(new Situation()) { TestName = "{m}(compliant)" },
        new(new Situation { Emergency = true }) { TestName = "{m}(emergency)" },
        new(new Situation { ImeiOrders = [Theft, Bar, Court], TacOrders = [TacBar],
            RangeOrders = [Theft] }) { TestName = "{m}(orders)" },
        new(new Situation { Equipment = "no imei" }) { TestName = "{m}(malformed)" },
        new(new Situation { Equipment = Router, Rules = Enforcing(UnknownAnswer.Unknown) }) { TestName =
            "{m}(wireline)" },
        new(new Situation { Equipment = TestDeviceImei }) { TestName = "{m}(test TAC)" },
        new(new Situation { Imsi = ForeignImsi }) { TestName = "{m}(roamer)" },
        new(InvalidTac with { FirstSeenMs = 0 }) { TestName = "{m}(waiting TAC)" },
        new(InvalidTac) { TestName = "{m}(invalid TAC)" },
        new(InvalidTac with { Imsi = OtherLocalImsi, Plmns = null }) { TestName = "{m}(unknown local operator)" },
        new(InvalidTac with { KnownAtMs = 0 }) { TestName = "{m}(fail open)" },
        new(new Situation { ImeiOrders = [Theft], Rules = AttachRules.Default }) { TestName = "{m}(observed)" },
    ];

    [TestCaseSource(nameof(Ways))]
    public void Deciding_allocates_nothing(Situation situation)
    {
        situation.Decide();                                      // warm up: JIT and static fields

        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 10_000; i++) situation.Decide();

        Assert.That(GC.GetAllocatedBytesForCurrentThread() - before, Is.Zero);
    }
}
