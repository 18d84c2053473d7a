using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace SlideMesh.Slides.Raster;

/// <summary>Rows of red, green and blue planes to a row of RGB. Moves bytes only: the same on every processor.</summary>
internal static class PlaneInterleaver
{
    private const byte None = 255;

    /// <param name="red">As many bytes as <paramref name="green"/> and <paramref name="blue"/>.</param>
    /// <param name="rgb">Three times as many bytes.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Interleave(ReadOnlySpan<byte> red, ReadOnlySpan<byte> green, ReadOnlySpan<byte> blue, Span<byte> rgb)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(green.Length, red.Length);
        ArgumentOutOfRangeException.ThrowIfNotEqual(blue.Length, red.Length);
        ArgumentOutOfRangeException.ThrowIfLessThan(rgb.Length, checked(red.Length * 3));
        ref byte r = ref MemoryMarshal.GetReference(red);
        ref byte g = ref MemoryMarshal.GetReference(green);
        ref byte b = ref MemoryMarshal.GetReference(blue);
        ref byte target = ref MemoryMarshal.GetReference(rgb);
        nuint i = 0;
        nuint count = (nuint)red.Length;
        if (Vector128.IsHardwareAccelerated)
        {
            for (; i + 16 <= count; i += 16)
            {
                Vector128<byte> reds = Vector128.LoadUnsafe(ref r, i);
                Vector128<byte> greens = Vector128.LoadUnsafe(ref g, i);
                Vector128<byte> blues = Vector128.LoadUnsafe(ref b, i);
                (Vector128.Shuffle(reds, Vector128.Create((byte)0, None, None, 1, None, None, 2, None, None, 3, None, None, 4, None, None, 5))
                    | Vector128.Shuffle(greens, Vector128.Create(None, 0, None, None, 1, None, None, 2, None, None, 3, None, None, 4, None, None))
                    | Vector128.Shuffle(blues, Vector128.Create(None, None, 0, None, None, 1, None, None, 2, None, None, 3, None, None, 4, None)))
                    .StoreUnsafe(ref target, i * 3);
                (Vector128.Shuffle(reds, Vector128.Create(None, None, 6, None, None, 7, None, None, 8, None, None, 9, None, None, 10, None))
                    | Vector128.Shuffle(greens, Vector128.Create((byte)5, None, None, 6, None, None, 7, None, None, 8, None, None, 9, None, None, 10))
                    | Vector128.Shuffle(blues, Vector128.Create(None, 5, None, None, 6, None, None, 7, None, None, 8, None, None, 9, None, None)))
                    .StoreUnsafe(ref target, (i * 3) + 16);
                (Vector128.Shuffle(reds, Vector128.Create(None, 11, None, None, 12, None, None, 13, None, None, 14, None, None, 15, None, None))
                    | Vector128.Shuffle(greens, Vector128.Create(None, None, 11, None, None, 12, None, None, 13, None, None, 14, None, None, 15, None))
                    | Vector128.Shuffle(blues, Vector128.Create((byte)10, None, None, 11, None, None, 12, None, None, 13, None, None, 14, None, None, 15)))
                    .StoreUnsafe(ref target, (i * 3) + 32);
            }
        }

        for (; i < count; i++)
        {
            Unsafe.Add(ref target, i * 3) = Unsafe.Add(ref r, i);
            Unsafe.Add(ref target, (i * 3) + 1) = Unsafe.Add(ref g, i);
            Unsafe.Add(ref target, (i * 3) + 2) = Unsafe.Add(ref b, i);
        }
    }
}
