namespace DeviceRegistry.Core;

/// <summary>Equipment together with one subscriber (DOMAIN 3, 5.7): an IMEI, or the text of an identity that is none,
/// and the subscriber's pseudonym.</summary>
/// <remarks>The pseudonym is opaque: the first 8 bytes of an HMAC over the IMSI, never 0, for 0 says that no subscriber
/// is known.</remarks>
public readonly record struct EquipmentPair
{
    /// <summary>A handset and a subscriber, not 0.</summary>
    public EquipmentPair(Imei imei, ulong subscriber)
    {
        ArgumentOutOfRangeException.ThrowIfZero(subscriber);
        (Imei, Subscriber) = (imei, subscriber);
    }

    /// <summary>An identity that is no IMEI, in normal form (<see
    /// cref="EquipmentIdentity.Normal(ReadOnlySpan{char})"/>), and a subscriber, not 0.</summary>
    public EquipmentPair(string text, ulong subscriber)
    {
        ArgumentOutOfRangeException.ThrowIfZero(subscriber);
        ArgumentException.ThrowIfNullOrEmpty(text);
        (Text, Subscriber) = (text, subscriber);
    }

    /// <summary>The handset, where <see cref="Text"/> is null.</summary>
    public Imei Imei { get; }

    /// <summary>The identity that is no IMEI; null: it is one.</summary>
    public string? Text { get; }

    /// <summary>The subscriber's pseudonym, never 0.</summary>
    public ulong Subscriber { get; }

    /// <summary>Masked, as an IMEI is: a pair points at a person.</summary>
    public override string ToString() =>
        Text is null ? $"{Imei} and a subscriber" : "an identity that is no IMEI and a subscriber";
}
