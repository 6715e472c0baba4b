using DeviceRegistry.Core;
using DeviceRegistry.Indexing;

namespace DeviceRegistry.Attach;

/// <summary>An answer with what it was computed from.</summary>
public readonly record struct Answer(Decision Decision, ulong PolicyVersion, EnforcementMode Mode, ulong Position,
    long KnowledgeAgeMs);

/// <summary>May it attach? The one way from every door to the policy: parse, look up, decide. Arithmetic on memory: no
/// I/O, no lock, no allocation, no log line.</summary>
public sealed class AttachService(NodeState node, CheckCounters counters, SightingCollector sightings,
    TimeProvider time)
{
    /// <summary>Answers a core node about a handset that is there: it counts as seen, and as refused if it
    /// is.</summary>
    public Answer CheckPresent(CheckInterface door, ReadOnlySpan<char> equipment, ReadOnlySpan<char> imsi,
        bool emergency)
    {
        var (identity, nowMs) = (EquipmentIdentity.Parse(equipment), NowMs);
        var answer = Answer(door, identity, equipment, imsi, emergency, nowMs);
        sightings.Saw(identity, equipment, answer.Decision, nowMs);
        node.Refusals.Saw(answer.Decision, time);
        return answer;
    }

    /// <summary>Answers. Any text is an identity; there is no error.</summary>
    public Answer Check(CheckInterface door, ReadOnlySpan<char> equipment, ReadOnlySpan<char> imsi, bool emergency) =>
        Answer(door, EquipmentIdentity.Parse(equipment), equipment, imsi, emergency, NowMs);

    private long NowMs => time.GetUtcNow().ToUnixTimeMilliseconds();

    private Answer Answer(CheckInterface door, EquipmentIdentity identity,
        ReadOnlySpan<char> equipment, ReadOnlySpan<char> imsi, bool emergency, long nowMs)
    {
        var rules = node.Rules;
        var question = new AttachRequest { Equipment = identity, Imsi = imsi, Emergency = emergency };

        // Position before look-up: the answer is at least as new as what it claims. Read again if an entry came in
        // between, so that two facts are not of two positions; a few times, for a long replay must not hold an answer
        // up.
        var index = node.Index;
        var position = index.Position;
        var facts = FactsOf(index, question, equipment);
        for (var again = 0; again < 3 && index.Position is var now && now != position; again++)
        {
            position = now;
            facts = FactsOf(index, question, equipment);
        }

        var decision = AttachPolicy.Decide(question, facts, rules, nowMs);

        counters.Count(door, decision);
        return new Answer(decision, rules.Version, rules.Mode, position, facts.KnownAtMs is 0 ? -1
            : Math.Max(0, nowMs - facts.KnownAtMs));
    }

    // A subscriber's pseudonym costs a microsecond: only where it makes a difference.
    private AttachFacts FactsOf(DeviceIndex index, in AttachRequest question, ReadOnlySpan<char> text) =>
        index.FactsOf(
        question.Equipment, node.Members.Plmns, text, index.DependsOnSubscriber(question.Equipment, text)
            ? node.Subscribers.Of(question.Imsi) : SubscriberPseudonym.None);
}
