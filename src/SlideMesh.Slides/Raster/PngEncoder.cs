using System.Buffers.Binary;
using System.IO.Compression;

namespace SlideMesh.Slides.Raster;

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
        Write(png, image.Width, image.Height, 3, image.Pixels);
    }

    /// <param name="rgba">Row-major, four bytes a pixel, alpha not premultiplied.</param>
    public static byte[] EncodeRgba(int width, int height, ReadOnlySpan<byte> rgba)
    {
        using MemoryStream png = new();
        Write(png, width, height, 4, rgba);
        return png.ToArray();
    }

    private static void Write(Stream png, int width, int height, int channels, ReadOnlySpan<byte> pixels)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(width);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(height);
        ArgumentOutOfRangeException.ThrowIfNotEqual(pixels.Length, checked(width * height * channels), nameof(pixels));

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
            Compress(zlib, width * channels, channels, pixels);
        }

        WriteChunk(png, "IEND"u8, []);
    }

    private static void Compress(ZLibStream zlib, int rowBytes, int channels, ReadOnlySpan<byte> pixels)
    {
        byte[] sub = new byte[rowBytes + 1];
        byte[] up = new byte[rowBytes + 1];
        sub[0] = 1;
        up[0] = 2;
        ReadOnlySpan<byte> above = new byte[rowBytes];
        for (int start = 0; start < pixels.Length; start += rowBytes)
        {
            ReadOnlySpan<byte> row = pixels.Slice(start, rowBytes);
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
            above = row;
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
