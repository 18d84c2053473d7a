using SlideMesh.Slides.Pyramid;
using SlideMesh.Slides.Raster;
using SlideMesh.Slides.Tests;
using SlideMesh.Slides.TiledTiff;
using SlideMesh.Slides.Tiff;
using SlideMesh.Slides.TurboJpeg;
using SlideMesh.Tissue;

namespace SlideMesh.Tiling.Tests;

public sealed class DecoderScalingTests : IDisposable
{
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    // Real tissue, at ratios that are whole and that are not, with corners on and off the halved pixels.
    [Theory]
    [InlineData(1.0, 1)]
    [InlineData(1.96, 1)]
    [InlineData(1.98, 1)]
    [InlineData(2.0, 2)]
    [InlineData(2.9, 1)]
    [InlineData(3.92, 2)]
    [InlineData(4.0, 3)]
    [InlineData(5.1, 2)]
    [InlineData(8.0, 3)]
    public void Halved_tile_of_real_tissue_is_within_two_grey_levels_of_the_area_mean(double micronsPerPixel, int halvings)
    {
        if (TestSlides.Find(TestSlides.Cmu) is not { } path)
        {
            return;
        }

        using ISlideSource slide = SlideSource.Open(path);
        foreach (int overlap in (int[])[0, 37])
        {
            TilePlan plan = Plan(slide, new TileSpec { MicronsPerPixel = micronsPerPixel, SizePx = 128, OverlapPx = overlap, MinTissueShare = 0 });
            using TileReader fast = new(slide, plan);
            using TileReader full = new(slide, plan, decoderScaling: false);
            Assert.Equal((halvings, 0), (fast.Halvings, full.Halvings));
            double worst = Enumerable.Range(0, plan.Tiles.Count).Max(i => MeanDifference(Read(fast, i), Read(full, i)));
            double mean = Enumerable.Range(0, plan.Tiles.Count).Average(i => MeanDifference(Read(fast, i), Read(full, i)));
            Assert.InRange(mean, 0.001, 1);
            Assert.InRange(worst, 0.001, 2.2);
        }
    }

    [Theory]
    [InlineData(256, 1)]
    [InlineData(512, 1)]
    [InlineData(507, 1)]
    public void Jpeg_2000_tile_of_fewer_resolutions_is_within_two_grey_levels_of_the_area_mean(int readPx, int halvings)
    {
        if (TestSlides.Find(TestSlides.TcgaJpeg2000) is not { } path)
        {
            return;
        }

        using ISlideSource slide = SlideSource.Open(path);
        TilePlan plan = Plan(slide, new TileSpec { MicronsPerPixel = 0.5, SizePx = 128, MinTissueShare = 0 }) with
        {
            ReadWidthPx = readPx,
            ReadHeightPx = readPx,
            Tiles = [.. Enumerable.Range(0, 12).Select(i => new PlannedTile(513 + (i % 4 * readPx), 1024 + (i / 4 * readPx)))],
        };
        using TileReader fast = new(slide, plan);
        using TileReader full = new(slide, plan, decoderScaling: false);
        Assert.Equal((halvings, 0), (fast.Halvings, full.Halvings));
        double[] differences = [.. Enumerable.Range(0, plan.Tiles.Count).Select(i => MeanDifference(Read(fast, i), Read(full, i)))];
        Assert.InRange(differences.Average(), 0.001, 1.5);
        Assert.InRange(differences.Max(), 0.001, 2);
    }

    [Theory]
    [InlineData(0.5)]
    [InlineData(0.9)]
    [InlineData(1.3)]
    public void Ratio_that_would_lose_detail_is_decoded_in_full(double micronsPerPixel)
    {
        using ISlideSource slide = SlideSource.Open(WritePyramid(700, 600));
        TilePlan plan = Plan(slide, new TileSpec { MicronsPerPixel = micronsPerPixel, SizePx = 128, MinTissueShare = 0 });
        using TileReader reader = new(slide, plan);
        using TileReader full = new(slide, plan, decoderScaling: false);
        Assert.Equal(0, reader.Halvings);
        Assert.All(Enumerable.Range(0, plan.Tiles.Count), i => Assert.Equal(Read(full, i), Read(reader, i)));
    }

    // Tiles that overhang the slide, or begin off the halved pixels, are decoded in full; the answer must not depend on the way.
    [Theory]
    [InlineData(1.0, 0)]
    [InlineData(1.0, 9)]
    [InlineData(2.0, 5)]
    [InlineData(3.7, 11)]
    public void Tiles_read_the_same_in_any_order_on_any_thread(double micronsPerPixel, int overlap)
    {
        using ISlideSource slide = SlideSource.Open(WritePyramid(1500, 1100), out _, cacheBytes: 1 << 20);
        TilePlan plan = Plan(slide, new TileSpec { MicronsPerPixel = micronsPerPixel, SizePx = 64, OverlapPx = overlap, MinTissueShare = 0 });
        using TileReader first = new(slide, plan);
        Assert.InRange(first.Halvings, 1, 3);
        byte[][] expected = [.. Enumerable.Range(0, plan.Tiles.Count).Select(i => Read(first, i))];
        int[] order = [.. Enumerable.Range(0, plan.Tiles.Count)];
        new Random(3).Shuffle(order);
        using TileReader second = new(slide, plan);
        Parallel.ForEach(order, new ParallelOptions { MaxDegreeOfParallelism = 6 }, i => Assert.Equal(expected[i], Read(second, i)));
    }

    [Fact]
    public void Overhang_of_a_halved_tile_is_white()
    {
        using ISlideSource slide = SlideSource.Open(WritePyramid(800, 600));
        TilePlan plan = Plan(slide, new TileSpec { MicronsPerPixel = 1, SizePx = 256, MinTissueShare = 0 });
        using TileReader reader = new(slide, plan);
        Assert.Equal(1, reader.Halvings);
        PlannedTile[] overhanging = [.. plan.Tiles.Where(t => t.X + 512 > 800)];
        Assert.NotEmpty(overhanging);
        byte[] rgb = Read(reader, plan.Tiles.ToList().IndexOf(overhanging[0]));
        int edge = (800 - (int)overhanging[0].X) / 2;
        Assert.All(rgb[(((100 * 256) + edge + 1) * 3)..].Take(3), v => Assert.Equal(255, v));
        Assert.Contains(rgb[(((100 * 256) + edge - 2) * 3)..].Take(3), v => v != 255);
    }

    // Every source tile once, however the plan's tiles lie over them, also at half size; nothing is kept at the end.
    [Theory]
    [InlineData(0.5, 256, 0)]
    [InlineData(0.5, 200, 0)]
    [InlineData(0.5, 256, 56)]
    [InlineData(0.5, 512, 256)]
    [InlineData(1.0, 256, 0)]
    [InlineData(1.0, 256, 100)]
    [InlineData(2.3, 224, 30)]
    public void Walk_decodes_every_source_tile_once(double micronsPerPixel, int size, int overlap)
    {
        using ISlideSource slide = SlideSource.Open(WritePyramid(3 * 1024, 2 * 1024));
        var source = Assert.IsType<TiledTiffSource>(slide);
        TilePlan whole = Plan(slide, new TileSpec { MicronsPerPixel = micronsPerPixel, SizePx = size, OverlapPx = overlap, MinTissueShare = 0 });
        PyramidLevel level = slide.Levels[whole.ReadLevel.Index];
        // Tiles over the edge are decoded in full where the others are halved: other decodes, not counted here.
        TilePlan plan = whole with
        {
            Tiles = [.. whole.Tiles.Where(t => t.X + whole.SizeLevel0Width + 8 <= slide.Levels[0].Width && t.Y + whole.SizeLevel0Height + 8 <= slide.Levels[0].Height)],
        };
        var touched = new HashSet<(long, long)>();
        foreach (PlannedTile tile in plan.Tiles)
        {
            double x = tile.X / level.Downsample;
            double y = tile.Y / level.Downsample;
            for (long row = (long)(y / 256); row * 256 < y + plan.ReadHeightPx; row++)
            {
                for (long column = (long)(x / 256); column * 256 < x + plan.ReadWidthPx; column++)
                {
                    touched.Add((column, row));
                }
            }
        }

        long before = source.DecodedTiles;
        using TileReader reader = new(slide, plan);
        Parallel.For(0, plan.Tiles.Count, new ParallelOptions { MaxDegreeOfParallelism = 3 }, i => Read(reader, i));
        Assert.Equal(touched.Count, source.DecodedTiles - before);
        Assert.Equal(0, source.DelegatedRegions);
        Assert.Equal(0, source.KeptBytes);
    }

    [Fact]
    public void Reader_that_ends_early_gives_back_what_it_kept()
    {
        using ISlideSource slide = SlideSource.Open(WritePyramid(2048, 1024));
        var source = Assert.IsType<TiledTiffSource>(slide);
        TilePlan plan = Plan(slide, new TileSpec { MicronsPerPixel = 0.5, SizePx = 256, OverlapPx = 56, MinTissueShare = 0 });
        using (TileReader reader = new(slide, plan))
        {
            _ = Read(reader, 0);
            Assert.InRange(source.KeptBytes, 1, long.MaxValue);
        }

        Assert.Equal(0, source.KeptBytes);
    }

    private string WritePyramid(int width, int height)
    {
        string path = _folder.File($"{width}.tif");
        RgbImage picture = Pictures.Gradient(width, height);
        RgbImage noise = Pictures.Noise(width, height, 9);
        for (int i = 0; i < picture.Pixels.Length; i++)
        {
            picture.Pixels[i] = (byte)((picture.Pixels[i] * 3 / 4) + (noise.Pixels[i] / 8));
        }

        PyramidalTiffWriter.Write(path, picture, new PyramidalTiffOptions { MicronsPerPixel = 0.5, SmallestLevelPx = 8192 });
        return path;
    }

    private static double MeanDifference(byte[] a, byte[] b) => a.Zip(b, (x, y) => Math.Abs(x - y)).Average();

    private static TilePlan Plan(ISlideSource slide, TileSpec spec)
    {
        int width = (int)slide.Levels[0].Width;
        int height = (int)slide.Levels[0].Height;
        var half = new MicronsPerPixel(0.5, 0.5, MicronsPerPixelSource.Manifest);
        return TilePlanner.Plan(slide, half, new TissueMask(width, height, 1, 1, new byte[width * height]), spec);
    }

    private static byte[] Read(TileReader reader, int index)
    {
        var rgb = new byte[reader.Plan.Spec.SizePx * reader.Plan.Spec.SizePx * 3];
        reader.Read(index, rgb);
        return rgb;
    }
}
