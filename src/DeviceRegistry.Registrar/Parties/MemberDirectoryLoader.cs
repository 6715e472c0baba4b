using DeviceRegistry.Core;
using Microsoft.EntityFrameworkCore;

namespace DeviceRegistry.Registrar.Parties;

/// <summary>Keeps the directory of members as the tables have it: at start, after each change made here, and when the
/// journal tells of one made elsewhere.</summary>
public sealed class MemberDirectoryLoader(Database reads, MemberDirectory members)
{
    // One reader at a time: of two that overlap, the one that read earlier must not have the last word.
    private readonly SemaphoreSlim _reading = new(1);

    /// <summary>Reads all members anew, and says how many. There are hundreds of them, and changes are rare.</summary>
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
