using System.Text.Json;
using SlideMesh.Slides.Native;
using SlideMesh.Slides.OpenSlide;
using SlideMesh.Slides.Pyramid;
using SlideMesh.Slides.Raster;
using SlideMesh.Slides.Tiff;

namespace SlideMesh.Slides.Tests.OpenSlide;

public sealed class OpenSlideSourceTests : IDisposable
{
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Generated_slide_opens_with_its_levels_and_resolution()
    {
        using OpenSlideSource slide = OpenSlideSource.Open(Write("slide.tif", Pictures.Gradient(3000, 2000)));
        Assert.Equal("generic-tiff", slide.Vendor);
        Assert.StartsWith("openslide ", slide.Reader, StringComparison.Ordinal);
        Assert.Equal([(3000L, 2000L), (1500L, 1000L), (750L, 500L)], slide.Levels.Select(l => (l.Width, l.Height)));
        Assert.Equal([1, 2, 4], slide.Levels.Select(l => l.Downsample));
        Assert.NotNull(slide.MicronsPerPixel);
        Assert.Equal(0.5, slide.MicronsPerPixel.X, 4);
        Assert.Equal(0.5, slide.MicronsPerPixel.Y, 4);
    }

    // Quality 85 with halved chroma keeps this smooth picture within three grey levels.
    [Theory]
    [InlineData(0, 0, 0)]
    [InlineData(1234, 777, 0)]
    [InlineData(1000, 600, 1)]
    [InlineData(400, 800, 2)]
    public void Region_shows_what_was_written_there(int x, int y, int level)
    {
        RgbImage picture = Pictures.Gradient(3000, 2000);
        using OpenSlideSource slide = OpenSlideSource.Open(Write("slide.tif", picture));
        RgbImage expected = level == 0 ? picture : AreaResampler.Resample(picture, 3000 >> level, 2000 >> level);
        var rgb = new byte[90 * 70 * 3];
        slide.ReadRegion(new Level0Point(x, y), level, 90, 70, rgb);
        for (int row = 0; row < 70; row++)
        {
            ReadOnlySpan<byte> wanted = expected.Pixels.AsSpan(((((y >> level) + row) * expected.Width) + (x >> level)) * 3, 90 * 3);
            for (int i = 0; i < wanted.Length; i++)
            {
                Assert.InRange(rgb[(row * 90 * 3) + i] - wanted[i], -3, 3);
            }
        }
    }

    [Fact]
    public void Outside_of_the_slide_is_white()
    {
        using OpenSlideSource slide = OpenSlideSource.Open(Write("slide.tif", Pictures.Gradient(300, 200)));
        var rgb = new byte[20 * 20 * 3];
        foreach (Level0Point origin in (Level0Point[])[new(-20, 0), new(300, 0), new(0, 200), new(5_000, 5_000)])
        {
            rgb.AsSpan().Clear();
            slide.ReadRegion(origin, 0, 20, 20, rgb);
            Assert.All(rgb, v => Assert.Equal(255, v));
        }
    }

    [Fact]
    public void Damaged_tile_throws_every_time_and_its_neighbours_still_read()
    {
        string path = WriteWithDamagedTile(tile: 5);
        using OpenSlideSource slide = OpenSlideSource.Open(path);
        var rgb = new byte[256 * 256 * 3];
        for (int round = 0; round < 2; round++)
        {
            for (int tile = 0; tile < 12; tile++)
            {
                var origin = new Level0Point(tile % 4 * 256, tile / 4 * 256);
                if (tile == 5)
                {
                    SlideFormatException error = Assert.Throws<SlideFormatException>(() => slide.ReadRegion(origin, 0, 256, 256, rgb));
                    Assert.Equal(SlideFailureReason.Unreadable, error.Reason);
                    Assert.Contains(path, error.Message, StringComparison.Ordinal);
                    Assert.DoesNotContain('\n', error.Message);
                }
                else
                {
                    slide.ReadRegion(origin, 0, 256, 256, rgb);
                    Assert.NotEqual(255, rgb[0]);
                }
            }
        }
    }

    [Fact]
    public void Concurrent_readers_are_not_hurt_by_another_readers_damaged_tile()
    {
        using OpenSlideSource slide = OpenSlideSource.Open(WriteWithDamagedTile(tile: 5));
        var failed = new bool[240];
        Parallel.For(0, failed.Length, new ParallelOptions { MaxDegreeOfParallelism = 8 }, i =>
        {
            var rgb = new byte[256 * 256 * 3];
            try
            {
                slide.ReadRegion(new Level0Point(i % 12 % 4 * 256, i % 12 / 4 * 256), 0, 256, 256, rgb);
            }
            catch (SlideFormatException)
            {
                failed[i] = true;
            }
        });
        Assert.Equal(Enumerable.Range(0, failed.Length).Select(i => i % 12 == 5), failed);
    }

    [Fact]
    public void Missing_file_is_typed()
    {
        string path = _folder.File("none.svs");
        SlideFormatException error = Assert.Throws<SlideFormatException>(() => OpenSlideSource.Open(path));
        Assert.Equal(SlideFailureReason.FileMissing, error.Reason);
        Assert.Contains(path, error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("This is a letter, not a slide.")]
    [InlineData("II")]
    [InlineData("\u0089PNG\r\n")]
    public void Other_file_is_not_a_slide(string content)
    {
        string path = _folder.File("letter.svs");
        File.WriteAllText(path, content);
        Assert.Equal(SlideFailureReason.NotASlide, Assert.Throws<SlideFormatException>(() => OpenSlideSource.Open(path)).Reason);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(0.3)]
    [InlineData(0.999)]
    public void File_cut_short_is_truncated(double share)
    {
        string path = Write("slide.tif", Pictures.Noise(1200, 900, 1));
        byte[] content = File.ReadAllBytes(path);
        File.WriteAllBytes(path, content[..(int)(content.Length * share)]);
        Assert.Equal(SlideFailureReason.Truncated, Assert.Throws<SlideFormatException>(() => OpenSlideSource.Open(path)).Reason);
    }

    [Theory]
    [InlineData("3.4.1", true)]
    [InlineData("4.0.0", true)]
    [InlineData("4.1.0-nightly.20240101", true)]
    [InlineData("3.4.0", false)]
    [InlineData("", false)]
    public void Version_older_than_tested_is_refused(string version, bool accepted)
    {
        if (accepted)
        {
            Assert.Equal(version, OpenSlideLibrary.Check(version));
        }
        else
        {
            Assert.Contains("apt-get install libopenslide0", Assert.Throws<NativeLibraryUnavailableException>(() => OpenSlideLibrary.Check(version)).Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Read_after_dispose_throws()
    {
        OpenSlideSource slide = OpenSlideSource.Open(Write("slide.tif", Pictures.Gradient(300, 200)));
        slide.Dispose();
        Assert.Throws<ObjectDisposedException>(() => slide.ReadRegion(default, 0, 10, 10, new byte[300]));
    }

    // Without the real slides (a user's machine) the generated ones above stand in.
    [Fact]
    public void Real_slides_equal_openslide_python()
    {
        using JsonDocument document = JsonDocument.Parse(File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "Reference", "regions.json")));
        foreach (JsonElement region in document.RootElement.EnumerateArray())
        {
            if (TestSlides.Find(region.GetProperty("slide").GetString()!) is not { } path)
            {
                continue;
            }

            using OpenSlideSource slide = OpenSlideSource.Open(path);
            byte[] expected = region.GetProperty("rgb").GetBytesFromBase64();
            var rgb = new byte[expected.Length];
            slide.ReadRegion(
                new Level0Point(region.GetProperty("x").GetInt64(), region.GetProperty("y").GetInt64()),
                region.GetProperty("level").GetInt32(),
                region.GetProperty("width").GetInt32(),
                region.GetProperty("height").GetInt32(),
                rgb);

            // Decoders of other releases may round differently by one.
            Assert.All(expected.Zip(rgb), p => Assert.InRange(p.Second - p.First, -1, 1));
        }
    }

    [Fact]
    public void Real_slide_tells_resolution_and_magnification()
    {
        if (TestSlides.Find(TestSlides.Cmu) is { } cmu)
        {
            using OpenSlideSource slide = OpenSlideSource.Open(cmu);
            Assert.Equal(("aperio", 20.0), (slide.Vendor, slide.ObjectivePower));
            Assert.Equal(new MicronsPerPixel(0.499, 0.499, MicronsPerPixelSource.VendorProperty), slide.MicronsPerPixel);
        }

        if (TestSlides.Find(TestSlides.TcgaJpeg2000) is { } tcga)
        {
            using OpenSlideSource slide = OpenSlideSource.Open(tcga);
            Assert.Null(slide.MicronsPerPixel);
            Assert.Null(slide.ObjectivePower);
            Assert.Equal(2, slide.Levels.Count);
        }
    }

    private string Write(string name, RgbImage image)
    {
        string path = _folder.File(name);
        PyramidalTiffWriter.Write(path, image, new PyramidalTiffOptions { MicronsPerPixel = 0.5 });
        return path;
    }

    /// <summary>A 4 × 3 grid of tiles, one level; the JPEG header of one tile is overwritten. Tiles lie in the file in row order.</summary>
    private string WriteWithDamagedTile(int tile)
    {
        string path = Write("damaged.tif", Pictures.Gradient(1024, 768));
        byte[] content = File.ReadAllBytes(path);
        int at = -1;
        for (int i = 0; i <= tile; i++)
        {
            at = at + 1 + content.AsSpan(at + 1).IndexOf<byte>([0xFF, 0xD8, 0xFF]);
        }

        content.AsSpan(at, 64).Clear();
        File.WriteAllBytes(path, content);
        return path;
    }
}
