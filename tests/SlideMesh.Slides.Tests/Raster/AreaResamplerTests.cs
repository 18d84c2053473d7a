using System.Text.Json;
using SlideMesh.Slides.Raster;

namespace SlideMesh.Slides.Tests.Raster;

public class AreaResamplerTests
{
    public static TheoryData<int> Cases => [.. Enumerable.Range(0, 6)];

    // PIL's reduce is off by up to one grey level itself (it gives 111 for 111.56); numpy's values are exact to 0.001.
    [Theory]
    [MemberData(nameof(Cases))]
    public void Shrinking_equals_pil_and_numpy_within_one_grey_level(int index)
    {
        using JsonDocument document = JsonDocument.Parse(File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "Reference", "resample.json")));
        JsonElement reference = document.RootElement[index];
        int[] source = [.. reference.GetProperty("source").EnumerateArray().Select(v => v.GetInt32())];
        int[] size = [.. reference.GetProperty("size").EnumerateArray().Select(v => v.GetInt32())];
        double[] expected = [.. reference.GetProperty("values").EnumerateArray().Select(v => v.GetDouble())];

        RgbImage result = AreaResampler.Resample(
            Pictures.Noise(source[0], source[1], reference.GetProperty("seed").GetUInt32()), size[0], size[1]);

        Assert.Equal(expected.Length, result.Pixels.Length);
        double tolerance = reference.GetProperty("by").GetString() == "numpy area" ? 0.502 : 1;
        Assert.InRange(expected.Zip(result.Pixels, (e, a) => Math.Abs(e - a)).Max(), 0, tolerance);
    }

    [Fact]
    public void Equal_sizes_copy()
    {
        RgbImage image = Pictures.Noise(33, 17, 7);
        Assert.Equal(image.Pixels, AreaResampler.Resample(image, 33, 17).Pixels);
    }

    [Theory]
    [InlineData(100, 37)]
    [InlineData(100, 99)]
    [InlineData(37, 100)]
    [InlineData(1, 5)]
    public void One_colour_stays_that_colour(int from, int to)
    {
        var image = new RgbImage(from, from);
        image.Pixels.AsSpan().Fill(201);
        Assert.All(AreaResampler.Resample(image, to, to).Pixels, v => Assert.Equal(201, v));
    }

    [Fact]
    public void Enlarging_is_bilinear_between_pixel_centres()
    {
        var image = new RgbImage(2, 1, [0, 0, 0, 100, 200, 40]);
        RgbImage result = AreaResampler.Resample(image, 4, 1);
        Assert.Equal([0, 0, 0, 25, 50, 10, 75, 150, 30, 100, 200, 40], result.Pixels);
    }

    [Theory]
    [InlineData(1000, 37)]
    [InlineData(617, 256)]
    [InlineData(257, 256)]
    [InlineData(99_999, 3125)]
    public void Weights_cover_every_source_pixel_once(int source, int destination)
    {
        var axis = new ResampleAxis(source, destination);
        var used = new double[source];
        for (int i = 0; i < destination; i++)
        {
            for (int t = 0; t < axis.Weights(i).Length; t++)
            {
                used[axis.Start(i) + t] += axis.Weights(i)[t];
            }
        }

        Assert.All(used, u => Assert.Equal((double)destination / source, u, 6));
    }
}
