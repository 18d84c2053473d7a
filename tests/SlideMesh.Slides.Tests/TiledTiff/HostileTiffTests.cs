using System.Buffers.Binary;
using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using SlideMesh.Slides.Pyramid;
using SlideMesh.Slides.TurboJpeg;

namespace SlideMesh.Slides.Tests.TiledTiff;

[CollectionDefinition(nameof(HostileTiffTests), DisableParallelization = true)]
public sealed class MeasuresTheWholeProcess;

/// <summary>
/// Files made to hurt: whatever the bytes, a slide opens and reads, or fails with a typed reason, in bounded time and memory. Runs alone,
/// because it looks at the memory of the whole process.
/// </summary>
[Collection(nameof(HostileTiffTests))]
public sealed class HostileTiffTests : IDisposable
{
    private const int Copies = 10_000;

    private static readonly ulong[] Extremes = [0, 1, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 1UL << 40, long.MaxValue, ulong.MaxValue];

    private readonly TestFolder _folder = new();

    public unsafe HostileTiffTests()
    {
        // libtiff, which OpenSlide loads, reports every damage on the error stream.
        if (NativeLibrary.TryLoad("libtiff.so.6", out nint libtiff) || NativeLibrary.TryLoad("libtiff.so.5", out libtiff))
        {
            _ = ((delegate* unmanaged<nint, nint>)NativeLibrary.GetExport(libtiff, "TIFFSetWarningHandler"))(0);
            _ = ((delegate* unmanaged<nint, nint>)NativeLibrary.GetExport(libtiff, "TIFFSetErrorHandler"))(0);
        }
    }

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Ten_thousand_damaged_copies_work_or_fail_typed_in_bounded_time_and_memory()
    {
        byte[][] kinds =
        [
            new TiffBuilder { TileEdge = 16 }.Build(Pictures.Noise(60, 40, 7), Pictures.Noise(30, 20, 8)),
            new TiffBuilder { TileEdge = 16, IsBig = true, SharesTables = true, Photometric = 2, Description = TiledTiffSourceTests.AperioDescription }.Build(Pictures.Noise(60, 40, 7)),
            new TiffBuilder { TileEdge = 16, IsLittleEndian = false, Subsampling = JpegSubsampling.Both }.Build(Pictures.Noise(60, 40, 7)),
            TiledTiffSourceTests.Jpeg2000Slide("tile-rgb.j2k", 33005),
            TiledTiffSourceTests.Jpeg2000Slide("tile-ycbcr.j2k", 33003),
            new TiffBuilder { TileEdge = 16, HasSubIfds = true, Description = OmeTiffTests.Xml(OmeTiffTests.Pixels(60, 40)) }.Build(Pictures.Noise(60, 40, 7), Pictures.Noise(30, 20, 8)),
            new TiffBuilder { TileEdge = 16, Software = "Philips DP v1.0", Description = PhilipsTests.Xml(0.0005, 0.001) }.Build(Pictures.Noise(64, 32, 7), Pictures.Noise(32, 16, 8)),
        ];
        long before = ResidentBytes("VmRSS");
        int opened = 0;
        int refused = 0;
        int unreadable = 0;
        double slowest = 0;
        Parallel.For(0, 2, worker =>
        {
            string path = _folder.File($"{worker}.svs");
            for (int i = worker; i < Copies; i += 2)
            {
                File.WriteAllBytes(path, Damage(kinds[i % kinds.Length], new Random(i)));
                long start = Stopwatch.GetTimestamp();
                try
                {
                    using ISlideSource slide = SlideSource.Open(path);
                    Interlocked.Increment(ref opened);
                    Interlocked.Add(ref unreadable, Read(slide));
                }
                catch (SlideFormatException)
                {
                    Interlocked.Increment(ref refused);
                }
                catch (Exception escaped)
                {
                    Assert.Fail($"copy {i}: {escaped}");
                }

                double seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
                slowest = Math.Max(slowest, seconds);
            }
        });

        Assert.Equal(Copies, opened + refused);
        Assert.InRange(slowest, 0, 2);
        // The damage reaches every stage.
        Assert.InRange(opened, Copies / 10, Copies);
        Assert.InRange(refused, Copies / 10, Copies);
        Assert.InRange(unreadable, Copies / 100, Copies * 4);
        Assert.InRange(ResidentBytes("VmHWM") - before, 0, 500L << 20);
    }

    // Warm first: what libraries and the runtime take once is no leak.
    [Fact]
    public void Thousand_cycles_of_open_read_close_leave_memory_and_handles_as_they_were()
    {
        byte[] jpeg = new TiffBuilder { SharesTables = true }.Build(Pictures.Noise(200, 200, 1), Pictures.Noise(100, 100, 2));
        string[] paths = [_folder.File("a.tif"), _folder.File("b.svs"), _folder.File("c.tif")];
        File.WriteAllBytes(paths[0], jpeg);
        File.WriteAllBytes(paths[1], TiledTiffSourceTests.Jpeg2000Slide("tile-rgb.j2k", 33005));
        byte[] damaged = [.. jpeg];
        damaged.AsSpan(400, 3000).Clear();
        File.WriteAllBytes(paths[2], damaged);
        Cycle(paths, 150);
        (int handles, long memory) = (Handles(), SettledBytes());
        Cycle(paths, 1000);
        Assert.InRange(Handles(), 0, handles + 2);
        // A decoder's instance has about 100 kB; a thousand of them would show.
        Assert.InRange(SettledBytes() - memory, long.MinValue, 24L << 20);
    }

    private static void Cycle(string[] paths, int count)
    {
        for (int i = 0; i < count; i++)
        {
            using ISlideSource slide = SlideSource.Open(paths[i % paths.Length]);
            Read(slide);
        }
    }

    /// <returns>Regions that could not be read.</returns>
    private static int Read(ISlideSource slide)
    {
        int unreadable = 0;
        for (int level = 0; level < Math.Min(2, slide.Levels.Count); level++)
        {
            unreadable += SlidePair.Read(slide, new Level0Point(3, 5), level, 40, 30) is null ? 1 : 0;
            int halvings = Math.Min(1, slide.MaxHalvings(level));
            using IRegionPass? pass = slide.BeginPass(new RegionWalk(level, halvings, 2, i => new LevelRegion(i * 8, 0, 16, 16)));
            byte[] rgb = new byte[16 * 16 * 3];
            for (int i = 0; pass is not null && i < 2; i++)
            {
                unreadable += pass.TryRead(i, rgb) ? 0 : 1;
            }
        }

        return unreadable;
    }

    private static byte[] Damage(byte[] whole, Random random)
    {
        byte[] copy = [.. whole];
        bool isLittle = copy[0] == (byte)'I';
        bool isBig = copy[isLittle ? 2 : 3] == 43;
        int entry = RandomEntry(copy, isLittle, isBig, random);
        switch (random.Next(8))
        {
            case 0:
                return copy[..random.Next(copy.Length)];
            case 1:
                // A tag's count.
                Put(copy, entry + 4, isBig ? 8 : 4, Extremes[random.Next(Extremes.Length)], isLittle);
                return copy;
            case 2:
                // A tag's value or its offset: sizes of 0 or 2^31, places outside.
                Put(copy, entry + (isBig ? 12 : 8), isBig ? 8 : 4, Extremes[random.Next(Extremes.Length)], isLittle);
                return copy;
            case 3:
                // The next directory: a loop, or somewhere else.
                Put(copy, entry + (random.Next(12) * (isBig ? 20 : 12)), isBig ? 8 : 4, (ulong)random.Next(copy.Length), isLittle);
                return copy;
            case 4:
                copy[entry + random.Next(4)] = (byte)random.Next(256);
                return copy;
            default:
                for (int flips = random.Next(1, 12); flips > 0; flips--)
                {
                    copy[random.Next(8, copy.Length)] ^= (byte)(1 << random.Next(8));
                }

                return copy;
        }
    }

    /// <summary>Where an entry of the first directory lies.</summary>
    private static int RandomEntry(byte[] tiff, bool isLittle, bool isBig, Random random)
    {
        int directory = (int)Get(tiff, isBig ? 8 : 4, isBig ? 8 : 4, isLittle);
        int count = (int)Get(tiff, directory, isBig ? 8 : 2, isLittle);
        return directory + (isBig ? 8 : 2) + (random.Next(count) * (isBig ? 20 : 12));
    }

    private static ulong Get(byte[] bytes, int at, int size, bool isLittle)
    {
        ulong value = 0;
        for (int i = 0; i < size; i++)
        {
            value |= (ulong)bytes[at + i] << (8 * (isLittle ? i : size - 1 - i));
        }

        return value;
    }

    private static void Put(byte[] bytes, int at, int size, ulong value, bool isLittle)
    {
        for (int i = 0; i < size && at + i < bytes.Length; i++)
        {
            bytes[at + i] = (byte)(value >> (8 * (isLittle ? i : size - 1 - i)));
        }
    }

    private static int Handles() => Directory.GetFiles("/proc/self/fd").Length;

    private static long SettledBytes()
    {
        for (int i = 0; i < 3; i++)
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
        }

        GC.Collect(2, GCCollectionMode.Aggressive, blocking: true, compacting: true);
        return ResidentBytes("VmRSS");
    }

    private static long ResidentBytes(string field) => long.Parse(
        File.ReadLines("/proc/self/status").Single(l => l.StartsWith(field + ":", StringComparison.Ordinal)).Split(' ', StringSplitOptions.RemoveEmptyEntries)[1],
        CultureInfo.InvariantCulture) << 10;
}
