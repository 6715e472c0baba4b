using System.Collections.Concurrent;
using System.Globalization;
using System.Security.Cryptography;
using DeviceRegistry.Contracts.V1;
using DeviceRegistry.Core;

namespace DeviceRegistry.Registrar.Orders;

/// <summary>Where the keys of operators' subscribers are: files outside the database (DESIGN 8), which whoever copies the database does not have.</summary>
/// <param name="Folder">A folder that the registrar alone reads. What is in it belongs into a backup of its own: without a key, its operator's pairs are known to nobody.</param>
public sealed record PseudonymKeyPlace(string Folder);

/// <summary>Knows what stands for subscribers: a key an operator, made when it is first asked for.</summary>
internal sealed class Pseudonyms(PseudonymKeyPlace place, MemberDirectory members)
{
    /// <summary>Version of the keys there are; another one comes when a key is replaced.</summary>
    public const uint KeyVersion = 1;

    private readonly ConcurrentDictionary<ulong, byte[]> _keys = new();

    /// <summary>An operator's key.</summary>
    public byte[] KeyOf(ulong partyId) => _keys.GetOrAdd(partyId, ReadOrMake);

    /// <summary>What stands for a subscriber of one of the registry's operators.</summary>
    public Subscriber Of(string field, string imsi)
    {
        Inputs.Require(SubscriberPseudonym.IsImsi(imsi), field, "an IMSI of 5 to 15 digits");
        var home = members.HomeOf(imsi) ?? throw RegistryException.BadField(field, "an IMSI of an operator of the registry: it begins with the PLMN code of one");
        return new Subscriber { OperatorPartyId = home, KeyVersion = KeyVersion, Pseudonym = SubscriberPseudonym.Of(KeyOf(home), imsi) };
    }

    // Whoever else makes it at the same time, in this process or in another, has made it: a file is linked into place once.
    private byte[] ReadOrMake(ulong partyId)
    {
        var path = Path.Combine(place.Folder, string.Create(CultureInfo.InvariantCulture, $"operator-{partyId}.v{KeyVersion}.key"));
        if (!File.Exists(path))
        {
            if (OperatingSystem.IsWindows()) Directory.CreateDirectory(place.Folder);
            else Directory.CreateDirectory(place.Folder, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
            var beside = $"{path}.{Guid.NewGuid():N}";
            using (var file = new FileStream(beside, FileMode.CreateNew, FileAccess.Write))
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

        var key = File.ReadAllBytes(path);
        return key.Length is SubscriberPseudonym.KeySize
            ? key
            : throw new InvalidOperationException($"The key {path} has {key.Length} bytes, expected {SubscriberPseudonym.KeySize}: put back the file as it was; with another key, orders against its operator's subscribers reach nobody.");
    }
}
