using DeviceRegistry.Contracts.V1;
using DeviceRegistry.TestKit;

namespace DeviceRegistry.System.Tests;

/// <summary>Policy changes what everyone is answered, so this registry is of these tests alone.</summary>
[CancelAfter(Patience.TestMs)]
public sealed class PolicyTests
{
    [Test]
    public async Task A_policy_two_people_put_in_force_changes_the_answers_of_the_node()
    {
        await using var server = await RegistryProcess.StartAsync(Registry.NewFolder(), "--demo", "--database",
            Registry.ConnectionString(await Registry.Cluster.CloneAsync()));
        var before = await AskAsync(server);

        await PutInForceAsync(server, policy => policy.Operators[0].UnknownAnswer = UnknownAnswer.Black);
        var black = await AskAsync(server);
        await PutInForceAsync(server, policy => policy.Operators[0].Mode = EnforcementMode.Observe);
        var observed = await AskAsync(server);

        Assert.That((before.Verdict, before.PolicyVersion), Is.EqualTo((Verdict.Allow, 1ul)));
        Assert.That((black.Verdict, black.PolicyVersion), Is.EqualTo((Verdict.Deny, 2ul)));
        Assert.That((observed.Verdict, observed.EvaluatedVerdict, observed.Mode),
            Is.EqualTo((Verdict.Allow, Verdict.Deny, EnforcementMode.Observe)));
    }

    [Test]
    public async Task A_complete_fresh_list_makes_an_unknown_tac_invalid_and_no_list_denies_nobody()
    {
        await using var server = await RegistryProcess.StartAsync(Registry.NewFolder(), "--demo", "--database",
            Registry.ConnectionString(await Registry.Cluster.CloneAsync()));
        await PutInForceAsync(server, policy => policy.TacListComplete = true);
        var unknown = new CheckRequest { Imei = "55599999000001" };

        var without = await Attach(server).CheckAsync(unknown);
        var import = await Registry.ImportTacsAsync(server, Registry.GsmaList);
        await Registry.AppliedAsync(import.JournalPosition, Attach(server));
        var with = await Attach(server).CheckAsync(unknown);

        Assert.That((without.Row, without.Verdict), Is.EqualTo(("20", Verdict.Track)));
        Assert.That((with.Row, with.Verdict, with.Reason), Is.EqualTo(("11c", Verdict.Deny, CheckReason.TacInvalid)));
    }

    [Test]
    public async Task The_proposer_cannot_approve()
    {
        var policies = new PolicyService.PolicyServiceClient(Registry.Server.Channel("registrar", "regulator-a"));
        var current = await policies.GetPolicyAsync(new GetPolicyRequest());
        var proposed = await policies.ProposePolicyAsync(
            new ProposePolicyRequest { Reference = Registry.NewReference(), Policy = current.Policy });

        var refusal = await Registry.RefusalOfAsync(async () =>
            await policies.ApprovePolicyAsync(
            new ApprovePolicyRequest { Reference = Registry.NewReference(), Version = proposed.Version }));

        Assert.That(Registry.ReasonOf(refusal), Is.EqualTo("SECOND_PERSON_REQUIRED"));
    }

    private static AttachService.AttachServiceClient Attach(RegistryProcess server) =>
        new(server.Channel("attach", "operator-a"));

    private static async Task<CheckResponse> AskAsync(RegistryProcess server) =>
        await Attach(server).CheckAsync(new CheckRequest { Imei = "mac-00-11-22-33-44-55" });

    private static async Task PutInForceAsync(RegistryProcess server, Action<Policy> change)
    {
        var first = new PolicyService.PolicyServiceClient(server.Channel("registrar", "regulator-a"));
        var policy = (await first.GetPolicyAsync(new GetPolicyRequest())).Policy;
        change(policy);
        var proposed = await first.ProposePolicyAsync(
            new ProposePolicyRequest { Reference = Registry.NewReference(), Policy = policy });
        var approved = await new PolicyService.PolicyServiceClient(server.Channel("registrar", "regulator-b"))
            .ApprovePolicyAsync(new ApprovePolicyRequest { Reference = Registry.NewReference(),
                Version = proposed.Version });
        await Registry.AppliedAsync(approved.JournalPosition, Attach(server));
    }
}
