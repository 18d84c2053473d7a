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

    public bool IsIdentity => _x.IsIdentity && _y.IsIdentity;

    /// <summary>Width of the result, pixels.</summary>
    public int Width => _x.Destination;

    /// <summary>Height of the result, pixels.</summary>
    public int Height => _y.Destination;

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

    /// <summary>Makes one row of the result.</summary>
    /// <param name="source">Row-major RGB of the source size.</param>
    /// <param name="row">At least <see cref="Width"/> pixels of RGB.</param>
    public void ResampleRow(ReadOnlySpan<byte> source, int y, Span<byte> row)
    {
        int first = _y.Start(y);
        ResampleBlock(source[(first * _x.Source * 3)..], 0, first, _x.Source, row, _x.Destination, new PixelBlock(0, y, _x.Destination, 1));
    }

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
                SumRows(sums.AsSpan(0, values), source.Slice(first * values, weights.Length * values), weights);
                SumColumns(sums, sourceX, destination.Slice(y * destinationStride * 3, block.Width * 3), block.X);
            }
        }
        finally
        {
            ArrayPool<float>.Shared.Return(sums);
        }
    }

    // Compiled at full speed at once: a run of a few hundred tiles would otherwise spend most of its time in the first, slow version.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void SumRows(Span<float> sums, ReadOnlySpan<byte> rows, ReadOnlySpan<float> weights)
    {
        ref float sum = ref MemoryMarshal.GetReference(sums);
        ref byte pixel = ref MemoryMarshal.GetReference(rows);
        ref float weight = ref MemoryMarshal.GetReference(weights);
        int values = sums.Length;
        int i = 0;
        if (Vector256.IsHardwareAccelerated)
        {
            for (; i + 16 <= values; i += 16)
            {
                (Vector256<float> p, Vector256<float> q) = Weighted(ref pixel, (nuint)i, weight);
                for (int t = 1; t < weights.Length; t++)
                {
                    (Vector256<float> r, Vector256<float> s) = Weighted(ref pixel, (nuint)((t * values) + i), Unsafe.Add(ref weight, t));
                    p += r;
                    q += s;
                }

                p.StoreUnsafe(ref sum, (nuint)i);
                q.StoreUnsafe(ref sum, (nuint)(i + 8));
            }
        }

        for (; i < values; i++)
        {
            float total = rows[i] * weights[0];
            for (int t = 1; t < weights.Length; t++)
            {
                total += rows[(t * values) + i] * weights[t];
            }

            sums[i] = total;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static (Vector256<float> Low, Vector256<float> High) Weighted(ref byte pixels, nuint at, float weight)
    {
        Vector256<float> w = Vector256.Create(weight);
        Vector256<ushort> shorts = Vector256.WidenLower(Vector128.LoadUnsafe(ref pixels, at).ToVector256Unsafe());
        (Vector256<uint> low, Vector256<uint> high) = Vector256.Widen(shorts);
        return (Vector256.ConvertToSingle(low.AsInt32()) * w, Vector256.ConvertToSingle(high.AsInt32()) * w);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void SumColumns(float[] sums, int sourceX, Span<byte> destination, int firstColumn)
    {
        // Lanes are R, G, B and the next pixel's R, which is dropped; the rented row is one float longer for the last pixel's sake.
        ref float sum = ref MemoryMarshal.GetArrayDataReference(sums);
        ref byte target = ref MemoryMarshal.GetReference(destination);
        int last = destination.Length - 3;
        for (int o = 0, column = firstColumn; o <= last; o += 3, column++)
        {
            ReadOnlySpan<float> weights = _x.Weights(column);
            nuint at = (nuint)((_x.Start(column) - sourceX) * 3);
            Vector128<float> total = Vector128.Create(0.5f);
            for (int t = 0; t < weights.Length; t++)
            {
                total += Vector128.LoadUnsafe(ref sum, at) * weights[t];
                at += 3;
            }

            // Windows have negative weights, and can leave the range of a byte.
            Vector128<int> rounded = Vector128.ConvertToInt32(Vector128.Min(Vector128.Max(total, Vector128<float>.Zero), Vector128.Create(255.5f)));
            if (o < last)
            {
                Vector128<ushort> halves = Vector128.Narrow(rounded, rounded).AsUInt16();
                Unsafe.WriteUnaligned(ref Unsafe.Add(ref target, o), Vector128.Narrow(halves, halves).AsUInt32().ToScalar());
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
