namespace DeviceRegistry.Diameter.Tests;

/// <summary>Decoded fields of an ECR, and the answers to a collection of malformed requests.</summary>
public sealed class EquipmentCheckRequestTests
{
    private const uint ThreeGpp = DiameterAvp.ThreeGpp;
    private static readonly DiameterMessage Good = DiameterMessage.Ecr("35290611000001", "01", "410010000000001");

    private static IEnumerable<TestCaseData> Malformed()
    {
        TestCaseData Case(string name, DiameterMessage message, uint result, params uint[] failed) =>
            new TestCaseData(message.ToBytes()[20..], result, failed).SetName("{m}: " + name);
        yield return Case("no Session-Id", Good.Without(263), 5005, 263);
        yield return Case("no Auth-Session-State", Good.Without(277), 5005, 277);
        yield return Case("no Origin-Host", Good.Without(264), 5005, 264);
        yield return Case("no Origin-Realm", Good.Without(296), 5005, 296);
        yield return Case("no Destination-Realm", Good.Without(283), 5005, 283);
        yield return Case("no Terminal-Information", Good.Without(1401, ThreeGpp), 5005, 1401);
        yield return Case("Terminal-Information without its vendor", Good.Without(1401, ThreeGpp)
            .With(new DiameterAvp(1401, 0, true, [])), 5001, 1401);
        yield return Case("two Session-Ids", Good.With(DiameterAvp.Text(263, "again")), 5009, 263);
        yield return Case("two User-Names", Good.With(DiameterAvp.Text(1, "410010000000002")), 5009, 1);
        yield return Case("two IMEIs",
            Terminal(DiameterAvp.Text(1402, "35290611000001", ThreeGpp),
            DiameterAvp.Text(1402, "35290611000002", ThreeGpp)),
            5009, 1401, 1402);
        yield return Case("an unknown mandatory AVP", Good.With(new DiameterAvp(99_999, 0, true, [1, 2, 3])), 5001,
            99_999);
        yield return Case("an unknown mandatory AVP of a vendor", Good.With(new DiameterAvp(7, 4242, true, [1])), 5001,
            7);
        yield return Case("an unknown mandatory AVP of the terminal",
            Terminal(DiameterAvp.Text(1402, "35290611000001", ThreeGpp), new DiameterAvp(7, 4242, true, [1])), 5001,
            1401,
            7);
        yield return Case("a state of no kind", Good.Without(277).With(DiameterAvp.Number(277, 2)), 5004, 277);
        yield return Case("a state of three bytes", Good.Without(277).With(new DiameterAvp(277, 0, true, [0, 0, 1])),
            5014, 277);
        yield return Case("an address of one byte", Good.With(new DiameterAvp(257, 0, true, [1])), 5014, 257);
        yield return new TestCaseData(Lengthened(Good, 40), 5014u, new uint[] { 263 })
            .SetName("{m}: an AVP past the end");
        yield return new TestCaseData(Lengthened(Good, -40), 5014u, new uint[] { 263 })
            .SetName("{m}: an AVP shorter than its header");
        yield return new TestCaseData(Good.ToBytes()[20..].Concat(new byte[] { 0, 0, 1, 7 }).ToArray(), 5014u,
            new uint[] { 263 }).SetName("{m}: half a header at the end");
    }

    [TestCaseSource(nameof(Malformed))]
    public void A_malformed_request_is_rejected_with_its_code_and_the_failed_avp(byte[] avps, uint result,
        uint[] failed)
    {
        var header = new DiameterHeader(0, CommandFlags.Request | CommandFlags.Proxiable, Command.EquipmentCheck,
            DiameterApplication.S13, 5, 6);
        var buffer = new byte[MessageWriter.RoomFor(20 + avps.Length)];

        Assert.That(EquipmentCheckRequest.TryRead(avps, out _, out var fault), Is.False);
        var answer = DiameterMessage.Parse(
            buffer[..new NodeName("eir.example", "example", 1).Refuse(buffer, header, avps, fault)]);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(answer.Result, Is.EqualTo(result));
            Assert.That(answer.Flags, Is.EqualTo(0x40));
        }

        Assert.That(Path(answer[279]!), Is.EqualTo(failed));
        Assert.That(answer[1445, ThreeGpp], Is.Null);
    }

    [TestCase("352906110000011", null, "352906110000011")]
    [TestCase("3529061100000101", null, "3529061100000101")]
    [TestCase("35290611000001", null, "35290611000001")]
    [TestCase("35290611000001", "07", "3529061100000107")]
    [TestCase("35290611000001", "7", "35290611000001")]
    [TestCase("35290611000001", "x7", "35290611000001")]
    [TestCase("352906110000011", "07", "352906110000011")]
    [TestCase("A0000022334455", "07", "A0000022334455")]
    [TestCase("Ä", null, "Ä")]
    [TestCase("1234567890123456789012345678901234567890123456789012345678901234", null,
        "1234567890123456789012345678901234567890123456789012345678901234")]
    public void Any_text_of_up_to_64_characters_is_an_identity(string imei, string? software, string equipment)
    {
        Assert.That(EquipmentOf(DiameterMessage.Ecr(imei, software).ToBytes()[20..]),
            Is.EqualTo((equipment, ResultCode.None)));
    }

    [TestCase("")]
    [TestCase("3529061100000\n")]
    [TestCase("12345678901234567890123456789012345678901234567890123456789012345")]
    public void An_empty_too_long_or_unprintable_identity_is_rejected_with_5004(string imei)
    {
        Assert.That(EquipmentOf(DiameterMessage.Ecr(imei).ToBytes()[20..]),
            Is.EqualTo(("", ResultCode.InvalidAvpValue)));
    }

    [Test]
    public void An_identity_that_is_not_utf8_is_rejected_with_5004()
    {
        Assert.That(EquipmentOf(Terminal(new DiameterAvp(1402, ThreeGpp, true, [0xff, 0xfe])).ToBytes()[20..]),
            Is.EqualTo(("", ResultCode.InvalidAvpValue)));
    }

    [Test]
    public void A_terminal_information_without_an_imei_is_not_a_protocol_error()
    {
        Assert.That(EquipmentOf(DiameterMessage.Ecr(null, "01").ToBytes()[20..]), Is.EqualTo(("", ResultCode.None)));
    }

    [Test]
    public void An_unknown_avp_without_the_mandatory_bit_is_ignored()
    {
        var request = Good.With(new DiameterAvp(99_999, 0, false, [1]), new DiameterAvp(7, 4242, false, [])) with { };

        Assert.That(EquipmentOf(request.ToBytes()[20..]), Is.EqualTo(("3529061100000101", ResultCode.None)));
    }

    [Test]
    public void Known_avps_may_lack_the_mandatory_bit_and_come_in_any_order()
    {
        var request = Good with { Avps = [.. Good.Avps.Reverse().Select(a => a with { Mandatory = false })] };

        Assert.That(EquipmentOf(request.ToBytes()[20..]), Is.EqualTo(("3529061100000101", ResultCode.None)));
    }

    [Test]
    public void Another_application_in_the_vendor_group_is_ignored()
    {
        var request = Good.Without(260)
            .With(DiameterAvp.Group(260, 0, DiameterAvp.Number(266, ThreeGpp), DiameterAvp.Number(266, 0),
            DiameterAvp.Number(258, 16777238)));

        Assert.That(EquipmentOf(request.ToBytes()[20..]).Fault, Is.EqualTo(ResultCode.None));
    }

    [TestCase("410010000000001", "410010000000001")]
    [TestCase("41001", "41001")]
    [TestCase("4100", "")]
    [TestCase("4100100000000012", "")]
    [TestCase("410010000000001@nai", "")]
    [TestCase("", "")]
    [TestCase(null, "")]
    public void A_user_name_that_is_not_an_imsi_is_ignored(string? userName, string imsi)
    {
        var buffer = new char[EquipmentCheckRequest.ImsiMax];

        Assert.That(EquipmentCheckRequest.TryRead(DiameterMessage.Ecr("35290611000001", imsi: userName).ToBytes()
            .AsSpan(20), out var request, out _), Is.True);

        Assert.That(new string(buffer, 0, request.Imsi(buffer)), Is.EqualTo(imsi));
    }

    private static (string Equipment, ResultCode Fault) EquipmentOf(byte[] avps)
    {
        var buffer = new char[EquipmentCheckRequest.EquipmentMax];
        if (!EquipmentCheckRequest.TryRead(avps, out var request, out var fault)) return ("", fault.Code);

        var chars = request.Equipment(buffer, out fault);
        return (new string(buffer, 0, Math.Max(0, chars)), fault.Code);
    }

    private static DiameterMessage Terminal(params DiameterAvp[] inner) =>
        Good.Without(1401, ThreeGpp).With(DiameterAvp.Group(1401, ThreeGpp, inner));

    // Changes the length of Session-Id, the first AVP, in its eighth byte: every length in these tests is below 256.
    private static byte[] Lengthened(DiameterMessage message, int by)
    {
        var bytes = (message with { Avps = [message.Avps[0]] }).ToBytes()[20..];
        bytes[7] = (byte)(bytes[7] + by);
        return bytes;
    }

    // AVP codes of Failed-AVP from the outermost group inwards; every group has one member.
    private static IEnumerable<uint> Path(DiameterAvp failed)
    {
        for (var inner = failed.Inner.Single(); ; inner = inner.Inner.Single())
        {
            yield return inner.Code;
            if (inner.Code is not 1401 || inner.Data.Length is 0) yield break;
        }
    }
}
