using System.Security.Cryptography;
using System.Text.Json;
using DeviceRegistry.Attach.Interfaces.N17;
using DeviceRegistry.Core;
using DeviceRegistry.TestKit;
using Microsoft.AspNetCore.Http;
using UnknownAnswer = DeviceRegistry.Contracts.V1.UnknownAnswer;

namespace DeviceRegistry.Attach.Tests.N17;

/// <summary>The N17 interface without a transport: every row of its table, while the test controls load, clock and
/// connection.</summary>
public sealed class N17InterfaceTests
{
    private const string Known = "?pei=imeisv-8665070400405301&supi=imsi-410010000021309";
    private readonly LocalN17 _n17 = new();

    [TearDown]
    public void TearDown() => _n17.Dispose();

    [TestCase(Verdict.Allow, false, 200, """{"status":"WHITELISTED"}""")]
    [TestCase(Verdict.Track, false, 200, """{"status":"GREYLISTED"}""")]
    [TestCase(Verdict.Deny, false, 200, """{"status":"BLACKLISTED"}""")]
    [TestCase(Verdict.Track, true, 404, "ERROR_EQUIPMENT_UNKNOWN")]
    public void Each_verdict_has_its_equipment_status(Verdict verdict, bool unknown, int status, string answer)
    {
        var reply = N17Reply.Of(new Decision
        {
            Verdict = verdict, Evaluated = verdict, Reason = CheckReason.Undecided,
            Row = "20", UnknownEquipment = unknown
        });

        using (Assert.EnterMultipleScope())
        {
            Assert.That(reply.Status, Is.EqualTo(status), reply.Text);
            Assert.That(reply.Text.Contains(answer, StringComparison.Ordinal), Is.True, reply.Text);
        }
    }

    [TestCase("GET", LocalN17.Path, "", 400, "MANDATORY_QUERY_PARAM_MISSING")]
    [TestCase("GET", LocalN17.Path, "?supi=imsi-410010000021309", 400, "MANDATORY_QUERY_PARAM_MISSING")]
    [TestCase("GET", LocalN17.Path, "?pei=", 400, "MANDATORY_QUERY_PARAM_INCORRECT")]
    [TestCase("GET", LocalN17.Path, "?pei", 400, "MANDATORY_QUERY_PARAM_INCORRECT")]
    [TestCase("GET", LocalN17.Path, "?pei=%0A", 400, "MANDATORY_QUERY_PARAM_INCORRECT")]
    [TestCase("GET", LocalN17.Path, "?pei=%C3%28", 400, "MANDATORY_QUERY_PARAM_INCORRECT")]
    [TestCase("GET", LocalN17.Path, "?pei=%4", 400, "MANDATORY_QUERY_PARAM_INCORRECT")]
    [TestCase("GET", LocalN17.Path, "?pei=imei-1&pei=imei-2", 400, "MANDATORY_QUERY_PARAM_INCORRECT")]
    [TestCase("GET", "/n5g-eir-eic/v2/equipment-status", Known, 400, "INVALID_API")]
    [TestCase("GET", "/nudm-sdm/v1/supi", Known, 400, "INVALID_API")]
    [TestCase("GET", "/n5g-eir-eic/v1/other", Known, 404, "RESOURCE_URI_STRUCTURE_NOT_FOUND")]
    [TestCase("GET", LocalN17.Path + "/", Known, 404, "RESOURCE_URI_STRUCTURE_NOT_FOUND")]
    [TestCase("GET", "/", "", 404, "RESOURCE_URI_STRUCTURE_NOT_FOUND")]
    [TestCase("GET", "", "", 404, "RESOURCE_URI_STRUCTURE_NOT_FOUND")]
    [TestCase("POST", LocalN17.Path, Known, 405, null)]
    [TestCase("DELETE", LocalN17.Path, Known, 405, null)]
    [TestCase("BREW", LocalN17.Path, Known, 501, null)]
    public async Task Each_caller_error_has_its_status_and_cause(string method, string path, string query,
        int status, string? cause)
    {
        var answer = await _n17.AskAsync(path, query, method);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(answer.Status, Is.EqualTo(status));
            Assert.That(answer.ContentType, Is.EqualTo("application/problem+json"));
            Assert.That(CauseOf(answer), Is.EqualTo(cause));
        }

        Assert.That(JsonDocument.Parse(answer.Body).RootElement.GetProperty("status").GetInt32(), Is.EqualTo(status));
    }

    [Test]
    public async Task A_missing_pei_is_named_as_the_invalid_parameter()
    {
        var answer = await _n17.AskAsync(LocalN17.Path, "?supi=imsi-410010000021309");

        Assert.That(JsonDocument.Parse(answer.Body).RootElement.GetProperty("invalidParams")[0].GetProperty("param")
            .GetString(), Is.EqualTo("query pei"));
    }

    [Test]
    public async Task A_method_that_is_not_allowed_gets_the_allowed_ones()
    {
        Assert.That((await _n17.AskAsync(LocalN17.Path, Known, "POST")).Headers.Allow.ToString(), Is.EqualTo("GET"));
    }

    [Test]
    public async Task Head_has_the_headers_and_no_body()
    {
        var answer = await _n17.AskAsync(LocalN17.Path, Known, "HEAD");

        using (Assert.EnterMultipleScope())
        {
            Assert.That(answer.Status, Is.EqualTo(405));
            Assert.That(answer.Body, Is.EqualTo(""));
            Assert.That(answer.Headers.ContentLength > 0, Is.True);
        }
    }

    [TestCase(64, 200)]
    [TestCase(65, 400)]
    public async Task A_pei_has_at_most_64_characters(int length, int status)
    {
        Assert.That((await _n17.AskAsync(LocalN17.Path, "?pei=" + new string('x', length))).Status,
            Is.EqualTo(status));
    }

    [TestCase(2_048 - 32, 200)]
    [TestCase(2_049 - 32, 414)]
    public async Task A_uri_that_is_too_long_gets_414(int query, int status)
    {
        Assert.That(LocalN17.Path, Has.Length.EqualTo(32));
        Assert.That((await _n17.AskAsync(LocalN17.Path, Known.PadRight(query, '&'))).Status, Is.EqualTo(status));
    }

    [TestCase(null, 200)]
    [TestCase("application/json,application/problem+json", 200)]
    [TestCase("application/*;q=0.5", 200)]
    [TestCase("*/*", 200)]
    [TestCase("text/html, APPLICATION/JSON ; charset=utf-8 ; q=0.1", 200)]
    [TestCase("application/json;q=0", 406)]
    [TestCase("application/json;q=0.00, text/html", 406)]
    [TestCase("application/problem+json", 406)]
    [TestCase("", 406)]
    public async Task A_media_type_that_the_caller_does_not_accept_is_not_sent(string? accept, int status)
    {
        var answer = await _n17.AskAsync(LocalN17.Path, Known, headers: h =>
            { if (accept is not null) h.Accept = accept; });

        Assert.That(answer.Status, Is.EqualTo(status));
    }

    [Test]
    public async Task Overload_gets_503_with_retry_after_and_no_verdict()
    {
        _n17.LoadClock.Move(TimeSpan.FromSeconds(1));

        var answer = await _n17.AskAsync(LocalN17.Path, Known);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(answer.Status, Is.EqualTo(503));
            Assert.That(CauseOf(answer), Is.EqualTo("NF_CONGESTION"));
            Assert.That(answer.Headers.RetryAfter.ToString(), Is.EqualTo("1"));
        }
    }

    [Test]
    public async Task A_node_without_data_gives_no_verdict()
    {
        using var n17 = new LocalN17(ready: false);

        var answer = await n17.AskAsync(LocalN17.Path, Known);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(answer.Status, Is.EqualTo(503));
            Assert.That(CauseOf(answer), Is.EqualTo("NF_CONGESTION"));
            Assert.That(answer.Headers.RetryAfter.ToString(), Is.EqualTo("1"));
        }
    }

    [Test]
    public async Task A_connection_above_its_rate_gets_429_and_others_do_not()
    {
        using var n17 = new LocalN17(new N17Options { RateMax = 2 });
        var (one, other) = (new ConnectionRateLimiter(), new ConnectionRateLimiter());

        var within = new[] { await n17.AskAsync(LocalN17.Path, Known, connection: one),
            await n17.AskAsync(LocalN17.Path, Known, connection: one) };
        var beyond = await n17.AskAsync(LocalN17.Path, Known, connection: one);
        var elsewhere = await n17.AskAsync(LocalN17.Path, Known, connection: other);

        Assert.That(within.Select(s => s.Status), Is.All.EqualTo(200));

        using (Assert.EnterMultipleScope())
        {
            Assert.That(beyond.Status, Is.EqualTo(429));
            Assert.That(CauseOf(beyond), Is.EqualTo("NF_CONGESTION_RISK"));
            Assert.That(beyond.Headers.RetryAfter.ToString(), Is.EqualTo("1"));
        }

        Assert.That(elsewhere.Status, Is.EqualTo(200));
    }

    [Test]
    public void The_budget_of_a_connection_is_full_again_in_the_next_second()
    {
        var clock = new HandClock();
        var budget = new ConnectionRateLimiter();

        using (Assert.EnterMultipleScope())
        {
            Assert.That(budget.TryTake(1, clock), Is.True);
            Assert.That(budget.TryTake(1, clock), Is.False);
        }

        clock.Move(TimeSpan.FromSeconds(1));

        Assert.That(budget.TryTake(1, clock), Is.True);
    }

    // A false "blacklisted" disables a SIM.
    [Test]
    public async Task Quirk_3_a_fault_of_the_node_is_500_and_never_blacklisted()
    {
        _n17.Clock.Broken = true;

        var answer = await _n17.AskAsync(LocalN17.Path, Known);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(answer.Status, Is.EqualTo(500));
            Assert.That(CauseOf(answer), Is.EqualTo("SYSTEM_FAILURE"));
        }
    }

    [Test]
    public async Task Errors_are_counted_by_status_and_cause()
    {
        await _n17.AskAsync(LocalN17.Path, "");
        await _n17.AskAsync(LocalN17.Path, "");
        await _n17.AskAsync(LocalN17.Path, Known);

        Assert.That(_n17.Counters.Read(), Is.EqualTo(new[] { ("400", "MANDATORY_QUERY_PARAM_MISSING", 2L) }));
    }

    [TestCase("imeisv-8665070400405301", "86650704004053")]
    [TestCase("imei-866507040040530", "86650704004053")]
    [TestCase("imei-ABC", "ABC")]
    public async Task A_sighting_has_the_canonical_identity_of_every_interface(string pei, string name)
    {
        await _n17.AskAsync(LocalN17.Path, "?pei=" + pei);

        Assert.That(_n17.Sightings.Take().SelectMany(s => s.Sightings).Select(s => s.Identity),
            Is.EqualTo(new[] { name }));
    }

    [TestCase(Known)]
    [TestCase("?pei=imei-%38665070400405301&gpsi=msisdn-923001234567&supported-features=1")]
    [TestCase("?pei=mac-00-11-22-33-44-55")]
    [TestCase("?supi=imsi-1")]
    public void Answering_allocates_nothing(string query) => AssertAllocatesNothing(_n17, LocalN17.Lean(query));

    [Test]
    public void Answering_with_a_rate_limit_allocates_nothing()
    {
        using var n17 = new LocalN17(new N17Options { RateMax = int.MaxValue });

        AssertAllocatesNothing(n17, LocalN17.Lean(Known));
    }

    [Test]
    public async Task Answering_with_a_cached_token_allocates_nothing()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var n17 = new LocalN17(
            new N17Options { TokenKeys = TokenKeys.Read(key.ExportSubjectPublicKeyInfoPem()) });
        var token = "Bearer " + TestToken.Make(key, "5G_EIR", "n5g-eir-eic", n17.Clock.GetUtcNow()
            + TimeSpan.FromHours(1));
        Assert.That((await n17.AskAsync(LocalN17.Path, Known, headers: h => h.Authorization = token)).Status,
            Is.EqualTo(200));

        AssertAllocatesNothing(n17, LocalN17.Lean(Known, token));
    }

    [Test]
    public async Task Unknown_equipment_is_an_answer_and_not_counted_as_an_error()
    {
        using var n17 = new LocalN17(unknown: UnknownAnswer.Unknown);

        var answer = await n17.AskAsync(LocalN17.Path, "?pei=mac-00-11-22-33-44-55");

        using (Assert.EnterMultipleScope())
        {
            Assert.That(answer.Status, Is.EqualTo(404));
            Assert.That(CauseOf(answer), Is.EqualTo("ERROR_EQUIPMENT_UNKNOWN"));
        }

        Assert.That(n17.Counters.Read(), Is.Empty);
    }

    private static void AssertAllocatesNothing(LocalN17 n17, HttpContext http) =>
        Assert.That(Allocation.ByAThousand(() => n17.Interface.AnswerAsync(http)), Is.Zero);

    private static string? CauseOf(LocalAnswer answer) =>
        JsonDocument.Parse(answer.Body).RootElement.TryGetProperty("cause", out var cause) ? cause.GetString() : null;
}
