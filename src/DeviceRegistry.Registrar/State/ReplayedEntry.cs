using DeviceRegistry.Contracts;
using DeviceRegistry.Contracts.V1;
using Google.Protobuf;

namespace DeviceRegistry.Registrar.State;

/// <summary>A journal entry as it is replayed.</summary>
/// <param name="Position">Position.</param>
/// <param name="At">When, by the journal.</param>
/// <param name="Kind">Kind, known or not.</param>
/// <param name="Actor">Who; 0: the registry itself.</param>
/// <param name="Public">The public part.</param>
/// <param name="Private">The private part; null: there is none, or not any more.</param>
/// <param name="IsErased">There was one.</param>
internal sealed record ReplayedEntry(ulong Position, DateTime At, JournalKind Kind, long Actor, byte[] Public,
    byte[]? Private, bool IsErased)
{
    /// <summary>Bytes it takes while it is held.</summary>
    public int Bytes => Public.Length + (Private?.Length ?? 0);

    /// <summary>The public message.</summary>
    public T Read<T>(MessageParser<T> parser)
        where T : IMessage<T> => parser.ParseFrom(Public);

    /// <summary>The private message; an empty one where it says nothing.</summary>
    public T ReadPrivate<T>(MessageParser<T> parser)
        where T : IMessage<T> => parser.ParseFrom(Private ?? []);

    /// <summary>Its kind in words.</summary>
    public string Word => System.Enum.IsDefined(Kind) ? StatusMapping.UpperSnake(Kind.ToString()) : $"kind {(int)Kind}";
}

/// <summary>An entry says what cannot follow from those before it.</summary>
internal sealed class StateMismatchException(string message) : Exception(message);
