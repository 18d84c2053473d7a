using System.Buffers;

namespace SlideMesh.Slides.TiledTiff;

/// <summary>
/// Parts of a file that were asked for before they are needed, read by a few threads that start with the first of them and end with
/// <see cref="Dispose"/>. Bounded in bytes: what does not fit is not fetched, and its tiles are read when they are needed. Thread-safe.
/// </summary>
internal sealed class FetchedRanges(ReadBytes read) : IDisposable
{
    /// <summary>Compressed bytes that wait to be taken, at most. 8 chunks of 32 tiles of 256 pixels are 2 to 8 MB.</summary>
    public const long CapacityBytes = 48L << 20;

    /// <summary>Threads that wait for the storage: so many reads are under way at once.</summary>
    private const int Readers = 8;

    private readonly object _gate = new();
    private readonly Dictionary<(int Level, int Tile), (Range Range, int At)> _tiles = [];
    private readonly Queue<Range> _pending = new();
    private readonly HashSet<Range> _held = [];
    private bool _hasReaders;
    private bool _closed;

    /// <summary>Bytes held or asked for at the moment.</summary>
    public long HeldBytes { get; private set; }

    /// <summary>The most that was ever held.</summary>
    public long MostBytes { get; private set; }

    /// <summary>Tiles that were there when they were needed, or on their way.</summary>
    public long Taken { get; private set; }

    /// <summary>Asks for the bytes of some tiles, which lie close together.</summary>
    /// <param name="owner">Who gives up with <see cref="Forget"/> what was not taken.</param>
    public void Ask(object owner, int level, long offset, int length, IReadOnlyList<(int Tile, long Offset)> tiles)
    {
        lock (_gate)
        {
            if (_closed || HeldBytes + length > CapacityBytes)
            {
                return;
            }

            Range range = new(owner, offset, length);
            foreach ((int tile, long at) in tiles)
            {
                if (_tiles.TryAdd((level, tile), (range, (int)(at - offset))))
                {
                    range.Keys.Add((level, tile));
                }
            }

            if (range.Keys.Count == 0)
            {
                return;
            }

            _held.Add(range);
            HeldBytes += length;
            MostBytes = Math.Max(MostBytes, HeldBytes);
            _pending.Enqueue(range);
            StartReaders();
            Monitor.PulseAll(_gate);
        }
    }

    /// <summary>Gives a tile's bytes once, waiting for them when they are on their way.</summary>
    /// <returns>False when nobody asked for them, or they could not be read.</returns>
    public bool TryTake(int level, int tile, Span<byte> bytes)
    {
        lock (_gate)
        {
            if (!_tiles.Remove((level, tile), out (Range Range, int At) place))
            {
                return false;
            }

            // Readers wait for nobody, and every range that was asked for is read or given up: this ends.
            Range range = place.Range;
            range.Takers++;
            while (range.State is RangeState.Pending or RangeState.Reading)
            {
                Monitor.Wait(_gate);
            }

            bool isThere = range.State == RangeState.Read;
            if (isThere)
            {
                range.Buffer.AsSpan(place.At, bytes.Length).CopyTo(bytes);
                Taken++;
            }

            range.Takers--;
            range.Keys.Remove((level, tile));
            ReleaseWhenUnused(range);
            return isThere;
        }
    }

    /// <summary>Gives up what an owner asked for and did not take.</summary>
    public void Forget(object owner)
    {
        lock (_gate)
        {
            GiveUp(_held.Where(r => r.Owner == owner));
        }
    }

    /// <summary>Reads under way end by themselves.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            _closed = true;
            GiveUp(_held);
        }
    }

    private void GiveUp(IEnumerable<Range> ranges)
    {
        foreach (Range range in ranges.ToArray())
        {
            foreach ((int, int) key in range.Keys)
            {
                _tiles.Remove(key);
            }

            range.Keys.Clear();
            range.State = range.State == RangeState.Pending ? RangeState.Failed : range.State;
            ReleaseWhenUnused(range);
        }

        Monitor.PulseAll(_gate);
    }

    private void ReleaseWhenUnused(Range range)
    {
        if (range.Keys.Count == 0 && range.Takers == 0 && range.State is RangeState.Read or RangeState.Failed && _held.Remove(range))
        {
            HeldBytes -= range.Length;
            if (range.Buffer.Length > 0)
            {
                ArrayPool<byte>.Shared.Return(range.Buffer);
                range.Buffer = [];
            }
        }
    }

    private void StartReaders()
    {
        if (_hasReaders)
        {
            return;
        }

        _hasReaders = true;
        for (int i = 0; i < Readers; i++)
        {
            new Thread(Serve) { IsBackground = true, Name = "slide read-ahead" }.Start();
        }
    }

    private void Serve()
    {
        while (Next() is { } range)
        {
            byte[] buffer = ArrayPool<byte>.Shared.Rent(range.Length);
            bool isRead = TryRead(range, buffer);
            lock (_gate)
            {
                range.Buffer = buffer;
                range.State = isRead ? RangeState.Read : RangeState.Failed;
                ReleaseWhenUnused(range);
                Monitor.PulseAll(_gate);
            }
        }
    }

    private Range? Next()
    {
        lock (_gate)
        {
            while (true)
            {
                if (_closed)
                {
                    return null;
                }

                if (!_pending.TryDequeue(out Range? range))
                {
                    Monitor.Wait(_gate);
                }
                else if (range.State == RangeState.Pending)
                {
                    range.State = RangeState.Reading;
                    return range;
                }
            }
        }
    }

    /// <summary>What fails here is read again by who needs it, who then learns why.</summary>
    private bool TryRead(Range range, byte[] buffer)
    {
        try
        {
            for (int done = 0; done < range.Length;)
            {
                int count = read(buffer.AsSpan(done, range.Length - done), range.Offset + done);
                if (count <= 0)
                {
                    return false;
                }

                done += count;
            }

            return true;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ObjectDisposedException)
        {
            return false;
        }
    }

    private enum RangeState
    {
        Pending,
        Reading,
        Read,
        Failed,
    }

    private sealed class Range(object owner, long offset, int length)
    {
        public object Owner { get; } = owner;

        public long Offset { get; } = offset;

        public int Length { get; } = length;

        /// <summary>Tiles that nobody took yet.</summary>
        public HashSet<(int Level, int Tile)> Keys { get; } = [];

        /// <summary>Who waits for it; keeps the buffer when the owner gives up.</summary>
        public int Takers { get; set; }

        public RangeState State { get; set; }

        public byte[] Buffer { get; set; } = [];
    }
}
