using DeviceRegistry.Contracts.V1;
using DeviceRegistry.Core;
using DeviceRegistry.Postgres.Journal;
using DeviceRegistry.Postgres.Schema;
using DeviceRegistry.Registrar.Registration;
using Microsoft.EntityFrameworkCore;
using UnitState = DeviceRegistry.Core.UnitState;

namespace DeviceRegistry.Registrar.Parties.Changes;

/// <summary>Releases units from quarantine.</summary>
internal sealed class QuarantineChange : ProposedChange
{
    private readonly ClearQuarantineRequest _request;
    private readonly UnitSelector? _units;

    public QuarantineChange(ClearQuarantineRequest request)
    {
        _request = request;
        _units = UnitSelector.From(request.Units);
        Inputs.Printable("reason", request.Reason, 500);
    }

    /// <inheritdoc/>
    public override ChangeKind Kind => ChangeKind.Quarantine;

    /// <inheritdoc/>
    public override IReadOnlyCollection<string> Subjects => [];

    /// <inheritdoc/>
    public override async Task ValidateAsync(RegistryContext db, CancellationToken ct)
    {
        var batch = await db.Batches.AsNoTracking()
            .SingleOrDefaultAsync(b => b.Number == _request.BatchNumber.ToBatchKey(), ct)
            ?? throw BatchCertification.NoBatch(_request.BatchNumber);
        var runs = await UnitLifecycle.RunsAsync(db, batch.Number, ct);
        var units = _units is null ? runs.In(UnitState.Quarantined) : await _units.FindAsync(db, batch, ct);
        if (units.Count is 0 || runs.Within(units).Any(r => r.State is not UnitState.Quarantined))
            throw new RegistryException(RegistryError.WrongState,
                $"Batch {batch.Number} has no such units in quarantine.", "units", "units in quarantine");
    }

    /// <inheritdoc/>
    public override async Task<ulong> ApplyAsync(RegistryWrite write, long proposer, CancellationToken ct)
    {
        await UnitLifecycle.ClearAsync(write, _request, ct);
        return 0;
    }
}
