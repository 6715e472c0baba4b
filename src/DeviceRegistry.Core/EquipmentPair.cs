namespace DeviceRegistry.Core;

/// <summary>Equipment together with one subscriber: an IMEI, or the text of another identity, and the subscriber's
/// pseudonym.</summary>
/// <remarks>The pseudonym is opaque: the first 8 bytes of an HMAC over the IMSI, never 0, because 0 means that no
/// subscriber is known.</remarks>
public readonly record struct EquipmentPair
{
    /// <summary>A pair of an IMEI and a subscriber, which must not be 0.</summary>
    public EquipmentPair(Imei imei, ulong subscriber)
    {
        ArgumentOutOfRangeException.ThrowIfZero(subscriber);
        (Imei, Subscriber) = (imei, subscriber);
    }

    /// <summary>A pair of another identity, in canonical form
    /// (<see cref="EquipmentIdentity.Normal(ReadOnlySpan{char})"/>), and a subscriber, which must not be 0.</summary>
    public EquipmentPair(string text, ulong subscriber)
    {
        ArgumentOutOfRangeException.ThrowIfZero(subscriber);
        ArgumentException.ThrowIfNullOrEmpty(text);
        (Text, Subscriber) = (text, subscriber);
    }

    /// <summary>The IMEI, if <see cref="Text"/> is null.</summary>
    public Imei Imei { get; }

    /// <summary>The identity if it is not an IMEI; otherwise null.</summary>
    public string? Text { get; }

    /// <summary>The subscriber's pseudonym, never 0.</summary>
    public ulong Subscriber { get; }

    /// <summary>Masked like an IMEI, because a pair identifies a person.</summary>
    public override string ToString() =>
        Text is null ? $"{Imei} and a subscriber" : "an identity that is no IMEI and a subscriber";
}
