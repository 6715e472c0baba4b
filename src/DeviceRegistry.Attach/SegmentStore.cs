using System.Globalization;
using System.Security.Cryptography;
using DeviceRegistry.Contracts.V1;
using Google.Protobuf;

namespace DeviceRegistry.Attach;

/// <summary>Segments of sightings on the disk, until the registrar took them. One writer.</summary>
/// <remarks>A file NUMBER.segment has a segment's bytes; a file under another name is not finished. Numbers rise over
/// restarts and clocks that go back: the registrar passes over a number that is not above the newest it took of this
/// node.</remarks>
internal sealed class SegmentStore
{
    private const string Suffix = ".segment";
    private readonly string _folder;
    private readonly string _newestPath;
    private readonly SortedSet<long> _waiting = [];
    private long _newest;
    private long _unreadable;
    private long _reported;
    private long _lost;
    private volatile int _count;

    /// <summary>Finds what an earlier process left.</summary>
    public SegmentStore(string folder)
    {
        (_folder, _newestPath) = (folder, Path.Combine(folder, "newest"));
        Directory.CreateDirectory(folder);
        foreach (var path in Directory.EnumerateFiles(folder, $"*{Suffix}"))
            if (long.TryParse(Path.GetFileNameWithoutExtension(path), NumberStyles.None, CultureInfo.InvariantCulture,
                out var number)) _waiting.Add(number);
        _count = _waiting.Count;
        _newest = Math.Max(_waiting.Max, File.Exists(_newestPath)
            && long.TryParse(File.ReadAllText(_newestPath), NumberStyles.None, CultureInfo.InvariantCulture,
            out var newest) ? newest : 0);
    }

    /// <summary>Segments that wait.</summary>
    public int Waiting => _count;

    /// <summary>Sightings that the registrar took.</summary>
    public long Reported => Interlocked.Read(ref _reported);

    /// <summary>Sightings that there was no room for, or that the registrar would not take.</summary>
    public long Lost => Interlocked.Read(ref _lost);

    /// <summary>Keeps a segment. It is on the disk once this returns; a full or broken disk throws, and the sightings
    /// count as lost.</summary>
    public void Keep(SightingSegment segment, long nowMs)
    {
        try
        {
            if (_waiting.Count >= Limits.SegmentsKeptMax) throw new IOException(
                $"{_waiting.Count} segments wait already");

            var number = Math.Max(_newest + 1, nowMs);
            AtomicFile.Write(_newestPath, System.Text.Encoding.ASCII.GetBytes(
                number.ToString(CultureInfo.InvariantCulture)));
            AtomicFile.Write(PathOf(number), segment.ToByteArray());
            _newest = number;
            _waiting.Add(number);
            _count = _waiting.Count;
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            Interlocked.Add(ref _lost, segment.Sightings.Count);
            throw;
        }
    }

    /// <summary>The oldest segment that waits, as it is reported; null: none does. What cannot be read at the first
    /// attempt throws, to be tried again; at the second it is left out, so that the others do not wait behind it, and
    /// its file gets a name under which it never comes again.</summary>
    public ReportSightingsRequest? Oldest(Action<ulong, string> leftOut)
    {
        while (_waiting.Count > 0)
        {
            var number = _waiting.Min;
            try
            {
                var bytes = File.ReadAllBytes(PathOf(number));
                return new ReportSightingsRequest { Number = (ulong)number, Segment = ByteString.CopyFrom(bytes),
                    Checksum = ByteString.CopyFrom(SHA256.HashData(bytes)) };
            }
            catch (Exception fault) when (_unreadable == number
                && fault is (IOException or UnauthorizedAccessException))
            {
                if (Path.Exists(PathOf(number))) Directory.Move(PathOf(number), PathOf(number) + ".unreadable");
                Forget(number);
                leftOut((ulong)number, fault.Message);
            }
            catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
            {
                _unreadable = number;
                throw;
            }
        }

        return null;
    }

    /// <summary>The registrar took it, or would not: it need not come again.</summary>
    public void Drop(ReportSightingsRequest segment, bool taken)
    {
        var sightings = CountOf(segment.Segment);
        if (taken) Interlocked.Add(ref _reported, sightings);
        else Interlocked.Add(ref _lost, sightings);
        File.Delete(PathOf((long)segment.Number));
        Forget((long)segment.Number);
    }

    private void Forget(long number)
    {
        _waiting.Remove(number);
        _count = _waiting.Count;
    }

    private string PathOf(long number) => Path.Combine(_folder, number.ToString(CultureInfo.InvariantCulture) + Suffix);

    private static int CountOf(ByteString segment)
    {
        try
        {
            return SightingSegment.Parser.ParseFrom(segment).Sightings.Count;
        }
        catch (InvalidProtocolBufferException)
        {
            return 0;                               // torn by the disk; the registrar said so too
        }
    }
}
