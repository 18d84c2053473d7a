using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using SlideMesh.Slides.Raster;
using static SlideMesh.Slides.OpenJpeg.OpenJpegNative;

namespace SlideMesh.Slides.OpenJpeg;

/// <summary>
/// OpenJPEG's samples, 32 bits each and a plane for each component, to rows of RGB. Colour components of half the resolution are
/// repeated. The same bytes on every processor: single precision, one order of sums, no fused operations.
/// </summary>
internal sealed class SampleRows(int width, bool isYCbCr)
{
    /// <summary>The vectors' step; rows are padded to it, so that no pixel needs a second way.</summary>
    private const int Step = 16;

    private readonly int _padded = (width + Step - 1) / Step * Step;

    /// <param name="image">Three components that cover so many rows of the width at full or half resolution.</param>
    public unsafe void Convert(opj_image* image, Span<byte> rgb, int height, int strideBytes)
    {
        int[] samples = new int[_padded * 3];
        byte[] bytes = new byte[_padded * 3];
        for (int y = 0; y < height; y++)
        {
            for (int i = 0; i < 3; i++)
            {
                opj_image_comp* c = image->comps + i;
                Fetch(new ReadOnlySpan<int>(c->data + (y / (int)c->dy * c->w), (int)c->w), (int)c->dx, samples.AsSpan(i * _padded, width));
            }

            if (isYCbCr)
            {
                ToBytesOfRgb(samples, bytes);
            }
            else
            {
                ToBytes(samples, bytes);
            }

            PlaneInterleaver.Interleave(
                bytes.AsSpan(0, width), bytes.AsSpan(_padded, width), bytes.AsSpan(2 * _padded, width), rgb.Slice(y * strideBytes, width * 3));
        }
    }

    private static void Fetch(ReadOnlySpan<int> row, int step, Span<int> samples)
    {
        if (step == 1)
        {
            row[..samples.Length].CopyTo(samples);
            return;
        }

        for (int x = 0; x < samples.Length; x++)
        {
            samples[x] = row[x >> 1];
        }
    }

    private static void ToBytes(int[] samples, byte[] bytes)
    {
        ref int sample = ref MemoryMarshal.GetArrayDataReference(samples);
        ref byte target = ref MemoryMarshal.GetArrayDataReference(bytes);
        for (nuint i = 0; i < (nuint)samples.Length; i += Step)
        {
            Store(Vector256.LoadUnsafe(ref sample, i), Vector256.LoadUnsafe(ref sample, i + (Step / 2)), ref target, i);
        }
    }

    /// <summary>Full range, BT.601.</summary>
    private void ToBytesOfRgb(int[] samples, byte[] bytes)
    {
        ref int y = ref MemoryMarshal.GetArrayDataReference(samples);
        ref int cb = ref Unsafe.Add(ref y, _padded);
        ref int cr = ref Unsafe.Add(ref cb, _padded);
        ref byte red = ref MemoryMarshal.GetArrayDataReference(bytes);
        ref byte green = ref Unsafe.Add(ref red, _padded);
        ref byte blue = ref Unsafe.Add(ref green, _padded);
        for (nuint i = 0; i < (nuint)_padded; i += Step)
        {
            nuint next = i + (Step / 2);
            (Vector256<int> r0, Vector256<int> g0, Vector256<int> b0) = ToRgb(
                Vector256.LoadUnsafe(ref y, i), Vector256.LoadUnsafe(ref cb, i), Vector256.LoadUnsafe(ref cr, i));
            (Vector256<int> r1, Vector256<int> g1, Vector256<int> b1) = ToRgb(
                Vector256.LoadUnsafe(ref y, next), Vector256.LoadUnsafe(ref cb, next), Vector256.LoadUnsafe(ref cr, next));
            Store(r0, r1, ref red, i);
            Store(g0, g1, ref green, i);
            Store(b0, b1, ref blue, i);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static (Vector256<int> Red, Vector256<int> Green, Vector256<int> Blue) ToRgb(Vector256<int> y, Vector256<int> cb, Vector256<int> cr)
    {
        // Rounds up from half: what is below zero is cut afterwards, so that cutting fractions off is enough.
        Vector256<float> luma = Vector256.ConvertToSingle(y) + Vector256.Create(0.5f);
        Vector256<float> blue = Vector256.ConvertToSingle(cb - Vector256.Create(128));
        Vector256<float> red = Vector256.ConvertToSingle(cr - Vector256.Create(128));
        return (
            Vector256.ConvertToInt32(luma + (red * 1.402f)),
            Vector256.ConvertToInt32(luma - (blue * 0.344136f) - (red * 0.714136f)),
            Vector256.ConvertToInt32(luma + (blue * 1.772f)));
    }

    /// <summary>Sixteen samples, cut to 0 to 255.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store(Vector256<int> low, Vector256<int> high, ref byte target, nuint at)
    {
        Vector256<int> most = Vector256.Create(255);
        Vector256<ushort> halves = Vector256.Narrow(
            Vector256.Min(Vector256.Max(low, Vector256<int>.Zero), most).AsUInt32(), Vector256.Min(Vector256.Max(high, Vector256<int>.Zero), most).AsUInt32());
        Vector128.Narrow(halves.GetLower(), halves.GetUpper()).StoreUnsafe(ref target, at);
    }
}
