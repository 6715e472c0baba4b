using DeviceRegistry.Contracts.V1;
using Google.Protobuf.Collections;

namespace DeviceRegistry.Cli.Commands;

/// <summary>Formats changes as lines of text, with every field, since the approver is responsible for all of
/// them.</summary>
internal static class ChangeFormatter
{
    private const int NamesShown = 20;                      // of each kind, units as well as TACs; JSON has all

    public static IEnumerable<string> Summary(ChangeSummary change) =>
    [
        .. TextFormatter.Rows(("change", TextFormatter.Number(change.ChangeNumber)),
            ("state", TextFormatter.Word(change.State))),
        .. Subject(change.Change),
        .. TextFormatter.Rows(
            ("proposed by", $"{change.ProposedBy}, {TextFormatter.Time(change.ProposedAt)}"),
            (change.State is ChangeState.Rejected ? "rejected by" : "approved by",
                change.DecidedBy.Length is 0 ? "nobody yet"
                : $"{change.DecidedBy}, {TextFormatter.Time(change.DecidedAt)}")),
    ];

    /// <summary>The subject of a change.</summary>
    public static IEnumerable<string> Subject(Change change) => change.SubjectCase switch
    {
        Change.SubjectOneofCase.Party => Party(change.Party),
        Change.SubjectOneofCase.Actor => Actor(change.Actor),
        Change.SubjectOneofCase.Authorization => Authorization(change.Authorization),
        Change.SubjectOneofCase.TacMandate => Mandate(change.TacMandate),
        Change.SubjectOneofCase.Quarantine => Quarantine(change.Quarantine),
        _ => ["It is of a kind that this program is too old for; --json shows it."],
    };

    private static IEnumerable<string> Party(PutPartyRequest party) => TextFormatter.Rows(
        ("party", party.Name),
        ("kind", TextFormatter.Word(party.Kind)),
        ("shall be", TextFormatter.Word(party.State)),
        ("PLMN codes", string.Join(' ', party.Plmns)),
        ("reference", party.Reference));

    private static IEnumerable<string> Actor(PutActorRequest actor) => TextFormatter.Rows(
        (actor.Kind is ActorKind.Node ? "node" : "person", $"{actor.Name} of {actor.Party}"),
        ("shall be", TextFormatter.Word(actor.State)),
        ("key", actor.KeyDigest.IsEmpty ? "none is given; the one it has stays"
            : $"{TextFormatter.Hex(actor.KeyDigest)}, in place of any earlier one"),
        ("reference", actor.Reference));

    private static IEnumerable<string> Authorization(PutAuthorizationRequest right) => TextFormatter.Rows(
        ("authorization", $"{right.Number} of {right.Party}"),
        ("kind", TextFormatter.Word(right.Kind)),
        ("shall be", TextFormatter.Word(right.State)),
        ("in force", $"{right.ValidFrom} to {right.ValidUntil}"),
        ("quota", Quota(right.QuotaUnits)),
        ("legal basis", right.LegalBasis),
        ("reference", right.Reference));

    private static IEnumerable<string> Mandate(PutTacMandateRequest mandate) => TextFormatter.Rows(
        ("mandate of", mandate.Party),
        ("TACs", Some(mandate.Tacs)),
        ("brand owner", mandate.BrandOwner),
        ("TAC holder", mandate.TacHolder.Length > 0 ? mandate.TacHolder : "the brand owner"),
        ("in force", $"{mandate.ValidFrom} to {mandate.ValidUntil}"),
        ("document", $"SHA-256 {TextFormatter.Hex(mandate.DocumentHash)}"),
        ("reference", mandate.Reference));

    private static IEnumerable<string> Quarantine(ClearQuarantineRequest request)
    {
        var units = request.Units;
        return TextFormatter.Rows(
            ("quarantine",
            $"units of batch {request.BatchNumber} leave it{(units is null ? ": all that are in it" : "")}"),
            ("IMEIs", Some(units?.Imeis ?? [])),
            ("IMEI ranges", Some([.. (units?.ImeiRanges ?? []).Select(r => $"{r.First}-{r.Last}")])),
            ("serial numbers", Some(units?.SerialNumbers ?? [])),
            ("reason", request.Reason),
            ("reference", request.Reference));
    }

    /// <summary>The total number of units that an authorization allows.</summary>
    public static string Quota(ulong units) => units is 0 ? "no limit" : TextFormatter.Count(units, "unit");

    private static string Some(RepeatedField<string> names) =>
        string.Join(' ', names.Take(NamesShown))
            + (names.Count > NamesShown
            ? $" and {TextFormatter.Count((ulong)(names.Count - NamesShown))} more; --json shows all" : "");
}
