using SlideMesh.Slides.Raster;
using SlideMesh.Slides.Tests;
using SlideMesh.Tissue.Quality;

namespace SlideMesh.Tissue.Tests.Quality;

public class QualityTests
{
    [Theory]
    [InlineData(40, 70, 170, PenColour.Blue)]
    [InlineData(70, 110, 200, PenColour.Blue)]
    [InlineData(30, 140, 80, PenColour.Green)]
    [InlineData(200, 40, 50, PenColour.Red)]
    [InlineData(35, 35, 40, PenColour.Black)]
    public void Ink_is_told_by_colour(byte r, byte g, byte b, PenColour expected) => Assert.Equal(expected, PenRules.Classify(r, g, b));

    [Theory]
    [InlineData(220, 130, 180)] // eosin
    [InlineData(190, 70, 110)] // red blood cells
    [InlineData(110, 70, 150)] // haematoxylin
    [InlineData(60, 35, 90)] // packed nuclei
    [InlineData(150, 110, 190)] // pale blue mucin
    [InlineData(243, 242, 244)] // glass
    [InlineData(150, 148, 150)] // shadow
    public void Stain_and_glass_are_not_ink(byte r, byte g, byte b) => Assert.Null(PenRules.Classify(r, g, b));

    [Theory]
    [InlineData(256, 256)]
    [InlineData(37, 53)]
    [InlineData(3, 3)]
    public void Blur_variance_equals_its_definition(int width, int height)
    {
        RgbImage image = Pictures.Noise(width, height, 5);
        int[] grey = [.. image.Pixels.Chunk(3).Select(p => ((77 * p[0]) + (150 * p[1]) + (29 * p[2]) + 128) >> 8)];
        var values = new List<double>();
        for (int y = 1; y < height - 1; y++)
        {
            for (int x = 1; x < width - 1; x++)
            {
                int i = (y * width) + x;
                values.Add((4 * grey[i]) - grey[i - 1] - grey[i + 1] - grey[i - width] - grey[i + width]);
            }
        }

        double mean = values.Average();
        double variance = values.Sum(v => (v - mean) * (v - mean)) / values.Count;
        Assert.Equal(variance, TileQualityMeter.Measure(image.Pixels, width, height).BlurVariance, variance * 1e-6);
    }

    [Fact]
    public void Half_glass_half_ink_is_measured_as_such()
    {
        var image = new RgbImage(100, 100);
        for (int i = 0; i < image.Pixels.Length; i += 3)
        {
            (image.Pixels[i], image.Pixels[i + 1], image.Pixels[i + 2]) = i / 3 % 100 < 50 ? ((byte)244, (byte)243, (byte)245) : ((byte)40, (byte)70, (byte)170);
        }

        TileQuality quality = TileQualityMeter.Measure(image.Pixels, 100, 100);
        Assert.Equal(0.5f, quality.BackgroundShare);
        Assert.Equal(0.5f, quality.PenShare);
    }

    [Fact]
    public void Blurring_lowers_the_variance()
    {
        RgbImage sharp = Pictures.Noise(128, 128, 2);
        RgbImage soft = AreaResampler.Resample(AreaResampler.Resample(sharp, 32, 32), 128, 128);
        Assert.True(Variance(soft) < Variance(sharp) / 50);

        static float Variance(RgbImage image) => TileQualityMeter.Measure(image.Pixels, image.Width, image.Height).BlurVariance;
    }

    [Fact]
    public void Tile_too_thin_for_a_laplacian_has_variance_zero() =>
        Assert.Equal(0, TileQualityMeter.Measure(new byte[2 * 50 * 3], 2, 50).BlurVariance);
}
