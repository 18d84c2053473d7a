using SlideMesh.Slides.Raster;

namespace SlideMesh.Slides.Tests;

/// <summary>Pictures by formula, the same here and in Reference/make_reference.py.</summary>
internal static class Pictures
{
    /// <summary>Bytes of a linear congruential sequence: state · 1103515245 + 12345 modulo 2^31, bits 16 to 23.</summary>
    public static RgbImage Noise(int width, int height, uint seed)
    {
        var image = new RgbImage(width, height);
        uint state = seed;
        for (int i = 0; i < image.Pixels.Length; i++)
        {
            state = unchecked((state * 1103515245u) + 12345u) & 0x7FFFFFFF;
            image.Pixels[i] = (byte)(state >> 16);
        }

        return image;
    }

    /// <summary>Smooth colours that tell where a pixel came from: red grows with x, green with y, blue with both.</summary>
    public static RgbImage Gradient(int width, int height)
    {
        var image = new RgbImage(width, height);
        for (int y = 0, i = 0; y < height; y++)
        {
            for (int x = 0; x < width; x++)
            {
                image.Pixels[i++] = (byte)(40 + (x * 200L / width));
                image.Pixels[i++] = (byte)(40 + (y * 200L / height));
                image.Pixels[i++] = (byte)(40 + ((x + y) * 200L / (width + height)));
            }
        }

        return image;
    }
}
