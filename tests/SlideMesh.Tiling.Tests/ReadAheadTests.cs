using System.Collections.Concurrent;
using Microsoft.Win32.SafeHandles;
using SlideMesh.Slides;
using SlideMesh.Slides.OpenSlide;
using SlideMesh.Slides.Pyramid;
using SlideMesh.Slides.Raster;
using SlideMesh.Slides.Tests;
using SlideMesh.Slides.TiledTiff;
using SlideMesh.Slides.Tiff;
using SlideMesh.Tissue;

namespace SlideMesh.Tiling.Tests;

/// <summary>Storage that answers late, on a clock that only its reads move: no test waits for time to pass.</summary>
public sealed class ReadAheadTests : IDisposable
{
    private const int Tiles = 32 * 16;

    private readonly TestFolder _folder = new();
    private readonly string _path;

    public ReadAheadTests()
    {
        _path = _folder.File("slide.tif");
        PyramidalTiffWriter.Write(
            _path, Pictures.Gradient(64 * 32, 64 * 16), new PyramidalTiffOptions { MicronsPerPixel = 0.5, TileSizePx = 64, SmallestLevelPx = 8192 });
    }

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Slow_storage_is_read_by_other_threads_in_few_long_reads()
    {
        Storage storage = new(TimeSpan.FromMilliseconds(5));
        using (TiledTiffSource slide = Open(storage))
        {
            byte[][] expected = ReadAll(SlideSource.Open(_path));
            storage.Reads.Clear();
            Assert.Equal(expected, ReadAll(slide, dispose: false));

            // A few reads show that the storage is slow.
            int own = storage.Reads.Count(r => r.Thread == Environment.CurrentManagedThreadId);
            Assert.InRange(own, 1, 8);
            Assert.Equal(Tiles - own, slide.Fetched.Taken);
            Assert.InRange(storage.Reads.Count - own, 1, (Tiles - own) / 8);
            Assert.InRange(slide.Fetched.MostBytes, 1, FetchedRanges.CapacityBytes);
            Assert.Equal(0, slide.Fetched.HeldBytes);
        }
    }

    [Fact]
    public void Quick_storage_is_read_where_its_bytes_are_needed()
    {
        Storage storage = new(TimeSpan.FromMicroseconds(20));
        using TiledTiffSource slide = Open(storage);
        ReadAll(slide, dispose: false);
        Assert.All(storage.Reads, r => Assert.Equal(Environment.CurrentManagedThreadId, r.Thread));
        Assert.Equal((0, 0), (slide.Fetched.Taken, slide.Fetched.MostBytes));
    }

    [Fact]
    public void Walk_that_ends_early_gives_up_what_was_fetched_for_it()
    {
        Storage storage = new(TimeSpan.FromMilliseconds(5));
        using TiledTiffSource slide = Open(storage);
        TilePlan plan = Plan(slide);
        byte[] rgb = new byte[64 * 64 * 3];
        using (TileReader reader = new(slide, plan))
        {
            for (int i = 0; i < 3 * ReadAhead.ChunkRegions; i++)
            {
                reader.Read(i, rgb);
            }

            Assert.InRange(slide.Fetched.HeldBytes, 1, FetchedRanges.CapacityBytes);
        }

        // A read that is under way ends first; no read here waits for anything.
        Assert.True(SpinWait.SpinUntil(() => slide.Fetched.HeldBytes == 0, TimeSpan.FromSeconds(30)));
    }

    [Fact]
    public void Range_that_fails_ahead_is_read_again_and_a_tile_that_cannot_be_read_says_so()
    {
        Storage storage = new(TimeSpan.FromMilliseconds(5)) { FailsElsewhereThan = Environment.CurrentManagedThreadId };
        using TiledTiffSource slide = Open(storage);
        byte[][] expected = ReadAll(SlideSource.Open(_path));
        Assert.Equal(expected, ReadAll(slide, dispose: false));
        Assert.Equal(0, slide.Fetched.Taken);
        Assert.Equal(0, slide.Fetched.HeldBytes);
    }

    [Fact]
    public async Task Slide_that_is_closed_in_the_middle_of_a_walk_leaves_nobody_waiting()
    {
        Storage storage = new(TimeSpan.FromMilliseconds(5));
        TiledTiffSource slide = Open(storage);
        TilePlan plan = Plan(slide);
        using TileReader reader = new(slide, plan);
        int read = 0;
        Task[] walkers =
        [
            .. Enumerable.Range(0, 3).Select(w => Task.Run(() =>
            {
                byte[] rgb = new byte[64 * 64 * 3];
                for (int i = w * 100; i < (w * 100) + 200; i++)
                {
                    reader.Read(i, rgb);
                    Interlocked.Increment(ref read);
                }
            })),
        ];
        Assert.True(SpinWait.SpinUntil(() => Volatile.Read(ref read) > 150, TimeSpan.FromSeconds(60)));
        slide.Dispose();
        foreach (Task walker in walkers)
        {
            // A walker that waits for ever ends in TimeoutException, which is none of these.
            Exception? end = await Record.ExceptionAsync(() => walker.WaitAsync(TimeSpan.FromSeconds(60)));
            Assert.True(end is null or ObjectDisposedException or TileReadException, end?.ToString());
        }
    }

    private TiledTiffSource Open(Storage storage) => TiledTiffSource.TryCreate(
        OpenSlideSource.Open(_path), TiledTiffSource.DefaultCacheBytes, out _, storage.Open, storage)!;

    private static TilePlan Plan(ISlideSource slide) => TilePlanner.Plan(
        slide,
        new MicronsPerPixel(0.5, 0.5, MicronsPerPixelSource.Manifest),
        new TissueMask(64 * 32, 64 * 16, 1, 1, new byte[64 * 32 * 64 * 16]),
        new TileSpec { MicronsPerPixel = 0.5, SizePx = 64, MinTissueShare = 0 });

    private static byte[][] ReadAll(ISlideSource slide, bool dispose = true)
    {
        TilePlan plan = Plan(slide);
        Assert.Equal(Tiles, plan.Tiles.Count);
        using TileReader reader = new(slide, plan);
        byte[][] tiles = [.. Enumerable.Range(0, Tiles).Select(_ => new byte[64 * 64 * 3])];
        for (int i = 0; i < Tiles; i++)
        {
            reader.Read(i, tiles[i]);
        }

        if (dispose)
        {
            slide.Dispose();
        }

        return tiles;
    }

    /// <summary>The file, and the clock by which it answers late.</summary>
    private sealed class Storage(TimeSpan delay) : TimeProvider
    {
        private long _now;

        public ConcurrentQueue<(int Thread, int Bytes)> Reads { get; } = new();

        public int? FailsElsewhereThan { get; init; }

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override long GetTimestamp() => Interlocked.Read(ref _now);

        public ReadBytes Open(SafeFileHandle file) => (bytes, offset) =>
        {
            Interlocked.Add(ref _now, delay.Ticks);
            Reads.Enqueue((Environment.CurrentManagedThreadId, bytes.Length));
            return FailsElsewhereThan is { } thread && thread != Environment.CurrentManagedThreadId
                ? throw new IOException("The storage failed.")
                : RandomAccess.Read(file, bytes, offset);
        };
    }
}
