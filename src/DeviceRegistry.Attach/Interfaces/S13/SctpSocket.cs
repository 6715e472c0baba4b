using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace DeviceRegistry.Attach.Interfaces.S13;

/// <summary>SCTP, which TS 29.272 §7.1.7 requires and .NET does not support: a one-to-one socket of the kernel, read
/// and written like a TCP socket.</summary>
/// <remarks>Not tested: the test machines' kernels have no SCTP. Where the kernel has none, a DRA or freeDiameter in
/// front of the node converts to TCP.</remarks>
internal static partial class SctpSocket
{
    private const int Stream = 1;
    private const int Sctp = 132;                        // IPPROTO_SCTP
    private const int InterNetwork = 2;
    private const int InterNetworkV6 = 10;
    private const int DefaultSendInfo = 34;              // SCTP_DEFAULT_SNDINFO, RFC 6458 §8.1.31
    private const int NoDelay = 3;                       // SCTP_NODELAY
    private const int CloseOnExec = 0x80000;

    /// <summary>Creates the socket. Throws InvalidOperationException with instructions if the kernel has no
    /// SCTP.</summary>
    public static Socket Bind(IPAddress address)
    {
        var handle = Socket(address.AddressFamily is AddressFamily.InterNetworkV6 ? InterNetworkV6 : InterNetwork,
            Stream | CloseOnExec, Sctp);
        if (handle < 0)
            throw new InvalidOperationException(
                $"This kernel has no SCTP ({Marshal.GetLastPInvokeErrorMessage()}). Load its module (modprobe sctp), " +
                $"or leave out --s13-sctp and let a DRA in front speak TCP to the node.");

        return new Socket(new SafeSocketHandle(handle, ownsHandle: true));
    }

    /// <summary>Sets Diameter's payload protocol identifier (46, RFC 6733 §2.1.1) on all messages, and disables Nagle's
    /// algorithm: struct sctp_sndinfo { u16 stream, u16 flags, u32 ppid in network order, u32 context, s32 association
    /// }.</summary>
    public static void Prepare(Socket socket)
    {
        socket.SetRawSocketOption(Sctp, DefaultSendInfo, [0, 0, 0, 0, 0, 0, 0, 46, 0, 0, 0, 0, 0, 0, 0, 0]);
        socket.SetRawSocketOption(Sctp, NoDelay, [1, 0, 0, 0]);
    }

    [LibraryImport("libc", EntryPoint = "socket", SetLastError = true)]
    private static partial int Socket(int domain, int type, int protocol);
}
