using System.Globalization;

namespace DeviceRegistry.Core;

/// <summary>How an operator's answers are used (proto/docs/parameters.md, enforcement.mode).</summary>
public enum EnforcementMode : byte
{
    /// <summary>Evaluate and count; always answer ALLOW.</summary>
    Observe = 1,

    /// <summary>Answer as the decision table says.</summary>
    Enforce = 2,
}

/// <summary>An operator's answer for unknown equipment (proto/docs/parameters.md, unknown.answer).</summary>
public enum UnknownAnswer : byte
{
    /// <summary>ALLOW.</summary>
    White = 1,

    /// <summary>TRACK.</summary>
    Grey = 2,

    /// <summary>DENY.</summary>
    Black = 3,

    /// <summary>"Unknown" where the protocol has such an answer, TRACK elsewhere.</summary>
    Unknown = 4,
}

/// <summary>The policy in force, as one operator's node applies it. Immutable; a policy change replaces the whole
/// object.</summary>
public sealed class AttachRules
{
    private const int ReportingBodies = 100;
    private readonly int[] _tacWaitDays = new int[ReportingBodies];

    /// <summary>Allocation wait by reporting body, days (proto/docs/parameters.md, tac.wait_days).</summary>
    public static IReadOnlyDictionary<int, int> DefaultTacWaitDays { get; } = new Dictionary<int, int>
    {
        [00] = 32, [01] = 40, [35] = 20, [86] = 19, [91] = 20, [99] = 69,
    };

    /// <summary>Prefixes of test TACs: 00 followed by 1001 to 1017, 44, 86 or 91.</summary>
    public static IReadOnlyList<string> DefaultTestTacPrefixes { get; } =
        [.. Enumerable.Range(1, 17).Select(n => string.Create(CultureInfo.InvariantCulture, $"0010{n:00}")), "0044",
        "0086", "0091"];

    /// <summary>IMSI prefixes of test subscribers.</summary>
    public static IReadOnlyList<string> DefaultTestImsiPrefixes { get; } = ["00101", "99999"];

    /// <summary>Country codes of Pakistan (ITU-T E.212).</summary>
    public static IReadOnlyList<string> DefaultHomeMccs { get; } = ["410"];

    /// <summary>The built-in defaults, in force before the first policy.</summary>
    public static AttachRules Default { get; } = new(DefaultTacWaitDays);

    public AttachRules(IReadOnlyDictionary<int, int> tacWaitDays)
    {
        foreach (var (body, days) in tacWaitDays) _tacWaitDays[body] = days;
    }

    /// <summary>Version of the policy; 0 for the built-in defaults.</summary>
    public ulong Version { get; init; }

    public EnforcementMode Mode { get; init; } = EnforcementMode.Observe;

    public UnknownAnswer UnknownAnswer { get; init; } = UnknownAnswer.White;

    /// <summary>Whether a TAC missing from the list is invalid.</summary>
    public bool TacListComplete { get; init; }

    /// <summary>Age up to which the TAC list counts as fresh.</summary>
    public TimeSpan TacFreshness { get; init; } = TimeSpan.FromDays(45);

    public IReadOnlyList<string> TestTacPrefixes { get; init; } = DefaultTestTacPrefixes;

    /// <summary>IMSI prefixes of test subscribers.</summary>
    public IReadOnlyList<string> TestImsiPrefixes { get; init; } = DefaultTestImsiPrefixes;

    /// <summary>Mobile country codes of the home country.</summary>
    public IReadOnlyList<string> HomeMccs { get; init; } = DefaultHomeMccs;

    /// <summary>Data older than this denies only by orders of class A to C (degraded.cache_ttl).</summary>
    public TimeSpan KnowledgeTtl { get; init; } = TimeSpan.FromHours(72);

    /// <summary>Whether orders of class D deny (finance.rung.DEVICE_BLOCK.enabled).</summary>
    public bool FinanceDeviceBlock { get; init; }

    /// <summary>Allocation wait of a TAC, ms.</summary>
    public long TacWaitMs(Tac tac) => _tacWaitDays[tac.ReportingBody] * 86_400_000L;

    /// <summary>Whether the TAC is a test TAC. Digits come from division: the answer path creates no string.</summary>
    public bool IsTestTac(Tac tac)
    {
        Span<char> digits = stackalloc char[Tac.Length];
        for (var (i, rest) = (Tac.Length - 1, tac.Value); i >= 0; i--, rest /= 10) digits[i] = (char)('0' + rest % 10);
        return StartsWithAny(digits, TestTacPrefixes);
    }

    public bool IsTestImsi(ReadOnlySpan<char> imsi) => StartsWithAny(imsi, TestImsiPrefixes);

    /// <summary>Home of a subscriber. A text that is not an IMSI counts as missing.</summary>
    public SubscriberHome HomeOf(ReadOnlySpan<char> imsi, IReadOnlyList<string> registeredPlmns)
    {
        if (imsi.Length is < 5 or > 15 || !IsDigits(imsi)) return SubscriberHome.Unknown;
        if (!StartsWithAny(imsi, HomeMccs)) return SubscriberHome.Abroad;

        return StartsWithAny(imsi, registeredPlmns) ? SubscriberHome.RegisteredOperator
            : SubscriberHome.OtherLocalOperator;
    }

    // Perf: ContainsAnyExceptInRange allocates 96 bytes per call until it is tiered up (test
    // Deciding_allocates_nothing).
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

/// <summary>Home of a subscriber, by country and network code of the IMSI.</summary>
public enum SubscriberHome : byte
{
    /// <summary>No usable IMSI.</summary>
    Unknown,

    /// <summary>An operator in the registry.</summary>
    RegisteredOperator,

    /// <summary>The home country, but no operator in the registry.</summary>
    OtherLocalOperator,

    /// <summary>Another country.</summary>
    Abroad,
}
