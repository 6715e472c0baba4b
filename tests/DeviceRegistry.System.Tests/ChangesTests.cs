using DeviceRegistry.Contracts.V1;
using Google.Protobuf;
using Grpc.Core;

namespace DeviceRegistry.System.Tests;

/// <summary>Members and rights change only after a second person approves.</summary>
[CancelAfter(Patience.TestMs)]
public sealed class ChangesTests
{
    [Test]
    public async Task A_proposed_party_does_not_exist_until_a_second_person_approves()
    {
        var name = NewName();
        var proposed = await Registry.Parties("regulator-a").PutPartyAsync(Party(name));
        var before = await FindAsync(name);

        var alone = await Registry.RefusalOfAsync(() => ApproveAsync("regulator-a", proposed.ChangeNumber));
        var approved = await ApproveAsync("regulator-b", proposed.ChangeNumber);
        var twice = await Registry.RefusalOfAsync(() => ApproveAsync("regulator-c", proposed.ChangeNumber));

        using (Assert.EnterMultipleScope())
        {
            Assert.That(before, Is.Null);
            Assert.That(Registry.ReasonOf(alone), Is.EqualTo("SECOND_PERSON_REQUIRED"));
            Assert.That(Registry.ReasonOf(twice), Is.EqualTo("WRONG_STATE"));
            Assert.That(approved.Change.State, Is.EqualTo(ChangeState.InForce));
            Assert.That(approved.Change.ProposedBy, Is.EqualTo("regulator-a"));
            Assert.That(approved.Change.DecidedBy, Is.EqualTo("regulator-b"));
        }

        Assert.That((await FindAsync(name))?.PartyId, Is.EqualTo(approved.MemberId).And.Positive);
    }

    [Test]
    public async Task A_rejected_change_cannot_be_approved()
    {
        var name = NewName();
        var proposed = await Registry.Parties("regulator-a").PutPartyAsync(Party(name));

        var rejected = await new ChangesService.ChangesServiceClient(
            Registry.Server.Channel("registrar", "regulator-b"))
            .RejectChangeAsync(new RejectChangeRequest
            {
                Reference = Registry.NewReference(),
                ChangeNumber = proposed.ChangeNumber
            });
        var late = await Registry.RefusalOfAsync(() => ApproveAsync("regulator-c", proposed.ChangeNumber));

        using (Assert.EnterMultipleScope())
        {
            Assert.That(rejected.Change.State, Is.EqualTo(ChangeState.Rejected));
            Assert.That(rejected.Change.DecidedBy, Is.EqualTo("regulator-b"));
            Assert.That(Registry.ReasonOf(late), Is.EqualTo("WRONG_STATE"));
        }

        Assert.That(await FindAsync(name), Is.Null);
    }

    [Test]
    public async Task The_proposer_can_withdraw_a_change()
    {
        var proposed = await Registry.Parties("regulator-a").PutPartyAsync(Party(NewName()));

        var taken = await new ChangesService.ChangesServiceClient(Registry.Server.Channel("registrar", "regulator-a"))
            .RejectChangeAsync(new RejectChangeRequest
            {
                Reference = Registry.NewReference(),
                ChangeNumber = proposed.ChangeNumber
            });

        Assert.That(taken.Change.State, Is.EqualTo(ChangeState.Rejected));
    }

    [Test]
    public async Task A_change_is_validated_again_at_its_approval()
    {
        var key = ByteString.CopyFrom(global::System.Security.Cryptography.RandomNumberGenerator.GetBytes(32));
        PutActorRequest Person() => new()
        {
            Reference = Registry.NewReference(), Name = NewName(), Party = "opco-b",
            Kind = ActorKind.Person, State = MembershipState.Active, KeyDigest = key
        };
        var first = await Registry.Parties("regulator-a").PutActorAsync(Person());
        var second = await Registry.Parties("regulator-a").PutActorAsync(Person());

        await ApproveAsync("regulator-b", first.ChangeNumber);
        var refusal = await Registry.RefusalOfAsync(() => ApproveAsync("regulator-b", second.ChangeNumber));

        Assert.That(Registry.ReasonOf(refusal), Is.EqualTo("KEY_IN_USE"));
    }

    [Test]
    public async Task An_older_proposal_cannot_replace_a_newer_approved_change()
    {
        var number = Registry.NewReference();
        Change Right(AuthorizationState state) => new()
        {
            Authorization = new PutAuthorizationRequest
            {
                Reference = Registry.NewReference(), Number = number, Party = "maker-b-mobiles",
                Kind = AuthorizationKind.Manufacturing, State = state, ValidFrom = "2021-01-01",
                ValidUntil = "2030-12-31", LegalBasis = "law",
            },
        };
        await Registry.ChangeAsync(Right(AuthorizationState.Active));
        var old = await Registry.Parties("regulator-a")
            .PutAuthorizationAsync(Right(AuthorizationState.Active).Authorization);
        await Registry.ChangeAsync(Right(AuthorizationState.Suspended));

        var stale = await Registry.RefusalOfAsync(() => ApproveAsync("regulator-b", old.ChangeNumber));
        await Registry.ChangeAsync(Right(AuthorizationState.Revoked));
        var revoked = await Registry.RefusalOfAsync(async () => await Registry.Parties("regulator-a")
            .PutAuthorizationAsync(Right(AuthorizationState.Active).Authorization));

        using (Assert.EnterMultipleScope())
        {
            Assert.That(Registry.ReasonOf(stale), Is.EqualTo("WRONG_STATE"));
            Assert.That(stale.Status.Detail,
                Is.EqualTo(
                $"Change {old.ChangeNumber} is out of date: {number} was changed by change {old.ChangeNumber + 1} " +
                "since. Reject it, and propose it anew."));
            Assert.That(Registry.ReasonOf(revoked), Is.EqualTo("WRONG_STATE"));
            Assert.That(revoked.Status.Detail,
                Is.EqualTo(
                $"Authorization {number} is REVOKED, for ever. Register another under a number of its own."));
        }
    }

    [Test]
    public async Task The_same_reference_by_another_person_is_refused()
    {
        var request = Party(NewName());
        var first = await Registry.Parties("regulator-a").PutPartyAsync(request);

        var again = await Registry.Parties("regulator-a").PutPartyAsync(request);
        var other = await Registry.RefusalOfAsync(async () => await Registry.Parties("regulator-b")
            .PutPartyAsync(request));

        using (Assert.EnterMultipleScope())
        {
            Assert.That(again, Is.EqualTo(first));
            Assert.That(Registry.ReasonOf(other), Is.EqualTo("REFERENCE_REUSED"));
        }
    }

    [Test]
    public async Task Of_a_concurrent_approval_and_rejection_one_succeeds()
    {
        for (var round = 0; round < 5; round++)
        {
            var name = NewName();
            var proposed = await Registry.Parties("regulator-a").PutPartyAsync(Party(name));

            var decided = await Task.WhenAll(TriedAsync(() => ApproveAsync("regulator-b", proposed.ChangeNumber)),
                TriedAsync(async () =>
                await new ChangesService.ChangesServiceClient(Registry.Server.Channel("registrar", "regulator-c"))
                    .RejectChangeAsync(new RejectChangeRequest
                    {
                        Reference = Registry.NewReference(),
                        ChangeNumber = proposed.ChangeNumber
                    })));

            Assert.That(decided.Count(d => d), Is.EqualTo(1));
            Assert.That(await FindAsync(name) is not null, Is.EqualTo(decided[0]));
        }
    }

    [Test]
    public async Task Changes_are_listed_newest_first_with_their_subject()
    {
        var name = NewName();
        var proposed = await Registry.Parties("regulator-a").PutPartyAsync(Party(name));

        var listed = await new ChangesService.ChangesServiceClient(Registry.Server.Channel("registrar", "auditor-a"))
            .ListChangesAsync(new ListChangesRequest { State = ChangeState.Proposed, PageSize = 1_000 });

        Assert.That(listed.Changes.Single(c => c.ChangeNumber == proposed.ChangeNumber).Change.Party.Name,
            Is.EqualTo(name));
        Assert.That(listed.Changes.Select(c => c.ChangeNumber), Is.Ordered.Descending);
    }

    [Test]
    public async Task Rights_are_listed_with_their_state_of_today()
    {
        var number = Registry.NewReference();
        await Registry.ChangeAsync(new Change
        {
            Authorization = new PutAuthorizationRequest
            {
                Number = number, Party = "maker-b-mobiles", Kind = AuthorizationKind.Manufacturing,
                State = AuthorizationState.Active, ValidFrom = "2019-01-01", ValidUntil = "2020-12-31",
                LegalBasis = "law",
            },
        });
        await Registry.ChangeAsync(new Change
        {
            TacMandate = new PutTacMandateRequest
            {
                Party = "maker-b-mobiles", Tacs = { "35290699" }, BrandOwner = "Star", ValidFrom = "2021-01-01",
                ValidUntil = "2030-12-31", DocumentHash = ByteString.CopyFrom(new byte[32]),
            },
        });

        var own = await Registry.Parties("maker-b")
            .ListAuthorizationsAsync(new ListAuthorizationsRequest { PageSize = 1_000 });
        var foreign = await Registry.Parties("maker-a")
            .ListAuthorizationsAsync(new ListAuthorizationsRequest { Party = "maker-b-mobiles", PageSize = 1_000 });
        var mandates = await Registry.Parties("auditor-a")
            .ListTacMandatesAsync(new ListTacMandatesRequest { Party = "maker-b-mobiles" });
        var people = await Registry.Parties("auditor-a")
            .ListActorsAsync(new ListActorsRequest { Party = "pta", Kind = ActorKind.Person, PageSize = 1_000 });

        Assert.That(own.Authorizations.Single(a => a.Number == number).State, Is.EqualTo(AuthorizationState.Expired));
        Assert.That(foreign.Authorizations.Select(a => a.Party), Is.All.EqualTo("maker-a-mobiles"));
        Assert.That(mandates.Mandates.Select(m => (m.Tac, m.BrandOwner, m.TacHolder)),
            Does.Contain(("35290699", "Star", "Star")));
        Assert.That(people.Actors.Select(a => a.Name),
            Is.SupersetOf(["regulator-a", "regulator-b", "regulator-c", "regulator-d"]));
    }

    [Test]
    public async Task The_pages_of_a_list_join_into_the_whole_list()
    {
        var all = await Registry.Parties("auditor-a").ListPartiesAsync(new ListPartiesRequest { PageSize = 1_000 });

        var paged = new List<string>();
        for (var page = await PageAsync(""); ; page = await PageAsync(paged[^1]))
        {
            paged.AddRange(page.Parties.Select(p => p.Name));
            if (!page.More) break;
        }

        Assert.That(paged, Is.EqualTo(all.Parties.Select(p => p.Name)).And.Unique);
        async Task<ListPartiesResponse> PageAsync(string after) => await Registry.Parties("auditor-a")
            .ListPartiesAsync(new ListPartiesRequest { AfterName = after, PageSize = 3 });
    }

    private static string NewName() => $"n-{Guid.NewGuid():N}"[..20];

    private static PutPartyRequest Party(string name) =>
        new()
        {
            Reference = Registry.NewReference(), Name = name, Kind = PartyKind.Lender,
            State = MembershipState.Active
        };

    private static async Task<PartyRecord?> FindAsync(string name) =>
        (await Registry.Parties("auditor-a")
        .ListPartiesAsync(new ListPartiesRequest { PageSize = 1_000 })).Parties.FirstOrDefault(p => p.Name == name);

    private static async Task<ApproveChangeResponse> ApproveAsync(string who, ulong change) =>
        await new ChangesService.ChangesServiceClient(Registry.Server.Channel("registrar", who))
            .ApproveChangeAsync(new ApproveChangeRequest
            {
                Reference = Registry.NewReference(),
                ChangeNumber = change
            });

    private static async Task<bool> TriedAsync(Func<Task> call)
    {
        try
        {
            await call();
            return true;
        }
        catch (RpcException refusal) when (Registry.ReasonOf(refusal) is "WRONG_STATE")
        {
            return false;
        }
    }
}
