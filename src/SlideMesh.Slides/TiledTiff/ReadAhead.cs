using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace SlideMesh.Slides.TiledTiff;

/// <summary>
/// Asks for the compressed tiles that a walk will want soon. As long as the storage answers quickly, the kernel is told only, which costs
/// a cheap call for some dozen tiles and copies nothing. Once reads are slow, the tiles are fetched by <see cref="FetchedRanges"/>.
/// </summary>
/// <remarks>The kernel's own fetching cannot be seen or relied on: network and user-space file systems are free to ignore the advice.</remarks>
internal sealed partial class ReadAhead(SafeFileHandle file, TileBytes bytes, TiledTiffLevel level) : IDisposable
{
    /// <summary>Regions that are asked for together. 32 regions of 256 pixels are 0.3 to 1 MB of JPEG: 3 to 10 ms of decoding.</summary>
    public const int ChunkRegions = 32;

    /// <summary>Chunks ahead of the one being read, while the storage is quick.</summary>
    private const int ChunksAdvised = 2;

    /// <summary>Chunks ahead while it is slow: 30 to 80 ms of decoding.</summary>
    private const int ChunksFetched = 8;

    /// <summary>Smaller gaps between tiles are fetched with them: one longer read is cheaper than two.</summary>
    private const int MaxGap = 64 << 10;

    /// <summary>Longer ranges are cut, so that several reads share the way.</summary>
    private const int MaxRange = 1 << 20;

    private const int WillNeed = 3;

    /// <summary>The kernel was told.</summary>
    public const int Advised = 1;

    /// <summary>Bytes come to memory of our own. What was only advised before is asked for once more.</summary>
    public const int Fetched = 2;

    /// <summary>By chunk: 0, or how it was asked for, <see cref="Advised"/> or <see cref="Fetched"/>.</summary>
    private int[]? _asked;

    /// <summary>Region <paramref name="index"/> is about to be read: asks for what comes next, once.</summary>
    /// <param name="count">Regions of the walk.</param>
    /// <param name="tiles">Tiles of a region that were not asked for in this way before.</param>
    public void Reach<TWalk>(int index, int count, TWalk walk, Func<int, TWalk, int, IEnumerable<int>> tiles)
    {
        int chunks = (count + ChunkRegions - 1) / ChunkRegions;
        int[] asked = _asked ?? Interlocked.CompareExchange(ref _asked, new int[chunks], null) ?? _asked;
        int current = index / ChunkRegions;
        int way = bytes.IsSlow ? Fetched : Advised;
        int ahead = way == Fetched ? ChunksFetched : ChunksAdvised;
        for (int chunk = current; chunk <= Math.Min(current + ahead, chunks - 1); chunk++)
        {
            if (Volatile.Read(ref asked[chunk]) < way && Interlocked.Exchange(ref asked[chunk], way) < way)
            {
                int first = chunk * ChunkRegions;
                Ask(Enumerable.Range(first, Math.Min(ChunkRegions, count - first)).Where(i => i >= index).SelectMany(i => tiles(i, walk, way)), way);
            }
        }
    }

    public void Dispose() => bytes.Fetched.Forget(this);

    private void Ask(IEnumerable<int> tiles, int way)
    {
        List<(int Tile, long Offset)> range = [];
        long end = 0;
        foreach (int tile in tiles.OrderBy(t => level.Tile(t).Offset))
        {
            (long offset, int size) = level.Tile(tile);
            if (range.Count > 0 && (offset > end + MaxGap || offset + size - range[0].Offset > MaxRange))
            {
                Ask(range, end, way);
                range = [];
            }

            range.Add((tile, offset));
            end = range.Count == 1 ? offset + size : Math.Max(end, offset + size);
        }

        if (range.Count > 0)
        {
            Ask(range, end, way);
        }
    }

    private void Ask(List<(int Tile, long Offset)> tiles, long end, int way)
    {
        long start = tiles[0].Offset;
        if (way == Fetched)
        {
            bytes.Fetched.Ask(this, level.Index, start, (int)(end - start), tiles);
        }
        else if (OperatingSystem.IsLinux())
        {
            // Advice: what comes of it does not matter here. The read itself reports what is wrong.
            _ = posix_fadvise(file, start, end - start, WillNeed);
        }
    }

    [LibraryImport("libc")]
    private static partial int posix_fadvise(SafeFileHandle fd, long offset, long length, int advice);
}
