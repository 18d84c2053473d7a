using SlideMesh.Slides.OpenSlide;
using SlideMesh.Slides.Pyramid;
using SlideMesh.Slides.Raster;
using SlideMesh.Slides.TiledTiff;
using SlideMesh.Slides.TurboJpeg;

namespace SlideMesh.Slides.Tests.TiledTiff;

/// <summary>
/// Levels whose downsample is no whole number. What their pixels are tells a second file, whose first level has the same tiles: there
/// OpenSlide has nothing to blend.
/// </summary>
public sealed class FractionalLevelTests : IDisposable
{
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(false, 2001, 1503, 500, 375)]
    [InlineData(false, 1001, 903, 500, 451)]
    [InlineData(true, 2001, 1503, 500, 375)]
    [InlineData(true, 1201, 903, 700, 526)]
    public void Pixels_of_the_level_equal_openslide_on_the_level_alone(bool isAperio, int width, int height, int levelWidth, int levelHeight)
    {
        RgbImage level = Pictures.Noise(levelWidth, levelHeight, 5);
        var builder = new TiffBuilder
        {
            SharesTables = isAperio,
            Photometric = isAperio ? (ushort)2 : (ushort)6,
            Subsampling = isAperio ? JpegSubsampling.None : JpegSubsampling.Both,
            Description = isAperio ? TiledTiffSourceTests.AperioDescription : null,
            HasThumbnail = isAperio,
        };
        using var pair = new SlidePair(Save("both.tif", builder.Build(Pictures.Noise(width, height, 4), level)));
        using OpenSlideSource alone = OpenSlideSource.Open(Save("alone.tif", builder.Build(level)));
        double downsample = pair.Tiled.Levels[1].Downsample;
        Assert.False(double.IsInteger(downsample));
        var random = new Random(6);
        for (int i = 0; i < 100; i++)
        {
            (int w, int h) = (random.Next(1, 300), random.Next(1, 300));
            (int x, int y) = (random.Next(levelWidth + 10), random.Next(levelHeight + 10));
            byte[] expected = SlidePair.Read(alone, new(x, y), 0, w, h)!;
            Assert.Equal(expected, SlidePair.Read(pair.Tiled, new((long)Math.Round(x * downsample), (long)Math.Round(y * downsample)), 1, w, h));
            byte[] pixels = new byte[expected.Length];
            Assert.True(pair.Tiled.TryReadPixels(1, new LevelRegion(x, y, w, h), pixels));
            Assert.Equal(expected, pixels);
        }

        Assert.Equal(0, pair.Tiled.DelegatedRegions);
    }

    // What OpenSlide gives for the same corner is these pixels, blended with their neighbours by the fraction that the corner is off.
    [Fact]
    public void Pixels_of_tissue_blended_by_the_corners_fraction_are_openslides()
    {
        if (TestSlides.Find(TestSlides.Cmu) is not { } path)
        {
            return;
        }

        RgbImage tissue = new(2220, 2967);
        using (OpenSlideSource slide = OpenSlideSource.Open(path))
        {
            slide.ReadRegion(default, 0, 2220, 2967, tissue.Pixels);
        }

        var builder = new TiffBuilder { TileEdge = 256, Subsampling = JpegSubsampling.Both };
        using var pair = new SlidePair(Save("tissue.tif", builder.Build(tissue, AreaResampler.Resample(tissue, 555, 741))));
        double downsample = pair.Tiled.Levels[1].Downsample;
        Assert.InRange(downsample, 4.001, 4.003);
        double most = 0;
        for (int i = 0; i < 16; i++)
        {
            (int x, int y) = (3 + (i % 4 * 97), 5 + (i / 4 * 131));
            Level0Point corner = new((long)Math.Round(x * downsample), (long)Math.Round(y * downsample));
            byte[] own = SlidePair.Read(pair.Tiled, corner, 1, 130, 130)!;
            byte[] theirs = SlidePair.Read(pair.Reference, corner, 1, 130, 130)!;
            double fractionX = (corner.X / downsample) - x;
            double fractionY = (corner.Y / downsample) - y;
            Assert.InRange(Difference(theirs, own, fractionX, fractionY), 0, 0.4);
            most = Math.Max(most, Difference(theirs, own, 0, 0));
        }

        Assert.Equal(0, pair.Tiled.DelegatedRegions);
        Assert.InRange(most, 2, 8);
    }

    /// <summary>Mean difference over the inner pixels of 130 × 130.</summary>
    private static double Difference(byte[] expected, byte[] pixels, double fractionX, double fractionY)
    {
        double sum = 0;
        (int stepX, int stepY) = (Math.Sign(fractionX) * 3, Math.Sign(fractionY) * 390);
        (fractionX, fractionY) = (Math.Abs(fractionX), Math.Abs(fractionY));
        for (int row = 1; row < 129; row++)
        {
            for (int i = (row * 390) + 3; i < (row * 390) + 387; i++)
            {
                double blend = ((1 - fractionY) * (((1 - fractionX) * pixels[i]) + (fractionX * pixels[i + stepX])))
                    + (fractionY * (((1 - fractionX) * pixels[i + stepY]) + (fractionX * pixels[i + stepX + stepY])));
                sum += Math.Abs(blend - expected[i]);
            }
        }

        return sum / (128 * 384);
    }

    [Theory]
    [InlineData(4.0, 8, true, 2)]
    [InlineData(4.0, 7, false, 2)]
    [InlineData(4.0001, 40_001, true, 10_000)]
    [InlineData(4.0001, 40_002, false, 10_000)]
    [InlineData(4.0001, 4, true, 1)]
    [InlineData(1.0, -7, true, -7)]
    public void Coordinate_stands_for_the_pixel_whose_place_rounds_to_it(double downsample, long level0, bool isFound, long expected)
    {
        Assert.Equal(isFound, new PyramidLevel(1, 20_000, 20_000, downsample).TryFindPixel(level0, out long pixel));
        Assert.Equal(expected, pixel);
    }

    private string Save(string name, byte[] file)
    {
        string path = _folder.File(name);
        File.WriteAllBytes(path, file);
        return path;
    }
}
