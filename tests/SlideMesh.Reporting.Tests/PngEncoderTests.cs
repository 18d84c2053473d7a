using System.Security.Cryptography;
using System.Text.Json;
using SlideMesh.Slides.Raster;

namespace SlideMesh.Reporting.Tests;

public sealed class PngEncoderTests
{
    [Fact]
    public void Chunks_hold_the_pixels_after_their_filters_are_undone()
    {
        RgbImage image = Noise(37, 23);
        byte[] png = PngEncoder.Encode(image);

        Assert.Equal([0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A], png[..8]);
        List<(string Type, byte[] Data)> chunks = PngReader.Chunks(png);
        Assert.Equal(["IHDR", "IDAT", "IEND"], chunks.Select(c => c.Type));
        Assert.Equal([0, 0, 0, 37, 0, 0, 0, 23, 8, 2, 0, 0, 0], chunks[0].Data);
        Assert.Equal(image.Pixels, PngReader.Unfilter(chunks[1].Data, 37, 23));
    }

    [Theory]
    [InlineData(3)]
    [InlineData(4)]
    public void Pillow_reads_the_same_pixels(int channels)
    {
        using TemporaryFolder folder = new();
        byte[] pixels = [.. Enumerable.Range(0, 61 * 19 * channels).Select(i => (byte)(i * i / 7))];
        File.WriteAllBytes(folder["a.png"], channels == 3 ? PngEncoder.Encode(new RgbImage(61, 19, pixels)) : PngEncoder.EncodeRgba(61, 19, pixels));

        JsonElement read = PythonReader.Read("png", folder["a.png"]);
        Assert.Equal(channels == 3 ? "RGB" : "RGBA", read.GetProperty("mode").GetString());
        Assert.Equal([61, 19], read.GetProperty("size").Numbers<int>());
        Assert.Equal(Convert.ToHexStringLower(SHA256.HashData(pixels)), read.GetProperty("sha256").GetString());
    }

    [Fact]
    public void Same_pixels_make_the_same_bytes() => Assert.Equal(PngEncoder.Encode(Noise(64, 64)), PngEncoder.Encode(Noise(64, 64)));

    [Fact]
    public void Picture_given_row_by_row_makes_the_same_bytes()
    {
        RgbImage image = Noise(61, 40);
        using MemoryStream png = new();
        PngEncoder.Write(png, 61, 40, (row, rgb) =>
        {
            Assert.Equal(61 * 3, rgb.Length);
            image.Pixels.AsSpan(row * 61 * 3, 61 * 3).CopyTo(rgb);
        });
        Assert.Equal(PngEncoder.Encode(image), png.ToArray());
    }

    private static RgbImage Noise(int width, int height)
    {
        RgbImage image = new(width, height);
        new Random(7).NextBytes(image.Pixels);
        return image;
    }
}
