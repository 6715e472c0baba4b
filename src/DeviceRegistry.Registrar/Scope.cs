using DeviceRegistry.Core;

namespace DeviceRegistry.Registrar;

/// <summary>Row visibility: the regulator and auditors see the rows of every party, other callers only those of their
/// own party.</summary>
internal static class Scope
{
    /// <summary>Whether the caller sees the rows of every party.</summary>
    public static bool SeesAll(Caller caller) => caller.PartyKind is PartyKind.Regulator or PartyKind.Auditor;

    /// <summary>Returns the party to which the caller is restricted (null: none), and the name of the requested party,
    /// which is used only if the caller is not restricted.</summary>
    public static (long? Own, string OfParty) Of(Caller caller, string party) =>
        SeesAll(caller) ? (null, Inputs.NameOrNone("party", party)) : ((long)caller.PartyId, "");
}
