using System.Text;
using System.Text.RegularExpressions;
using DeviceRegistry.Attach.Interfaces.N17;
using FsCheck;
using FsCheck.Fluent;
using PropertyAttribute = DeviceRegistry.TestKit.PropertyAttribute;

namespace DeviceRegistry.Attach.Tests.N17;

/// <summary>Parsing of query strings, with valid and random text.</summary>
public sealed class QueryTests
{
    [Property(Arbitrary = [typeof(AnyText)], MaxTest = 3_000)]
    public bool No_text_makes_parsing_throw(string text)
    {
        var (reply, equipment, imsi) = Read(text);
        return reply is null ? equipment.Length <= EquipmentQuery.BufferChars && imsi.All(char.IsAsciiDigit)
            : reply == N17Reply.PeiMissing || reply == N17Reply.PeiIncorrect;
    }

    [Property(MaxTest = 1_000)]
    public bool Any_printable_text_is_decoded_from_its_encoding(string? any)
    {
        var text = "odd:" + new string(
            [.. (any ?? "").Where(c => !char.IsControl(c) && !char.IsSurrogate(c)).Take(60)]);
        var (reply, equipment, imsi) = Read($"?gpsi=x&pei={Uri.EscapeDataString(text)}&supi=imsi-41001");
        return (reply, equipment, imsi) == (null, text, "41001");
    }

    [Property(Arbitrary = [typeof(AnyText)], MaxTest = 1_000)]
    public bool The_parser_agrees_with_the_reference_parser(string text) => Read(text) == Slow(text);

    [TestCase("?pei=imei-1&supi=imsi-410010000021309", "410010000021309")]
    [TestCase("?supi=imsi-41001&pei=imei-1", "41001")]
    [TestCase("?pei=imei-1&%73upi=IMSI-41001", "41001")]
    [TestCase("?pei=imei-1&supi=imsi-4100", "")]
    [TestCase("?pei=imei-1&supi=imsi-4100100000213090", "")]
    [TestCase("?pei=imei-1&supi=imsi-41001a", "")]
    [TestCase("?pei=imei-1&supi=nai-user@example.org", "")]
    [TestCase("?pei=imei-1&supi=gci-00", "")]
    [TestCase("?pei=imei-1&supi=%ZZ", "")]
    [TestCase("?pei=imei-1&supi=imsi-41001&supi=imsi-41002", "")]
    [TestCase("?pei=imei-1", "")]
    public void A_supi_that_is_an_imsi_is_used_and_any_other_ignored(string query, string imsi)
    {
        var read = Read(query);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(read.Reply, Is.Null);
            Assert.That(read.Imsi, Is.EqualTo(imsi));
        }
    }

    [TestCase("imei-35290611000001", "35290611000001")]
    [TestCase("imeisv-3529061100000112", "3529061100000112")]
    [TestCase("IMEISV-3529061100000112", "3529061100000112")]
    [TestCase("imei-", "")]
    [TestCase("mac-00-11-22-33-44-55-untrusted", "mac-00-11-22-33-44-55-untrusted")]
    [TestCase("eui-00-11-22-33-44-55-66-77", "eui-00-11-22-33-44-55-66-77")]
    [TestCase("a+b", "a+b")]
    [TestCase("%e2%82%ac", "€")]
    public void The_pei_is_the_identity_that_the_policy_receives(string pei, string equipment)
    {
        Assert.That(Read("?pei=" + pei).Equipment, Is.EqualTo(equipment));
    }

    private static (N17Reply? Reply, string Equipment, string Imsi) Slow(string query)
    {
        var all = query.StartsWith('?') ? query[1..] : query;
        var parameters = all.Split('&', StringSplitOptions.RemoveEmptyEntries).Select(p => p.Split('=', 2))
            .Select(p => (Name: Decoded(p[0], 8), Value: Decoded(p.ElementAtOrDefault(1) ?? "", 64))).ToList();
        var peis = parameters.Where(p => p.Name is "pei").Select(p => p.Value).ToList();
        var supis = parameters.Where(p => p.Name is "supi").Select(p => p.Value).ToList();
        if (peis.Count is 0) return (N17Reply.PeiMissing, "", "");
        if (peis.Count > 1 || string.IsNullOrEmpty(peis[0])) return (N17Reply.PeiIncorrect, "", "");

        var imsi = supis is [{ } one] && Regex.IsMatch(one, "^(?i:imsi-)[0-9]{5,15}$(?!\n)") ? one[5..] : "";
        return (null, Regex.Replace(peis[0]!, "^(?i:imei-|imeisv-)", ""), imsi);
    }

    // Null if the text is not printable or too long.
    private static string? Decoded(string encoded, int most)
    {
        if (encoded.Any(c => !char.IsAscii(c)) || Regex.IsMatch(encoded, "%(?![0-9a-fA-F]{2})")) return null;

        try
        {
            var bytes = Encoding.Latin1.GetBytes(
                Regex.Replace(encoded, "%(..)", m => $"{(char)Convert.ToByte(m.Groups[1].Value, 16)}"));
            var text = new UTF8Encoding(false, true).GetString(bytes);
            return text.Length <= most && !text.Any(char.IsControl) ? text : null;
        }
        catch (DecoderFallbackException)
        {
            return null;
        }
    }

    private static (N17Reply? Reply, string Equipment, string Imsi) Read(string query)
    {
        Span<char> pei = stackalloc char[EquipmentQuery.BufferChars];
        Span<char> supi = stackalloc char[EquipmentQuery.BufferChars];
        var reply = EquipmentQuery.Read(query, pei, supi, out var equipment, out var imsi);
        return reply is null ? (null, equipment.ToString(), imsi.ToString()) : (reply, "", "");
    }

    /// <summary>Texts made of the elements of query strings, valid and invalid.</summary>
    private static class AnyText
    {
        private static readonly string[] Pieces =
            ["pei=", "supi=", "&", "=", "?", "%", "%4", "%69", "%70ei", "%0a", "%e2%82%ac", "%ff", "imei-", "imeisv-",
            "imsi-", "IMSI-", "41001", "35290611000001", "x", "+", " ", "\0", "é", "€", "gpsi=msisdn-1",
            "0123456789012345678901234567890123456789"];

        public static Arbitrary<string> Texts() =>
            Gen.Elements(Pieces).ListOf().Select(list => string.Concat(list)).ToArbitrary();
    }
}
