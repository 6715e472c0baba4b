using DeviceRegistry.Contracts.V1;
using DeviceRegistry.TestKit;

namespace DeviceRegistry.System.Tests.Registration;

/// <summary>Policy parameters for batches. A separate registry, because the policy applies to a whole
/// registry.</summary>
[CancelAfter(Patience.TestMs)]
public sealed class PolicyCertificationTests
{
    [Test]
    public async Task Policy_certification_excludes_quarantined_units()
    {
        await using var server = await RegistryProcess.StartAsync(Registry.NewFolder(), "--demo", "--database",
            Registry.ConnectionString(await Registry.Cluster.CloneAsync()));
        await Registry.ImportTacsAsync(server, Registry.GsmaList
            + "\n35290611|Maker A Mobiles|Nova 4G|LTE B3|01-Nov-2025|Smartphone|Nova|2\n");
        var policies = new PolicyService.PolicyServiceClient(server.Channel("registrar", "regulator-a"));
        var policy = (await policies.GetPolicyAsync(new GetPolicyRequest())).Policy;
        policy.AutoCertified.Add(new PartyRef { Party = "maker-a-mobiles" });
        policy.DeviceMaxImeis = 2;
        var proposed = await policies.ProposePolicyAsync(
            new ProposePolicyRequest { Reference = Registry.NewReference(), Policy = policy });
        await new PolicyService.PolicyServiceClient(server.Channel("registrar", "regulator-b"))
            .ApprovePolicyAsync(new ApprovePolicyRequest
            {
                Reference = Registry.NewReference(),
                Version = proposed.Version
            });
        var reads = new RegistryService.RegistryServiceClient(server.Channel("registrar", "maker-a"));

        // 1. The batch is certified by policy when it is registered, without a person; its manufacturer may release it.
        var good = (await Registry.RegisterAsync(Registry.Header(), TestImei.DualSim(2).File,
            server: server)).Receipt!.BatchNumber;
        var certified = (await reads.GetBatchAsync(new GetBatchRequest { BatchNumber = good })).Batch;
        var released = await Registry.Registration("maker-a", server)
            .ReleaseBatchAsync(new ReleaseBatchRequest { Reference = Registry.NewReference(), BatchNumber = good });
        using (Assert.EnterMultipleScope())
        {
            Assert.That(certified.State, Is.EqualTo(BatchState.Certified));
            Assert.That(released.Units, Is.EqualTo(2u));
        }

        // 2. A batch with a unit that a network has seen is certified by people only.
        var (file, units) = TestImei.DualSim(2);
        await new AttachService.AttachServiceClient(server.Channel("attach", "core-a1"))
            .CheckAsync(new CheckRequest { Imei = units[0].First.Digits });
        await Registry.UntilAsync(async _ => (await DryRunAsync(server, file)).DryRun?.QuarantinedUnits is 1);
        var suspect = (await Registry.RegisterAsync(Registry.Header(), file, server: server)).Receipt!;
        using (Assert.EnterMultipleScope())
        {
            Assert.That((await reads.GetBatchAsync(
                new GetBatchRequest { BatchNumber = suspect.BatchNumber })).Batch.State, Is.EqualTo(BatchState.Valid));
            Assert.That(suspect.QuarantinedUnits, Is.EqualTo(1u));
        }

        // 3. Three IMEIs exceed the maximum of two in this policy, whatever the TAC list says.
        var three =
            $"serial_number,imei_1,imei_2,imei_3\nP-1,{TestImei.Next().Digits},{TestImei.Next().Digits},"
            + $"{TestImei.Next().Digits}\n";
        var (_, faults, _) = await Registry.RegisterAsync(Registry.Header(),
            global::System.Text.Encoding.ASCII.GetBytes(three), server: server);
        Assert.That(faults.Select(f => (f.Reason, f.Expected)),
            Is.EqualTo([("IMEI_COUNT_MISMATCH", "at most 2 IMEIs of one unit; found 3")]));
    }

    private static Task<BatchEnd> DryRunAsync(RegistryProcess server, byte[] file)
    {
        var header = Registry.Header();
        header.DryRun = true;
        return Batches.RegisterAsync(server.Channel("registrar", "maker-a").CreateCallInvoker(), header, file);
    }
}
