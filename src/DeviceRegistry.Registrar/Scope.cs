using DeviceRegistry.Core;

namespace DeviceRegistry.Registrar;

/// <summary>Whose rows a caller may see: the regulator and auditors everybody's, others their own.</summary>
internal static class Scope
{
    /// <summary>Whether the caller sees everybody's.</summary>
    public static bool IsWhole(Caller caller) => caller.PartyKind is PartyKind.Regulator or PartyKind.Auditor;

    /// <summary>The party whose rows alone the caller may see, if it is bound to one, and the name of the party asked
    /// for, which counts only for who sees everybody's.</summary>
    public static (long? Own, string OfParty) Of(Caller caller, string party) =>
        IsWhole(caller) ? (null, Inputs.NameOrNone("party", party)) : ((long)caller.PartyId, "");
}
