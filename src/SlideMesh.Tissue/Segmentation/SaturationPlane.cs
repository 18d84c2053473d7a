using SlideMesh.Slides.Raster;

namespace SlideMesh.Tissue.Segmentation;

/// <summary>Saturation of HSV on OpenCV's 8-bit scale: 255 · (max − min) / max, by its 12-bit reciprocal table.</summary>
internal static class SaturationPlane
{
    private const int Shift = 12;

    private static readonly int[] Reciprocals =
        [.. Enumerable.Range(0, 256).Select(v => v == 0 ? 0 : (int)Math.Round((255 << Shift) / (double)v))];

    /// <returns>One byte a pixel, row-major.</returns>
    public static byte[] Of(RgbImage image)
    {
        byte[] pixels = image.Pixels;
        var saturation = new byte[image.Width * image.Height];
        for (int i = 0, p = 0; i < saturation.Length; i++, p += 3)
        {
            saturation[i] = Of(pixels[p], pixels[p + 1], pixels[p + 2]);
        }

        return saturation;
    }

    public static byte Of(byte r, byte g, byte b)
    {
        int max = Math.Max(r, Math.Max(g, b));
        int min = Math.Min(r, Math.Min(g, b));
        return (byte)((((max - min) * Reciprocals[max]) + (1 << (Shift - 1))) >> Shift);
    }
}
