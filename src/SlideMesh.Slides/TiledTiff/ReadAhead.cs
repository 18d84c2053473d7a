using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace SlideMesh.Slides.TiledTiff;

/// <summary>
/// Tells the kernel which parts of a file a walk will want soon, so that it fetches them while the tiles before are decoded. On
/// storage with a delay the reads then find their bytes in memory; on a warm file it costs one cheap call for some dozen tiles.
/// </summary>
/// <remarks>
/// Threads of our own that read ahead into buffers were rejected: they copy every byte once more, and on few cores take the decoder's time.
/// </remarks>
internal sealed partial class ReadAhead(SafeFileHandle file)
{
    /// <summary>Regions that are asked for together. 32 regions of 256 pixels are 0.3 to 1 MB of JPEG: 3 to 10 ms of decoding.</summary>
    public const int ChunkRegions = 32;

    /// <summary>Chunks ahead of the one being read; with 2, a delay of 10 ms a read is hidden.</summary>
    private const int ChunksAhead = 2;

    /// <summary>Smaller gaps between tiles are fetched with them: one longer read is cheaper than two.</summary>
    private const int MaxGap = 64 << 10;

    private const int WillNeed = 3;

    private int[]? _asked;
    private long _bytes;

    /// <summary>Bytes asked for so far.</summary>
    public long Bytes => Interlocked.Read(ref _bytes);

    /// <summary>Region <paramref name="index"/> is about to be read: asks for what comes next, once.</summary>
    /// <param name="count">Regions of the walk.</param>
    public void Reach<TWalk>(int index, int count, TWalk walk, Func<int, TWalk, IEnumerable<(long Offset, int Size)>> tiles)
    {
        if (!OperatingSystem.IsLinux())
        {
            return;
        }

        int chunks = (count + ChunkRegions - 1) / ChunkRegions;
        int[] asked = _asked ?? Interlocked.CompareExchange(ref _asked, new int[chunks], null) ?? _asked;
        int current = index / ChunkRegions;
        for (int chunk = current; chunk <= Math.Min(current + ChunksAhead, chunks - 1); chunk++)
        {
            if (Volatile.Read(ref asked[chunk]) == 0 && Interlocked.Exchange(ref asked[chunk], 1) == 0)
            {
                Ask(Enumerable.Range(chunk * ChunkRegions, Math.Min(ChunkRegions, count - (chunk * ChunkRegions))).SelectMany(i => tiles(i, walk)));
            }
        }
    }

    private void Ask(IEnumerable<(long Offset, int Size)> tiles)
    {
        long start = 0;
        long end = 0;
        foreach ((long offset, int size) in tiles.Distinct().Order())
        {
            if (offset > end + MaxGap || end == 0)
            {
                Ask(start, end);
                start = offset;
            }

            end = Math.Max(end, offset + size);
        }

        Ask(start, end);
    }

    private void Ask(long start, long end)
    {
        if (end > start)
        {
            // Advice: what comes of it does not matter here. The read itself reports what is wrong.
            _ = posix_fadvise(file, start, end - start, WillNeed);
            Interlocked.Add(ref _bytes, end - start);
        }
    }

    [LibraryImport("libc")]
    private static partial int posix_fadvise(SafeFileHandle fd, long offset, long length, int advice);
}
