using System.Collections.Concurrent;
using System.Globalization;
using System.Security.Cryptography;
using DeviceRegistry.Contracts.V1;
using DeviceRegistry.Core;
using Microsoft.EntityFrameworkCore;

namespace DeviceRegistry.Registrar.Orders;

/// <summary>Location of the pseudonym keys of the operators: files outside the database, so that a copy of the
/// database does not contain them.</summary>
/// <param name="Folder">A folder that only the registrar can read. Back it up separately: without the key of an
/// operator, none of its pairs can be matched any more. Null: no keys, and pseudonyms cannot be computed.</param>
public sealed record PseudonymKeyOptions(string? Folder);

/// <summary>Computes pseudonyms of IMSIs with one key per operator, created at the first request.
/// Thread-safe.</summary>
internal sealed class Pseudonyms(PseudonymKeyOptions place, MemberDirectory members, Database reads)
{
    /// <summary>Version of the current keys; a replaced key gets a new version.</summary>
    public const uint KeyVersion = 1;

    private readonly ConcurrentDictionary<ulong, byte[]> _keys = new();

    /// <summary>The key of an operator, created if it never had one.</summary>
    public async Task<byte[]> KeyOfAsync(ulong partyId, CancellationToken ct)
    {
        if (_keys.TryGetValue(partyId, out var known)) return known;

        var path = PathOf(partyId);
        if (!File.Exists(path))
        {
            // A new key would not match the pairs that orders already hold.
            if (await reads.ReadAsync((db, token) =>
                db.OrderItems.AnyAsync(i => i.PartyId == partyId.ToKey(), token), ct))
                throw new InvalidOperationException(
                    $"The key {path} is gone, and orders name subscribers by it. Put it back from its backup.");

            Create(path);
        }

        var key = await File.ReadAllBytesAsync(path, ct);
        return key.Length is SubscriberPseudonym.KeySize
            ? _keys.GetOrAdd(partyId, key)
            : throw new InvalidOperationException(
                $"The key {path} has {key.Length} bytes, expected {SubscriberPseudonym.KeySize}. Put it back from " +
                $"its backup.");
    }

    /// <summary>The pseudonym of an IMSI of one of the registry's operators.</summary>
    public async Task<Subscriber> OfAsync(string field, string imsi, CancellationToken ct)
    {
        Inputs.Require(SubscriberPseudonym.IsImsi(imsi), field, "an IMSI of 5 to 15 digits");
        var home = members.HomeOf(imsi)
            ?? throw RegistryException.BadField(field,
            "an IMSI of an operator of the registry: it begins with the PLMN code of one");
        return new Subscriber
        {
            OperatorPartyId = home, KeyVersion = KeyVersion,
            Pseudonym = SubscriberPseudonym.Of(await KeyOfAsync(home, ct), imsi)
        };
    }

    private string PathOf(ulong partyId) => Path.Combine(
        place.Folder ?? throw new InvalidOperationException("This process has no folder for the keys of subscribers."),
        string.Create(CultureInfo.InvariantCulture, $"operator-{partyId}.v{KeyVersion}.key"));

    // Safe against concurrent creation, in this process or another: the move does not overwrite, so the first file
    // wins.
    private static void Create(string path)
    {
        var folder = Path.GetDirectoryName(path)!;
        var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write };
        if (OperatingSystem.IsWindows())
        {
            Directory.CreateDirectory(folder);
        }
        else
        {
            Directory.CreateDirectory(folder,
                UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
            options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        }

        var temporary = $"{path}.{Guid.NewGuid():N}";
        using (var file = new FileStream(temporary, options))
        {
            file.Write(RandomNumberGenerator.GetBytes(SubscriberPseudonym.KeySize));
            file.Flush(flushToDisk: true);
        }

        try
        {
            File.Move(temporary, path, overwrite: false);
        }
        catch (IOException) when (File.Exists(path))
        {
            File.Delete(temporary);
        }
    }
}
