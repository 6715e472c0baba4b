using DeviceRegistry.Contracts.V1;
using Grpc.Core;

namespace DeviceRegistry.TestKit;

/// <summary>Changes of members and rights by two people.</summary>
public static class Members
{
    private static int _references;

    /// <summary>A change proposed by the first person and approved by the second. It is in force afterwards.</summary>
    public static async Task<ApproveChangeResponse> ChangeAsync(CallInvoker first, CallInvoker second, Change change)
    {
        var reference = $"change-{Guid.NewGuid():N}-{Interlocked.Increment(ref _references)}";
        var number = await ProposeAsync(new PartiesService.PartiesServiceClient(first), change, reference);
        return await new ChangesService.ChangesServiceClient(second)
            .ApproveChangeAsync(new ApproveChangeRequest { Reference = $"{reference}-ok", ChangeNumber = number });
    }

    private static async Task<ulong> ProposeAsync(PartiesService.PartiesServiceClient parties, Change change,
        string reference)
    {
        switch (change.SubjectCase)
        {
            case Change.SubjectOneofCase.Party:
                change.Party.Reference = reference;
                return (await parties.PutPartyAsync(change.Party)).ChangeNumber;
            case Change.SubjectOneofCase.Actor:
                change.Actor.Reference = reference;
                return (await parties.PutActorAsync(change.Actor)).ChangeNumber;
            case Change.SubjectOneofCase.Authorization:
                change.Authorization.Reference = reference;
                return (await parties.PutAuthorizationAsync(change.Authorization)).ChangeNumber;
            case Change.SubjectOneofCase.TacMandate:
                change.TacMandate.Reference = reference;
                return (await parties.PutTacMandateAsync(change.TacMandate)).ChangeNumber;
            default:
                throw new ArgumentException($"{change.SubjectCase} is proposed elsewhere.", nameof(change));
        }
    }
}
