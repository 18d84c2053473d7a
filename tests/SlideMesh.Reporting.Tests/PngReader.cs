using System.Buffers.Binary;
using System.IO.Compression;
using System.Text;
using SlideMesh.Slides.Raster;

namespace SlideMesh.Reporting.Tests;

/// <summary>Reads the PNG files that are written here: 8-bit RGB, filters none, sub and up.</summary>
internal static class PngReader
{
    public static List<(string Type, byte[] Data)> Chunks(byte[] png)
    {
        List<(string Type, byte[] Data)> chunks = [];
        for (int at = 8; at < png.Length;)
        {
            int length = BinaryPrimitives.ReadInt32BigEndian(png.AsSpan(at));
            chunks.Add((Encoding.ASCII.GetString(png, at + 4, 4), png[(at + 8)..(at + 8 + length)]));
            at += 12 + length;
        }

        return chunks;
    }

    public static RgbImage Read(byte[] png)
    {
        List<(string Type, byte[] Data)> chunks = Chunks(png);
        int width = BinaryPrimitives.ReadInt32BigEndian(chunks[0].Data);
        int height = BinaryPrimitives.ReadInt32BigEndian(chunks[0].Data.AsSpan(4));
        return new RgbImage(width, height, Unfilter([.. chunks.Where(c => c.Type == "IDAT").SelectMany(c => c.Data)], width, height));
    }

    public static byte[] Unfilter(byte[] compressed, int width, int height)
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
}
