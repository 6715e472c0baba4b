namespace DeviceRegistry.Core.Tests.Membership;

/// <summary>Certificate → person or node → party, and what each change does to it.</summary>
public sealed class MemberDirectoryTests
{
    private const string FirstKey = "AA01";
    private const string SecondKey = "AA02";

    private static readonly Party Jazz = new(7, PartyKind.Operator, Active: true, ["41001", "41007"]);
    private static readonly Actor Core = new(70, 7, ActorKind.Node, Active: true, FirstKey, []);

    [Test]
    public void The_key_of_an_active_actor_of_an_active_party_is_authorized()
    {
        Assert.That(With(Jazz, Core).Find(FirstKey, out _), Is.EqualTo(KeyStatus.Valid));
    }

    [Test]
    public void A_caller_has_the_actor_and_the_party_of_its_key()
    {
        With(Jazz, Core).Find(FirstKey, out var caller);

        Assert.That(caller, Is.EqualTo(new Caller(70, ActorKind.Node, 7, PartyKind.Operator)));
    }

    [Test]
    public void A_key_that_is_not_registered_is_unknown()
    {
        Assert.That(With(Jazz, Core).Find("FFFF", out _), Is.EqualTo(KeyStatus.Unknown));
    }

    [Test]
    public void A_key_that_is_not_authorized_has_no_caller()
    {
        With(Jazz, Core with { Active = false }).Find(FirstKey, out var caller);

        Assert.That(caller, Is.Null);
    }

    [Test]
    public void In_an_empty_directory_every_key_is_unknown()
    {
        Assert.That(new MemberDirectory().Find(FirstKey, out _), Is.EqualTo(KeyStatus.Unknown));
    }

    [Test]
    public void An_empty_key_is_never_a_member()
    {
        Assert.That(With(Jazz, Core with { Key = "" }).Find("", out _), Is.EqualTo(KeyStatus.Unknown));
    }

    [Test]
    public void After_a_key_change_the_old_key_is_revoked()
    {
        var members = With(Jazz, Core);

        members.Put(Core with { Key = SecondKey, RevokedKeys = [FirstKey] });

        Assert.That(members.Find(FirstKey, out _), Is.EqualTo(KeyStatus.Revoked));
    }

    [Test]
    public void After_a_key_change_the_new_key_is_authorized()
    {
        var members = With(Jazz, Core);

        members.Put(Core with { Key = SecondKey, RevokedKeys = [FirstKey] });

        Assert.That(members.Find(SecondKey, out _), Is.EqualTo(KeyStatus.Valid));
    }

    [Test]
    public void The_key_of_a_retired_actor_is_revoked()
    {
        var members = With(Jazz, Core);

        members.Put(Core with { Active = false });

        Assert.That(members.Find(FirstKey, out _), Is.EqualTo(KeyStatus.Revoked));
    }

    [Test]
    public void The_keys_of_a_retired_party_are_revoked()
    {
        var members = With(Jazz, Core);

        members.Put(Jazz with { Active = false });

        Assert.That(members.Find(FirstKey, out _), Is.EqualTo(KeyStatus.Revoked));
    }

    [Test]
    public void The_keys_of_a_reactivated_party_are_authorized()
    {
        var members = With(Jazz with { Active = false }, Core);

        members.Put(Jazz);

        Assert.That(members.Find(FirstKey, out _), Is.EqualTo(KeyStatus.Valid));
    }

    [Test]
    public void The_key_of_an_actor_without_its_party_is_not_authorized()
    {
        var members = new MemberDirectory();

        members.Put(Core);

        Assert.That(members.Find(FirstKey, out _), Is.EqualTo(KeyStatus.Revoked));
    }

    [Test]
    public void A_change_of_one_actor_leaves_the_others_unchanged()
    {
        var members = With(Jazz, Core);

        members.Put(new Actor(71, 7, ActorKind.Person, Active: false, SecondKey, []));

        Assert.That(members.Find(FirstKey, out _), Is.EqualTo(KeyStatus.Valid));
    }

    [Test]
    public void A_reset_removes_every_member_that_it_does_not_contain()
    {
        var members = With(Jazz, Core);

        members.Reset([Jazz], []);

        Assert.That(members.Find(FirstKey, out _), Is.EqualTo(KeyStatus.Unknown));
    }

    [Test]
    public void The_version_increases_with_a_party()
    {
        var members = With(Jazz, Core);
        var before = members.Version;

        members.Put(Jazz);

        Assert.That(members.Version, Is.GreaterThan(before));
    }

    [Test]
    public void The_version_increases_with_an_actor()
    {
        var members = With(Jazz, Core);
        var before = members.Version;

        members.Put(Core);

        Assert.That(members.Version, Is.GreaterThan(before));
    }

    [Test]
    public void The_version_increases_with_a_reset()
    {
        var members = With(Jazz, Core);
        var before = members.Version;

        members.Reset([Jazz], [Core]);

        Assert.That(members.Version, Is.GreaterThan(before));
    }

    [Test]
    public void The_directory_has_the_network_codes_of_every_operator()
    {
        var members = With(Jazz, Core);

        members.Put(new Party(8, PartyKind.Operator, Active: true, ["41006"]));

        Assert.That(members.Plmns, Is.EquivalentTo(new[] { "41001", "41006", "41007" }));
    }

    [Test]
    public void The_codes_of_a_party_that_is_not_an_operator_are_ignored()
    {
        var members = With(Jazz with { Kind = PartyKind.Lender }, Core);

        Assert.That(members.Plmns, Is.Empty);
    }

    [Test]
    public void A_party_that_changes_its_codes_keeps_none_of_the_old_ones()
    {
        var members = With(Jazz, Core);

        members.Put(Jazz with { Plmns = ["41009"] });

        Assert.That(members.Plmns, Is.EqualTo(new[] { "41009" }));
    }

    private static MemberDirectory With(Party party, Actor actor)
    {
        var members = new MemberDirectory();
        members.Reset([party], [actor]);
        return members;
    }
}
