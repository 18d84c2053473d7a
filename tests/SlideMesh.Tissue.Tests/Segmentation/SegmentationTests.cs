using System.Text.Json;
using SlideMesh.Slides.Tests;
using SlideMesh.Tissue.Segmentation;

namespace SlideMesh.Tissue.Tests.Segmentation;

public class SegmentationTests
{
    private static JsonElement Reference => JsonDocument.Parse(
        File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "Reference", "segmentation.json"))).RootElement;

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    public void Median_equals_pil(int index)
    {
        JsonElement reference = Reference.GetProperty("medians")[index];
        int width = reference.GetProperty("width").GetInt32();
        int height = reference.GetProperty("height").GetInt32();
        byte[] plane = Plane(width, height, reference.GetProperty("seed").GetUInt32());
        byte[] expected = [.. reference.GetProperty("values").EnumerateArray().Select(v => v.GetByte())];
        Assert.Equal(expected, MedianFilter.Apply(plane, width, height, reference.GetProperty("window").GetInt32()));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    public void Otsu_equals_exhaustive_search(int index)
    {
        JsonElement reference = Reference.GetProperty("thresholds")[index];
        var histogram = new long[256];
        foreach (JsonElement value in reference.GetProperty("values").EnumerateArray())
        {
            histogram[value.GetInt32()]++;
        }

        Assert.Equal(reference.GetProperty("threshold").GetInt32(), OtsuThreshold.Of(histogram));
    }

    [Fact]
    public void Saturation_is_255_times_range_over_maximum()
    {
        for (int max = 1; max < 256; max++)
        {
            for (int min = 0; min <= max; min++)
            {
                Assert.Equal(255.0 * (max - min) / max, SaturationPlane.Of((byte)min, (byte)max, (byte)min), 0.53);
            }
        }

        Assert.Equal(0, SaturationPlane.Of(0, 0, 0));
    }

    [Fact]
    public void Closing_joins_gaps_narrower_than_the_window_and_nothing_else()
    {
        byte[] mask = Mask(
            "..............",
            "..............",
            "..............",
            "....##..##....",
            "....##..##....",
            "..............",
            "..............",
            "..............");
        BinaryMorphology.Close(mask, 14, 8, 3);
        Assert.Equal(
            Mask(
                "..............",
                "..............",
                "..............",
                "....######....",
                "....######....",
                "..............",
                "..............",
                ".............."),
            mask);
    }

    [Theory]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    [InlineData(5)]
    public void Closing_equals_its_definition(int window)
    {
        const int Size = 40;
        byte[] mask = [.. Plane(Size, Size, 9).Select(v => v > 200 ? (byte)1 : (byte)0)];
        int before = window / 2;
        byte[] dilated = Each(Size, (x, y) => Any(mask, x - before, y - before, window, 1, outside: 0));
        int mirrored = window - 1 - before;
        byte[] closed = Each(Size, (x, y) => (byte)(1 - Any(dilated, x - mirrored, y - mirrored, window, 0, outside: 1)));
        BinaryMorphology.Close(mask, Size, Size, window);
        Assert.Equal(closed, mask);

        static byte Any(byte[] mask, int left, int top, int window, byte wanted, byte outside)
        {
            for (int y = top; y < top + window; y++)
            {
                for (int x = left; x < left + window; x++)
                {
                    bool isInside = x >= 0 && y >= 0 && x < Size && y < Size;
                    if ((isInside ? mask[(y * Size) + x] : outside) == wanted)
                    {
                        return 1;
                    }
                }
            }

            return 0;
        }

        static byte[] Each(int size, Func<int, int, byte> value) =>
            [.. Enumerable.Range(0, size * size).Select(i => value(i % size, i / size))];
    }

    [Fact]
    public void Joined_mask_has_no_pixels_that_touch_at_a_corner_only()
    {
        const int Size = 60;
        byte[] mask = [.. Plane(Size, Size, 3).Select(v => v > 128 ? (byte)1 : (byte)0)];
        byte[] before = [.. mask];
        BinaryMorphology.JoinDiagonals(mask, Size, Size);
        Assert.All(before.Zip(mask), p => Assert.True(p.Second >= p.First));
        for (int i = 0; i < Size * (Size - 1); i++)
        {
            if (i % Size < Size - 1)
            {
                Assert.False(mask[i] != mask[i + 1] && mask[i] == mask[i + Size + 1] && mask[i + 1] == mask[i + Size]);
            }
        }
    }

    private static byte[] Mask(params string[] rows) => [.. string.Concat(rows).Select(c => c == '#' ? (byte)1 : (byte)0)];

    /// <summary>The reference script's plane: one byte a step of the sequence behind <see cref="Pictures.Noise"/>.</summary>
    private static byte[] Plane(int width, int height, uint seed) => Pictures.Noise((width * height / 3) + 1, 1, seed).Pixels[..(width * height)];
}
