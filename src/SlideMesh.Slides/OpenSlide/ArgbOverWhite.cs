using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace SlideMesh.Slides.OpenSlide;

/// <summary>Premultiplied ARGB words → RGB bytes over white: channel + (255 − alpha). Exact, because a premultiplied channel is at most alpha.</summary>
internal static class ArgbOverWhite
{
    /// <param name="argb">One word a pixel, alpha in the highest byte.</param>
    /// <param name="rgb">Three bytes a pixel.</param>
    public static void Convert(ReadOnlySpan<uint> argb, Span<byte> rgb)
    {
        int i = 0;
        if (Vector128.IsHardwareAccelerated && BitConverter.IsLittleEndian)
        {
            // Four pixels a step; 16 bytes are stored of which 12 count, so the last steps are left to the plain loop.
            Vector128<byte> alpha = Vector128.Create((byte)3, 3, 3, 3, 7, 7, 7, 7, 11, 11, 11, 11, 15, 15, 15, 15);
            Vector128<byte> pack = Vector128.Create((byte)2, 1, 0, 6, 5, 4, 10, 9, 8, 14, 13, 12, 255, 255, 255, 255);
            ref uint source = ref MemoryMarshal.GetReference(argb);
            ref byte target = ref MemoryMarshal.GetReference(rgb);
            for (; i + 6 <= argb.Length; i += 4)
            {
                Vector128<byte> pixels = Vector128.LoadUnsafe(ref source, (nuint)i).AsByte();
                Vector128<byte> white = Vector128.Shuffle(~pixels, alpha);
                Vector128.Shuffle(pixels + white, pack).StoreUnsafe(ref target, (nuint)(i * 3));
            }
        }

        for (; i < argb.Length; i++)
        {
            uint pixel = argb[i];
            uint white = 255 - (pixel >> 24);
            rgb[i * 3] = (byte)((pixel >> 16) + white);
            rgb[(i * 3) + 1] = (byte)((pixel >> 8) + white);
            rgb[(i * 3) + 2] = (byte)(pixel + white);
        }
    }
}
