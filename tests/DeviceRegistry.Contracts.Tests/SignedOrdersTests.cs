using System.Security.Cryptography;
using DeviceRegistry.Contracts.V1;
using DeviceRegistry.Core;
using Google.Protobuf;
using OrderClass = DeviceRegistry.Contracts.V1.OrderClass;
using PartyKind = DeviceRegistry.Contracts.V1.PartyKind;
using ActorKind = DeviceRegistry.Contracts.V1.ActorKind;

namespace DeviceRegistry.Contracts.Tests;

/// <summary>Journals that an attacker with the service's credential could write: entries without the signatures of two
/// people are reported.</summary>
public sealed class SignedOrdersTests
{
    private static readonly ECDsa[] Keys =
        [.. Enumerable.Range(0, 6).Select(_ => ECDsa.Create(ECCurve.NamedCurves.nistP256))];

    [Test]
    public void Every_step_of_an_order_by_people_with_the_right_is_verified()
    {
        var journal = new Journal();
        journal.Block(1, 1, 2);
        journal.Measure(2, 3, 4, against: 1);
        journal.Say(JournalKind.OrderStayed, 0, new OrderLifted { OrderNumber = 1, LiftingOrderNumber = 2 });
        journal.Measure(3, 3, 4, against: 1);
        journal.Say(JournalKind.OrderArmed, 0,
            new OrderArmed { OrderNumber = 1, OrderClass = OrderClass.C, ActionNumber = 3 });
        journal.ArmPairs(1, 3);
        journal.ArmPairs(1, 5);
        journal.Measure(4, 3, 4, against: 1);
        journal.Say(JournalKind.OrderLifted, 0, new OrderLifted { OrderNumber = 1, LiftingOrderNumber = 4 });

        Assert.That(journal.Faults, Is.Empty);
        Assert.That(journal.Orders.Signatures, Is.EqualTo(8));
    }

    [Test]
    public void An_order_that_supersedes_another_authorizes_its_end()
    {
        var journal = new Journal();
        journal.Block(1, 1, 2);
        journal.Draft(2, 3);
        journal.Approve(2, 4, against: 1);
        journal.Arm(2);
        journal.Say(JournalKind.OrderLifted, 0, new OrderLifted { OrderNumber = 1, LiftingOrderNumber = 2 });
        journal.Measure(3, 1, 2, against: 2);
        journal.Say(JournalKind.OrderLifted, 0, new OrderLifted { OrderNumber = 2, LiftingOrderNumber = 3 });

        Assert.That(journal.Faults, Is.Empty);
    }

    private static IEnumerable<TestCaseData> Forgeries()
    {
        TestCaseData Of(string name, string fault, Action<Journal> forge) =>
            new TestCaseData(forge, fault).SetArgDisplayNames(name);
        yield return Of("armed out of nothing", "nobody drafted order 1", j => j.Arm(1));
        yield return Of("armed without approval", "order 1 is armed and nobody approved it", j =>
        {
            j.Draft(1, 1);
            j.Arm(1);
        });
        yield return Of("draft without signature", "order 1: the draft is not signed", j =>
            j.Say(JournalKind.OrderDrafted, 1, new OrderStep { OrderNumber = 1, DraftDigest = Digest(1) }));
        yield return Of("draft with another's signature",
            "order 1: the draft is signed with a key that is not that of person 1 of the regulator", j =>
            j.Draft(1, 1, signer: 2));
        yield return Of("draft with a signature of another draft",
            "order 1: the draft carries a signature that does not match", j =>
            j.Say(JournalKind.OrderDrafted, 1,
                new OrderStep { OrderNumber = 1, DraftDigest = Digest(1), Signature = Sign(Digest(2).Span, 1) }));
        yield return Of("draft by a maker",
            "order 1: the draft is signed with a key that is not that of person 5 of the regulator", j =>
            j.Draft(1, 5));
        yield return Of("approval of another draft", "order 1: what was approved is not what was drafted", j =>
        {
            j.Draft(1, 1);
            j.Approve(1, 2, draft: 2);
        });
        yield return Of("approval by its drafter", "order 1: drafter and approver are one person", j =>
        {
            j.Draft(1, 1);
            j.Approve(1, 1);
        });
        yield return Of("approval replayed from another order",
            "order 2: the approval carries a signature that does not match", j =>
        {
            j.Draft(2, 1, draft: 1);
            j.Say(JournalKind.OrderApproved, 2,
                new OrderStep
                {
                    OrderNumber = 2, DraftDigest = Digest(1),
                    Signature = Sign(OrderSigning.ApprovalDigest(1, Digest(1).Span, 0), 2)
                });
        });
        yield return Of("approved twice", "order 1 was approved or ended before", j =>
        {
            j.Block(1, 1, 2);
            j.Approve(1, 3);
        });
        yield return Of("drafted twice", "order 1 was drafted before", j =>
        {
            j.Draft(1, 1);
            j.Draft(1, 1);
        });
        yield return Of("lifted by nothing", "order 1 is changed by order 9, which nobody drafted", j =>
        {
            j.Block(1, 1, 2);
            j.Say(JournalKind.OrderLifted, 0, new OrderLifted { OrderNumber = 1, LiftingOrderNumber = 9 });
        });
        yield return Of("lifted by a draft",
            "order 1 is changed by order 2, which nobody approved, or which was used before", j =>
        {
            j.Block(1, 1, 2);
            j.Draft(2, 3);
            j.Say(JournalKind.OrderLifted, 0, new OrderLifted { OrderNumber = 1, LiftingOrderNumber = 2 });
        });
        yield return Of("lifted by the lift of another", "order 1 is changed by order 3, which is not against it", j =>
        {
            j.Block(1, 1, 2);
            j.Block(2, 1, 2);
            j.Measure(3, 3, 4, against: 2);
            j.Say(JournalKind.OrderLifted, 0, new OrderLifted { OrderNumber = 1, LiftingOrderNumber = 3 });
        });
        yield return Of("a measure used twice",
            "order 1 is changed by order 2, which nobody approved, or which was used before", j =>
        {
            j.Block(1, 1, 2);
            j.Measure(2, 3, 4, against: 1);
            j.Say(JournalKind.OrderStayed, 0, new OrderLifted { OrderNumber = 1, LiftingOrderNumber = 2 });
            j.Say(JournalKind.OrderArmed, 0,
                new OrderArmed { OrderNumber = 1, OrderClass = OrderClass.C, ActionNumber = 2 });
        });
        yield return Of("lifted by its own approver",
            "order 1 is changed by order 2, whose approver drafted or approved it", j =>
        {
            j.Block(1, 1, 2);
            j.Measure(2, 3, 2, against: 1);
            j.Say(JournalKind.OrderLifted, 0, new OrderLifted { OrderNumber = 1, LiftingOrderNumber = 2 });
        });
        yield return Of("armed again after its end", "order 1 is armed again and no stay of it was vacated", j =>
        {
            j.Block(1, 1, 2);
            j.Measure(2, 3, 4, against: 1);
            j.Say(JournalKind.OrderLifted, 0, new OrderLifted { OrderNumber = 1, LiftingOrderNumber = 2 });
            j.Arm(1);
        });
        yield return Of("armed for subscribers later",
            "order 1 is armed for subscribers of operator 3 apart from its own arming", j =>
        {
            j.Block(1, 1, 2);
            j.Block(2, 1, 2);
            j.ArmPairs(1, 3);
        });
        yield return Of("armed for the same operator's subscribers twice",
            "order 1 is armed for subscribers of operator 3 apart from its own arming", j =>
        {
            j.Block(1, 1, 2);
            j.ArmPairs(1, 3);
            j.ArmPairs(1, 3);
        });
        yield return Of("armed for subscribers without approval",
            "order 1 is armed for subscribers of operator 3 apart from its own arming", j =>
        {
            j.Draft(1, 1);
            j.ArmPairs(1, 3);
        });
        yield return Of("withdrawn while it blocks",
            "order 1 is dropped and may block somebody: that takes a measure that two people signed", j =>
        {
            j.Block(1, 1, 2);
            j.Say(JournalKind.OrderWithdrawn, 1, new OrderStep { OrderNumber = 1 });
        });
        yield return Of("rejected while it blocks",
            "order 1 is dropped and may block somebody: that takes a measure that two people signed", j =>
        {
            j.Block(1, 1, 2);
            j.Say(JournalKind.OrderRejected, 3, new OrderStep { OrderNumber = 1 });
        });
        yield return Of("signed with a key replaced long ago",
            "order 1: the draft is signed with a key that is not that of person 1 of the regulator", j =>
        {
            j.Register(1, 1, ECDsa.Create(ECCurve.NamedCurves.nistP256));
            j.Pass(TimeSpan.FromMinutes(6));
            j.Draft(1, 1);
        });
        yield return Of("signed by one who was retired long ago",
            "order 1: the draft is signed with a key that is not that of person 1 of the regulator", j =>
        {
            j.Register(1, 1, Keys[1], MembershipState.Retired);
            j.Pass(TimeSpan.FromMinutes(6));
            j.Draft(1, 1);
        });
    }

    [TestCaseSource(nameof(Forgeries))]
    public void An_entry_without_the_signatures_of_two_people_is_reported(Action<Journal> forge, string fault)
    {
        var journal = new Journal();

        forge(journal);

        Assert.That(journal.Faults, Is.EqualTo(new[] { fault }));
    }

    [Test]
    public void An_order_that_is_not_armed_may_be_withdrawn_by_one_person()
    {
        var journal = new Journal();
        journal.Draft(1, 1);
        journal.Say(JournalKind.OrderWithdrawn, 1, new OrderStep { OrderNumber = 1 });
        journal.Draft(2, 1);
        journal.Approve(2, 2);
        journal.Say(JournalKind.OrderArmed, 2,
            new OrderArmed
            {
                OrderNumber = 2, OrderClass = OrderClass.C,
                EffectiveAt = new Google.Protobuf.WellKnownTypes.Timestamp { Seconds = 4_000_000_000 }
            });
        journal.Say(JournalKind.OrderWithdrawn, 3, new OrderStep { OrderNumber = 2 });

        Assert.That(journal.Faults, Is.Empty);
    }

    [Test]
    public void After_a_checkpoint_signatures_of_earlier_members_count_as_unattributed()
    {
        using var orders = new SignedOrders { BeginsLater = true };
        var digest = Digest(1);
        JournalEntry By(ulong person, Signature signature) => new()
        {
            Position = 9, AtUs = 1, Kind = (int)JournalKind.OrderDrafted, Actor = person,
            PublicBytes = new OrderStep
            {
                OrderNumber = person, DraftDigest = digest,
                Signature = signature
            }.ToByteString(),
        };

        Assert.That(orders.Take(By(1, Sign(digest.Span, 1))), Is.Empty);
        Assert.That(orders.Take(By(2, Sign(Digest(2).Span, 2))),
            Does.EndWith("carries a signature that does not match"));
        Assert.That(orders.Unattributed, Is.EqualTo(2));
    }

    [Test]
    public void A_signature_by_the_previous_key_of_a_person_is_not_reported()
    {
        var journal = new Journal();
        journal.Register(1, 1, ECDsa.Create(ECCurve.NamedCurves.nistP256));
        journal.Draft(1, 1);

        Assert.That(journal.Faults, Is.Empty);
    }

    private static ByteString Digest(int draft) => ByteString.CopyFrom(SHA256.HashData([(byte)draft]));

    private static Signature Sign(ReadOnlySpan<byte> digest, ulong person) =>
        Signing.Sign("order", digest, Keys[person]);

    /// <summary>A journal under construction, with four people of the regulator and a fifth person, of a
    /// manufacturer.</summary>
    public sealed class Journal
    {
        private ulong _position;
        private long _atUs = 1_000_000;

        public Journal()
        {
            Say(JournalKind.PartyChanged, 0,
                new PartyChanged { PartyId = 1, Kind = PartyKind.Regulator, State = MembershipState.Active });
            Say(JournalKind.PartyChanged, 0,
                new PartyChanged { PartyId = 2, Kind = PartyKind.Manufacturer, State = MembershipState.Active });
            for (var person = 1ul; person <= 5; person++) Register(person, person is 5 ? 2ul : 1, Keys[person]);
        }

        public SignedOrders Orders { get; } = new();

        public List<string> Faults { get; } = [];

        public void Pass(TimeSpan time) => _atUs += (long)time.TotalMicroseconds;

        public void Say(JournalKind kind, ulong actor, IMessage said)
        {
            var entry = new JournalEntry
            {
                Position = ++_position, AtUs = _atUs += 1_000, Kind = (int)kind,
                Actor = actor, PublicBytes = said.ToByteString()
            };
            if (Orders.Take(entry) is { Length: > 0 } fault) Faults.Add(fault);
        }

        public void Register(ulong person, ulong party, ECDsa key, MembershipState state = MembershipState.Active) =>
            Say(JournalKind.ActorChanged, 0, new ActorChanged
            {
                ActorId = person, PartyId = party, Kind = ActorKind.Person, State = state,
                KeyDigest = ByteString.CopyFrom(SHA256.HashData(key.ExportSubjectPublicKeyInfo())),
            });

        public void Draft(ulong order, ulong drafter, ulong? signer = null, int? draft = null)
        {
            var digest = Digest(draft ?? (int)order);
            Say(JournalKind.OrderDrafted, drafter,
                new OrderStep
                {
                    OrderNumber = order, DraftDigest = digest,
                    Signature = Sign(digest.Span, signer ?? drafter)
                });
        }

        public void Approve(ulong order, ulong approver, ulong against = 0, int? draft = null)
        {
            var digest = Digest(draft ?? (int)order);
            Say(JournalKind.OrderApproved, approver, new OrderStep
            {
                OrderNumber = order, DraftDigest = digest, TargetOrderNumber = against,
                Signature = Sign(OrderSigning.ApprovalDigest(order, digest.Span, against), approver),
            });
        }

        public void Arm(ulong order) =>
            Say(JournalKind.OrderArmed, 0, new OrderArmed { OrderNumber = order, OrderClass = OrderClass.C });

        public void ArmPairs(ulong order, ulong party) =>
            Say(JournalKind.OrderPairsArmed, 0,
            new OrderPairsArmed { OrderNumber = order, OperatorPartyId = party, KeyVersion = 1 });

        public void Block(ulong order, ulong drafter, ulong approver)
        {
            Draft(order, drafter);
            Approve(order, approver);
            Arm(order);
        }

        public void Measure(ulong order, ulong drafter, ulong approver, ulong against)
        {
            Draft(order, drafter);
            Approve(order, approver, against);
        }
    }
}
