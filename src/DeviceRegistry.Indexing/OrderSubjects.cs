using DeviceRegistry.Core;

namespace DeviceRegistry.Indexing;

/// <summary>An armed order and its subjects except pairs, in the sequence of the journal entry.</summary>
internal sealed record OrderSubjects(OrderTerm Order, ulong[] Imeis, uint[] Tacs, SerialRange[] Ranges, string[] Texts)
{
    /// <summary>Whether all subjects are identities.</summary>
    public bool IsOnIdentitiesAlone => Tacs.Length is 0 && Ranges.Length is 0;

    public void WriteTo(IndexWriter to)
    {
        to.Number(Order.Number);
        to.Terms(Order);
        to.Words(Imeis);
        to.Count(Tacs.Length);
        foreach (var tac in Tacs) to.Number(tac);
        to.Count(Ranges.Length);
        foreach (var range in Ranges)
        {
            to.Number(range.First.Value);
            to.Number(range.Last.Value);
        }

        to.Count(Texts.Length);
        foreach (var text in Texts) to.Text(text);
    }

    public static OrderSubjects ReadFrom(IndexReader from)
    {
        var number = from.Number();
        return new OrderSubjects(
            from.Terms() with { Number = number }, from.List(r => r.NumberBelow(Imei.Limit)),
            from.List(r => (uint)r.NumberBelow(Tac.Limit)), Merged(from.List(ReadRange)), from.List(r => r.Normal()));
    }

    private static SerialRange[] Merged(SerialRange[] ranges)
    {
        IndexReader.Require(SerialRange.Merged(ranges).SequenceEqual(ranges));
        return ranges;
    }

    private static SerialRange ReadRange(IndexReader from)
    {
        IndexReader.Require(SerialRange.TryFrom(from.Number(), from.Number(), out var range));
        return range;
    }
}
