using DeviceRegistry.Core;

namespace DeviceRegistry.Attach;

/// <summary>What was seen, on its way from the doors to the one who counts it: a ring of fixed size that many write and
/// one reads. Writing takes no lock and allocates nothing.</summary>
/// <remarks>D. Vyukov's bounded queue. A cell's turn says whose it is: n: free for the n-th write; n + 1: written, for
/// the n-th read; n + length: free for the next round.</remarks>
internal sealed class SightingQueue
{
    private readonly Cell[] _cells;
    private long _written;
    private long _read;

    /// <summary>Makes a ring of a power of two.</summary>
    public SightingQueue(int cells)
    {
        _cells = new Cell[cells];
        for (var i = 0; i < cells; i++) _cells[i].Turn = i;
    }

    /// <summary>Adds what was seen; false: it is full. A malformed identity comes with its text.</summary>
    public bool TryAdd(Imei imei, string? text, long atMs)
    {
        while (true)
        {
            var turn = Volatile.Read(ref _written);
            ref var cell = ref _cells[turn & (_cells.Length - 1)];
            var ahead = Volatile.Read(ref cell.Turn) - turn;
            if (ahead < 0) return false;
            if (ahead > 0 || Interlocked.CompareExchange(ref _written, turn + 1, turn) != turn) continue;

            (cell.Imei, cell.Text, cell.AtMs) = (imei, text, atMs);
            Volatile.Write(ref cell.Turn, turn + 1);
            return true;
        }
    }

    /// <summary>The one reader only: takes what was added first; false: there is nothing, or it is being
    /// written.</summary>
    public bool TryTake(out Imei imei, out string? text, out long atMs)
    {
        ref var cell = ref _cells[_read & (_cells.Length - 1)];
        (imei, text, atMs) = (default, null, 0);
        if (Volatile.Read(ref cell.Turn) != _read + 1) return false;

        (imei, text, atMs) = (cell.Imei, cell.Text, cell.AtMs);
        cell.Text = null;
        Volatile.Write(ref cell.Turn, _read + _cells.Length);
        _read++;
        return true;
    }

    private struct Cell
    {
        public long Turn;
        public Imei Imei;
        public string? Text;
        public long AtMs;
    }
}
