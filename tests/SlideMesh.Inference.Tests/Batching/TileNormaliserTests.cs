using SlideMesh.Inference.Batching;
using SlideMesh.Inference.Packages;
using SlideMesh.Slides.Raster;

namespace SlideMesh.Inference.Tests.Batching;

public sealed class TileNormaliserTests
{
    private static readonly Normalisation ImageNet = new([0.485f, 0.456f, 0.406f], [0.229f, 0.224f, 0.225f]);

    // NumPy 1.24, float32: ((np.float32([0, 128, 255]) / 255) - mean) / std for each channel.
    [Fact]
    public void Known_pixels_get_the_values_that_numpy_gives()
    {
        float[] planes = new float[9];

        new TileNormaliser(ImageNet).Normalise([0, 0, 0, 128, 128, 128, 255, 255, 255], planes);

        float[] expected = [-2.117904f, 0.07406463f, 2.2489083f, -2.0357141f, 0.2051822f, 2.4285715f, -1.8044444f, 0.42649257f, 2.64f];
        OnnxRuntime.OnnxRuntimeEngineTests.AssertClose(expected, planes, 1e-6);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(4)]
    [InlineData(7)]
    [InlineData(32)]
    [InlineData(101)]
    public void Every_pixel_of_any_size_agrees_with_the_plain_formula(int size)
    {
        byte[] rgb = new byte[size * size * 3];
        new Random(size).NextBytes(rgb);
        float[] planes = new float[rgb.Length];

        new TileNormaliser(ImageNet).Normalise(rgb, planes);

        for (int i = 0; i < size * size; i++)
        {
            for (int c = 0; c < 3; c++)
            {
                double expected = ((rgb[(3 * i) + c] / 255.0) - ImageNet.Mean[c]) / ImageNet.Std[c];
                Assert.Equal(expected, planes[(c * size * size) + i], 1e-6);
            }
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(33)]
    [InlineData(224)]
    public void Half_planes_are_the_float_planes_rounded(int size)
    {
        byte[] rgb = new byte[size * size * 3];
        new Random(size).NextBytes(rgb);
        float[] planes = new float[rgb.Length];
        Half[] halves = new Half[rgb.Length];
        TileNormaliser normaliser = new(ImageNet);

        normaliser.Normalise(rgb, planes);
        normaliser.Normalise(rgb, halves);

        Assert.Equal(planes.Select(p => (Half)p), halves);
    }

    [Theory]
    [InlineData(508, 448, 224)]
    [InlineData(300, 300, 224)]
    [InlineData(100, 90, 100)]
    [InlineData(64, 64, 64)]
    public void Resampled_planes_have_the_bits_of_a_resampled_picture(int width, int height, int size)
    {
        byte[] rgb = new byte[width * height * 3];
        new Random(size).NextBytes(rgb);
        AreaResampler resampler = new(width, height, size, size);
        byte[] picture = new byte[size * size * 3];
        float[] expected = new float[picture.Length];
        float[] actual = new float[picture.Length];
        TileNormaliser normaliser = new(ImageNet);

        resampler.Resample(rgb, picture);
        normaliser.Normalise(picture, expected);
        normaliser.Resample(resampler, rgb, actual);

        Assert.Equal(expected, actual);
    }

    [Fact]
    public void Vector_path_has_the_bits_of_the_scalar_path()
    {
        byte[] rgb = new byte[3 * 64];
        new Random(3).NextBytes(rgb);
        TileNormaliser normaliser = new(ImageNet);
        float[] whole = new float[rgb.Length];
        normaliser.Normalise(rgb, whole);

        float[] one = new float[3];
        for (int i = 0; i < 64; i++)
        {
            normaliser.Normalise(rgb.AsSpan(3 * i, 3), one);
            Assert.Equal(one, new[] { whole[i], whole[64 + i], whole[128 + i] });
        }
    }
}
