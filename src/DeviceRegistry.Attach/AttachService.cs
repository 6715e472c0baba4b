using DeviceRegistry.Core;
using DeviceRegistry.Indexing;

namespace DeviceRegistry.Attach;

/// <summary>A decision with the policy version and the journal position it was computed from.</summary>
public readonly record struct Answer(Decision Decision, ulong PolicyVersion, EnforcementMode Mode, ulong Position,
    long DataAgeMs);

/// <summary>Decides attach checks for every interface: parse, look up, decide. Reads memory only: no I/O, no lock, no
/// allocation, no log line.</summary>
public sealed class AttachService(NodeState node, CheckCounters counters, SightingCollector sightings,
    TimeProvider time)
{
    /// <summary>Answers a core node about a device that is attaching. Records a sighting, and the first denial if the
    /// device is denied.</summary>
    public Answer CheckPresent(CheckInterface via, ReadOnlySpan<char> equipment, ReadOnlySpan<char> imsi,
        bool emergency)
    {
        var (identity, nowMs) = (EquipmentIdentity.Parse(equipment), NowMs);
        var answer = Answer(via, identity, equipment, imsi, emergency, nowMs);
        sightings.Record(identity, equipment, answer.Decision, nowMs);
        node.Denials.Record(answer.Decision, time);
        return answer;
    }

    /// <summary>Answers a check without recording anything. Any text is an identity; there is no error.</summary>
    public Answer Check(CheckInterface via, ReadOnlySpan<char> equipment, ReadOnlySpan<char> imsi, bool emergency) =>
        Answer(via, EquipmentIdentity.Parse(equipment), equipment, imsi, emergency, NowMs);

    private long NowMs => time.GetUtcNow().ToUnixTimeMilliseconds();

    private Answer Answer(CheckInterface via, EquipmentIdentity identity,
        ReadOnlySpan<char> equipment, ReadOnlySpan<char> imsi, bool emergency, long nowMs)
    {
        var rules = node.Rules;
        var request = new AttachRequest { Equipment = identity, Imsi = imsi, Emergency = emergency };

        // Read the position before the look-up, so that the answer is at least as new as the position it states. If an
        // entry was applied in between, look up again, so that all facts are of one position; three times at most, so
        // that a long replay does not delay an answer.
        var index = node.Index;
        var position = index.Position;
        var facts = FactsOf(index, request, equipment);
        for (var retries = 0; retries < 3 && index.Position is var now && now != position; retries++)
        {
            position = now;
            facts = FactsOf(index, request, equipment);
        }

        var decision = AttachPolicy.Decide(request, facts, rules, nowMs);

        counters.Count(via, decision);
        return new Answer(decision, rules.Version, rules.Mode, position, facts.KnownAtMs is 0 ? -1
            : Math.Max(0, nowMs - facts.KnownAtMs));
    }

    // Computing a pseudonym takes a microsecond, so compute it only if the answer depends on the subscriber.
    private AttachFacts FactsOf(DeviceIndex index, in AttachRequest request, ReadOnlySpan<char> text) =>
        index.FactsOf(
        request.Equipment, node.Members.Plmns, text, index.DependsOnSubscriber(request.Equipment, text)
            ? node.Subscribers.Of(request.Imsi) : SubscriberPseudonym.None);
}
