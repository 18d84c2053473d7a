using System.Buffers;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace SlideMesh.Slides.Raster;

/// <summary>
/// Resamples RGB pictures of one size to another: exact area weights when shrinking, bilinear when enlarging, a copy when the
/// sizes agree. Immutable and thread-safe. The same bytes on every processor: sums run in one order, without fused operations.
/// </summary>
public sealed class AreaResampler
{
    private readonly ResampleAxis _x;
    private readonly ResampleAxis _y;

    public AreaResampler(int sourceWidth, int sourceHeight, int width, int height)
        : this(new ResampleAxis(sourceWidth, width), new ResampleAxis(sourceHeight, height))
    {
    }

    public AreaResampler(ResampleAxis x, ResampleAxis y)
    {
        ArgumentNullException.ThrowIfNull(x);
        ArgumentNullException.ThrowIfNull(y);
        _x = x;
        _y = y;
    }

    public bool IsIdentity => _x.Source == _x.Destination && _y.Source == _y.Destination;

    public static RgbImage Resample(RgbImage image, int width, int height)
    {
        ArgumentNullException.ThrowIfNull(image);
        var result = new RgbImage(width, height);
        new AreaResampler(image.Width, image.Height, width, height).Resample(image.Pixels, result.Pixels);
        return result;
    }

    /// <param name="source">Row-major RGB of the source size.</param>
    /// <param name="destination">Row-major RGB of the destination size; must not overlap <paramref name="source"/>.</param>
    public void Resample(ReadOnlySpan<byte> source, Span<byte> destination) => ResampleBlock(
        source, 0, 0, _x.Source, destination, _x.Destination, new PixelBlock(0, 0, _x.Destination, _y.Destination));

    /// <summary>Makes only the destination pixels of <paramref name="block"/>, from a piece of the source that holds all that they look at.</summary>
    /// <param name="source">Row-major RGB piece of the source.</param>
    /// <param name="sourceX">Column of the source where the piece begins.</param>
    /// <param name="sourceY">Row of the source where the piece begins.</param>
    /// <param name="sourceWidth">Width of the piece.</param>
    /// <param name="destination">The block's pixels begin at its first byte.</param>
    /// <param name="destinationStride">Pixels between the rows of <paramref name="destination"/>.</param>
    internal void ResampleBlock(
        ReadOnlySpan<byte> source,
        int sourceX,
        int sourceY,
        int sourceWidth,
        Span<byte> destination,
        int destinationStride,
        PixelBlock block)
    {
        int rows = _y.End(block.Y + block.Height - 1) - sourceY;
        ArgumentOutOfRangeException.ThrowIfLessThan(source.Length, checked(sourceWidth * rows * 3));
        ArgumentOutOfRangeException.ThrowIfLessThan(
            destination.Length, checked(((destinationStride * (block.Height - 1)) + block.Width) * 3));
        if (IsIdentity)
        {
            for (int y = 0; y < block.Height; y++)
            {
                source.Slice((((block.Y + y - sourceY) * sourceWidth) + block.X - sourceX) * 3, block.Width * 3)
                    .CopyTo(destination[(y * destinationStride * 3)..]);
            }

            return;
        }

        int values = sourceWidth * 3;
        float[] sums = ArrayPool<float>.Shared.Rent(values + 1);
        try
        {
            for (int y = 0; y < block.Height; y++)
            {
                ReadOnlySpan<float> weights = _y.Weights(block.Y + y);
                int first = _y.Start(block.Y + y) - sourceY;
                for (int t = 0; t < weights.Length; t++)
                {
                    AddRow(sums.AsSpan(0, values), source.Slice((first + t) * values, values), weights[t], isFirst: t == 0);
                }

                SumColumns(sums, sourceX, destination.Slice(y * destinationStride * 3, block.Width * 3), block.X);
            }
        }
        finally
        {
            ArrayPool<float>.Shared.Return(sums);
        }
    }

    private static void AddRow(Span<float> sums, ReadOnlySpan<byte> row, float weight, bool isFirst)
    {
        ref float sum = ref MemoryMarshal.GetReference(sums);
        ref byte pixel = ref MemoryMarshal.GetReference(row);
        int i = 0;
        if (Vector256.IsHardwareAccelerated)
        {
            Vector256<float> w = Vector256.Create(weight);
            for (; i + 16 <= row.Length; i += 16)
            {
                (Vector128<ushort> low, Vector128<ushort> high) = Vector128.Widen(Vector128.LoadUnsafe(ref pixel, (nuint)i));
                (Vector128<uint> a, Vector128<uint> b) = Vector128.Widen(low);
                (Vector128<uint> c, Vector128<uint> d) = Vector128.Widen(high);
                Vector256<float> p = Vector256.ConvertToSingle(Vector256.Create(a, b).AsInt32()) * w;
                Vector256<float> q = Vector256.ConvertToSingle(Vector256.Create(c, d).AsInt32()) * w;
                if (!isFirst)
                {
                    p = Vector256.LoadUnsafe(ref sum, (nuint)i) + p;
                    q = Vector256.LoadUnsafe(ref sum, (nuint)(i + 8)) + q;
                }

                p.StoreUnsafe(ref sum, (nuint)i);
                q.StoreUnsafe(ref sum, (nuint)(i + 8));
            }
        }

        for (; i < row.Length; i++)
        {
            float value = row[i] * weight;
            sums[i] = isFirst ? value : sums[i] + value;
        }
    }

    private void SumColumns(float[] sums, int sourceX, Span<byte> destination, int firstColumn)
    {
        // Lanes are R, G, B and the next pixel's R, which is dropped; the rented row is one float longer for the last pixel's sake.
        ref float sum = ref MemoryMarshal.GetArrayDataReference(sums);
        int last = destination.Length - 3;
        for (int o = 0, column = firstColumn; o <= last; o += 3, column++)
        {
            ReadOnlySpan<float> weights = _x.Weights(column);
            nuint at = (nuint)((_x.Start(column) - sourceX) * 3);
            Vector128<float> total = Vector128.Create(0.5f);
            foreach (float weight in weights)
            {
                total += Vector128.LoadUnsafe(ref sum, at) * weight;
                at += 3;
            }

            Vector128<int> rounded = Vector128.ConvertToInt32(total);
            if (o < last)
            {
                Vector128<ushort> halves = Vector128.Narrow(rounded, rounded).AsUInt16();
                Unsafe.WriteUnaligned(ref destination[o], Vector128.Narrow(halves, halves).AsUInt32().ToScalar());
            }
            else
            {
                destination[o] = (byte)rounded[0];
                destination[o + 1] = (byte)rounded[1];
                destination[o + 2] = (byte)rounded[2];
            }
        }
    }
}

/// <summary>A piece of a destination picture, pixels.</summary>
internal readonly record struct PixelBlock(int X, int Y, int Width, int Height);
