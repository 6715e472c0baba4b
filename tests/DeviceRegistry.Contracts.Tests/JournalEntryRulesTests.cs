using System.Security.Cryptography;
using DeviceRegistry.Contracts.V1;
using DeviceRegistry.Core;
using Google.Protobuf;

namespace DeviceRegistry.Contracts.Tests;

/// <summary>Whether an entry follows its predecessor, and the fault if it does not.</summary>
public sealed class JournalEntryRulesTests
{
    private static readonly JournalEntry First = Sealed(1, 1_000, JournalHash.Genesis);
    private static readonly JournalEntry Second = Sealed(2, 2_000, First.Hash.ToByteArray());
    private static readonly JournalEntry Third = Sealed(3, 3_000, Second.Hash.ToByteArray());

    [Test]
    public void The_first_entry_follows_nothing()
    {
        Assert.That(JournalEntryRules.Follows(First, ChainEnd.Genesis, out _), Is.True);
    }

    [Test]
    public void An_entry_sealed_after_its_predecessor_follows_it()
    {
        Assert.That(JournalEntryRules.Follows(Third, ChainEnd.At(Second), out _), Is.True);
    }

    [Test]
    public void An_entry_that_follows_has_no_fault()
    {
        Assert.That(FaultOf(Second), Is.Empty);
    }

    [Test]
    public void A_gap_is_reported_with_the_expected_position()
    {
        Assert.That(FaultOf(Third), Is.EqualTo("expected position 2, found 3"));
    }

    [Test]
    public void An_entry_of_an_earlier_epoch_does_not_follow()
    {
        JournalEntryRules.Follows(Second, ChainEnd.At(First) with { Epoch = 2 }, out var fault);

        Assert.That(fault, Is.EqualTo("its epoch 1 is over; the entry before is of epoch 2"));
    }

    [Test]
    public void A_walk_names_the_first_entry_that_does_not_follow()
    {
        Assert.That(JournalEntryRules.Walk([First, Second, Third]),
            Is.EqualTo((ChainEnd.At(Third), (JournalEntry?)null, ""))
            .Using<(ChainEnd End, JournalEntry? Broken, string Fault)>(
            (a, b) => a.End.Position == b.End.Position && a.Broken == b.Broken && a.Fault == b.Fault));
        Assert.That(JournalEntryRules.Walk([First, Third]).Broken, Is.EqualTo(Third));
    }

    [Test]
    public void An_entry_does_not_follow_itself()
    {
        Assert.That(FaultOf(First), Is.EqualTo("expected position 2, found 1"));
    }

    [TestCase(1_000)]
    [TestCase(999)]
    public void A_time_that_is_not_later_is_reported(long atUs)
    {
        Assert.That(FaultOf(Sealed(2, atUs, First.Hash.ToByteArray())),
            Is.EqualTo("its time is not later than the time of the entry before"));
    }

    [Test]
    public void A_time_one_microsecond_later_is_accepted()
    {
        Assert.That(FaultOf(Sealed(2, 1_001, First.Hash.ToByteArray())), Is.Empty);
    }

    [TestCase(0)]
    [TestCase(31)]
    [TestCase(33)]
    [TestCase(1_000)]
    public void A_private_digest_of_another_length_is_reported(int length)
    {
        Assert.That(FaultOf(Changed(e => e.PrivateDigest = ByteString.CopyFrom(new byte[length]))),
            Is.EqualTo($"its private digest has {length} bytes, expected 32"));
    }

    private static IEnumerable<TestCaseData<Action<JournalEntry>>> Alterations() =>
    [
        new(e => e.Hash = First.Hash) { TestName = "{m}(hash of another entry)" },
        new(e => e.Hash = ByteString.Empty) { TestName = "{m}(no hash)" },
        new(e => e.Hash = ByteString.CopyFrom(e.Hash.Span[..31])) { TestName = "{m}(truncated hash)" },
        new(e => e.PublicBytes = ByteString.CopyFromUtf8("altered")) { TestName = "{m}(public bytes)" },
        new(e => e.PrivateDigest = ByteString.CopyFrom(new byte[32])) { TestName = "{m}(private digest)" },
        new(e => e.Actor++) { TestName = "{m}(actor)" },
        new(e => e.Kind++) { TestName = "{m}(kind)" },
        new(e => e.MustUnderstand = false) { TestName = "{m}(must understand)" },
        new(e => e.Epoch++) { TestName = "{m}(epoch)" },
        new(e => e.AtUs++) { TestName = "{m}(time)" },
    ];

    [TestCaseSource(nameof(Alterations))]
    public void An_alteration_of_any_field_of_an_entry_is_a_hash_mismatch(Action<JournalEntry> alter)
    {
        Assert.That(FaultOf(Changed(alter)), Is.EqualTo("its hash does not match its contents and the entry before"));
    }

    [Test]
    public void An_entry_of_another_history_does_not_follow()
    {
        JournalEntryRules.Follows(Second, ChainEnd.At(First) with { Hash = Third.Hash.ToByteArray() }, out var fault);

        Assert.That(fault, Is.EqualTo("its hash does not match its contents and the entry before"));
    }

    [Test]
    public void An_entry_with_a_fault_does_not_follow()
    {
        Assert.That(JournalEntryRules.Follows(Third, ChainEnd.At(First), out _), Is.False);
    }

    [TestCase(JournalKind.PartyChanged)]
    [TestCase(JournalKind.ActorChanged)]
    [TestCase(JournalKind.PolicyInForce)]
    [TestCase(JournalKind.TacsChanged)]
    [TestCase(JournalKind.ImeisReleased)]
    [TestCase(JournalKind.OrderArmed)]
    [TestCase(JournalKind.OrderLifted)]
    [TestCase(JournalKind.Recovered)]
    public void A_kind_that_changes_answers_must_be_understood(JournalKind kind)
    {
        Assert.That(JournalEntryRules.MustUnderstand(kind), Is.True);
    }

    [TestCase(JournalKind.AuthorizationChanged)]
    [TestCase(JournalKind.TacMandateChanged)]
    [TestCase(JournalKind.PolicyProposed)]
    [TestCase(JournalKind.BatchDeclared)]
    [TestCase(JournalKind.BatchCertificationProposed)]
    [TestCase(JournalKind.BatchCertified)]
    [TestCase(JournalKind.OrderDrafted)]
    [TestCase(JournalKind.OrderApproved)]
    public void A_kind_that_changes_no_answer_may_be_ignored(JournalKind kind)
    {
        Assert.That(JournalEntryRules.MustUnderstand(kind), Is.False);
    }

    [Property]
    public void Sorted_values_are_unchanged_after_packing_and_unpacking(ulong[] any)
    {
        ulong[] sorted = [.. any.Order()];

        Assert.That(JournalEntryRules.FromDeltas(JournalEntryRules.ToDeltas(sorted)), Is.EqualTo(sorted));
    }

    [Test]
    public void The_first_difference_is_the_first_value()
    {
        Assert.That(JournalEntryRules.ToDeltas([86650704004053, 86650704004054, 86650704004064]),
            Is.EqualTo(new ulong[] { 86650704004053, 1, 10 }));
    }

    [Test]
    public void Differences_that_overflow_wrap_around()
    {
        Assert.That(JournalEntryRules.FromDeltas([ulong.MaxValue, 2]), Is.EqualTo(new[] { ulong.MaxValue, 1ul }));
    }

    [Test]
    public void The_message_of_an_entry_is_decoded()
    {
        var entry = new JournalEntry
        {
            PublicBytes =
            new OrderLifted { OrderNumber = 7, LiftingOrderNumber = 8 }.ToByteString()
        };

        JournalEntryRules.TryRead<OrderLifted>(entry, OrderLifted.Parser, out var message);

        Assert.That(message, Is.EqualTo(new OrderLifted { OrderNumber = 7, LiftingOrderNumber = 8 }));
    }

    [Test]
    public void Bytes_that_are_not_the_message_are_rejected()
    {
        var entry = new JournalEntry { PublicBytes = ByteString.CopyFrom(0xFF, 0xFF) };

        Assert.That(JournalEntryRules.TryRead<OrderLifted>(entry, OrderLifted.Parser, out _), Is.False);
    }

    [Property(MaxTest = 1_000)]
    public void No_bytes_make_decoding_an_entry_throw(byte[] bytes)
    {
        var entry = new JournalEntry { PublicBytes = ByteString.CopyFrom(bytes) };

        Assert.That(() => JournalEntryRules.TryRead<OrderArmed>(entry, OrderArmed.Parser, out _), Throws.Nothing);
    }

    private static string FaultOf(JournalEntry entry)
    {
        JournalEntryRules.Follows(entry, ChainEnd.At(First), out var fault);
        return fault;
    }

    private static JournalEntry Changed(Action<JournalEntry> change)
    {
        var entry = Second.Clone();
        change(entry);
        return entry;
    }

    private static JournalEntry Sealed(ulong position, long atUs, byte[] previous)
    {
        var publicBytes = new OrderLifted { OrderNumber = position }.ToByteString();
        var digest = SHA256.HashData([]);
        var header = new JournalHeader(position, Epoch: 1, atUs, (int)JournalKind.OrderLifted, MustUnderstand: true,
            Actor: 5);
        return new JournalEntry
        {
            Position = position,
            Epoch = 1,
            AtUs = atUs,
            Kind = (int)JournalKind.OrderLifted,
            MustUnderstand = true,
            Actor = 5,
            PublicBytes = publicBytes,
            PrivateDigest = ByteString.CopyFrom(digest),
            Hash = ByteString.CopyFrom(JournalHash.Of(previous, header, publicBytes.Span, digest)),
        };
    }
}
