using System.Globalization;
using System.Security.Cryptography;
using DeviceRegistry.Contracts.V1;
using Google.Protobuf;

namespace DeviceRegistry.Attach;

/// <summary>Segments of sightings on the disk, until the registrar has accepted them. One writer.</summary>
/// <remarks>A file NUMBER.segment contains a segment; a file with another name is incomplete. Numbers increase over
/// restarts and over clocks that are set back: the registrar ignores a number that is not above the newest it accepted
/// from this node.</remarks>
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

    /// <summary>Loads the numbers of the segments that an earlier process left.</summary>
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

    /// <summary>Segments not accepted yet.</summary>
    public int Waiting => _count;

    /// <summary>Sightings that the registrar accepted.</summary>
    public long Reported => Interlocked.Read(ref _reported);

    /// <summary>Sightings dropped: storage full, or rejected by the registrar.</summary>
    public long Lost => Interlocked.Read(ref _lost);

    /// <summary>Writes a segment; it is on the disk when this returns. A full or broken disk throws, and the sightings
    /// count as dropped.</summary>
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

    /// <summary>The oldest segment as a report; null: none. A segment that cannot be read throws the first time, so
    /// that the caller retries. The second time it is skipped, so that it does not block the others, and its file is
    /// renamed so that it is not read again.</summary>
    public ReportSightingsRequest? Oldest(Action<ulong, string> skipped)
    {
        while (_waiting.Count > 0)
        {
            var number = _waiting.Min;
            try
            {
                var bytes = File.ReadAllBytes(PathOf(number));
                return new ReportSightingsRequest
                {
                    Number = (ulong)number, Segment = ByteString.CopyFrom(bytes),
                    Checksum = ByteString.CopyFrom(SHA256.HashData(bytes))
                };
            }
            catch (Exception fault) when (_unreadable == number
                && fault is (IOException or UnauthorizedAccessException))
            {
                if (Path.Exists(PathOf(number))) Directory.Move(PathOf(number), PathOf(number) + ".unreadable");
                RemovePending(number);
                skipped((ulong)number, fault.Message);
            }
            catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
            {
                _unreadable = number;
                throw;
            }
        }

        return null;
    }

    /// <summary>Removes a segment that the registrar accepted or rejected.</summary>
    public void Drop(ReportSightingsRequest segment, bool accepted)
    {
        var sightings = CountOf(segment.Segment);
        if (accepted) Interlocked.Add(ref _reported, sightings);
        else Interlocked.Add(ref _lost, sightings);
        File.Delete(PathOf((long)segment.Number));
        RemovePending((long)segment.Number);
    }

    private void RemovePending(long number)
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
            return 0;                               // damaged on the disk; the registrar rejected it
        }
    }
}
