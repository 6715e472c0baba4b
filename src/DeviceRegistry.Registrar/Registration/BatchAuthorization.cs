using DeviceRegistry.Core;
using DeviceRegistry.Postgres.Schema;
using Microsoft.EntityFrameworkCore;
using AuthorizationKind = DeviceRegistry.Postgres.Schema.AuthorizationKind;
using AuthorizationState = DeviceRegistry.Postgres.Schema.AuthorizationState;

namespace DeviceRegistry.Registrar.Registration;

/// <summary>Checks that a party may register a batch: when the batch is opened, to avoid a useless upload, and again
/// when it is registered.</summary>
internal static class BatchAuthorization
{
    /// <summary>Requires an authorization that is in force on the production date and has enough quota left for the
    /// units. With <paramref name="alone"/>, locks the authorization so that no other batch is registered under it
    /// until this transaction ends.</summary>
    public static async Task RequireAsync(RegistryContext db, BatchRow batch, int units, bool alone,
        CancellationToken ct)
    {
        var number = batch.AuthorizationNumber;
        if (alone) await db.Database.ExecuteSqlAsync($"SELECT 1 FROM authorizations WHERE number = {number} FOR UPDATE",
            ct);
        var right = await db.Authorizations.AsNoTracking()
            .SingleOrDefaultAsync(a => a.Number == number && a.PartyId == batch.PartyId, ct)
            ?? throw new RegistryException(RegistryError.AuthorizationNotFound,
                $"You hold no authorization {Inputs.Quote(number)}. Nothing was registered.", "authorization",
                "the number of an authorization of yours");
        if (ReasonNotUsable(right, batch) is { } why)
            throw new RegistryException(RegistryError.AuthorizationNotInForce,
                $"Authorization {number} {why}. Nothing was registered.", "authorization",
                "an authorization in force on the production date");

        if (right.QuotaUnits is 0) return;
        var used = await db.Batches.Where(b => b.AuthorizationNumber == number && b.State >= BatchState.Valid)
            .SumAsync(b => (long)b.Units, ct);
        if (used + units > right.QuotaUnits)
            throw new RegistryException(RegistryError.QuotaExceeded,
                $"Authorization {number} is for {right.QuotaUnits} units, of which {used} are registered; {units} " +
                $"more would be too many. Nothing was registered.",
                "authorization", $"an authorization with room for {units} units");
    }

    private static string? ReasonNotUsable(AuthorizationRow right, BatchRow batch)
    {
        var kind = batch.Origin is Origin.LocalAssembly ? AuthorizationKind.Manufacturing : AuthorizationKind.Import;
        return right switch
        {
            _ when right.Kind != kind =>
                $"is not for {(kind is AuthorizationKind.Manufacturing ? "manufacturing" : "import")}",
            { State: AuthorizationState.Suspended } => "is suspended",
            { State: AuthorizationState.Revoked } => "is revoked",
            _ when batch.ProducedOn < right.ValidFrom || batch.ProducedOn > right.ValidUntil =>
                $"was in force from {right.ValidFrom:yyyy-MM-dd} to {right.ValidUntil:yyyy-MM-dd}, not on " +
                    $"{batch.ProducedOn:yyyy-MM-dd}",
            _ => null,
        };
    }
}
