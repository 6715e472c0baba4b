using System.Security.Cryptography;
using System.Text.Json;
using DeviceRegistry.Attach.Interfaces.N17;
using DeviceRegistry.Core;
using DeviceRegistry.TestKit;
using Microsoft.AspNetCore.Http;
using UnknownAnswer = DeviceRegistry.Contracts.V1.UnknownAnswer;

namespace DeviceRegistry.Attach.Tests.N17;

/// <summary>The door by itself: every line of its table, with the load, the clock and the connection in the test's
/// hand.</summary>
public sealed class DoorTests
{
    private const string Known = "?pei=imeisv-8665070400405301&supi=imsi-410010000021309";
    private readonly LocalDoor _door = new();

    [TearDown]
    public void TearDown() => _door.Dispose();

    [TestCase(Verdict.Allow, false, 200, """{"status":"WHITELISTED"}""")]
    [TestCase(Verdict.Track, false, 200, """{"status":"GREYLISTED"}""")]
    [TestCase(Verdict.Deny, false, 200, """{"status":"BLACKLISTED"}""")]
    [TestCase(Verdict.Track, true, 404, "ERROR_EQUIPMENT_UNKNOWN")]
    public void Each_verdict_has_its_colour(Verdict verdict, bool unknown, int status, string said)
    {
        var reply = N17Reply.Of(new Decision { Verdict = verdict, Evaluated = verdict, Reason = CheckReason.Undecided,
            Row = "20", UnknownEquipment = unknown });

        Assert.That((reply.Status, reply.Text.Contains(said, StringComparison.Ordinal)), Is.EqualTo((status, true)),
            reply.Text);
    }

    [TestCase("GET", LocalDoor.Path, "", 400, "MANDATORY_QUERY_PARAM_MISSING")]
    [TestCase("GET", LocalDoor.Path, "?supi=imsi-410010000021309", 400, "MANDATORY_QUERY_PARAM_MISSING")]
    [TestCase("GET", LocalDoor.Path, "?pei=", 400, "MANDATORY_QUERY_PARAM_INCORRECT")]
    [TestCase("GET", LocalDoor.Path, "?pei", 400, "MANDATORY_QUERY_PARAM_INCORRECT")]
    [TestCase("GET", LocalDoor.Path, "?pei=%0A", 400, "MANDATORY_QUERY_PARAM_INCORRECT")]
    [TestCase("GET", LocalDoor.Path, "?pei=%C3%28", 400, "MANDATORY_QUERY_PARAM_INCORRECT")]
    [TestCase("GET", LocalDoor.Path, "?pei=%4", 400, "MANDATORY_QUERY_PARAM_INCORRECT")]
    [TestCase("GET", LocalDoor.Path, "?pei=imei-1&pei=imei-2", 400, "MANDATORY_QUERY_PARAM_INCORRECT")]
    [TestCase("GET", "/n5g-eir-eic/v2/equipment-status", Known, 400, "INVALID_API")]
    [TestCase("GET", "/nudm-sdm/v1/supi", Known, 400, "INVALID_API")]
    [TestCase("GET", "/n5g-eir-eic/v1/other", Known, 404, "RESOURCE_URI_STRUCTURE_NOT_FOUND")]
    [TestCase("GET", LocalDoor.Path + "/", Known, 404, "RESOURCE_URI_STRUCTURE_NOT_FOUND")]
    [TestCase("GET", "/", "", 404, "RESOURCE_URI_STRUCTURE_NOT_FOUND")]
    [TestCase("GET", "", "", 404, "RESOURCE_URI_STRUCTURE_NOT_FOUND")]
    [TestCase("POST", LocalDoor.Path, Known, 405, null)]
    [TestCase("DELETE", LocalDoor.Path, Known, 405, null)]
    [TestCase("BREW", LocalDoor.Path, Known, 501, null)]
    public async Task Each_fault_of_the_caller_has_its_status_and_cause(string method, string path, string query,
        int status, string? cause)
    {
        var said = await _door.AskAsync(path, query, method);

        Assert.That((said.Status, said.ContentType, CauseOf(said)),
            Is.EqualTo((status, "application/problem+json", cause)));
        Assert.That(JsonDocument.Parse(said.Body).RootElement.GetProperty("status").GetInt32(), Is.EqualTo(status));
    }

    [Test]
    public async Task A_fault_of_pei_names_it()
    {
        var said = await _door.AskAsync(LocalDoor.Path, "?supi=imsi-410010000021309");

        Assert.That(JsonDocument.Parse(said.Body).RootElement.GetProperty("invalidParams")[0].GetProperty("param")
            .GetString(), Is.EqualTo("query pei"));
    }

    [Test]
    public async Task A_method_that_is_not_allowed_is_told_which_is()
    {
        Assert.That((await _door.AskAsync(LocalDoor.Path, Known, "POST")).Headers.Allow.ToString(), Is.EqualTo("GET"));
    }

    [Test]
    public async Task Head_has_the_headers_and_no_body()
    {
        var said = await _door.AskAsync(LocalDoor.Path, Known, "HEAD");

        Assert.That((said.Status, said.Body, said.Headers.ContentLength > 0), Is.EqualTo((405, "", true)));
    }

    [TestCase(64, 200)]
    [TestCase(65, 400)]
    public async Task A_pei_has_at_most_64_characters(int length, int status)
    {
        Assert.That((await _door.AskAsync(LocalDoor.Path, "?pei=" + new string('x', length))).Status,
            Is.EqualTo(status));
    }

    [TestCase(2_048 - 32, 200)]
    [TestCase(2_049 - 32, 414)]
    public async Task A_uri_that_is_too_long_is_said_to_be(int query, int status)
    {
        Assert.That(LocalDoor.Path, Has.Length.EqualTo(32));
        Assert.That((await _door.AskAsync(LocalDoor.Path, Known.PadRight(query, '&'))).Status, Is.EqualTo(status));
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
    public async Task What_the_caller_does_not_accept_it_is_not_sent(string? accept, int status)
    {
        var said = await _door.AskAsync(LocalDoor.Path, Known, headers: h =>
            { if (accept is not null) h.Accept = accept; });

        Assert.That(said.Status, Is.EqualTo(status));
    }

    [Test]
    public async Task Overload_is_busy_with_a_time_to_come_back_and_no_verdict()
    {
        _door.Beats.Move(TimeSpan.FromSeconds(1));

        var said = await _door.AskAsync(LocalDoor.Path, Known);

        Assert.That((said.Status, CauseOf(said), said.Headers.RetryAfter.ToString()),
            Is.EqualTo((503, "NF_CONGESTION", "1")));
    }

    [Test]
    public async Task A_node_without_knowledge_gives_no_verdict()
    {
        using var door = new LocalDoor(ready: false);

        var said = await door.AskAsync(LocalDoor.Path, Known);

        Assert.That((said.Status, CauseOf(said), said.Headers.RetryAfter.ToString()),
            Is.EqualTo((503, "NF_CONGESTION", "1")));
    }

    [Test]
    public async Task A_connection_that_asks_faster_than_configured_is_told_to_slow_down_and_no_other()
    {
        using var door = new LocalDoor(new N17Options { RateMax = 2 });
        var (one, other) = (new ConnectionRateLimiter(), new ConnectionRateLimiter());

        var within = new[] { await door.AskAsync(LocalDoor.Path, Known, connection: one),
            await door.AskAsync(LocalDoor.Path, Known, connection: one) };
        var beyond = await door.AskAsync(LocalDoor.Path, Known, connection: one);
        var elsewhere = await door.AskAsync(LocalDoor.Path, Known, connection: other);

        Assert.That(within.Select(s => s.Status), Is.All.EqualTo(200));
        Assert.That((beyond.Status, CauseOf(beyond), beyond.Headers.RetryAfter.ToString()),
            Is.EqualTo((429, "NF_CONGESTION_RISK", "1")));
        Assert.That(elsewhere.Status, Is.EqualTo(200));
    }

    [Test]
    public void A_share_is_whole_again_in_the_next_second()
    {
        var clock = new HandClock();
        var budget = new ConnectionRateLimiter();
        Assert.That((budget.TryTake(1, clock), budget.TryTake(1, clock)), Is.EqualTo((true, false)));

        clock.Move(TimeSpan.FromSeconds(1));

        Assert.That(budget.TryTake(1, clock), Is.True);
    }

    // PROTOCOLS §0.3: a false "blacklisted" disables a SIM.
    [Test]
    public async Task Trap_3_a_fault_of_the_node_is_500_and_never_blacklisted()
    {
        _door.Clock.Broken = true;

        var said = await _door.AskAsync(LocalDoor.Path, Known);

        Assert.That((said.Status, CauseOf(said)), Is.EqualTo((500, "SYSTEM_FAILURE")));
    }

    [Test]
    public async Task What_is_no_verdict_is_counted_by_status_and_cause()
    {
        await _door.AskAsync(LocalDoor.Path, "");
        await _door.AskAsync(LocalDoor.Path, "");
        await _door.AskAsync(LocalDoor.Path, Known);

        Assert.That(_door.Counters.Read(), Is.EqualTo(new[] { ("400", "MANDATORY_QUERY_PARAM_MISSING", 2L) }));
    }

    [TestCase("imeisv-8665070400405301", "86650704004053")]
    [TestCase("imei-866507040040530", "86650704004053")]
    [TestCase("imei-ABC", "ABC")]
    public async Task What_was_asked_about_counts_as_seen_under_the_name_it_has_at_every_door(string pei, string name)
    {
        await _door.AskAsync(LocalDoor.Path, "?pei=" + pei);

        Assert.That(_door.Sightings.Take().SelectMany(s => s.Sightings).Select(s => s.Identity),
            Is.EqualTo(new[] { name }));
    }

    [TestCase(Known)]
    [TestCase("?pei=imei-%38665070400405301&gpsi=msisdn-923001234567&supported-features=1")]
    [TestCase("?pei=mac-00-11-22-33-44-55")]
    [TestCase("?supi=imsi-1")]
    public void Answering_allocates_nothing(string query) => AssertAllocatesNothing(_door, LocalDoor.Lean(query));

    [Test]
    public void Answering_who_has_a_share_of_each_second_allocates_nothing()
    {
        using var door = new LocalDoor(new N17Options { RateMax = int.MaxValue });

        AssertAllocatesNothing(door, LocalDoor.Lean(Known));
    }

    [Test]
    public async Task Answering_who_shows_a_token_that_is_remembered_allocates_nothing()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var door = new LocalDoor(new N17Options { TokenKeys = TokenKeys.Read(key.ExportSubjectPublicKeyInfoPem()) });
        var token = "Bearer " + TestToken.Make(key, "5G_EIR", "n5g-eir-eic", door.Clock.GetUtcNow()
            + TimeSpan.FromHours(1));
        Assert.That((await door.AskAsync(LocalDoor.Path, Known, headers: h => h.Authorization = token)).Status,
            Is.EqualTo(200));

        AssertAllocatesNothing(door, LocalDoor.Lean(Known, token));
    }

    [Test]
    public async Task That_equipment_is_unknown_is_an_answer_and_no_problem()
    {
        using var door = new LocalDoor(unknown: UnknownAnswer.Unknown);

        var said = await door.AskAsync(LocalDoor.Path, "?pei=mac-00-11-22-33-44-55");

        Assert.That((said.Status, CauseOf(said)), Is.EqualTo((404, "ERROR_EQUIPMENT_UNKNOWN")));
        Assert.That(door.Counters.Read(), Is.Empty);
    }

    private static void AssertAllocatesNothing(LocalDoor door, HttpContext http) =>
        Assert.That(Allocation.ByAThousand(() => door.Door.AnswerAsync(http)), Is.Zero);

    private static string? CauseOf(Said said) =>
        JsonDocument.Parse(said.Body).RootElement.TryGetProperty("cause", out var cause) ? cause.GetString() : null;
}
