using System.Buffers;
using System.Numerics.Tensors;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using SlideMesh.Inference.Packages;
using SlideMesh.Slides.Raster;

namespace SlideMesh.Inference.Batching;

/// <summary>
/// RGB bytes [H, W, 3] → float32 planes [3, H, W], (p / 255 − mean) / std folded into one multiply-add p · a + b per channel.
/// </summary>
/// <remarks>
/// Every path uses a fused multiply-add, so the bits do not depend on the machine's vector width. Against the unfused
/// formula the result differs by at most 2 units in the last place of the largest term.
/// </remarks>
public sealed class TileNormaliser
{
    /// <summary>Pixels normalised to float at a time before they become halves: 3 KiB, which stay in the first cache.</summary>
    private const int HalfChunk = 256;

    private readonly float _scaleR;
    private readonly float _scaleG;
    private readonly float _scaleB;
    private readonly float _biasR;
    private readonly float _biasG;
    private readonly float _biasB;

    public TileNormaliser(Normalisation normalisation)
    {
        ArgumentNullException.ThrowIfNull(normalisation);
        (_scaleR, _biasR) = Fold(normalisation, 0);
        (_scaleG, _biasG) = Fold(normalisation, 1);
        (_scaleB, _biasB) = Fold(normalisation, 2);
    }

    /// <param name="rgb">3 · H · W bytes.</param>
    /// <param name="planes">3 · H · W floats: all of red, then green, then blue.</param>
    public void Normalise(ReadOnlySpan<byte> rgb, Span<float> planes)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(planes.Length, rgb.Length);
        ArgumentOutOfRangeException.ThrowIfNotEqual(rgb.Length % 3, 0);
        int pixels = rgb.Length / 3;
        NormaliseInto(rgb, planes[..pixels], planes.Slice(pixels, pixels), planes[(2 * pixels)..]);
    }

    // Compiled at full speed at once, since the first tiles count as much as any.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void NormaliseInto(ReadOnlySpan<byte> rgb, Span<float> r, Span<float> g, Span<float> b)
    {
        int pixels = r.Length;
        int done = Vector128.IsHardwareAccelerated ? Vectors(rgb, r, g, b) : 0;
        for (int i = done; i < pixels; i++)
        {
            r[i] = MathF.FusedMultiplyAdd(rgb[3 * i], _scaleR, _biasR);
            g[i] = MathF.FusedMultiplyAdd(rgb[(3 * i) + 1], _scaleG, _biasG);
            b[i] = MathF.FusedMultiplyAdd(rgb[(3 * i) + 2], _scaleB, _biasB);
        }
    }

    /// <summary>As <see cref="Normalise(ReadOnlySpan{byte}, Span{float})"/>, rounded to half precision.</summary>
    public void Normalise(ReadOnlySpan<byte> rgb, Span<Half> planes)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(planes.Length, rgb.Length);
        ArgumentOutOfRangeException.ThrowIfNotEqual(rgb.Length % 3, 0);
        int pixels = rgb.Length / 3;
        Span<float> part = stackalloc float[3 * HalfChunk];
        for (int at = 0; at < pixels; at += HalfChunk)
        {
            int count = Math.Min(HalfChunk, pixels - at);
            NormaliseInto(rgb.Slice(3 * at, 3 * count), part[..count], part.Slice(HalfChunk, count), part.Slice(2 * HalfChunk, count));
            for (int channel = 0; channel < 3; channel++)
            {
                TensorPrimitives.ConvertToHalf(part.Slice(channel * HalfChunk, count), planes.Slice((channel * pixels) + at, count));
            }
        }
    }

    /// <summary>Resamples a picture and normalises it, row by row: what resampling to a picture and normalising that gives, without the picture.</summary>
    /// <param name="source">Row-major RGB of the resampler's source size.</param>
    /// <param name="planes">3 · height · width floats of its destination size.</param>
    public void Resample(AreaResampler resampler, ReadOnlySpan<byte> source, Span<float> planes)
    {
        ArgumentNullException.ThrowIfNull(resampler);
        int width = resampler.Width;
        int pixels = checked(width * resampler.Height);
        ArgumentOutOfRangeException.ThrowIfNotEqual(planes.Length, checked(3 * pixels));
        byte[] row = ArrayPool<byte>.Shared.Rent(3 * width);
        try
        {
            for (int y = 0; y < resampler.Height; y++)
            {
                resampler.ResampleRow(source, y, row);
                int at = y * width;
                NormaliseInto(row.AsSpan(0, 3 * width), planes.Slice(at, width), planes.Slice(pixels + at, width), planes.Slice((2 * pixels) + at, width));
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(row);
        }
    }

    private static (float Scale, float Bias) Fold(Normalisation n, int channel) =>
        ((float)(1 / (255.0 * n.Std[channel])), (float)(-(double)n.Mean[channel] / n.Std[channel]));

    /// <summary>Sixteen pixels a step: three loads, split by shuffles, widened and stored. Returns the number of pixels done.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private int Vectors(ReadOnlySpan<byte> rgb, Span<float> r, Span<float> g, Span<float> b)
    {
        ref byte source = ref MemoryMarshal.GetReference(rgb);
        ref float red = ref MemoryMarshal.GetReference(r);
        ref float green = ref MemoryMarshal.GetReference(g);
        ref float blue = ref MemoryMarshal.GetReference(b);
        int i = 0;
        for (; i + 16 <= r.Length; i += 16)
        {
            Vector128<byte> v0 = Vector128.LoadUnsafe(ref source, (nuint)(3 * i));
            Vector128<byte> v1 = Vector128.LoadUnsafe(ref source, (nuint)((3 * i) + 16));
            Vector128<byte> v2 = Vector128.LoadUnsafe(ref source, (nuint)((3 * i) + 32));

            // An index of 255 gives zero; byte k of a channel is byte 3k (+1, +2) of the 48.
            Vector128<byte> rs = Vector128.Shuffle(v0, Vector128.Create((byte)0, 3, 6, 9, 12, 15, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255))
                | Vector128.Shuffle(v1, Vector128.Create((byte)255, 255, 255, 255, 255, 255, 2, 5, 8, 11, 14, 255, 255, 255, 255, 255))
                | Vector128.Shuffle(v2, Vector128.Create((byte)255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1, 4, 7, 10, 13));
            Vector128<byte> gs = Vector128.Shuffle(v0, Vector128.Create((byte)1, 4, 7, 10, 13, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255))
                | Vector128.Shuffle(v1, Vector128.Create((byte)255, 255, 255, 255, 255, 0, 3, 6, 9, 12, 15, 255, 255, 255, 255, 255))
                | Vector128.Shuffle(v2, Vector128.Create((byte)255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 2, 5, 8, 11, 14));
            Vector128<byte> bs = Vector128.Shuffle(v0, Vector128.Create((byte)2, 5, 8, 11, 14, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255))
                | Vector128.Shuffle(v1, Vector128.Create((byte)255, 255, 255, 255, 255, 1, 4, 7, 10, 13, 255, 255, 255, 255, 255, 255))
                | Vector128.Shuffle(v2, Vector128.Create((byte)255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 0, 3, 6, 9, 12, 15));

            Store(rs, _scaleR, _biasR, ref red, (nuint)i);
            Store(gs, _scaleG, _biasG, ref green, (nuint)i);
            Store(bs, _scaleB, _biasB, ref blue, (nuint)i);
        }

        return i;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store(Vector128<byte> bytes, float scale, float bias, ref float destination, nuint at)
    {
        if (Avx512F.IsSupported)
        {
            Vector512<float> wide = Vector512.ConvertToSingle(Avx512F.ConvertToVector512Int32(bytes));
            Vector512.FusedMultiplyAdd(wide, Vector512.Create(scale), Vector512.Create(bias)).StoreUnsafe(ref destination, at);
            return;
        }

        (Vector128<ushort> low, Vector128<ushort> high) = Vector128.Widen(bytes);
        Store(low, scale, bias, ref destination, at);
        Store(high, scale, bias, ref destination, at + 8);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store(Vector128<ushort> shorts, float scale, float bias, ref float destination, nuint at)
    {
        (Vector128<uint> low, Vector128<uint> high) = Vector128.Widen(shorts);
        Vector128<float> a = Vector128.Create(scale);
        Vector128<float> b = Vector128.Create(bias);
        Vector128.FusedMultiplyAdd(Vector128.ConvertToSingle(low.AsInt32()), a, b).StoreUnsafe(ref destination, at);
        Vector128.FusedMultiplyAdd(Vector128.ConvertToSingle(high.AsInt32()), a, b).StoreUnsafe(ref destination, at + 4);
    }
}
