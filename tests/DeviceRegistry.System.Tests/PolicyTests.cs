using DeviceRegistry.Contracts.V1;
using DeviceRegistry.TestKit;

namespace DeviceRegistry.System.Tests;

/// <summary>Tests that change the policy. It applies to every answer, so these tests have their own registry.</summary>
[CancelAfter(Patience.TestMs)]
public sealed class PolicyTests
{
    [Test]
    public async Task A_policy_approved_by_two_people_changes_the_nodes_answers()
    {
        await using var server = await RegistryProcess.StartAsync(Registry.NewFolder(), "--demo", "--database",
            Registry.ConnectionString(await Registry.Cluster.CloneAsync()));
        var before = await AskAsync(server);

        await PutInForceAsync(server, policy => policy.Operators[0].UnknownAnswer = UnknownAnswer.Black);
        var black = await AskAsync(server);
        await PutInForceAsync(server, policy => policy.Operators[0].Mode = EnforcementMode.Observe);
        var observed = await AskAsync(server);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(before.Verdict, Is.EqualTo(Verdict.Allow));
            Assert.That(before.PolicyVersion, Is.EqualTo(1ul));
            Assert.That(black.Verdict, Is.EqualTo(Verdict.Deny));
            Assert.That(black.PolicyVersion, Is.EqualTo(2ul));
            Assert.That(observed.Verdict, Is.EqualTo(Verdict.Allow));
            Assert.That(observed.EvaluatedVerdict, Is.EqualTo(Verdict.Deny));
            Assert.That(observed.Mode, Is.EqualTo(EnforcementMode.Observe));
        }
    }

    [Test]
    public async Task An_unknown_tac_is_invalid_only_with_a_complete_fresh_list()
    {
        await using var server = await RegistryProcess.StartAsync(Registry.NewFolder(), "--demo", "--database",
            Registry.ConnectionString(await Registry.Cluster.CloneAsync()));
        await PutInForceAsync(server, policy => policy.TacListComplete = true);
        var unknown = new CheckRequest { Imei = "55599999000001" };

        var without = await Attach(server).CheckAsync(unknown);
        var import = await Registry.ImportTacsAsync(server, Registry.GsmaList);
        await Registry.AppliedAsync(import.JournalPosition, Attach(server));
        var with = await Attach(server).CheckAsync(unknown);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(without.Row, Is.EqualTo("20"));
            Assert.That(without.Verdict, Is.EqualTo(Verdict.Track));
            Assert.That(with.Row, Is.EqualTo("11c"));
            Assert.That(with.Verdict, Is.EqualTo(Verdict.Deny));
            Assert.That(with.Reason, Is.EqualTo(CheckReason.TacInvalid));
        }
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
            .ApprovePolicyAsync(new ApprovePolicyRequest
            {
                Reference = Registry.NewReference(),
                Version = proposed.Version
            });
        await Registry.AppliedAsync(approved.JournalPosition, Attach(server));
    }
}
