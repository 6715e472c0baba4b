using System.Net;

namespace DeviceRegistry.Diameter.Tests;

/// <summary>The messages a node sends: AVPs, their order and their flags.</summary>
public sealed class AnswerBuilderTests
{
    private const uint ThreeGpp = DiameterAvp.ThreeGpp;
    private static readonly NodeName Name = new("eir.example", "example", 77);

    [TestCase(EquipmentStatus.Whitelisted, 0u)]
    [TestCase(EquipmentStatus.Blacklisted, 1u)]
    [TestCase(EquipmentStatus.Greylisted, 2u)]
    public void An_equipment_status_comes_with_2001_and_the_avps_of_the_specification(EquipmentStatus status,
        uint value)
    {
        var answer = Answer(DiameterMessage.Ecr("35290611000001"), (buffer, in header, avps) =>
            Name.Status(buffer, header, Read(avps), avps, status));

        Assert.That(answer.Avps.Select(a => a.Code), Is.EqualTo(new uint[] { 263, 260, 268, 277, 264, 296, 1445 }));

        using (Assert.EnterMultipleScope())
        {
            Assert.That(answer.Result, Is.EqualTo(2001u));
            Assert.That(answer.Status, Is.EqualTo(value));
            Assert.That(answer[277]!.AsNumber, Is.EqualTo(1u));
        }
    }

    [Test]
    public void Unknown_equipment_comes_with_an_experimental_result_alone()
    {
        var answer = Answer(DiameterMessage.Ecr("35290611000001"), (buffer, in header, avps) =>
            Name.Unknown(buffer, header, Read(avps), avps));

        Assert.That(answer.Avps.Select(a => a.Code), Is.EqualTo(new uint[] { 263, 260, 297, 277, 264, 296 }));
        Assert.That(answer[297]!.Inner.Select(a => (a.Code, a.AsNumber)),
            Is.EqualTo(new[] { (266u, ThreeGpp), (298u, 5422u) }));
        Assert.That(answer.Flags & 0x20, Is.Zero);
    }

    [Test]
    public void Every_proxy_info_is_echoed_unchanged_in_its_order()
    {
        DiameterAvp[] marks = [new(284, 0, true, [9, 9, 9]),
            DiameterAvp.Group(284, 0, DiameterAvp.Text(280, "dra1"), DiameterAvp.Text(33, "state"))];
        var request = DiameterMessage.Ecr("35290611000001", more: [marks[0], DiameterAvp.Text(282, "route"), marks[1]]);

        var answer = Answer(request, (buffer, in header, avps) =>
            Name.Status(buffer, header, Read(avps), avps, EquipmentStatus.Whitelisted));

        Assert.That(answer.Avps.Where(a => a.Code is 284).Select(a => Convert.ToHexString(a.Data)),
            Is.EqualTo(marks.Select(m => Convert.ToHexString(m.Data))));
        Assert.That(answer[282], Is.Null);
    }

    [Test]
    public void An_answer_copies_the_identifiers_and_the_P_bit_and_never_sets_R_or_T()
    {
        var request = DiameterMessage.Ecr("35290611000001") with { Flags = 0xD0 };

        var answer = Answer(request, (buffer, in header, avps) =>
            Name.Status(buffer, header, Read(avps), avps, EquipmentStatus.Whitelisted));

        using (Assert.EnterMultipleScope())
        {
            Assert.That(answer.Flags, Is.EqualTo((byte)0x40));
            Assert.That(answer.Command, Is.EqualTo(324u));
            Assert.That(answer.Application, Is.EqualTo(16777252u));
            Assert.That(answer.HopByHop, Is.EqualTo(request.HopByHop));
            Assert.That(answer.EndToEnd, Is.EqualTo(request.EndToEnd));
        }
    }

    [TestCase(ResultCode.TooBusy, true)]
    [TestCase(ResultCode.UnknownPeer, true)]
    [TestCase(ResultCode.MissingAvp, false)]
    [TestCase(ResultCode.UnableToComply, false)]
    public void The_error_bit_is_set_with_3xxx_only(ResultCode code, bool isSet)
    {
        var answer = Answer(DiameterMessage.Ecr("35290611000001"), (buffer, in header, avps) =>
            Name.Refuse(buffer, header, avps, RequestError.Of(code)));

        Assert.That((answer.Flags & 0x20) is not 0, Is.EqualTo(isSet));
        Assert.That(answer.Avps[0].Code, Is.EqualTo(263));
    }

    [Test]
    public void A_node_advertises_s13_and_never_relay()
    {
        var answer = Answer(DiameterMessage.Cer(), (buffer, in header, _) =>
            Name.Capabilities(buffer, header, IPAddress.Parse("10.1.2.3"), []));

        var applications = answer.Avps.Where(a => a.Code is 258 or 259)
            .Concat(answer.Avps.Where(a => a.Code is 260).SelectMany(a => a.Inner).Where(a => a.Code is 258 or 259))
            .Select(a => a.AsNumber);
        Assert.That(applications, Is.EqualTo(new[] { 16777252u }));
        Assert.That(answer[257]!.Data, Is.EqualTo(new byte[] { 0, 1, 10, 1, 2, 3 }));
        Assert.That(answer[269]!.Mandatory, Is.False);
    }

    [TestCase("2001:db8::1", "000220010DB8000000000000000000000001")]
    [TestCase("::ffff:10.0.0.1", "00010A000001")]
    public void An_address_is_encoded_in_its_own_family(string address, string data)
    {
        var answer = Answer(DiameterMessage.Cer(), (buffer, in header, _) =>
            Name.Capabilities(buffer, header, IPAddress.Parse(address), []));

        Assert.That(Convert.ToHexString(answer[257]!.Data), Is.EqualTo(data));
    }

    [TestCase("", "example", ResultCode.None)]
    [TestCase("EIR.example", "EXAMPLE", ResultCode.None)]
    [TestCase("other.example", "example", ResultCode.UnableToDeliver)]
    [TestCase("eir.example", "other", ResultCode.RealmNotServed)]
    public void A_request_for_another_host_or_realm_is_not_local(string host, string realm, ResultCode fault)
    {
        Assert.That(Name.FaultOfDestination(global::System.Text.Encoding.ASCII.GetBytes(host),
            global::System.Text.Encoding.ASCII.GetBytes(realm)), Is.EqualTo(fault));
    }

    [TestCase(true, new uint[] { 16777251, 16777252 })]
    [TestCase(true, new uint[] { 0xffffffff })]
    [TestCase(false, new uint[] { 16777251 })]
    [TestCase(false, new uint[] { })]
    public void A_common_application_is_found_in_a_group_of_any_vendor_or_a_relay(bool found, uint[] applications)
    {
        Assert.That(BaseRequest.TryRead(Command.CapabilitiesExchange, DiameterMessage.Cer(applications: applications)
            .ToBytes().AsSpan(20), out var request, out _), Is.True);

        Assert.That(request.Offers(DiameterApplication.S13), Is.EqualTo(found));
    }

    [TestCase(258u)]
    [TestCase(259u)]
    public void A_common_application_is_found_outside_a_group(uint code)
    {
        Assert.That(BaseRequest.TryRead(Command.CapabilitiesExchange, DiameterMessage.Cer()
            .With(DiameterAvp.Number(code, 16777252)).ToBytes().AsSpan(20), out var request, out _), Is.True);

        Assert.That(request.Offers(DiameterApplication.S13), Is.True);
    }

    [TestCase(264u)]
    [TestCase(296u)]
    [TestCase(257u)]
    [TestCase(266u)]
    [TestCase(269u)]
    public void A_cer_without_a_required_avp_is_rejected(uint missing)
    {
        Assert.That(BaseRequest.TryRead(Command.CapabilitiesExchange, DiameterMessage.Cer(applications: 16777252)
            .Without(missing).ToBytes().AsSpan(20), out _, out var fault), Is.False);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(fault.Code, Is.EqualTo(ResultCode.MissingAvp));
            Assert.That(fault.Failed, Is.EqualTo((AvpCode)missing));
        }
    }

    [Test]
    public void Answering_allocates_nothing()
    {
        var message = DiameterMessage.Ecr("35290611000001", "01", "410010000000001",
            more: new DiameterAvp(284, 0, true, [1, 2, 3])).ToBytes();
        var (buffer, text) = (new byte[MessageWriter.RoomFor(message.Length)], new char[64]);
        Once();                                                  // warm up: JIT and static fields
        var before = GC.GetAllocatedBytesForCurrentThread();

        for (var i = 0; i < 10_000; i++) Once();

        Assert.That(GC.GetAllocatedBytesForCurrentThread() - before, Is.Zero);

        void Once()
        {
            DiameterHeader.TryRead(message, message.Length, out var header);
            EquipmentCheckRequest.TryRead(message.AsSpan(20), out var request, out _);
            request.Equipment(text, out _);
            request.Imsi(text);
            Name.Status(buffer, header, request, message.AsSpan(20), EquipmentStatus.Whitelisted);
        }
    }

    private delegate int Writing(Span<byte> buffer, in DiameterHeader header, ReadOnlySpan<byte> avps);

    private static DiameterMessage Answer(DiameterMessage request, Writing writing)
    {
        var bytes = request.ToBytes();
        var buffer = new byte[MessageWriter.RoomFor(bytes.Length)];
        Assert.That(DiameterHeader.TryRead(bytes, bytes.Length, out var header), Is.EqualTo(FramingResult.Whole));
        return DiameterMessage.Parse(buffer[..writing(buffer, header, bytes.AsSpan(20))]);
    }

    private static EquipmentCheckRequest Read(ReadOnlySpan<byte> avps) =>
        EquipmentCheckRequest.TryRead(avps, out var request, out var fault) ? request
            : throw new AssertionException($"{fault.Code}");
}
