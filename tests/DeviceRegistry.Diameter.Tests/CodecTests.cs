namespace DeviceRegistry.Diameter.Tests;

/// <summary>The codec compared with a simple reference codec, and with random bytes.</summary>
public sealed class CodecTests
{
    private const int LengthMax = 16 * 1024;
    private static readonly AvpCode[] Codes = [.. Enum.GetValues<AvpCode>()];

    [Property]
    public bool The_reference_codec_decodes_what_the_codec_encodes(byte[][] datas,
        FsCheck.DoNotSize<int> seed, FsCheck.DoNotSize<uint> hops, FsCheck.DoNotSize<uint> ends)
    {
        var random = new Random(seed.Item);
        var (hop, end) = (hops.Item, ends.Item);
        var avps = datas.Select(data => (Code: Codes[random.Next(Codes.Length)], Data: data)).ToList();
        var buffer = new byte[20 + avps.Sum(a => 16 + a.Data.Length)];
        random.NextBytes(buffer);

        var writer = MessageWriter.Request(buffer, Command.EquipmentCheck, DiameterApplication.S13,
            CommandFlags.Proxiable,
            hop, end);
        foreach (var (code, data) in avps) writer.Write(code, data);
        var read = DiameterMessage.Parse(buffer[..writer.End()]);

        return (read.Flags, read.Command, read.Application, read.HopByHop, read.EndToEnd) == (0xC0, 324u, 16777252u,
            hop, end)
            && read.Avps.Select(a => (Code: ((ulong)a.Vendor << 32) | a.Code, Data: Convert.ToHexString(a.Data)))
            .SequenceEqual(avps.Select(a => ((ulong)a.Code, Convert.ToHexString(a.Data))));
    }

    [Property]
    public bool The_codec_decodes_what_the_reference_codec_encodes(byte[][] datas, FsCheck.DoNotSize<uint>[] all,
        bool[] vendors)
    {
        var codes = all.Select(c => c.Item).ToList();
        var avps = datas.Select((data, i) =>
            new DiameterAvp(codes.ElementAtOrDefault(i), vendors.ElementAtOrDefault(i) ? 10415u : 0, i % 2 is 0, data))
            .ToList();
        var bytes = avps.SelectMany(a => a.ToBytes()).ToArray();

        var reader = new AvpReader(bytes);
        var read = new List<DiameterAvp>();
        AvpRead last;
        while ((last = reader.Read(out var avp)) is AvpRead.Avp)
            read.Add(new DiameterAvp((uint)avp.Code, (uint)((ulong)avp.Code >> 32), avp.IsMandatory,
                avp.Data.ToArray()));

        return last is AvpRead.End && read.Select(Shown).SequenceEqual(avps.Select(Shown));
    }

    [Property(MaxTest = 2_000)]
    public bool Any_bytes_are_decoded_without_an_exception(byte[] bytes) => Survives(bytes);

    [Property(MaxTest = 2_000)]
    public bool A_request_with_changed_bytes_gets_an_answer_that_decodes(FsCheck.DoNotSize<int> seed)
    {
        var random = new Random(seed.Item);
        var bytes = DiameterMessage.Ecr("35290611000001", "01", "410010000000001",
            more: [new(284, 0, true, [.. DiameterAvp.Text(280, "dra").ToBytes()])]).ToBytes();
        for (var i = random.Next(1, 9); i > 0; i--) bytes[random.Next(20, bytes.Length)] = (byte)random.Next(256);

        return Survives(bytes[20..]);
    }

    [Property]
    public bool Messages_are_found_in_a_stream_cut_anywhere(byte[] cuts)
    {
        var messages = Enumerable.Range(0, 5).Select(i => DiameterMessage.Ecr($"3529061100000{i}").ToBytes()).ToList();
        var stream = messages.SelectMany(m => m).ToArray();
        var found = new List<byte[]>();
        var held = new List<byte>();
        var at = 0;
        foreach (var size in cuts.Select(c => 1 + c % 97).Concat(Enumerable.Repeat(1, stream.Length)))
        {
            var piece = stream.AsSpan(at, Math.Min(size, stream.Length - at)).ToArray();
            at += piece.Length;
            held.AddRange(piece);
            while (DiameterHeader.TryRead(held.ToArray(), LengthMax, out var header) is FramingResult.Whole)
            {
                found.Add([.. held[..header.Length]]);
                held.RemoveRange(0, header.Length);
            }
        }

        return found.Select(Convert.ToHexString).SequenceEqual(messages.Select(Convert.ToHexString));
    }

    [TestCase("02000014000001440100002400000001000000010", FramingResult.BadVersion)]
    [TestCase("01000010000001440100002400000001000000010", FramingResult.BadLength)]
    [TestCase("01000015000001440100002400000001000000010", FramingResult.BadLength)]
    [TestCase("01004004000001440100002400000001000000010", FramingResult.BadLength)]
    [TestCase("01FFFFFC000001440100002400000001000000010", FramingResult.BadLength)]
    [TestCase("01000018000001440100002400000001000000010", FramingResult.Incomplete)]
    [TestCase("01000014000001440100002400000001000000010", FramingResult.Whole)]
    public void An_invalid_header_differs_from_an_incomplete_one(string hex, FramingResult status)
    {
        Assert.That(DiameterHeader.TryRead(Convert.FromHexString(hex[..40]), LengthMax, out _), Is.EqualTo(status));
    }

    [Test]
    public void Reserved_bits_of_a_header_are_ignored()
    {
        var bytes = (DiameterMessage.Ecr("35290611000001") with { Flags = 0xCF }).ToBytes();

        Assert.That(DiameterHeader.TryRead(bytes, LengthMax, out var header), Is.EqualTo(FramingResult.Whole));
        Assert.That(header.IsRequest, Is.True);
    }

    [Test]
    public void A_group_whose_last_avp_lacks_padding_is_decoded()
    {
        var inner = DiameterAvp.Text(1402, "35290611000001", DiameterAvp.ThreeGpp).ToBytes()[..26];
        var request = DiameterMessage.Ecr(null).Without(1401, DiameterAvp.ThreeGpp)
            .With(new DiameterAvp(1401, DiameterAvp.ThreeGpp, true, inner));

        Assert.That(EquipmentCheckRequest.TryRead(request.ToBytes().AsSpan(20), out var read, out _), Is.True);
        Assert.That(read.Equipment(new char[64], out _), Is.EqualTo(14));
    }

    // Decodes the bytes as every kind of request and encodes the answer. The answer must be a valid message.
    private static bool Survives(byte[] avps)
    {
        var name = new NodeName("eir.example", "example", 1);
        var header = new DiameterHeader(20 + avps.Length, CommandFlags.Request | CommandFlags.Proxiable,
            Command.EquipmentCheck, DiameterApplication.S13, 1, 2);
        var buffer = new byte[MessageWriter.RoomFor(header.Length)];
        if (EquipmentCheckRequest.TryRead(avps, out var request, out var fault))
        {
            request.Imsi(new char[EquipmentCheckRequest.ImsiMax]);
            var length = request.Equipment(new char[EquipmentCheckRequest.EquipmentMax], out fault) < 0
                ? name.Refuse(buffer, header, avps, fault)
                : name.Status(buffer, header, request, avps, EquipmentStatus.Greylisted);
            DiameterMessage.Parse(buffer[..length]);
            DiameterMessage.Parse(buffer[..name.Unknown(buffer, header, request, avps)]);
        }
        else
        {
            DiameterMessage.Parse(buffer[..name.Refuse(buffer, header, avps, fault)]);
        }

        foreach (var command in new[] { Command.CapabilitiesExchange, Command.DeviceWatchdog, Command.DisconnectPeer })
            if (BaseRequest.TryRead(command, avps, out var peer, out fault)) peer.Offers(DiameterApplication.S13);
            else DiameterMessage.Parse(buffer[
                ..name.Refuse(buffer, header with { Command = command, Application = 0 }, avps, fault)]);
        return true;
    }

    private static (uint, uint, bool, string) Shown(DiameterAvp avp) =>
        (avp.Code, avp.Vendor, avp.Mandatory, Convert.ToHexString(avp.Data));
}
