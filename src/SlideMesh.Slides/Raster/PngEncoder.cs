using System.Buffers.Binary;
using System.IO.Compression;

namespace SlideMesh.Slides.Raster;

/// <summary>Gives one row of a picture that is made while it is written; rows come in order, each once.</summary>
/// <param name="row">From 0.</param>
/// <param name="rgb">Destination, width × 3 bytes; its former content is arbitrary.</param>
public delegate void RenderRow(int row, Span<byte> rgb);

/// <summary>
/// Writes 8-bit PNG files (W3C PNG, second edition): RGB or RGBA, no interlacing, no metadata. The same pixels give the same
/// bytes on one .NET release (the zlib stream is the runtime's).
/// </summary>
public static class PngEncoder
{
    private static ReadOnlySpan<byte> Signature => [0x89, (byte)'P', (byte)'N', (byte)'G', 0x0D, 0x0A, 0x1A, 0x0A];

    private const int DataChunkBytes = 1 << 16;

    private static readonly uint[] CrcTable = BuildCrcTable();

    public static byte[] Encode(RgbImage image)
    {
        using MemoryStream png = new();
        Write(png, image);
        return png.ToArray();
    }

    /// <summary>Writes row by row: beside the picture itself this takes a few rows of memory.</summary>
    public static void Write(Stream png, RgbImage image)
    {
        ArgumentNullException.ThrowIfNull(png);
        ArgumentNullException.ThrowIfNull(image);
        int rowBytes = image.Width * 3;
        Write(png, image.Width, image.Height, 3, (row, rgb) => image.Pixels.AsSpan(row * rowBytes, rowBytes).CopyTo(rgb));
    }

    /// <summary>A picture that is nowhere in memory as a whole: <paramref name="render"/> gives its rows.</summary>
    public static void Write(Stream png, int width, int height, RenderRow render)
    {
        ArgumentNullException.ThrowIfNull(png);
        ArgumentNullException.ThrowIfNull(render);
        Write(png, width, height, 3, render);
    }

    /// <param name="rgba">Row-major, four bytes a pixel, alpha not premultiplied.</param>
    public static byte[] EncodeRgba(int width, int height, ReadOnlySpan<byte> rgba)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(rgba.Length, checked(width * height * 4), nameof(rgba));
        byte[] pixels = rgba.ToArray();
        using MemoryStream png = new();
        Write(png, width, height, 4, (row, into) => pixels.AsSpan(row * into.Length, into.Length).CopyTo(into));
        return png.ToArray();
    }

    private static void Write(Stream png, int width, int height, int channels, RenderRow render)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(width);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(height);

        png.Write(Signature);
        Span<byte> header = stackalloc byte[13];
        BinaryPrimitives.WriteInt32BigEndian(header, width);
        BinaryPrimitives.WriteInt32BigEndian(header[4..], height);
        header[8] = 8;
        header[9] = (byte)(channels == 3 ? 2 : 6);
        header[10..].Clear();
        WriteChunk(png, "IHDR"u8, header);
        using (DataChunks chunks = new(png))
        using (BufferedStream whole = new(chunks, DataChunkBytes))
        using (ZLibStream zlib = new(whole, CompressionLevel.Optimal))
        {
            Compress(zlib, checked(width * channels), height, channels, render);
        }

        WriteChunk(png, "IEND"u8, []);
    }

    private static void Compress(ZLibStream zlib, int rowBytes, int height, int channels, RenderRow render)
    {
        byte[] sub = new byte[rowBytes + 1];
        byte[] up = new byte[rowBytes + 1];
        sub[0] = 1;
        up[0] = 2;
        byte[] above = new byte[rowBytes];
        byte[] row = new byte[rowBytes];
        for (int y = 0; y < height; y++)
        {
            render(y, row);
            long subSum = 0;
            long upSum = 0;
            for (int i = 0; i < rowBytes; i++)
            {
                byte left = i < channels ? (byte)0 : row[i - channels];
                sub[i + 1] = (byte)(row[i] - left);
                up[i + 1] = (byte)(row[i] - above[i]);
                subSum += Math.Abs((int)(sbyte)sub[i + 1]);
                upSum += Math.Abs((int)(sbyte)up[i + 1]);
            }

            // The specification's heuristic (least sum of absolute differences), over the two filters that suit slides.
            zlib.Write(upSum <= subSum ? up : sub);
            (above, row) = (row, above);
        }
    }

    private static void WriteChunk(Stream png, ReadOnlySpan<byte> type, ReadOnlySpan<byte> data)
    {
        Span<byte> number = stackalloc byte[4];
        BinaryPrimitives.WriteInt32BigEndian(number, data.Length);
        png.Write(number);
        png.Write(type);
        png.Write(data);
        BinaryPrimitives.WriteUInt32BigEndian(number, ~Crc(Crc(0xFFFFFFFF, type), data));
        png.Write(number);
    }

    private static uint Crc(uint crc, ReadOnlySpan<byte> data)
    {
        foreach (byte value in data)
        {
            crc = CrcTable[(crc ^ value) & 0xFF] ^ (crc >> 8);
        }

        return crc;
    }

    /// <summary>Each write becomes an IDAT chunk.</summary>
    private sealed class DataChunks(Stream png) : Stream
    {
        public override bool CanRead => false;

        public override bool CanSeek => false;

        public override bool CanWrite => true;

        public override long Length => throw new NotSupportedException();

        public override long Position
        {
            get => throw new NotSupportedException();
            set => throw new NotSupportedException();
        }

        public override void Write(ReadOnlySpan<byte> buffer)
        {
            if (!buffer.IsEmpty)
            {
                WriteChunk(png, "IDAT"u8, buffer);
            }
        }

        public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

        public override void Flush()
        {
            // Nothing is held here.
        }

        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();
    }

    private static uint[] BuildCrcTable()
    {
        uint[] table = new uint[256];
        for (uint n = 0; n < 256; n++)
        {
            uint c = n;
            for (int k = 0; k < 8; k++)
            {
                c = (c & 1) != 0 ? 0xEDB88320 ^ (c >> 1) : c >> 1;
            }

            table[n] = c;
        }

        return table;
    }
}
