namespace SlideMesh.Slides.TiledTiff;

/// <summary>Reads bytes of a file at an offset; fewer than asked for only at its end. Thread-safe.</summary>
/// <exception cref="IOException">The storage failed.</exception>
internal delegate int ReadBytes(Span<byte> bytes, long offset);

/// <summary>
/// Compressed tiles of one slide: from what was fetched ahead, else from the file. Watches how long the file's reads take: storage that
/// answers late is read ahead of the decoder by threads of its own from then on. Thread-safe.
/// </summary>
internal sealed class TileBytes : IDisposable
{
    /// <summary>A page in memory takes 0.01 ms, a local flash disk 0.1 to 0.2 ms, disks and networks 1 to 20 ms.</summary>
    private static readonly TimeSpan Slow = TimeSpan.FromMilliseconds(1);

    /// <summary>A slow read counts as much as that many quick ones, so that one late answer in a hundred changes nothing.</summary>
    private const int SlowWeight = 16;

    private const int SlowReads = 4;

    private readonly ReadBytes _read;
    private readonly TimeProvider _time;
    private readonly FetchedRanges _fetched;
    private int _slowness;
    private volatile bool _isSlow;

    public TileBytes(ReadBytes read, TimeProvider time)
    {
        _read = read;
        _time = time;
        _fetched = new FetchedRanges(read);
    }

    /// <summary>The storage answers late.</summary>
    public bool IsSlow => _isSlow;

    /// <summary>What was fetched ahead.</summary>
    public FetchedRanges Fetched => _fetched;

    /// <param name="bytes">As long as the tile is in the file.</param>
    /// <returns>False when the file ends before.</returns>
    /// <exception cref="IOException">The storage failed.</exception>
    public bool TryRead(TiledTiffLevel level, int tile, Span<byte> bytes)
    {
        if (_isSlow && _fetched.TryTake(level.Index, tile, bytes))
        {
            return true;
        }

        long start = _isSlow ? 0 : _time.GetTimestamp();
        long offset = level.Tile(tile).Offset;
        for (int done = 0; done < bytes.Length;)
        {
            int read = _read(bytes[done..], offset + done);
            if (read <= 0)
            {
                return false;
            }

            done += read;
        }

        if (!_isSlow)
        {
            Note(_time.GetElapsedTime(start));
        }

        return true;
    }

    public void Dispose() => _fetched.Dispose();

    /// <summary>Threads may lose each other's counts; four slow reads are soon followed by more.</summary>
    private void Note(TimeSpan elapsed)
    {
        if (elapsed >= Slow)
        {
            _slowness += SlowWeight;
            _isSlow |= _slowness >= SlowReads * SlowWeight;
        }
        else if (_slowness > 0)
        {
            _slowness--;
        }
    }
}
