using System.Diagnostics;
using System.Globalization;
using Microsoft.Win32.SafeHandles;
using SlideMesh.Inference.Batching;
using SlideMesh.Inference.Packages;
using SlideMesh.Slides.OpenSlide;
using SlideMesh.Slides.Pyramid;
using SlideMesh.Slides.TiledTiff;
using SlideMesh.Slides.TurboJpeg;
using SlideMesh.Tiling;

namespace SlideMesh.Benchmarks;

/// <summary>Reading tiles, and what libjpeg-turbo alone does with the compressed tiles of the same rows in memory.</summary>
internal static class Reading
{
    /// <summary>A quarter of a shard of the pipeline: of whole shards there would be 24, and the wait for the last would cost two threads up to 4 %.</summary>
    private const int ShardTiles = 64;

    private static readonly TimeSpan WarmUp = TimeSpan.FromSeconds(2.5);

    /// <summary>slidemesh-bench read tiles SLIDE SIZE STRIDE OUT ROWS THREADS, read bare SLIDE ROWS HALVINGS, read planes EDGE REPEATS, or read late SLIDE DELAY_MS ROWS planned|unplanned.</summary>
    /// <remarks>
    /// Says "ready" when warm: code compiled, file in the page cache. Then takes one turn for every line of <paramref name="input"/> and
    /// answers with two numbers, by the clock and by the processor time of all threads: tiles per second, for <c>bare</c> megapixels.
    /// </remarks>
    public static void Run(string[] args, TextReader input, TextWriter output)
    {
        Func<Work> turn = args switch
        {
            ["tiles", string slide, string size, string stride, string edge, string rows, string threads] =>
                () => Walk(slide, Number(size), Number(stride), Number(edge), Number(rows), Number(threads)),
            ["late", string slide, string delay, string rows, "planned" or "unplanned"] => () => WalkLate(slide, Number(delay), Number(rows), args[4] == "planned"),
            ["planes", string edge, string repeats] => Planes(Number(edge), Number(repeats)),
            ["bare", string slide, string rows, string halvings] => Bare(slide, Number(rows), Number(halvings)),
            _ => throw new ArgumentException("usage: slidemesh-bench read tiles SLIDE SIZE STRIDE OUT ROWS THREADS | read bare SLIDE ROWS HALVINGS | read planes EDGE REPEATS | read late SLIDE DELAY_MS ROWS planned|unplanned"),
        };
        long start = Stopwatch.GetTimestamp();
        while (Stopwatch.GetElapsedTime(start) < WarmUp)
        {
            _ = turn();
        }

        output.WriteLine("ready");
        while (input.ReadLine() is not null)
        {
            Work work = turn();
            output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{work.Count / work.Seconds:0.0} {work.Count / work.ProcessorSeconds:0.0}"));
        }
    }

    private static int Number(string text) => int.Parse(text, CultureInfo.InvariantCulture);

    private static Work Timed(double count, Action action)
    {
        using Process process = Process.GetCurrentProcess();
        TimeSpan processor = process.TotalProcessorTime;
        long start = Stopwatch.GetTimestamp();
        action();
        double seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
        process.Refresh();
        return new Work(count, seconds, (process.TotalProcessorTime - processor).TotalSeconds);
    }

    /// <summary>Pixels in memory to normalised planes.</summary>
    private static Func<Work> Planes(int edge, int repeats)
    {
        TileNormaliser normaliser = new(new Normalisation([0.485f, 0.456f, 0.406f], [0.229f, 0.224f, 0.225f]));
        byte[] rgb = new byte[edge * edge * 3];
        new Random(1).NextBytes(rgb);
        float[] planes = new float[rgb.Length];
        return () => Timed(repeats, () =>
        {
            for (int i = 0; i < repeats; i++)
            {
                normaliser.Normalise(rgb, planes);
            }
        });
    }

    private static Work Walk(string path, int size, int stride, int edge, int rows, int threads)
    {
        using ISlideSource source = SlideSource.Open(path);
        TilePlan plan = Plan(source, size, stride, edge, rows);
        using TileReader reader = new(source, plan);
        int shards = (plan.Tiles.Count + ShardTiles - 1) / ShardTiles;
        int next = -1;
        void ReadShards()
        {
            byte[] rgb = new byte[edge * edge * 3];
            for (int shard = Interlocked.Increment(ref next); shard < shards; shard = Interlocked.Increment(ref next))
            {
                for (int i = shard * ShardTiles; i < Math.Min(plan.Tiles.Count, (shard + 1) * ShardTiles); i++)
                {
                    reader.Read(i, rgb);
                }
            }
        }

        return Timed(plan.Tiles.Count, () =>
        {
            Thread[] others = [.. Enumerable.Range(1, threads - 1).Select(_ => new Thread(ReadShards))];
            foreach (Thread thread in others)
            {
                thread.Start();
            }

            ReadShards();
            foreach (Thread thread in others)
            {
                thread.Join();
            }
        });
    }

    /// <summary>256 px tiles from storage that answers every read late, as a plan's walk or one by one without announcing any.</summary>
    private static Work WalkLate(string path, int delayMs, int rows, bool isPlanned)
    {
        OpenSlideSource openSlide = OpenSlideSource.Open(path);
        using TiledTiffSource source = TiledTiffSource.TryCreate(openSlide, TiledTiffSource.DefaultCacheBytes, out string? reason, Late)
            ?? throw new ArgumentException(reason);
        TilePlan plan = Plan(source, 256, 256, 256, rows);
        using TileReader reader = new(source, plan);
        byte[] rgb = new byte[256 * 256 * 3];
        return Timed(plan.Tiles.Count, () =>
        {
            for (int i = 0; i < plan.Tiles.Count; i++)
            {
                if (isPlanned)
                {
                    reader.Read(i, rgb);
                }
                else
                {
                    source.ReadRegion(new Level0Point(plan.Tiles[i].X, plan.Tiles[i].Y), 0, 256, 256, rgb);
                }
            }
        });

        ReadBytes Late(SafeFileHandle file) => (bytes, offset) =>
        {
            Thread.Sleep(delayMs);
            return RandomAccess.Read(file, bytes, offset);
        };
    }

    private static TilePlan Plan(ISlideSource source, int size, int stride, int edge, int rows)
    {
        PyramidLevel level = source.Levels[0];
        int columns = (int)((level.Width - size) / stride) + 1;
        return new TilePlan
        {
            Spec = new TileSpec { MicronsPerPixel = 0.5, SizePx = edge },
            SlideWidth = level.Width,
            SlideHeight = level.Height,
            ReadLevel = level,
            ReadWidthPx = size,
            ReadHeightPx = size,
            SizeLevel0Width = size,
            SizeLevel0Height = size,
            SlideMicronsPerPixel = new MicronsPerPixel(0.5, 0.5, MicronsPerPixelSource.Manifest),
            Tiles = [.. Enumerable.Range(0, rows * columns).Select(i => new PlannedTile(i % columns * stride, i / columns * stride))],
        };
    }

    /// <summary>Compressed tiles of the first rows in memory, with their tables in front; only libjpeg-turbo's own work is timed.</summary>
    private static Func<Work> Bare(string path, int rows, int halvings)
    {
        List<byte[]> jpegs = [];
        TiledTiffLevel level;
        using (OpenSlideSource openSlide = OpenSlideSource.Open(path))
        using (SafeFileHandle file = File.OpenHandle(path))
        {
            level = TiledTiffLayout.Read(file, openSlide, out _)[0];
            for (int tile = 0; tile < rows * level.Columns; tile++)
            {
                (long offset, int bytes) = level.Tile(tile);
                byte[] own = new byte[bytes];
                RandomAccess.Read(file, own, offset);
                jpegs.Add([.. level.Prefix, .. own.AsSpan(2)]);
            }
        }

        byte[] rgb = new byte[level.TileWidth * level.TileHeight * 3];
        return () =>
        {
            using JpegDecoder decoder = new();
            return Timed(jpegs.Count * (double)level.TileWidth * level.TileHeight / 1e6, () =>
            {
                foreach (byte[] jpeg in jpegs)
                {
                    decoder.Decode(jpeg, rgb, level.TileWidth >> halvings, level.TileHeight >> halvings);
                }
            });
        };
    }

    private readonly record struct Work(double Count, double Seconds, double ProcessorSeconds);
}
