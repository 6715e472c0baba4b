namespace DeviceRegistry.Core.Tests.Policy;

/// <summary>One check with everything that affects its decision; tests change it with <c>with</c>. The default is a
/// plain subscriber of a registered operator with a released IMEI, checked in ENFORCE mode by a node with current
/// data.</summary>
public sealed record Situation
{
    /// <summary>The node's clock in every test, Unix time in ms; a day in September 2025.</summary>
    public const long Now = 1_758_000_000_000;

    /// <summary>A day in ms.</summary>
    public const long Day = 86_400_000;

    /// <summary>An IMEI under a TAC of reporting body 86, whose wait is 19 days.</summary>
    public const string DeviceImei = "86650704004053";

    /// <summary>An IMEI under a test TAC.</summary>
    public const string TestDeviceImei = "00440000123456";

    /// <summary>Wireline equipment.</summary>
    public const string Router = "mac-00-11-22-33-44-55";

    /// <summary>A subscriber of the registered operator 41001.</summary>
    public const string HomeImsi = "410010000000001";

    /// <summary>A subscriber of a local operator that is not registered.</summary>
    public const string OtherLocalImsi = "410990000000001";

    /// <summary>A subscriber of another country.</summary>
    public const string ForeignImsi = "234150000000001";

    public string Equipment { get; init; } = DeviceImei;
    public string Imsi { get; init; } = HomeImsi;
    public bool Emergency { get; init; }
    public DeviceStatus Device { get; init; } = DeviceStatus.Released;
    public TacStatus Tac { get; init; } = TacStatus.Known;
    public long TacListAsOfMs { get; init; } = Now;
    public OrderTerm[] ImeiOrders { get; init; } = [];
    public OrderTerm[] TacOrders { get; init; } = [];
    public OrderTerm[] RangeOrders { get; init; } = [];
    public long FirstSeenMs { get; init; }
    public long KnownAtMs { get; init; } = Now;
    public IReadOnlyList<string>? Plmns { get; init; } = ["41001"];
    public AttachRules Rules { get; init; } = Enforcing();
    public long NowMs { get; init; } = Now;

    /// <summary>The default policy in ENFORCE mode.</summary>
    public static AttachRules Enforcing(UnknownAnswer unknownAnswer = UnknownAnswer.White,
        bool tacListComplete = false) =>
        new(AttachRules.DefaultTacWaitDays)
        {
            Mode = EnforcementMode.Enforce, UnknownAnswer = unknownAnswer,
            TacListComplete = tacListComplete
        };

    /// <summary>An unregistered IMEI under a TAC that is missing from a complete and fresh TAC list, after its wait:
    /// row 11c.</summary>
    public static Situation InvalidTac { get; } = new()
    {
        Device = DeviceStatus.NotRegistered,
        Tac = TacStatus.Unknown,
        FirstSeenMs = Now - 400 * Day,
        Rules = Enforcing(tacListComplete: true),
    };

    /// <summary>An unregistered IMEI under a known TAC: rows 19a and 20.</summary>
    public static Situation NotRegistered { get; } = new() { Device = DeviceStatus.NotRegistered };

    /// <summary>An order of class A in force.</summary>
    public static OrderTerm Court { get; } = new(101, OrderClass.A, CheckReason.CourtOrder, 0, long.MaxValue);

    /// <summary>An order of class B against the IMEI in force.</summary>
    public static OrderTerm Bar { get; } = new(102, OrderClass.B, CheckReason.Barred, 0, long.MaxValue);

    /// <summary>An order of class B against the TAC in force.</summary>
    public static OrderTerm TacBar { get; } = new(103, OrderClass.B, CheckReason.BarredTac, 0, long.MaxValue);

    /// <summary>An order of class C in force: stolen.</summary>
    public static OrderTerm Theft { get; } = new(104, OrderClass.C, CheckReason.Stolen, 0, long.MaxValue);

    /// <summary>An order of class C in force: lost.</summary>
    public static OrderTerm Loss { get; } = new(105, OrderClass.C, CheckReason.Lost, 0, long.MaxValue);

    /// <summary>An order of class D in force.</summary>
    public static OrderTerm Default { get; } = new(106, OrderClass.D, CheckReason.FinanceDefault, 0, long.MaxValue);

    /// <summary>An order of class E in force: not registered.</summary>
    public static OrderTerm Unregistered { get; } = new(107, OrderClass.E, CheckReason.NotRegistered, 0, long.MaxValue);

    /// <summary>An order of class E in force: duplicate.</summary>
    public static OrderTerm Duplicate { get; } = new(108, OrderClass.E, CheckReason.Clone, 0, long.MaxValue);

    /// <summary>The default policy in ENFORCE mode with class D enabled.</summary>
    public static AttachRules WithFinance { get; } =
        new(AttachRules.DefaultTacWaitDays) { Mode = EnforcementMode.Enforce, FinanceDeviceBlock = true };

    /// <summary>Decides the check.</summary>
    public Decision Decide()
    {
        var question = new AttachRequest
        {
            Equipment = EquipmentIdentity.Parse(Equipment), Imsi = Imsi,
            Emergency = Emergency
        };
        var facts = new AttachFacts
        {
            Device = Device,
            Tac = Tac,
            TacListAsOfMs = TacListAsOfMs,
            ImeiOrders = ImeiOrders,
            TacOrders = TacOrders,
            RangeOrders = RangeOrders,
            FirstSeenMs = FirstSeenMs,
            KnownAtMs = KnownAtMs,
            RegisteredPlmns = Plmns,
        };
        return AttachPolicy.Decide(question, facts, Rules, NowMs);
    }

    /// <summary>Row, verdict and reason of the decision.</summary>
    public (string Row, Verdict Verdict, CheckReason Reason) Answer()
    {
        var decision = Decide();
        return (decision.Row, decision.Verdict, decision.Reason);
    }
}
