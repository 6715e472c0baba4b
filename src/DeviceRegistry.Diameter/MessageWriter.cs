using System.Buffers.Binary;

namespace DeviceRegistry.Diameter;

/// <summary>Writes one message to a buffer that the caller must make large enough (<see cref="RoomFor"/>). Writes every
/// byte of the message including the padding, so that old contents of the buffer do not leak.</summary>
public ref struct MessageWriter
{
    private readonly Span<byte> _into;
    private readonly DiameterHeader _header;
    private int _at;

    private MessageWriter(Span<byte> into, DiameterHeader header)
    {
        _into = into;
        _header = header;
        _at = DiameterHeader.Size;
    }

    /// <summary>Buffer size that suffices for any answer to a request of this length: an answer echoes each AVP at most
    /// once, one of them again in Failed-AVP, and adds less than 1 KB of its own.</summary>
    public static int RoomFor(int requestLength) => 2 * requestLength + 1024;

    public static MessageWriter Request(Span<byte> into, uint command, uint application, CommandFlags flags,
        uint hopByHop, uint endToEnd) =>
        new(into, new DiameterHeader(0, flags | CommandFlags.Request, command, application, hopByHop, endToEnd));

    /// <summary>Begins the answer to a request, with its command, application, identifiers and P bit; the E bit is set
    /// for 3xxx only (RFC 6733 §6.2, §7.1.3).</summary>
    public static MessageWriter Answer(Span<byte> into, in DiameterHeader request, ResultCode result) =>
        new(into, request with
        {
            Length = 0,
            Flags = (request.Flags & CommandFlags.Proxiable) | ((uint)result / 1000 is 3 ? CommandFlags.Error
            : CommandFlags.None)
        });

    /// <summary>Writes an AVP of bytes.</summary>
    public void Write(AvpCode code, scoped ReadOnlySpan<byte> data)
    {
        var start = Head(code);
        data.CopyTo(_into[_at..]);
        _at += data.Length;
        Close(start);
        Pad();
    }

    /// <summary>Writes an AVP of four bytes.</summary>
    public void Write(AvpCode code, uint number)
    {
        var start = Head(code);
        BinaryPrimitives.WriteUInt32BigEndian(_into[_at..], number);
        _at += 4;
        Close(start);
    }

    /// <summary>Writes a complete AVP, or several AVPs with padding, unchanged.</summary>
    public void WriteWhole(scoped ReadOnlySpan<byte> avp)
    {
        avp.CopyTo(_into[_at..]);
        _at += avp.Length;
        Pad();
    }

    /// <summary>Begins a grouped AVP; pass the result to <see cref="Close"/>.</summary>
    public int Open(AvpCode code) => Head(code);

    /// <summary>Ends a grouped AVP. Its length includes the padding of its AVPs.</summary>
    public readonly void Close(int start) =>
        BinaryPrimitives.WriteUInt32BigEndian(_into[(start + 4)..],
            ((uint)_into[start + 4] << 24) | (uint)(_at - start));

    /// <summary>Writes Failed-AVP if an AVP caused the error; if its code is missing too, Failed-AVP contains the
    /// enclosing group.</summary>
    public void WriteFailed(in RequestError fault)
    {
        if (fault.Failed is 0 && fault.Whole.IsEmpty && fault.Within is 0) return;

        var failed = Open(AvpCode.FailedAvp);
        var within = fault.Within is 0 ? -1 : Open(fault.Within);
        if (!fault.Whole.IsEmpty)
        {
            WriteWhole(fault.Whole);
        }
        else if (fault.Failed is not 0)
        {
            var example = Open(fault.Failed);
            var shortest = _into.Slice(_at, AvpCatalogue.ShortestOf(fault.Failed));
            shortest.Clear();
            _at += shortest.Length;
            Close(example);
            Pad();
        }

        if (within >= 0) Close(within);
        Close(failed);
    }

    /// <summary>Ends the message; returns its length.</summary>
    public readonly int End()
    {
        (_header with { Length = _at }).Write(_into);
        return _at;
    }

    private int Head(AvpCode code)
    {
        var start = _at;
        var flags = AvpCatalogue.FlagsOf(code);
        BinaryPrimitives.WriteUInt32BigEndian(_into[start..], (uint)code);
        _into[start + 4] = (byte)flags;
        _at += 8;
        if ((flags & AvpFlags.Vendor) is 0) return start;

        BinaryPrimitives.WriteUInt32BigEndian(_into[_at..], (uint)((ulong)code >> 32));
        _at += 4;
        return start;
    }

    private void Pad()
    {
        while (_at % 4 is not 0) _into[_at++] = 0;
    }
}
