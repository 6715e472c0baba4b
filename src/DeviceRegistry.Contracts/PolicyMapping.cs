using System.Globalization;
using DeviceRegistry.Contracts.V1;
using DeviceRegistry.Core;
using EnforcementMode = DeviceRegistry.Core.EnforcementMode;
using UnknownAnswer = DeviceRegistry.Core.UnknownAnswer;

namespace DeviceRegistry.Contracts;

/// <summary>Converts a policy message to the rules of one operator's node.</summary>
public static class PolicyMapping
{
    private const int DeviceMaxImeisDefault = 5;
    private const int UploadExpiryHoursDefault = 72;
    private const int RejectedBatchDaysDefault = 90;
    private const int DaysMax = 3650;
    private const int AppealFileDaysDefault = 30;
    private const int AppealReviewDaysDefault = 90;
    private const int AppealTribunalDaysDefault = 90;
    private const int AppealCourtFileDaysDefault = 60;
    private const int ViolationToleranceSDefault = 2 * 24 * 60 * 60;
    private const int NodeClockSkewMsDefault = 1_000;

    /// <summary>device.max_imeis. A policy older than this parameter has its default; the same applies to the
    /// parameters below.</summary>
    public static int DeviceMaxImeis(Policy policy) =>
        policy.DeviceMaxImeis is 0 ? DeviceMaxImeisDefault : (int)policy.DeviceMaxImeis;

    /// <summary>Time without progress after which an open upload expires.</summary>
    public static TimeSpan UploadExpiry(Policy policy) =>
        TimeSpan.FromHours(policy.UploadExpiryHours is 0 ? UploadExpiryHoursDefault : policy.UploadExpiryHours);

    /// <summary>Retention of the report of a rejected batch.</summary>
    public static TimeSpan RejectedBatchKept(Policy policy) =>
        TimeSpan.FromDays(policy.RejectedBatchDays is 0 ? RejectedBatchDaysDefault : policy.RejectedBatchDays);

    /// <summary>Days within which an appeal must be filed.</summary>
    public static int AppealFileDays(Policy policy, Core.AppealForum forum) => forum is Core.AppealForum.SupremeCourt
        ? OrDefault(policy.AppealCourtFileDays, AppealCourtFileDaysDefault)
        : OrDefault(policy.AppealFileDays, AppealFileDaysDefault);

    /// <summary>Days within which an appeal must be decided; null: the court has no limit.</summary>
    public static int? AppealDecideDays(Policy policy, Core.AppealForum forum) => forum switch
    {
        Core.AppealForum.Authority => OrDefault(policy.AppealReviewDays, AppealReviewDaysDefault),
        Core.AppealForum.Tribunal => OrDefault(policy.AppealTribunalDays, AppealTribunalDaysDefault),
        _ => null,
    };

    /// <summary>violation.tolerance.days: time after the start of an order within which every node of an operator must
    /// have it.</summary>
    public static TimeSpan ViolationTolerance(Policy policy) =>
        TimeSpan.FromSeconds(policy.EnforcementDeadlineS is 0 ? ViolationToleranceSDefault
            : policy.EnforcementDeadlineS);

    /// <summary>Largest accepted clock skew of a node, ms.</summary>
    public static long NodeClockSkewMaxMs(Policy policy) =>
        policy.NodeClockSkewMaxMs is 0 ? NodeClockSkewMsDefault : policy.NodeClockSkewMaxMs;

    /// <summary>The built-in defaults as a message, a starting point for the first proposal.</summary>
    public static Policy Defaults()
    {
        var rules = AttachRules.Default;
        var policy = new Policy
        {
            TacListComplete = rules.TacListComplete,
            TacFreshnessDays = (uint)rules.TacFreshness.TotalDays,
            DegradedCacheTtlS = (uint)rules.KnowledgeTtl.TotalSeconds,
            TestTacPrefixes = { rules.TestTacPrefixes },
            TestImsiPrefixes = { rules.TestImsiPrefixes },
            HomeMccs = { rules.HomeMccs },
            DeviceMaxImeis = DeviceMaxImeisDefault,
            UploadExpiryHours = UploadExpiryHoursDefault,
            RejectedBatchDays = RejectedBatchDaysDefault,
            AppealFileDays = AppealFileDaysDefault,
            AppealReviewDays = AppealReviewDaysDefault,
            AppealTribunalDays = AppealTribunalDaysDefault,
            AppealCourtFileDays = AppealCourtFileDaysDefault,
            EnforcementDeadlineS = ViolationToleranceSDefault,
            NodeClockSkewMaxMs = NodeClockSkewMsDefault,
        };
        foreach (var (body, days) in AttachRules.DefaultTacWaitDays) policy.TacWaitDays[
            body.ToString("00", CultureInfo.InvariantCulture)] = (uint)days;
        return policy;
    }

    /// <summary>The rules for one operator. The policy was validated when it was proposed.</summary>
    public static AttachRules RulesFor(ulong operatorPartyId, ulong version, Policy policy)
    {
        var own = policy.Operators.FirstOrDefault(o => o.PartyId == operatorPartyId);
        return new AttachRules(policy.TacWaitDays.ToDictionary(p => int.Parse(p.Key, CultureInfo.InvariantCulture), p =>
            (int)p.Value))
        {
            Version = version,
            Mode = own?.Mode is V1.EnforcementMode.Enforce ? EnforcementMode.Enforce : EnforcementMode.Observe,
            UnknownAnswer = own is null || own.UnknownAnswer is V1.UnknownAnswer.Unspecified ? UnknownAnswer.White
            : (UnknownAnswer)own.UnknownAnswer,
            TacListComplete = policy.TacListComplete,
            TacFreshness = TimeSpan.FromDays(policy.TacFreshnessDays),
            TestTacPrefixes = [.. policy.TestTacPrefixes],
            TestImsiPrefixes = [.. policy.TestImsiPrefixes],
            HomeMccs = [.. policy.HomeMccs],
            KnowledgeTtl = TimeSpan.FromSeconds(policy.DegradedCacheTtlS),
            FinanceDeviceBlock = policy.FinanceDeviceBlockEnabled,
        };
    }

    /// <summary>Rejects a policy that nodes could not apply; the error names the field.</summary>
    public static void Require(Policy policy)
    {
        Require(policy.TacFreshnessDays is >= 1 and <= 3650, "policy.tac_freshness_days", "1 to 3650");
        Require(policy.DegradedCacheTtlS is >= 60 and <= 31_536_000, "policy.degraded_cache_ttl_s",
            "60 to 31536000 (a minute to a year)");
        Require(policy.TacWaitDays.Count <= 100
            && policy.TacWaitDays.All(p => IsDigits(p.Key, 2, 2) && p.Value <= 3650),
            "policy.tac_wait_days", "keys of two digits (a reporting body), values 0 to 3650 days");
        Require(policy.TestTacPrefixes.Count <= 256 && policy.TestTacPrefixes.All(p => IsDigits(p, 2, 8)),
            "policy.test_tac_prefixes", "at most 256 texts of 2 to 8 digits");
        Require(policy.TestImsiPrefixes.Count <= 256 && policy.TestImsiPrefixes.All(p => IsDigits(p, 3, 15)),
            "policy.test_imsi_prefixes", "at most 256 texts of 3 to 15 digits");
        Require(policy.HomeMccs.Count is >= 1 and <= 16 && policy.HomeMccs.All(p => IsDigits(p, 3, 3)),
            "policy.home_mccs", "1 to 16 country codes of 3 digits");
        Require(policy.Operators.Count <= 64, "policy.operators", "at most 64 operators");
        Require(policy.Operators.All(o => o.Mode is V1.EnforcementMode.Observe or V1.EnforcementMode.Enforce),
            "policy.operators.mode", "OBSERVE or ENFORCE");
        Require(policy.Operators.All(o => Enum.IsDefined(o.UnknownAnswer)), "policy.operators.unknown_answer",
            "WHITE, GREY, BLACK or UNKNOWN");
        Require(policy.DeviceMaxImeis <= DeviceMaxImeisDefault, "policy.device_max_imeis", "1 to 5; 0 for the default");
        Require(policy.UploadExpiryHours <= 8760, "policy.upload_expiry_hours", "1 to 8760; 0 for the default");
        Require(policy.RejectedBatchDays <= 3650, "policy.rejected_batch_days", "1 to 3650; 0 for the default");
        Require(policy.AppealFileDays <= DaysMax, "policy.appeal_file_days", "1 to 3650; 0 for the default");
        Require(policy.AppealReviewDays <= DaysMax, "policy.appeal_review_days", "1 to 3650; 0 for the default");
        Require(policy.AppealTribunalDays <= DaysMax, "policy.appeal_tribunal_days", "1 to 3650; 0 for the default");
        Require(policy.AppealCourtFileDays <= DaysMax, "policy.appeal_court_file_days", "1 to 3650; 0 for the default");
        Require(policy.EnforcementDeadlineS <= 31_536_000, "policy.enforcement_deadline_s",
            "1 to 31536000 (a year); 0 for the default");
        Require(policy.NodeClockSkewMaxMs is 0 or (>= 10 and <= 3_600_000), "policy.node_clock_skew_max_ms",
            "10 to 3600000 (an hour); 0 for the default");
        Require(policy.AutoCertified.Count <= 1000, "policy.auto_certified", "at most 1000 parties");
    }

    private static int OrDefault(uint days, int otherwise) => days is 0 ? otherwise : (int)days;

    private static bool IsDigits(string text, int shortest, int longest) =>
        text.Length >= shortest && text.Length <= longest && text.All(char.IsAsciiDigit);

    private static void Require(bool holds, string field, string expected)
    {
        if (!holds) throw RegistryException.BadField(field, expected);
    }
}
