namespace DeviceRegistry.Core;

/// <summary>Check digit of an IMEI (TS 23.003 Annex B). Verified only in input from people and files.</summary>
public static class Luhn
{
    /// <summary>The check digit of 14 digits: double every second digit from the right, add all digits, complement to
    /// the next ten.</summary>
    public static int CheckDigit(ulong digits14)
    {
        var sum = 0;
        for (var i = 0; i < Imei.Length; i++, digits14 /= 10)
        {
            var digit = (int)(digits14 % 10);
            if (i % 2 == 0) digit = digit > 4 ? digit * 2 - 9 : digit * 2;
            sum += digit;
        }

        return (10 - sum % 10) % 10;
    }
}
