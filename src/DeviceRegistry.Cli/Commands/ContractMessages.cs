using System.Collections;
using System.Globalization;
using DeviceRegistry.Contracts.V1;
using Google.Protobuf;
using Google.Protobuf.Reflection;

namespace DeviceRegistry.Cli.Commands;

/// <summary>Every message of the contract with every field set, for the self-test.</summary>
internal static class ContractMessages
{
    // Messages nest; below this depth they stay empty.
    private const int DepthMax = 3;

    private static readonly FileDescriptor[] Files =
    [
        AppealsReflection.Descriptor, AttachReflection.Descriptor, ChangesReflection.Descriptor,
        FeedReflection.Descriptor, JournalReflection.Descriptor, NodeReflection.Descriptor, OrdersReflection.Descriptor,
        PartiesReflection.Descriptor, ProofReflection.Descriptor, RecoveryReflection.Descriptor,
        RegistrationReflection.Descriptor, RegistryReflection.Descriptor, SightingsReflection.Descriptor,
        SignaturesReflection.Descriptor, StateReflection.Descriptor,
    ];

    public static IEnumerable<IMessage> Filled() =>
        Files.SelectMany(f => f.MessageTypes).Select(m => Fill(m, 0));

    private static IMessage Fill(MessageDescriptor type, int depth)
    {
        var message = type.Parser.ParseFrom(ByteString.Empty);
        if (depth < DepthMax) foreach (var field in type.Fields.InFieldNumberOrder()) Set(message, field, depth);
        return message;
    }

    private static void Set(IMessage message, FieldDescriptor field, int depth)
    {
        // Of a oneof, only the member with the lowest number is set.
        if (field.RealContainingOneof is { } one && one.Fields[0] != field) return;

        if (field.IsMap)
        {
            var value = ValueOf(field.MessageType.FindFieldByNumber(2), depth);
            ((IDictionary)field.Accessor.GetValue(message)).Add("key", value);
        }
        else if (field.IsRepeated) ((IList)field.Accessor.GetValue(message)).Add(ValueOf(field, depth));
        else field.Accessor.SetValue(message, ValueOf(field, depth));
    }

    private static object ValueOf(FieldDescriptor field, int depth) => field.FieldType switch
    {
        FieldType.Message => Fill(field.MessageType, depth + 1),
        FieldType.String => string.Create(CultureInfo.InvariantCulture, $"Ä{field.FieldNumber}"),
        FieldType.Bytes => ByteString.CopyFrom(1, (byte)field.FieldNumber),
        FieldType.Bool => true,
        FieldType.Enum => field.EnumType.Values[^1].Number,
        FieldType.Double => field.FieldNumber + 0.5,
        FieldType.Float => field.FieldNumber + 0.5f,
        FieldType.Int32 or FieldType.SInt32 or FieldType.SFixed32 => field.FieldNumber,
        FieldType.Int64 or FieldType.SInt64 or FieldType.SFixed64 => (long)field.FieldNumber,
        FieldType.UInt32 or FieldType.Fixed32 => (uint)field.FieldNumber,
        FieldType.UInt64 or FieldType.Fixed64 => (ulong)field.FieldNumber,
        _ => throw new NotSupportedException($"{field.FullName} has no value for the self-test"),
    };
}
