using DeviceRegistry.Core;
using Wire = DeviceRegistry.Contracts.V1;

namespace DeviceRegistry.Contracts.Tests;

/// <summary>Enums of the domain are cast to those of the wire, so every name must have the same number on both
/// sides.</summary>
public sealed class WireEnumTests
{
    private static IEnumerable<TestCaseData<Type, Type>> Pairs() =>
    [
        new(typeof(Verdict), typeof(Wire.Verdict)),
        new(typeof(CheckReason), typeof(Wire.CheckReason)),
        new(typeof(EnforcementMode), typeof(Wire.EnforcementMode)),
        new(typeof(OrderClass), typeof(Wire.OrderClass)),
        new(typeof(PartyKind), typeof(Wire.PartyKind)),
        new(typeof(ActorKind), typeof(Wire.ActorKind)),
        new(typeof(UnknownAnswer), typeof(Wire.UnknownAnswer)),
        new(typeof(AppealForum), typeof(Wire.AppealForum)),
        new(typeof(AppealState), typeof(Wire.AppealState)),
        new(typeof(AppealDecision), typeof(Wire.AppealDecision)),
    ];

    [TestCaseSource(nameof(Pairs))]
    public void Every_name_has_the_same_number_in_the_domain_and_on_the_wire(Type inside, Type onTheWire)
    {
        Assert.That(NumbersOf(inside), Is.EquivalentTo(NumbersOf(onTheWire).Where(pair => pair.Name != "Unspecified")));
    }

    [TestCaseSource(nameof(Pairs))]
    public void Zero_on_the_wire_is_unspecified_in_the_domain(Type inside, Type onTheWire)
    {
        using (Assert.EnterMultipleScope())
        {
            Assert.That(Enum.GetName(onTheWire, 0), Is.EqualTo("Unspecified"));
            Assert.That(Enum.GetName(inside, (byte)0), Is.Null);
        }
    }

    private static IEnumerable<(string Name, int Number)> NumbersOf(Type type) =>
        Enum.GetNames(type).Select(name => (name, Convert.ToInt32(Enum.Parse(type, name), null)));
}
