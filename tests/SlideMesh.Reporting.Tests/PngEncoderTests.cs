using System.Buffers.Binary;
using System.IO.Compression;
using System.Security.Cryptography;
using System.Text;
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
        List<(string Type, byte[] Data)> chunks = [];
        for (int at = 8; at < png.Length;)
        {
            int length = BinaryPrimitives.ReadInt32BigEndian(png.AsSpan(at));
            chunks.Add((Encoding.ASCII.GetString(png, at + 4, 4), png[(at + 8)..(at + 8 + length)]));
            at += 12 + length;
        }

        Assert.Equal(["IHDR", "IDAT", "IEND"], chunks.Select(c => c.Type));
        Assert.Equal([0, 0, 0, 37, 0, 0, 0, 23, 8, 2, 0, 0, 0], chunks[0].Data);
        Assert.Equal(image.Pixels, Unfilter(chunks[1].Data, 37, 23));
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

    private static byte[] Unfilter(byte[] compressed, int width, int height)
    {
        using ZLibStream zlib = new(new MemoryStream(compressed), CompressionMode.Decompress);
        using MemoryStream rows = new();
        zlib.CopyTo(rows);
        byte[] raw = rows.ToArray();
        int stride = width * 3;
        Assert.Equal((stride + 1) * height, raw.Length);
        byte[] pixels = new byte[stride * height];
        for (int y = 0; y < height; y++)
        {
            byte filter = raw[y * (stride + 1)];
            for (int x = 0; x < stride; x++)
            {
                int before = filter switch
                {
                    0 => 0,
                    1 => x >= 3 ? pixels[(y * stride) + x - 3] : 0,
                    2 => y > 0 ? pixels[((y - 1) * stride) + x] : 0,
                    _ => throw new InvalidDataException($"filter {filter}"),
                };
                pixels[(y * stride) + x] = (byte)(raw[(y * (stride + 1)) + 1 + x] + before);
            }
        }

        return pixels;
    }

    private static RgbImage Noise(int width, int height)
    {
        RgbImage image = new(width, height);
        new Random(7).NextBytes(image.Pixels);
        return image;
    }
}
