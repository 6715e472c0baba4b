using DeviceRegistry.Contracts.V1;
using Google.Protobuf;
using Grpc.Core;

namespace DeviceRegistry.System.Tests;

/// <summary>Members and rights change when a second person says so, and not before.</summary>
[CancelAfter(Patience.TestMs)]
public sealed class ChangesTests
{
    [Test]
    public async Task A_proposed_party_is_none_until_another_person_approves_it()
    {
        var name = NewName();
        var proposed = await Registry.Parties("regulator-a").PutPartyAsync(Party(name));
        var before = await FindAsync(name);

        var alone = await Registry.RefusalOfAsync(() => ApproveAsync("regulator-a", proposed.ChangeNumber));
        var approved = await ApproveAsync("regulator-b", proposed.ChangeNumber);
        var twice = await Registry.RefusalOfAsync(() => ApproveAsync("regulator-c", proposed.ChangeNumber));

        Assert.That((before, Registry.ReasonOf(alone), Registry.ReasonOf(twice)),
            Is.EqualTo(((PartyRecord?)null, "SECOND_PERSON_REQUIRED", "WRONG_STATE")));
        Assert.That((approved.Change.State, approved.Change.ProposedBy, approved.Change.DecidedBy),
            Is.EqualTo((ChangeState.InForce, "regulator-a", "regulator-b")));
        Assert.That((await FindAsync(name))?.PartyId, Is.EqualTo(approved.MemberId).And.Positive);
    }

    [Test]
    public async Task A_rejected_change_changes_nothing_for_ever()
    {
        var name = NewName();
        var proposed = await Registry.Parties("regulator-a").PutPartyAsync(Party(name));

        var rejected = await new ChangesService.ChangesServiceClient(
            Registry.Server.Channel("registrar", "regulator-b"))
            .RejectChangeAsync(new RejectChangeRequest { Reference = Registry.NewReference(),
                ChangeNumber = proposed.ChangeNumber });
        var late = await Registry.RefusalOfAsync(() => ApproveAsync("regulator-c", proposed.ChangeNumber));

        Assert.That((rejected.Change.State, rejected.Change.DecidedBy, Registry.ReasonOf(late)),
            Is.EqualTo((ChangeState.Rejected, "regulator-b", "WRONG_STATE")));
        Assert.That(await FindAsync(name), Is.Null);
    }

    [Test]
    public async Task A_change_may_be_taken_back_by_who_proposed_it()
    {
        var proposed = await Registry.Parties("regulator-a").PutPartyAsync(Party(NewName()));

        var taken = await new ChangesService.ChangesServiceClient(Registry.Server.Channel("registrar", "regulator-a"))
            .RejectChangeAsync(new RejectChangeRequest { Reference = Registry.NewReference(),
                ChangeNumber = proposed.ChangeNumber });

        Assert.That(taken.Change.State, Is.EqualTo(ChangeState.Rejected));
    }

    [Test]
    public async Task What_was_right_when_it_was_proposed_is_judged_again()
    {
        var key = ByteString.CopyFrom(global::System.Security.Cryptography.RandomNumberGenerator.GetBytes(32));
        PutActorRequest Person() => new() { Reference = Registry.NewReference(), Name = NewName(), Party = "opco-b",
            Kind = ActorKind.Person, State = MembershipState.Active, KeyDigest = key };
        var first = await Registry.Parties("regulator-a").PutActorAsync(Person());
        var second = await Registry.Parties("regulator-a").PutActorAsync(Person());

        await ApproveAsync("regulator-b", first.ChangeNumber);
        var refusal = await Registry.RefusalOfAsync(() => ApproveAsync("regulator-b", second.ChangeNumber));

        Assert.That(Registry.ReasonOf(refusal), Is.EqualTo("KEY_IN_USE"));
    }

    [Test]
    public async Task What_two_people_decided_is_not_undone_by_an_older_proposal()
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

        Assert.That((Registry.ReasonOf(stale), stale.Status.Detail),
            Is.EqualTo(("WRONG_STATE",
            $"Change {old.ChangeNumber} is out of date: {number} was changed by change {old.ChangeNumber + 1} since. " +
            $"Reject it, and propose it anew.")));
        Assert.That((Registry.ReasonOf(revoked), revoked.Status.Detail),
            Is.EqualTo(("WRONG_STATE",
            $"Authorization {number} is REVOKED, for ever. Register another under a number of its own.")));
    }

    [Test]
    public async Task The_same_proposal_by_another_person_is_other_content()
    {
        var request = Party(NewName());
        var first = await Registry.Parties("regulator-a").PutPartyAsync(request);

        var again = await Registry.Parties("regulator-a").PutPartyAsync(request);
        var other = await Registry.RefusalOfAsync(async () => await Registry.Parties("regulator-b")
            .PutPartyAsync(request));

        Assert.That((again, Registry.ReasonOf(other)), Is.EqualTo((first, "REFERENCE_REUSED")));
    }

    [Test]
    public async Task Of_two_who_approve_and_reject_at_once_one_has_the_say()
    {
        for (var round = 0; round < 5; round++)
        {
            var name = NewName();
            var proposed = await Registry.Parties("regulator-a").PutPartyAsync(Party(name));

            var decided = await Task.WhenAll(TriedAsync(() => ApproveAsync("regulator-b", proposed.ChangeNumber)),
                TriedAsync(async () =>
                await new ChangesService.ChangesServiceClient(Registry.Server.Channel("registrar", "regulator-c"))
                    .RejectChangeAsync(new RejectChangeRequest { Reference = Registry.NewReference(),
                        ChangeNumber = proposed.ChangeNumber })));

            Assert.That(decided.Count(d => d), Is.EqualTo(1));
            Assert.That(await FindAsync(name) is not null, Is.EqualTo(decided[0]));
        }
    }

    [Test]
    public async Task Changes_are_listed_newest_first_with_what_they_are_about()
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
    public async Task Rights_are_listed_as_they_are_today()
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
    public async Task Lists_go_on_after_their_last_row()
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
        new() { Reference = Registry.NewReference(), Name = name, Kind = PartyKind.Lender,
        State = MembershipState.Active };

    private static async Task<PartyRecord?> FindAsync(string name) =>
        (await Registry.Parties("auditor-a")
        .ListPartiesAsync(new ListPartiesRequest { PageSize = 1_000 })).Parties.FirstOrDefault(p => p.Name == name);

    private static async Task<ApproveChangeResponse> ApproveAsync(string who, ulong change) =>
        await new ChangesService.ChangesServiceClient(Registry.Server.Channel("registrar", who))
            .ApproveChangeAsync(new ApproveChangeRequest { Reference = Registry.NewReference(),
            ChangeNumber = change });

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
