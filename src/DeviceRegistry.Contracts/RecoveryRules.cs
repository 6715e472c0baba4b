using System.Security.Cryptography;
using DeviceRegistry.Contracts.V1;
using DeviceRegistry.Core;
using Google.Protobuf;
using ActorKind = DeviceRegistry.Core.ActorKind;
using PartyKind = DeviceRegistry.Core.PartyKind;

namespace DeviceRegistry.Contracts;

/// <summary>Verifies recovery statements, at the registrar before it journals one and at every node
/// independently.</summary>
public static class RecoveryRules
{
    private const string Kind = "recovery";
    private const int Signers = 2;
    private const int BytesMax = 4_096;

    public static Signature Sign(ByteString statement, ECDsa key) => Signing.Sign(Kind, statement.Span, key);

    /// <summary>Whether two authorized people of the regulator signed the statement. Otherwise <paramref name="fault"/>
    /// contains the reason.</summary>
    public static bool IsSigned(Recovered recovered, MemberDirectory members, out IReadOnlyList<Caller> signers,
        out string fault)
    {
        var people = new List<Caller>();
        signers = people;
        fault = "";
        if (recovered.CalculateSize() > BytesMax) fault = $"it is larger than {BytesMax} bytes";
        else if (recovered.Signatures.Count != Signers) fault =
            $"it has {recovered.Signatures.Count} signatures, expected {Signers}";
        else
            foreach (var signature in recovered.Signatures)
                if (members.Find(Signing.KeyOf(signature), out var person) is not KeyStatus.Valid
                    || person is not { ActorKind: ActorKind.Person, PartyKind: PartyKind.Regulator })
                    fault = "it is signed with a key of nobody of the regulator";
                else if (!Signing.Verifies(Kind, recovered.Statement.Span, signature)) fault =
                    $"the signature of person {person.ActorId} does not match";
                else people.Add(person);

        if (fault.Length is 0 && people[0].ActorId == people[1].ActorId) fault = "both signatures are one person's";
        return fault.Length is 0;
    }

    /// <summary>Whether the entry is a signed statement about exactly this end of the chain.</summary>
    public static bool Follows(JournalEntry entry, ChainEnd end, MemberDirectory members, out string fault)
    {
        if (!JournalEntryRules.Follows(entry, end, out fault)) return false;

        if (!JournalEntryRules.TryRead(entry, Recovered.Parser, out var recovered)
            || !TryRead(recovered.Statement, out var statement)) fault = "it cannot be read";
        else if (statement.Epoch != entry.Epoch || statement.Epoch <= end.Epoch) fault =
            $"it is about epoch {statement.Epoch}, not {entry.Epoch}";
        else if (statement.AfterPosition != end.Position || !statement.AfterHash.Span.SequenceEqual(end.Hash)) fault =
            "it is about another history";
        else IsSigned(recovered, members, out _, out fault);

        return fault.Length is 0;
    }

    /// <summary>Whether the statement names the epoch and the position of its entry, as far as this can be verified
    /// without the chain.</summary>
    public static bool IsAbout(JournalEntry entry, Recovered recovered, out string fault)
    {
        fault = "it is about another epoch or place than its own";
        return TryRead(recovered.Statement, out var statement) && statement.Epoch == entry.Epoch
            && statement.AfterPosition + 1 == entry.Position;
    }

    /// <summary>Parses the bytes of a statement.</summary>
    public static bool TryRead(ByteString bytes, out RecoveryStatement statement)
    {
        try
        {
            statement = RecoveryStatement.Parser.ParseFrom(bytes);
            return true;
        }
        catch (InvalidProtocolBufferException)
        {
            statement = new RecoveryStatement();
            return false;
        }
    }
}
