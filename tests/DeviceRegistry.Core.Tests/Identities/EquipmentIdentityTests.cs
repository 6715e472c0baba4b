namespace DeviceRegistry.Core.Tests.Identities;

/// <summary>Kinds of equipment identity: the list of malformed identities (proto/docs/canonical-forms.md) and the PEI
/// forms of TS 29.571.</summary>
public sealed class EquipmentIdentityTests
{
    [Test]
    public void An_empty_text_is_an_absent_identity()
    {
        Assert.That(KindOf(""), Is.EqualTo(EquipmentKind.Absent));
    }

    [TestCase("86650704004053")]
    [TestCase("866507040040530")]
    [TestCase("8665070400405300")]
    [TestCase("00000000000000")]
    [TestCase("99999999999999")]
    [TestCase("01010101010101")]
    [TestCase("123456789012345")]
    [TestCase("004999010640000")]
    public void Fourteen_to_sixteen_digits_are_an_imei_whatever_the_digits(string text)
    {
        Assert.That(KindOf(text), Is.EqualTo(EquipmentKind.Imei));
    }

    [Test]
    public void An_imei_carries_its_first_fourteen_digits()
    {
        Assert.That(EquipmentIdentity.Parse("8665070400405399").Imei, Is.EqualTo(new Imei(86650704004053)));
    }

    [TestCase("A0000012345678")]
    [TestCase("8665070400405f")]
    [TestCase("86650704#04053")]
    [TestCase("*8665070400405")]
    [TestCase(" ")]
    [TestCase("              ")]
    [TestCase(" 86650704004053")]
    [TestCase("8665070 004053")]
    [TestCase("8")]
    [TestCase("8665070400405")]
    [TestCase("86650704004053412")]
    [TestCase("imei-866507040040534")]
    [TestCase("nothing of the kind")]
    [TestCase("\0\0\0\0\0\0\0\0\0\0\0\0\0\0")]
    [TestCase("٨٦٦٥٠٧٠٤٠٠٤٠٥٣")]
    public void A_text_from_the_list_of_malformed_identities_is_malformed(string text)
    {
        Assert.That(KindOf(text), Is.EqualTo(EquipmentKind.Malformed));
    }

    [TestCase("mac-00-1A-2b-3C-4d-5E")]
    [TestCase("mac-00-1A-2b-3C-4d-5E-untrusted")]
    [TestCase("eui-00-1A-2b-3C-4d-5E-6f-70")]
    [TestCase("MAC-00-1A-2B-3C-4D-5E")]
    public void A_mac_or_eui_form_is_wireline_equipment(string text)
    {
        Assert.That(KindOf(text), Is.EqualTo(EquipmentKind.Wireline));
    }

    [TestCase("mac-")]
    [TestCase("mac")]
    [TestCase("mac-00-1A-2B-3C-4D")]
    [TestCase("mac-00-1A-2B-3C-4D-5")]
    [TestCase("mac-00-1A-2B-3C-4D-5G")]
    [TestCase("mac-00-1A-2B-3C-4D-5E-6F")]
    [TestCase("mac-00-1A-2B-3C-4D-5E-")]
    [TestCase("mac-00-1A-2B-3C-4D-5E-trusted")]
    [TestCase("mac-00-1A-2B-3C-4D-5E-untrusted-untrusted")]
    [TestCase("mac-00:1A:2B:3C:4D:5E")]
    [TestCase("mac001A2B3C4D5E")]
    [TestCase("eui-00-1A-2B-3C-4D-5E-6F")]
    [TestCase("eui-00-1A-2B-3C-4D-5E-6F-70-untrusted")]
    [TestCase("eui-00-1A-2B-3C-4D-5E-6F-70-71")]
    [TestCase("xmac-00-1A-2B-3C-4D-5E")]
    public void A_text_that_only_resembles_wireline_equipment_is_malformed(string text)
    {
        Assert.That(KindOf(text), Is.EqualTo(EquipmentKind.Malformed));
    }

    [Test]
    public void A_text_longer_than_the_limit_is_malformed()
    {
        Assert.That(KindOf(new string('1', 10_000)), Is.EqualTo(EquipmentKind.Malformed));
    }

    [Property(MaxTest = 1_000)]
    public void No_text_makes_parsing_throw(string? text)
    {
        Assert.That(() => EquipmentIdentity.Parse(text), Throws.Nothing);
    }

    [Property(MaxTest = 1_000)]
    public void No_ending_of_a_wireline_form_makes_parsing_throw(bool eui, string? ending)
    {
        Assert.That(() => EquipmentIdentity.Parse((eui ? "eui-00-11-22-33-44-55-66-77" : "mac-00-11-22-33-44-55")
            + ending), Throws.Nothing);
    }

    [Property(MaxTest = 1_000)]
    public void The_canonical_form_is_the_same_in_a_buffer_and_when_applied_twice(string? text)
    {
        var buffer = new char[EquipmentIdentity.TextMax];
        var normal = EquipmentIdentity.Normal(text);

        Assert.That(EquipmentIdentity.Parse(text).Kind is EquipmentKind.Imei || EquipmentIdentity.Normal(text, buffer)
            .ToString() == normal, Is.True);
        Assert.That(EquipmentIdentity.Normal(normal), Is.EqualTo(normal));
    }

    [Property]
    public void Only_an_imei_carries_digits(string? text)
    {
        var identity = EquipmentIdentity.Parse(text);

        Assert.That(identity.Kind is EquipmentKind.Imei || identity.Imei == default, Is.True);
    }

    [Property]
    public void Six_bytes_in_hex_are_wireline_equipment(byte a, byte b, byte c, byte d, byte e, byte f)
    {
        Assert.That(KindOf($"mac-{a:X2}-{b:x2}-{c:X2}-{d:x2}-{e:X2}-{f:x2}"), Is.EqualTo(EquipmentKind.Wireline));
    }

    private static EquipmentKind KindOf(string text) => EquipmentIdentity.Parse(text).Kind;
}
