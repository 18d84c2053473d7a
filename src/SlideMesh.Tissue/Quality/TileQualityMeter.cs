using System.Buffers;
using System.Numerics;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace SlideMesh.Tissue.Quality;

/// <summary>Measures one tile: glass, ink and sharpness. Integer arithmetic throughout, so the same on every processor.</summary>
public static class TileQualityMeter
{
    /// <summary>Glass: every channel at least this bright …</summary>
    private const int GlassLevel = 200;

    /// <summary>… and the channels at most this far apart. JPEG noise on glass stays within 10.</summary>
    private const int GlassRange = 15;

    /// <param name="rgb">Row-major RGB, width × height × 3 bytes.</param>
    /// <returns>
    /// Background and pen as shares of every second pixel of every second row; the variance of the 4-neighbour Laplacian of all inner
    /// pixels of grey = (77 R + 150 G + 29 B + 128) / 256. A tile thinner than three pixels has variance 0.
    /// </returns>
    public static TileQuality Measure(ReadOnlySpan<byte> rgb, int width, int height)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(width);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(height);
        int pixels = checked(width * height);
        ArgumentOutOfRangeException.ThrowIfLessThan(rgb.Length, checked(pixels * 3));

        byte[] grey = ArrayPool<byte>.Shared.Rent(pixels);
        try
        {
            ToGrey(rgb[..(pixels * 3)], grey);
            float blur = LaplacianVariance(grey, width, height);
            (float background, float pen) = ColourShares(rgb, width, height);
            return new TileQuality(background, pen, blur);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(grey);
        }
    }

    private static (float Background, float Pen) ColourShares(ReadOnlySpan<byte> rgb, int width, int height)
    {
        int background = 0;
        int pen = 0;
        int total = 0;
        for (int y = 0; y < height; y += 2)
        {
            ReadOnlySpan<byte> row = rgb.Slice(y * width * 3, width * 3);
            for (int x = 0; x + 2 < row.Length; x += 6)
            {
                byte r = row[x];
                byte g = row[x + 1];
                byte b = row[x + 2];
                total++;
                int max = Math.Max(r, Math.Max(g, b));
                int min = Math.Min(r, Math.Min(g, b));
                if (min >= GlassLevel)
                {
                    background += max - min <= GlassRange ? 1 : 0;
                }
                else if (PenRules.Classify(r, g, b) is not null)
                {
                    pen++;
                }
            }
        }

        return (background / (float)total, pen / (float)total);
    }

    private static void ToGrey(ReadOnlySpan<byte> rgb, byte[] grey)
    {
        int count = rgb.Length / 3;
        int i = 0;
        if (Vector128.IsHardwareAccelerated && BitConverter.IsLittleEndian)
        {
            // Four pixels of 16 loaded bytes at a time; each channel becomes four 32-bit lanes.
            Vector128<byte> reds = Vector128.Create((byte)0, 255, 255, 255, 3, 255, 255, 255, 6, 255, 255, 255, 9, 255, 255, 255);
            Vector128<byte> greens = Vector128.Create((byte)1, 255, 255, 255, 4, 255, 255, 255, 7, 255, 255, 255, 10, 255, 255, 255);
            Vector128<byte> blues = Vector128.Create((byte)2, 255, 255, 255, 5, 255, 255, 255, 8, 255, 255, 255, 11, 255, 255, 255);
            Vector128<byte> pack = Vector128.Create((byte)0, 4, 8, 12, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255);
            ref byte source = ref MemoryMarshal.GetReference(rgb);
            for (; i + 6 <= count; i += 4)
            {
                Vector128<byte> pixels = Vector128.LoadUnsafe(ref source, (nuint)(i * 3));
                Vector128<short> sum = (Vector128.Shuffle(pixels, reds).AsInt16() * (short)77)
                    + (Vector128.Shuffle(pixels, greens).AsInt16() * (short)150)
                    + (Vector128.Shuffle(pixels, blues).AsInt16() * (short)29)
                    + Vector128.Create((short)128);
                Vector128<byte> value = Vector128.Shuffle((sum.AsUInt16() >>> 8).AsByte(), pack);
                MemoryMarshal.Write(grey.AsSpan(i), value.AsUInt32().ToScalar());
            }
        }

        for (; i < count; i++)
        {
            grey[i] = (byte)(((77 * rgb[i * 3]) + (150 * rgb[(i * 3) + 1]) + (29 * rgb[(i * 3) + 2]) + 128) >> 8);
        }
    }

    private static float LaplacianVariance(byte[] grey, int width, int height)
    {
        if (width < 3 || height < 3)
        {
            return 0;
        }

        long sum = 0;
        long squares = 0;
        for (int y = 1; y + 1 < height; y++)
        {
            AddRow(grey, y * width, width, ref sum, ref squares);
        }

        double count = (double)(width - 2) * (height - 2);
        double mean = sum / count;
        return (float)((squares / count) - (mean * mean));
    }

    private static void AddRow(byte[] grey, int row, int width, ref long sum, ref long squares)
    {
        int x = 1;
        if (Vector.IsHardwareAccelerated && width <= 8000)
        {
            int step = Vector<byte>.Count;
            var sums = Vector<int>.Zero;
            var squareSums = Vector<int>.Zero;
            for (; x + step <= width - 1; x += step)
            {
                int at = row + x;
                Vector.Widen(new Vector<byte>(grey, at), out Vector<ushort> centre0, out Vector<ushort> centre1);
                Vector.Widen(new Vector<byte>(grey, at - 1), out Vector<ushort> left0, out Vector<ushort> left1);
                Vector.Widen(new Vector<byte>(grey, at + 1), out Vector<ushort> right0, out Vector<ushort> right1);
                Vector.Widen(new Vector<byte>(grey, at - width), out Vector<ushort> up0, out Vector<ushort> up1);
                Vector.Widen(new Vector<byte>(grey, at + width), out Vector<ushort> down0, out Vector<ushort> down1);
                Add(Vector.AsVectorInt16((centre0 << 2) - left0 - right0 - up0 - down0), ref sums, ref squareSums);
                Add(Vector.AsVectorInt16((centre1 << 2) - left1 - right1 - up1 - down1), ref sums, ref squareSums);
            }

            // A row's lanes stay far below 2^31: 1020² for each of width / lanes values, up to 8000 pixels with four lanes.
            sum += Vector.Sum(sums);
            squares += Vector.Dot(Vector<long>.One, WidenSum(squareSums));
        }

        for (; x < width - 1; x++)
        {
            int at = row + x;
            int laplacian = (4 * grey[at]) - grey[at - 1] - grey[at + 1] - grey[at - width] - grey[at + width];
            sum += laplacian;
            squares += laplacian * laplacian;
        }
    }

    private static void Add(Vector<short> values, ref Vector<int> sums, ref Vector<int> squares)
    {
        Vector.Widen(values, out Vector<int> low, out Vector<int> high);
        sums += low + high;
        squares += (low * low) + (high * high);
    }

    private static Vector<long> WidenSum(Vector<int> values)
    {
        Vector.Widen(values, out Vector<long> low, out Vector<long> high);
        return low + high;
    }
}
