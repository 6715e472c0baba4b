using DeviceRegistry.Core;

namespace DeviceRegistry.Attach;

/// <summary>Sightings between the interfaces and the counting thread: a ring of fixed size with many writers and one
/// reader. Writing takes no lock and allocates nothing.</summary>
/// <remarks>D. Vyukov's bounded queue. The sequence of a cell is n: free for the n-th write; n + 1: written, ready for
/// the n-th read; n + length: free for the next round.</remarks>
internal sealed class SightingQueue
{
    private readonly Cell[] _cells;
    private long _written;
    private long _read;

    /// <summary>Creates a ring; <paramref name="cells"/> must be a power of two.</summary>
    public SightingQueue(int cells)
    {
        _cells = new Cell[cells];
        for (var i = 0; i < cells; i++) _cells[i].Sequence = i;
    }

    /// <summary>Adds a sighting; false: the queue is full. A malformed identity has its text.</summary>
    public bool TryAdd(Imei imei, string? text, long atMs)
    {
        while (true)
        {
            var sequence = Volatile.Read(ref _written);
            ref var cell = ref _cells[sequence & (_cells.Length - 1)];
            var ahead = Volatile.Read(ref cell.Sequence) - sequence;
            if (ahead < 0) return false;
            if (ahead > 0 || Interlocked.CompareExchange(ref _written, sequence + 1, sequence) != sequence) continue;

            (cell.Imei, cell.Text, cell.AtMs) = (imei, text, atMs);
            Volatile.Write(ref cell.Sequence, sequence + 1);
            return true;
        }
    }

    /// <summary>Takes the oldest sighting; false: the queue is empty, or the next cell is being written. One reader
    /// only.</summary>
    public bool TryTake(out Imei imei, out string? text, out long atMs)
    {
        ref var cell = ref _cells[_read & (_cells.Length - 1)];
        (imei, text, atMs) = (default, null, 0);
        if (Volatile.Read(ref cell.Sequence) != _read + 1) return false;

        (imei, text, atMs) = (cell.Imei, cell.Text, cell.AtMs);
        cell.Text = null;
        Volatile.Write(ref cell.Sequence, _read + _cells.Length);
        _read++;
        return true;
    }

    private struct Cell
    {
        public long Sequence;
        public Imei Imei;
        public string? Text;
        public long AtMs;
    }
}
