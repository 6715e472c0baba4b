using System.Buffers;
using System.Text;

namespace Grpc.Core;

public sealed partial class Metadata
{
    /// <summary>One key with its text or its bytes. Never changes.</summary>
    public sealed class Entry
    {
        private static readonly SearchValues<char> KeyCharacters =
            SearchValues.Create("abcdefghijklmnopqrstuvwxyz0123456789-_.");

        // Invariant: exactly one of the two is set, and the key's ending says which.
        private readonly string? _text;
        private readonly byte[]? _bytes;

        /// <summary>A text entry. The key may be written in any case and must not end in "-bin".</summary>
        public Entry(string key, string value)
        {
            ArgumentNullException.ThrowIfNull(value);
            Key = Normalize(key);
            if (IsBinaryKey(Key)) throw new ArgumentException($"Key '{Key}' is binary and needs bytes.", nameof(key));

            _text = value;
        }

        /// <summary>A binary entry. The key must end in "-bin". The bytes are copied.</summary>
        public Entry(string key, byte[] valueBytes)
        {
            ArgumentNullException.ThrowIfNull(valueBytes);
            Key = Normalize(key);
            if (!IsBinaryKey(Key)) throw new ArgumentException($"Key '{Key}' must end in '-bin'.", nameof(key));

            _bytes = [.. valueBytes];
        }

        /// <summary>The key, in lower case.</summary>
        public string Key { get; }

        /// <summary>True if the entry carries bytes.</summary>
        public bool IsBinary => _bytes is not null;

        /// <summary>The text. Throws for a binary entry.</summary>
        public string Value => _text ?? throw new InvalidOperationException($"Entry '{Key}' is binary.");

        /// <summary>A copy of the bytes, or the text as bytes.</summary>
        public byte[] ValueBytes => _bytes is null ? Encoding.ASCII.GetBytes(_text!) : [.. _bytes];

        /// <inheritdoc />
        public override string ToString() => IsBinary
            ? $"[Entry: key={Key}, valueBytes={Convert.ToBase64String(_bytes!)}]"
            : $"[Entry: key={Key}, value={_text}]";

        internal static string Normalize(string key)
        {
            ArgumentException.ThrowIfNullOrEmpty(key);
            var lower = key.ToLowerInvariant();
            return lower.AsSpan().ContainsAnyExcept(KeyCharacters)
                ? throw new ArgumentException($"'{key}' has characters a metadata key may not have.", nameof(key))
                : lower;
        }

        private static bool IsBinaryKey(string key) => key.EndsWith(BinaryHeaderSuffix, StringComparison.Ordinal);
    }
}
