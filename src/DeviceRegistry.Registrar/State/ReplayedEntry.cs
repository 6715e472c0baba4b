using DeviceRegistry.Contracts;
using DeviceRegistry.Contracts.V1;
using Google.Protobuf;

namespace DeviceRegistry.Registrar.State;

/// <summary>A journal entry as it is replayed.</summary>
/// <param name="Position">Position in the journal.</param>
/// <param name="At">Time of the entry.</param>
/// <param name="Kind">Kind; may be unknown to this version.</param>
/// <param name="Actor">Actor; 0: the registry itself.</param>
/// <param name="Public">Public part.</param>
/// <param name="Private">Private part; null if there is none or it was erased.</param>
/// <param name="IsErased">Whether there was a private part that was erased.</param>
internal sealed record ReplayedEntry(ulong Position, DateTime At, JournalKind Kind, long Actor, byte[] Public,
    byte[]? Private, bool IsErased)
{
    /// <summary>Bytes of memory that the entry holds, approximately.</summary>
    public int Bytes => Public.Length + (Private?.Length ?? 0);

    /// <summary>Parses the public part.</summary>
    public T Read<T>(MessageParser<T> parser)
        where T : IMessage<T> => parser.ParseFrom(Public);

    /// <summary>Parses the private part; an empty message if there is none.</summary>
    public T ReadPrivate<T>(MessageParser<T> parser)
        where T : IMessage<T> => parser.ParseFrom(Private ?? []);

    /// <summary>Name of the kind.</summary>
    public string KindName =>
        System.Enum.IsDefined(Kind) ? StatusMapping.UpperSnake(Kind.ToString()) : $"kind {(int)Kind}";
}

/// <summary>Thrown for an entry that contradicts the entries before it.</summary>
internal sealed class StateMismatchException(string message) : Exception(message);
