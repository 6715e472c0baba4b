using DeviceRegistry.Core;
using Microsoft.EntityFrameworkCore;

namespace DeviceRegistry.Registrar.Parties;

/// <summary>Loads the member directory from the tables: at start, after each change made by this process, and when the
/// journal reports a change made by another one. Thread-safe.</summary>
public sealed class MemberDirectoryLoader(Database reads, MemberDirectory members)
{
    // One reload at a time: of two concurrent reloads, the one that read earlier must not overwrite the newer result.
    private readonly SemaphoreSlim _reading = new(1);

    /// <summary>Reloads all members and returns their numbers. A full reload is cheap: there are hundreds of members,
    /// and changes are rare.</summary>
    public async Task<(int Parties, int Actors)> ReloadAsync(CancellationToken ct)
    {
        await _reading.WaitAsync(ct);
        try
        {
            return await ReadAsync(ct);
        }
        finally
        {
            _reading.Release();
        }
    }

    private async Task<(int Parties, int Actors)> ReadAsync(CancellationToken ct)
    {
        var (parties, actors) = await reads.ReadAsync(
            async (db, token) => (await db.Parties.AsNoTracking().ToListAsync(token), await db.Actors.AsNoTracking()
            .ToListAsync(token)), ct);
        members.Reset(
            parties.Select(p => new Party((ulong)p.Id, p.Kind, p.Active, p.Plmns, p.Name)),
            actors.Select(a =>
                new Actor((ulong)a.Id, (ulong)a.PartyId, a.Kind, a.Active, a.Key, a.RevokedKeys, a.Name)));
        return (parties.Count, actors.Count);
    }
}
