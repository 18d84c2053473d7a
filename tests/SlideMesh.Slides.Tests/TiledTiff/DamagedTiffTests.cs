using System.Diagnostics;
using System.Runtime.InteropServices;
using SlideMesh.Slides.OpenSlide;
using SlideMesh.Slides.Pyramid;
using SlideMesh.Slides.Raster;
using SlideMesh.Slides.TurboJpeg;

namespace SlideMesh.Slides.Tests.TiledTiff;

public sealed class DamagedTiffTests : IDisposable
{
    private const int CopiesEach = 500;

    private readonly TestFolder _folder = new();

    public unsafe DamagedTiffTests()
    {
        // libtiff, which OpenSlide loads, reports every damage on the error stream: thousands of lines, and none of them is looked at.
        if (NativeLibrary.TryLoad("libtiff.so.6", out nint libtiff) || NativeLibrary.TryLoad("libtiff.so.5", out libtiff))
        {
            _ = ((delegate* unmanaged<nint, nint>)NativeLibrary.GetExport(libtiff, "TIFFSetWarningHandler"))(0);
            _ = ((delegate* unmanaged<nint, nint>)NativeLibrary.GetExport(libtiff, "TIFFSetErrorHandler"))(0);
        }
    }

    public void Dispose() => _folder.Dispose();

    // 2,000 damaged copies in all. OpenSlide is the judge of each.
    [Theory]
    [InlineData(false, false, 6, 1)]
    [InlineData(true, false, 6, 2)]
    [InlineData(false, true, 2, 3)]
    [InlineData(true, true, 2, 4)]
    public void Damaged_copy_gives_what_openslide_gives(bool isBig, bool sharesTables, ushort photometric, int seed)
    {
        byte[] whole = new TiffBuilder { IsBig = isBig, SharesTables = sharesTables, Photometric = photometric, TileEdge = 16, Subsampling = JpegSubsampling.None }
            .Build(Pictures.Noise(60, 40, 7), Pictures.Noise(30, 20, 8));
        var random = new Random(seed);
        string path = _folder.File("damaged.tif");
        var clock = Stopwatch.StartNew();
        int served = 0;
        for (int i = 0; i < CopiesEach; i++)
        {
            File.WriteAllBytes(path, Damage(whole, random));
            served += Compare(path, i) ? 1 : 0;
        }

        // Most flips hit pixels or leave a directory readable; a test in which all copies are refused at once would test little.
        Assert.InRange(served, CopiesEach / 20, CopiesEach);
        Assert.InRange(clock.Elapsed.TotalSeconds, 0, 60);
    }

    private static byte[] Damage(byte[] whole, Random random)
    {
        byte[] copy = [.. whole];
        int flips = random.Next(1, 4);
        for (int i = 0; i < flips; i++)
        {
            // Directories lie behind the pixels and are the smaller part: half of the flips go there.
            int at = random.Next(2) == 0 ? random.Next(copy.Length) : random.Next(copy.Length * 2 / 3, copy.Length);
            copy[at] = (byte)(random.Next(3) switch { 0 => 0, 1 => 255, _ => copy[at] ^ (1 << random.Next(8)) });
        }

        return random.Next(20) == 0 ? copy[..random.Next(copy.Length)] : copy;
    }

    /// <returns>Whether the copy still opens.</returns>
    private static bool Compare(string path, int copy)
    {
        OpenSlideSource reference;
        try
        {
            reference = OpenSlideSource.Open(path);
        }
        catch (SlideFormatException)
        {
            Assert.Throws<SlideFormatException>(() => SlideSource.Open(path));
            return false;
        }

        using (reference)
        {
            ISlideSource actual;
            try
            {
                actual = SlideSource.Open(path);
            }
            catch (SlideFormatException e) when (e.Message.Contains("tiles are said to have", StringComparison.Ordinal))
            {
                return false;
            }

            using ISlideSource opened = actual;
            Assert.Equal(reference.Levels, actual.Levels);
            foreach (PyramidLevel level in reference.Levels)
            {
                foreach (Level0Point origin in (Level0Point[])[new(0, 0), new(32, 16), new(3, 5)])
                {
                    byte[]? theirs = SlidePair.Read(reference, origin, level.Index, 40, 30);
                    byte[]? ours = SlidePair.Read(actual, origin, level.Index, 40, 30);
                    Assert.True(theirs is null ? ours is null : ours is not null && theirs.AsSpan().SequenceEqual(ours), $"copy {copy}, level {level.Index}, {origin}");
                }
            }
        }

        return true;
    }
}
