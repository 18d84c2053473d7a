using System.Text;
using SlideMesh.Slides.OpenSlide;
using SlideMesh.Slides.Pyramid;
using SlideMesh.Slides.Raster;
using SlideMesh.Slides.TiledTiff;
using SlideMesh.Slides.Tiff;
using SlideMesh.Slides.TurboJpeg;

namespace SlideMesh.Slides.Tests.TiledTiff;

public sealed class TiledTiffSourceTests : IDisposable
{
    internal const string AperioDescription = "Aperio Image Library v10.0.50\r\n640x480 [0,0 640x480] (64x64) JPEG/RGB Q=85|AppMag = 20|MPP = 0.4990";

    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(JpegSubsampling.Both, 2, 2048, 1536)]
    [InlineData(JpegSubsampling.Horizontal, 4, 2048, 1280)]
    [InlineData(JpegSubsampling.None, 2, 1984, 1536)]
    public void Region_of_written_pyramid_equals_openslide_without_its_help(JpegSubsampling subsampling, int factor, int width, int height)
    {
        using var pair = new SlidePair(WritePyramid(width, height, subsampling, factor));
        pair.AssertSameFacts();
        pair.AssertSameInRandomRegions(seed: 1, count: 100, maxEdge: 600, onWholePixels: true);
        Assert.Equal(0, pair.Tiled.DelegatedRegions);
        Assert.StartsWith("tiled-tiff, openslide ", pair.Tiled.Reader, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(2, 1999, 1501)]
    [InlineData(4, 2047, 1203)]
    public void Region_at_any_offset_of_odd_sized_slide_equals_openslide(int factor, int width, int height)
    {
        using var pair = new SlidePair(WritePyramid(width, height, JpegSubsampling.Both, factor));
        pair.AssertSameFacts();
        pair.AssertSameInRandomRegions(seed: 2, count: 100, maxEdge: 500, onWholePixels: false);
        Assert.InRange(pair.Tiled.DelegatedRegions, 1, 99);
    }

    [Theory]
    [InlineData(false, true, false, 6, JpegSubsampling.None)]
    [InlineData(false, false, false, 6, JpegSubsampling.Both)]
    [InlineData(true, false, true, 6, JpegSubsampling.Horizontal)]
    [InlineData(true, true, true, 2, JpegSubsampling.None)]
    [InlineData(false, true, true, 2, JpegSubsampling.None)]
    [InlineData(false, true, false, 2, JpegSubsampling.None)]
    [InlineData(false, false, true, 2, JpegSubsampling.Both)]
    public void Region_of_any_tiff_flavour_equals_openslide(
        bool isBig, bool isLittleEndian, bool sharesTables, ushort photometric, JpegSubsampling subsampling)
    {
        foreach (string? description in (string?[])[null, AperioDescription])
        {
            var builder = new TiffBuilder
            {
                IsBig = isBig,
                IsLittleEndian = isLittleEndian,
                SharesTables = sharesTables,
                Photometric = photometric,
                Subsampling = subsampling,
                Description = description,
                HasThumbnail = description is not null,
            };
            using var pair = new SlidePair(Save(builder.Build(Picture(630, 470), Picture(315, 235))));
            Assert.Equal(description is null ? "generic-tiff" : "aperio", pair.Tiled.Vendor);
            pair.AssertSameFacts();
            pair.AssertSameInRandomRegions(seed: 3, count: 100, maxEdge: 300, onWholePixels: true);
            Assert.Equal(0, pair.Tiled.DelegatedRegions);
        }
    }

    // The decoder would take component ids 1, 2, 3 for YCbCr; an Adobe marker in the tile says so even louder.
    [Theory]
    [InlineData(2, 1)]
    [InlineData(6, 0)]
    public void Photometric_tag_wins_over_markers_in_the_tile(ushort photometric, byte transform)
    {
        byte[] adobe = [0xFF, 0xEE, 0, 14, .. "Adobe"u8, 0, 100, 0, 0, 0, 0, transform];
        var builder = new TiffBuilder { SharesTables = true, Photometric = photometric, Edit = (_, _, jpeg) => [0xFF, 0xD8, .. adobe, .. jpeg[2..]] };
        using var pair = new SlidePair(Save(builder.Build(Picture(200, 130))));
        pair.AssertSame(default, 0, 200, 130);
        Assert.Equal(0, pair.Tiled.DelegatedRegions);
    }

    [Fact]
    public void Large_region_equals_openslide()
    {
        using var pair = new SlidePair(WritePyramid(5000, 600, JpegSubsampling.Both, 2));
        pair.AssertSame(new(-3, 11), 0, 4500, 500);
        Assert.Equal(0, pair.Tiled.DelegatedRegions);
    }

    [Theory]
    [InlineData(long.MaxValue, 0)]
    [InlineData(0, long.MinValue + 1)]
    [InlineData(1L << 41, 1L << 41)]
    public void Region_far_outside_equals_openslide(long x, long y)
    {
        using var pair = new SlidePair(WritePyramid(600, 400, JpegSubsampling.Both, 2));
        pair.AssertSame(new(x, y), 0, 30, 30);
    }

    [Fact]
    public void Real_aperio_slide_equals_openslide()
    {
        if (TestSlides.Find(TestSlides.Cmu) is not { } path)
        {
            return;
        }

        using var pair = new SlidePair(path);
        pair.AssertSameFacts();
        pair.AssertSameInRandomRegions(seed: 4, count: 100, maxEdge: 600, onWholePixels: true);
        Assert.Equal(0, pair.Tiled.DelegatedRegions);
    }

    [Fact]
    public void Real_jpeg_2000_slide_is_within_one_grey_level_of_openslide()
    {
        if (TestSlides.Find(TestSlides.TcgaJpeg2000) is not { } path)
        {
            return;
        }

        using var pair = new SlidePair(path);
        pair.AssertSameFacts();
        var random = new Random(6);
        for (int i = 0; i < 12; i++)
        {
            PyramidLevel level = pair.Reference.Levels[i == 0 ? 1 : 0];
            var origin = i == 0 ? default : new Level0Point(random.Next(-50, (int)level.Width), random.Next(-50, (int)level.Height));
            byte[] expected = SlidePair.Read(pair.Reference, origin, level.Index, 300, 200)!;
            byte[] actual = SlidePair.Read(pair.Tiled, origin, level.Index, 300, 200)!;
            Assert.All(expected.Zip(actual), p => Assert.InRange(p.First - p.Second, -1, 1));
        }

        Assert.Equal(0, pair.Tiled.DelegatedRegions);
    }

    // Both of Aperio's kinds, in a slide of four equal tiles.
    [Theory]
    [InlineData("tile-rgb.j2k", 33005)]
    [InlineData("tile-ycbcr.j2k", 33003)]
    public void Jpeg_2000_tiles_are_within_one_grey_level_of_openslide(string tile, ushort compression)
    {
        using var pair = new SlidePair(Save(Jpeg2000Slide(tile, compression)));
        byte[] expected = SlidePair.Read(pair.Reference, new(-5, 3), 0, 130, 130)!;
        byte[] actual = SlidePair.Read(pair.Tiled, new(-5, 3), 0, 130, 130)!;
        Assert.All(expected.Zip(actual), p => Assert.InRange(p.First - p.Second, -1, 1));
        Assert.Equal((1, HalvedPixels.WaveletSamples), (pair.Tiled.MaxHalvings(0), pair.Tiled.HalvedPixels(0)));
        Assert.Equal(0, pair.Tiled.DelegatedRegions);
    }

    // OpenJPEG takes memory by what a codestream declares: such a tile is not even handed to OpenSlide.
    [Fact]
    public void Jpeg_2000_tile_of_another_size_is_damage()
    {
        byte[] slide = Jpeg2000Slide("tile-rgb.j2k", 33005);
        int second = 8 + slide.AsSpan(8).IndexOf<byte>([0xFF, 0x4F, 0xFF, 0x51]);
        second += 4 + slide.AsSpan(second + 4).IndexOf<byte>([0xFF, 0x4F, 0xFF, 0x51]);
        slide.AsSpan(second + 24, 4).Clear();
        slide[second + 27] = 1;
        slide.AsSpan(second + 28, 4).Clear();
        slide[second + 31] = 1;
        using ISlideSource source = SlideSource.Open(Save(slide));
        SlideFormatException error = Assert.Throws<SlideFormatException>(() => source.ReadRegion(new(64, 0), 0, 64, 64, new byte[64 * 64 * 3]));
        Assert.Contains("JPEG 2000", error.Message, StringComparison.Ordinal);
        Assert.NotNull(SlidePair.Read(source, new(0, 64), 0, 128, 64));
    }

    [Theory]
    [InlineData(266, 2, "FillOrder is 2")]
    [InlineData(274, 3, "Orientation is 3")]
    [InlineData(255, 1, "old subfile type")]
    public void Unusual_tag_is_left_to_openslide(ushort tag, ushort value, string reason)
    {
        var builder = new TiffBuilder { Override = new Dictionary<ushort, ushort> { [tag] = value } };
        AssertLeftToOpenSlide(builder.Build(Picture(200, 130)), reason);
    }

    // OpenSlide would end the process on a read of such a file.
    [Fact]
    public void Tile_size_beyond_memory_is_refused()
    {
        var builder = new TiffBuilder { Override = new Dictionary<ushort, ushort> { [322] = 0xFFF0, [323] = 0xFFF0 } };
        SlideFormatException error = Assert.Throws<SlideFormatException>(() => SlideSource.Open(Save(builder.Build(Picture(200, 130)))));
        Assert.Equal(SlideFailureReason.Unreadable, error.Reason);
        Assert.Contains("65520 × 65520 pixels", error.Message, StringComparison.Ordinal);
    }

    // Scanners leave tiles without tissue out. An Aperio pyramid's lower levels then show pieces of other levels, which OpenSlide draws.
    [Fact]
    public void Left_out_tile_of_an_aperio_slide_equals_openslide()
    {
        var builder = new TiffBuilder { Description = AperioDescription, HasThumbnail = true, Edit = (level, tile, jpeg) => (level, tile) == (0, 1) ? [] : jpeg };
        using var pair = new SlidePair(Save(builder.Build(Picture(640, 480))));
        pair.AssertSame(default, 0, 200, 130);
        Assert.All(SlidePair.Read(pair.Tiled, new(64, 0), 0, 64, 64)!, v => Assert.Equal(255, v));
        pair.AssertSameInRandomRegions(seed: 7, count: 60, maxEdge: 200, onWholePixels: true);
        Assert.Equal(0, pair.Tiled.DelegatedRegions);
        AssertLeftToOpenSlide(builder.Build(Picture(640, 480), Picture(320, 240)), "tile 1 of level 0 was left out");
        AssertLeftToOpenSlide(
            (builder with { Edit = (level, tile, jpeg) => (level, tile) == (1, 1) ? [] : jpeg }).Build(Picture(640, 480), Picture(320, 240)),
            "tile 1 of level 1 was left out");
    }

    // OpenSlide cannot read such a tile of a generic TIFF; a tile without bytes is background all the same.
    [Fact]
    public void Left_out_tile_of_a_generic_tiff_is_background()
    {
        var builder = new TiffBuilder { Edit = (_, tile, jpeg) => tile == 1 ? [] : jpeg };
        using var pair = new SlidePair(Save(builder.Build(Picture(640, 480))));
        pair.AssertSame(new(128, 0), 0, 200, 130);
        Assert.Null(SlidePair.Read(pair.Reference, new(64, 0), 0, 64, 64));
        Assert.All(SlidePair.Read(pair.Tiled, new(64, 0), 0, 64, 64)!, v => Assert.Equal(255, v));
        Assert.Equal(0, pair.Tiled.DelegatedRegions);
    }

    [Fact]
    public void Levels_of_one_size_are_left_to_openslide() =>
        AssertLeftToOpenSlide(new TiffBuilder().Build(Picture(200, 130), Picture(200, 130)), "one size");

    [Theory]
    [InlineData(0, 40)]
    [InlineData(200, 300)]
    public void Damaged_tile_fails_as_in_openslide_and_the_rest_still_reads(int from, int to)
    {
        var builder = new TiffBuilder { Edit = (_, tile, jpeg) => tile == 3 ? [.. jpeg[..from], .. new byte[to - from], .. jpeg[to..]] : jpeg };
        using var pair = new SlidePair(Save(builder.Build(Pictures.Noise(630, 470, 5))));
        Assert.Null(SlidePair.Read(pair.Tiled, new(192, 0), 0, 64, 64));
        pair.AssertSameInRandomRegions(seed: 5, count: 100, maxEdge: 200, onWholePixels: true);
        Assert.InRange(pair.Tiled.DelegatedRegions, 2, 90);
    }

    // Only a marker that the fast path hides from the decoder is wrong: OpenSlide refuses such a tile.
    [Theory]
    [InlineData("JFIF\0", 5, 7)]
    [InlineData("Adobe", 11, 9)]
    public void Tile_with_unknown_colour_marker_is_read_as_by_openslide(string name, int at, byte value)
    {
        byte[] marker = [0xFF, 0xEE, 0, 14, .. "Adobe"u8, 0, 100, 0, 0, 0, 0, 1];
        var builder = new TiffBuilder
        {
            Edit = (_, tile, jpeg) =>
            {
                // The Adobe marker counts where there is no JFIF marker, which is the first, 18 bytes long.
                byte[] edited = name == "Adobe" ? [0xFF, 0xD8, .. marker, .. jpeg[20..]] : jpeg;
                if (tile == 3)
                {
                    edited[edited.AsSpan().IndexOf(Encoding.ASCII.GetBytes(name)) + at] = value;
                }

                return edited;
            },
        };
        using var pair = new SlidePair(Save(builder.Build(Picture(630, 470))));
        pair.AssertSame(new(128, 0), 0, 64, 64);
        Assert.Equal(0, pair.Tiled.DelegatedRegions);
        Assert.Null(SlidePair.Read(pair.Reference, new(192, 0), 0, 64, 64));
        Assert.Null(SlidePair.Read(pair.Tiled, new(192, 0), 0, 64, 64));
    }

    // A decoder that is used again still has the tables of the tile before; OpenSlide's has none.
    [Theory]
    [InlineData(0xDB)]
    [InlineData(0xC4)]
    public void Tile_that_lacks_its_tables_is_read_as_by_openslide(byte marker)
    {
        var builder = new TiffBuilder
        {
            Edit = (_, tile, jpeg) =>
            {
                int at = jpeg.AsSpan().IndexOf([(byte)0xFF, marker]);
                jpeg[at + 1] = tile == 3 ? (byte)0xEF : marker;
                return jpeg;
            },
        };
        using var pair = new SlidePair(Save(builder.Build(Picture(630, 470))));
        for (int tile = 0; tile < 6; tile++)
        {
            pair.AssertSame(new(tile * 64, 0), 0, 64, 64);
        }

        Assert.Equal(1, pair.Tiled.DelegatedRegions);
    }

    [Fact]
    public void Row_by_row_walk_decodes_every_tile_once()
    {
        using var pair = new SlidePair(WritePyramid(4096, 2048, JpegSubsampling.Both, 2), cacheBytes: 24 << 20);
        foreach (int step in (int[])[224, 256])
        {
            using ISlideSource fresh = SlideSource.Open(pair.Tiled.Path, out _, cacheBytes: 24 << 20);
            var source = (TiledTiffSource)fresh;
            long before = source.DecodedTiles;
            for (int y = 0; y < 2048; y += step)
            {
                for (int x = 0; x < 4096; x += step)
                {
                    Assert.NotNull(SlidePair.Read(source, new(x, y), 0, step, step));
                }
            }

            // 16 × 8 source tiles; the one that was compared at the opening may be there already.
            Assert.InRange(source.DecodedTiles - before, 127, 128);
        }
    }

    [Fact]
    public void Forgotten_reads_leave_nothing_and_read_again_as_before()
    {
        using var pair = new SlidePair(WritePyramid(1024, 512, JpegSubsampling.Both, 2));
        Assert.NotNull(SlidePair.Read(pair.Tiled, new(100, 100), 0, 600, 200));
        Assert.InRange(pair.Tiled.UnplannedBytes, 6 * 256 * 256 * 3, 8 * 256 * 256 * 3);

        pair.Tiled.ForgetReads();

        Assert.Equal(0, pair.Tiled.UnplannedBytes);
        pair.AssertSame(new(100, 100), 0, 600, 200);
    }

    [Fact]
    public void Overlapping_tiles_decode_every_tile_once_or_twice()
    {
        using var pair = new SlidePair(WritePyramid(4096, 2048, JpegSubsampling.Both, 2));
        long before = pair.Tiled.DecodedTiles;
        for (int y = 0; y + 512 <= 2048; y += 256)
        {
            for (int x = 0; x + 512 <= 4096; x += 256)
            {
                Assert.NotNull(SlidePair.Read(pair.Tiled, new(x, y), 0, 512, 512));
            }
        }

        // The few that came before the first overlap are decoded again.
        Assert.InRange(pair.Tiled.DecodedTiles - before, 128, 128 + 8);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(200_000)]
    [InlineData(3 << 20)]
    public void Eight_threads_with_a_small_cache_read_the_same_pixels(int cacheBytes)
    {
        using var pair = new SlidePair(WritePyramid(1500, 1100, JpegSubsampling.Both, 2), cacheBytes);
        byte[][] expected = [.. Enumerable.Range(0, 40).Select(i => SlidePair.Read(pair.Reference, new(i % 8 * 170, i / 8 * 190), 0, 224, 224)!)];
        Parallel.For(0, 400, new ParallelOptions { MaxDegreeOfParallelism = 8 }, i =>
            Assert.True(expected[i % 40].AsSpan().SequenceEqual(SlidePair.Read(pair.Tiled, new(i % 40 % 8 * 170, i % 40 / 8 * 190), 0, 224, 224))));
        Assert.Equal(0, pair.Tiled.DelegatedRegions);
    }

    [Fact]
    public void Open_read_close_200_times_leaves_no_handle()
    {
        string path = WritePyramid(600, 400, JpegSubsampling.Both, 2);
        byte[] whole = File.ReadAllBytes(path);
        string broken = Save(whole[..(whole.Length / 2)]);
        for (int i = 0; i < 200; i++)
        {
            using ISlideSource slide = SlideSource.Open(path);
            Assert.NotNull(SlidePair.Read(slide, new(i, i), 0, 300, 300));
            Assert.Throws<SlideFormatException>(() => SlideSource.Open(broken));
        }

        // Linux lists what is open; other systems are not asked.
        if (Directory.Exists("/proc/self/fd"))
        {
            Assert.DoesNotContain(Directory.GetFiles("/proc/self/fd"), f => new FileInfo(f).LinkTarget == path);
        }
    }

    [Fact]
    public void Read_after_dispose_throws()
    {
        ISlideSource slide = SlideSource.Open(WritePyramid(600, 400, JpegSubsampling.Both, 2));
        slide.Dispose();
        Assert.Throws<ObjectDisposedException>(() => slide.ReadRegion(default, 0, 10, 10, new byte[300]));
    }

    [Fact]
    public void Missing_file_is_typed() => Assert.Equal(
        SlideFailureReason.FileMissing, Assert.Throws<SlideFormatException>(() => SlideSource.Open(_folder.File("none.svs"))).Reason);

    [Fact]
    public void Link_to_no_file_is_typed()
    {
        string link = _folder.File("link.svs");
        File.CreateSymbolicLink(link, _folder.File("none.svs"));
        Assert.Equal(SlideFailureReason.FileMissing, Assert.Throws<SlideFormatException>(() => SlideSource.Open(link)).Reason);
    }

    internal static byte[] Jpeg2000Slide(string tile, ushort compression)
    {
        byte[] codestream = File.ReadAllBytes(Path.Combine(AppContext.BaseDirectory, "Reference", tile));
        return new TiffBuilder
        {
            Description = AperioDescription,
            HasThumbnail = true,
            Photometric = 2,
            Edit = (_, _, _) => codestream,
            Override = new Dictionary<ushort, ushort> { [259] = compression },
        }.Build(new RgbImage(128, 128));
    }

    private void AssertLeftToOpenSlide(byte[] file, string reason)
    {
        using ISlideSource slide = SlideSource.Open(Save(file), out string? why);
        Assert.IsType<OpenSlideSource>(slide);
        Assert.Contains(reason, why, StringComparison.Ordinal);
    }

    private string Save(byte[] file)
    {
        string path = _folder.File($"{Guid.NewGuid():N}.tif");
        File.WriteAllBytes(path, file);
        return path;
    }

    private string WritePyramid(int width, int height, JpegSubsampling subsampling, int factor)
    {
        string path = _folder.File($"{width}x{height}.tif");
        PyramidalTiffWriter.Write(
            path, Picture(width, height), new PyramidalTiffOptions { MicronsPerPixel = 0.5, Subsampling = subsampling, LevelFactor = factor, SmallestLevelPx = 512 });
        return path;
    }

    /// <summary>Noise over a gradient: every coefficient of every block is in use, and no two places look alike.</summary>
    private static RgbImage Picture(int width, int height)
    {
        RgbImage picture = Pictures.Gradient(width, height);
        RgbImage noise = Pictures.Noise(width, height, 9);
        for (int i = 0; i < picture.Pixels.Length; i++)
        {
            picture.Pixels[i] = (byte)((picture.Pixels[i] * 3 / 4) + (noise.Pixels[i] / 4));
        }

        return picture;
    }
}
