using System.Globalization;

namespace DeviceRegistry.Core;

/// <summary>How an operator's answers are used (DOMAIN 4, enforcement.mode).</summary>
public enum EnforcementMode : byte
{
    /// <summary>Evaluate, count, answer ALLOW.</summary>
    Observe = 1,

    /// <summary>Answer what the table says.</summary>
    Enforce = 2,
}

/// <summary>An operator's answer for unknown equipment (DOMAIN 4, unknown.answer).</summary>
public enum UnknownAnswer : byte
{
    /// <summary>ALLOW.</summary>
    White = 1,

    /// <summary>TRACK.</summary>
    Grey = 2,

    /// <summary>DENY.</summary>
    Black = 3,

    /// <summary>"Unknown" where the protocol can say so, TRACK elsewhere.</summary>
    Unknown = 4,
}

/// <summary>The policy in force as one operator's node applies it: immutable, replaced whole when the policy
/// changes.</summary>
public sealed class AttachRules
{
    private const int ReportingBodies = 100;
    private readonly int[] _tacWaitDays = new int[ReportingBodies];

    /// <summary>Allocation wait by reporting body, days (DOMAIN 4, tac.wait_days).</summary>
    public static IReadOnlyDictionary<int, int> DefaultTacWaitDays { get; } = new Dictionary<int, int>
    {
        [00] = 32, [01] = 40, [35] = 20, [86] = 19, [91] = 20, [99] = 69,
    };

    /// <summary>Prefixes of test TACs (DOMAIN 3, Tac): 00 followed by 1001 to 1017, 44, 86 or 91.</summary>
    public static IReadOnlyList<string> DefaultTestTacPrefixes { get; } =
        [.. Enumerable.Range(1, 17).Select(n => string.Create(CultureInfo.InvariantCulture, $"0010{n:00}")), "0044",
        "0086", "0091"];

    /// <summary>Prefixes of test subscribers (DOMAIN 3, Tac).</summary>
    public static IReadOnlyList<string> DefaultTestImsiPrefixes { get; } = ["00101", "99999"];

    /// <summary>Country codes of Pakistan (ITU-T E.212).</summary>
    public static IReadOnlyList<string> DefaultHomeMccs { get; } = ["410"];

    /// <summary>The built-in defaults, in force before the first policy (DOMAIN 4).</summary>
    public static AttachRules Default { get; } = new(DefaultTacWaitDays);

    /// <summary>Takes the allocation wait by reporting body (0 to 99); a body that is not listed waits 0
    /// days.</summary>
    public AttachRules(IReadOnlyDictionary<int, int> tacWaitDays)
    {
        foreach (var (body, days) in tacWaitDays) _tacWaitDays[body] = days;
    }

    /// <summary>Version of the policy; 0 for the built-in defaults.</summary>
    public ulong Version { get; init; }

    /// <summary>The operator's mode.</summary>
    public EnforcementMode Mode { get; init; } = EnforcementMode.Observe;

    /// <summary>The operator's answer for unknown equipment.</summary>
    public UnknownAnswer UnknownAnswer { get; init; } = UnknownAnswer.White;

    /// <summary>A TAC missing from the list is invalid.</summary>
    public bool TacListComplete { get; init; }

    /// <summary>Age up to which the TAC list counts as fresh.</summary>
    public TimeSpan TacFreshness { get; init; } = TimeSpan.FromDays(45);

    /// <summary>Prefixes of test TACs.</summary>
    public IReadOnlyList<string> TestTacPrefixes { get; init; } = DefaultTestTacPrefixes;

    /// <summary>Prefixes of test subscribers.</summary>
    public IReadOnlyList<string> TestImsiPrefixes { get; init; } = DefaultTestImsiPrefixes;

    /// <summary>Country codes of the country.</summary>
    public IReadOnlyList<string> HomeMccs { get; init; } = DefaultHomeMccs;

    /// <summary>Knowledge older than this denies only by orders of class A to C (DOMAIN 6.4).</summary>
    public TimeSpan KnowledgeTtl { get; init; } = TimeSpan.FromHours(72);

    /// <summary>Orders of class D deny (DOMAIN 4, finance.rung.DEVICE_BLOCK.enabled).</summary>
    public bool FinanceDeviceBlock { get; init; }

    /// <summary>Allocation wait of a TAC, ms.</summary>
    public long TacWaitMs(Tac tac) => _tacWaitDays[tac.ReportingBody] * 86_400_000L;

    /// <summary>Whether the TAC is a test TAC. Digits are compared by division: no text is made on the answer's
    /// path.</summary>
    public bool IsTestTac(Tac tac)
    {
        Span<char> digits = stackalloc char[Tac.Length];
        for (var (i, rest) = (Tac.Length - 1, tac.Value); i >= 0; i--, rest /= 10) digits[i] = (char)('0' + rest % 10);
        return StartsWithAny(digits, TestTacPrefixes);
    }

    /// <summary>Whether the subscriber is a test subscriber.</summary>
    public bool IsTestImsi(ReadOnlySpan<char> imsi) => StartsWithAny(imsi, TestImsiPrefixes);

    /// <summary>Where a subscriber belongs. A text that is not an IMSI counts as none (PROTOCOLS §2: be
    /// liberal).</summary>
    public SubscriberHome HomeOf(ReadOnlySpan<char> imsi, IReadOnlyList<string> registeredPlmns)
    {
        if (imsi.Length is < 5 or > 15 || !IsDigits(imsi)) return SubscriberHome.Unknown;
        if (!StartsWithAny(imsi, HomeMccs)) return SubscriberHome.Abroad;

        return StartsWithAny(imsi, registeredPlmns) ? SubscriberHome.RegisteredOperator
            : SubscriberHome.OtherLocalOperator;
    }

    // Perf: ContainsAnyExceptInRange allocates 96 bytes a call until it is tiered up (test Deciding_allocates_nothing).
    private static bool IsDigits(ReadOnlySpan<char> text)
    {
        foreach (var c in text)
            if (!char.IsAsciiDigit(c)) return false;

        return true;
    }

    private static bool StartsWithAny(ReadOnlySpan<char> text, IReadOnlyList<string> prefixes)
    {
        for (var i = 0; i < prefixes.Count; i++)
            if (text.StartsWith(prefixes[i], StringComparison.Ordinal)) return true;

        return false;
    }
}

/// <summary>Where a subscriber belongs (DOMAIN 6.3, row 10 and the note on local codes).</summary>
public enum SubscriberHome : byte
{
    /// <summary>No usable IMSI.</summary>
    Unknown,

    /// <summary>An operator in the registry.</summary>
    RegisteredOperator,

    /// <summary>The country, but no operator in the registry.</summary>
    OtherLocalOperator,

    /// <summary>Another country.</summary>
    Abroad,
}
