using System.Collections.Concurrent;
using System.Globalization;
using System.Security.Cryptography;
using DeviceRegistry.Contracts.V1;
using DeviceRegistry.Core;
using Microsoft.EntityFrameworkCore;

namespace DeviceRegistry.Registrar.Orders;

/// <summary>Where the keys of operators' subscribers are: files outside the database (DESIGN 8), which whoever copies
/// the database does not have.</summary>
/// <param name="Folder">A folder that the registrar alone reads. What is in it belongs into a backup of its own:
/// without a key, its operator's pairs are known to nobody. Null: there are no keys, and no subscribers.</param>
public sealed record PseudonymKeyOptions(string? Folder);

/// <summary>Knows what stands for subscribers: a key an operator, made when it is first asked for.</summary>
internal sealed class Pseudonyms(PseudonymKeyOptions place, MemberDirectory members, Database reads)
{
    /// <summary>Version of the keys there are; another one comes when a key is replaced.</summary>
    public const uint KeyVersion = 1;

    private readonly ConcurrentDictionary<ulong, byte[]> _keys = new();

    /// <summary>An operator's key; made if it never had one.</summary>
    public async Task<byte[]> KeyOfAsync(ulong partyId, CancellationToken ct)
    {
        if (_keys.TryGetValue(partyId, out var known)) return known;

        var path = PathOf(partyId);
        if (!File.Exists(path))
        {
            // With another key nobody would be found whom orders already name.
            if (await reads.ReadAsync((db, token) =>
                db.OrderItems.AnyAsync(i => i.PartyId == partyId.ToKey(), token), ct))
                throw new InvalidOperationException(
                    $"The key {path} is gone, and orders name subscribers by it. Put it back from its backup.");

            Make(path);
        }

        var key = await File.ReadAllBytesAsync(path, ct);
        return key.Length is SubscriberPseudonym.KeySize
            ? _keys.GetOrAdd(partyId, key)
            : throw new InvalidOperationException(
                $"The key {path} has {key.Length} bytes, expected {SubscriberPseudonym.KeySize}. Put it back from " +
                $"its backup.");
    }

    /// <summary>What stands for a subscriber of one of the registry's operators.</summary>
    public async Task<Subscriber> OfAsync(string field, string imsi, CancellationToken ct)
    {
        Inputs.Require(SubscriberPseudonym.IsImsi(imsi), field, "an IMSI of 5 to 15 digits");
        var home = members.HomeOf(imsi)
            ?? throw RegistryException.BadField(field,
            "an IMSI of an operator of the registry: it begins with the PLMN code of one");
        return new Subscriber { OperatorPartyId = home, KeyVersion = KeyVersion,
            Pseudonym = SubscriberPseudonym.Of(await KeyOfAsync(home, ct), imsi) };
    }

    private string PathOf(ulong partyId) => Path.Combine(
        place.Folder ?? throw new InvalidOperationException("This process has no folder for the keys of subscribers."),
        string.Create(CultureInfo.InvariantCulture, $"operator-{partyId}.v{KeyVersion}.key"));

    // Whoever else makes it at the same time, in this process or in another, has made it: a file is moved into place
    // once.
    private static void Make(string path)
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

        var beside = $"{path}.{Guid.NewGuid():N}";
        using (var file = new FileStream(beside, options))
        {
            file.Write(RandomNumberGenerator.GetBytes(SubscriberPseudonym.KeySize));
            file.Flush(flushToDisk: true);
        }

        try
        {
            File.Move(beside, path, overwrite: false);
        }
        catch (IOException) when (File.Exists(path))
        {
            File.Delete(beside);
        }
    }
}
