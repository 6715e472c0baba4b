using DeviceRegistry.Core;

namespace DeviceRegistry.Indexing;

/// <summary>The TAC list, in blocks as IMEIs are. One writer; readers take no lock.</summary>
internal sealed class TacList
{
    private const byte Listed = 1;

    private readonly BlockMap _blocks = new();
    private readonly BlockEditor _editor = new();

    /// <summary>Number of TACs.</summary>
    public int Count { get; private set; }

    public bool Has(Tac tac) => _blocks.CodeOf(tac.Value / Block.Places, (int)(tac.Value % Block.Places)) is Listed;

    /// <summary>Writer only: adds TACs.</summary>
    public void Add(IEnumerable<Tac> tacs, ref StateDigest digest)
    {
        foreach (var block in tacs.GroupBy(t => t.Value / Block.Places))
        {
            _editor.Load(_blocks.BlockOf(block.Key));
            foreach (var tac in block)
            {
                if (_editor.Set((int)(tac.Value % Block.Places), Listed) is Listed) continue;

                digest.Add(StateElementEncoding.Of(StateElementEncoding.Tac, tac.Value));
                Count++;
            }

            _blocks.Put(block.Key, _editor.ToBlock());
        }
    }

    /// <summary>Writer only: adds all TACs to a digest.</summary>
    public void AddTo(ref StateDigest digest)
    {
        foreach (var (number, block) in _blocks.All())
        {
            _editor.Load(block);
            foreach (var (place, _) in _editor.Entries()) digest.Add(
                StateElementEncoding.Of(StateElementEncoding.Tac, (number * Block.Places) + (uint)place));
        }
    }

    /// <summary>Writer only: captures the current list; the returned action writes it at any time and on any
    /// thread.</summary>
    public Action<IndexWriter> Capture() => _blocks.Capture();

    public void ReadFrom(IndexReader from) => Count = _blocks.ReadFrom(from, PlacesOf, Listed);

    private static int PlacesOf(ulong number) =>
        number > (Tac.Limit - 1) / Block.Places ? 0 : (int)Math.Min(Block.Places, Tac.Limit - (number * Block.Places));
}
