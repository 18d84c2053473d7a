using SlideMesh.Slides.OpenSlide;
using SlideMesh.Slides.Pyramid;
using SlideMesh.Slides.Raster;
using SlideMesh.Slides.Tests;
using SlideMesh.Slides.Tests.TiledTiff;
using SlideMesh.Slides.TiledTiff;
using SlideMesh.Tissue;

namespace SlideMesh.Tiling.Tests;

/// <summary>Tiles from a lower level whose downsample is no whole number, as scanners write it (4.0001, 2.0005): without OpenSlide's help.</summary>
public sealed class FractionalLevelReadTests : IDisposable
{
    private readonly TestFolder _folder = new();
    private readonly RgbImage _level = Picture(500, 375);
    private readonly ISlideSource _slide;

    public FractionalLevelReadTests()
    {
        string path = _folder.File("slide.tif");
        File.WriteAllBytes(path, new TiffBuilder().Build(Picture(2001, 1503), _level));
        _slide = SlideSource.Open(path);
        Assert.False(double.IsInteger(_slide.Levels[1].Downsample));
    }

    public void Dispose()
    {
        _slide.Dispose();
        _folder.Dispose();
    }

    [Theory]
    [InlineData(0)]
    [InlineData(13)]
    public void Native_tile_is_whole_pixels_of_the_level(int overlap)
    {
        string alone = _folder.File("alone.tif");
        File.WriteAllBytes(alone, new TiffBuilder().Build(_level));
        using OpenSlideSource reference = OpenSlideSource.Open(alone);
        TilePlan plan = Plan(2, overlap);
        Assert.Equal((1, 64), (plan.ReadLevel.Index, plan.ReadWidthPx));
        using TileReader reader = new(_slide, plan);
        byte[] expected = new byte[64 * 64 * 3];
        for (int i = 0; i < plan.Tiles.Count; i++)
        {
            PlannedTile tile = plan.Tiles[i];
            Level0Point pixel = new((long)Math.Round(tile.X / plan.ReadLevel.Downsample), (long)Math.Round(tile.Y / plan.ReadLevel.Downsample));
            Assert.Equal((0, 0), (pixel.X % (64 - overlap), pixel.Y % (64 - overlap)));
            reference.ReadRegion(pixel, 0, 64, 64, expected);
            Assert.Equal(expected, Read(reader, i));
        }

        Assert.Equal(0, ((TiledTiffSource)_slide).DelegatedRegions);
    }

    // Against a plain sum over the ground that a tile covers. Halved pixels lose what is finer than they are.
    [Theory]
    [InlineData(2.3, true, 0, 0.6)]
    [InlineData(2.9, false, 0, 0.6)]
    [InlineData(3.99, true, 1, 2.2)]
    [InlineData(4.0, true, 1, 2.2)]
    [InlineData(4.0, false, 0, 0.6)]
    [InlineData(6.1, true, 0, 0.6)]
    public void Resampled_tile_is_the_mean_of_the_ground_it_covers(double micronsPerPixel, bool decoderScaling, int halvings, double tolerance)
    {
        byte[] level = new byte[500 * 375 * 3];
        _slide.ReadRegion(default, 1, 500, 375, level);
        TilePlan plan = Plan(micronsPerPixel, 5);
        Assert.Equal(1, plan.ReadLevel.Index);
        using TileReader reader = new(_slide, plan, decoderScaling);
        Assert.Equal(halvings, reader.Halvings);
        double shrink = plan.ReadWidthPx / 64.0;
        int compared = 0;
        for (int i = 0; i < plan.Tiles.Count; i++)
        {
            double left = plan.Tiles[i].X / plan.ReadLevel.Downsample;
            double top = plan.Tiles[i].Y / plan.ReadLevel.Downsample;
            if (left + plan.ReadWidthPx <= 500 && top + plan.ReadHeightPx <= 375)
            {
                byte[] rgb = Read(reader, i);
                double difference = Enumerable.Range(0, 64 * 64).Average(
                    p => Math.Abs(rgb[p * 3] - MeanRed(level, left + (p % 64 * shrink), top + (p / 64 * shrink), shrink)));
                Assert.InRange(difference, 0, tolerance);
                compared++;
            }
        }

        Assert.True(compared > 1);
        Assert.Equal(0, ((TiledTiffSource)_slide).DelegatedRegions);
    }

    private static double MeanRed(byte[] level, double left, double top, double edge)
    {
        double sum = 0;
        for (int y = (int)top; y < top + edge; y++)
        {
            double height = Math.Min(y + 1, top + edge) - Math.Max(y, top);
            for (int x = (int)left; x < left + edge; x++)
            {
                sum += (x < 500 && y < 375 ? level[((y * 500) + x) * 3] : 255) * height * (Math.Min(x + 1, left + edge) - Math.Max(x, left));
            }
        }

        return sum / (edge * edge);
    }

    private TilePlan Plan(double micronsPerPixel, int overlap) => TilePlanner.Plan(
        _slide,
        new MicronsPerPixel(0.5, 0.5, MicronsPerPixelSource.Manifest),
        new TissueMask(2001, 1503, 1, 1, new byte[2001 * 1503]),
        new TileSpec { MicronsPerPixel = micronsPerPixel, SizePx = 64, OverlapPx = overlap, MinTissueShare = 0 });

    private static RgbImage Picture(int width, int height)
    {
        RgbImage picture = Pictures.Gradient(width, height);
        RgbImage noise = Pictures.Noise(width, height, 9);
        for (int i = 0; i < picture.Pixels.Length; i++)
        {
            picture.Pixels[i] = (byte)((picture.Pixels[i] * 3 / 4) + (noise.Pixels[i] / 8));
        }

        return picture;
    }

    private static byte[] Read(TileReader reader, int index)
    {
        var rgb = new byte[64 * 64 * 3];
        reader.Read(index, rgb);
        return rgb;
    }
}
