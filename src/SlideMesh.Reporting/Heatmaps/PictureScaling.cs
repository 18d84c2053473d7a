using SlideMesh.Slides.Raster;

namespace SlideMesh.Reporting.Heatmaps;

/// <summary>Makes a thumbnail small enough for a report.</summary>
public static class PictureScaling
{
    /// <summary>Box-averaged so that the longer edge is at most <paramref name="maxEdge"/>; the picture itself when it already is.</summary>
    public static RgbImage Shrink(RgbImage image, int maxEdge)
    {
        ArgumentNullException.ThrowIfNull(image);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(maxEdge);
        int longest = Math.Max(image.Width, image.Height);
        if (longest <= maxEdge)
        {
            return image;
        }

        int width = Math.Max(1, (int)((long)image.Width * maxEdge / longest));
        int height = Math.Max(1, (int)((long)image.Height * maxEdge / longest));
        RgbImage small = new(width, height);
        for (int y = 0; y < height; y++)
        {
            int y0 = (int)((long)y * image.Height / height);
            int y1 = (int)(((long)(y + 1) * image.Height) / height);
            for (int x = 0; x < width; x++)
            {
                int x0 = (int)((long)x * image.Width / width);
                int x1 = (int)(((long)(x + 1) * image.Width) / width);
                int red = 0, green = 0, blue = 0;
                for (int sy = y0; sy < y1; sy++)
                {
                    for (int at = ((sy * image.Width) + x0) * 3; at < ((sy * image.Width) + x1) * 3; at += 3)
                    {
                        red += image.Pixels[at];
                        green += image.Pixels[at + 1];
                        blue += image.Pixels[at + 2];
                    }
                }

                int count = (y1 - y0) * (x1 - x0);
                int to = ((y * width) + x) * 3;
                small.Pixels[to] = (byte)((red + (count / 2)) / count);
                small.Pixels[to + 1] = (byte)((green + (count / 2)) / count);
                small.Pixels[to + 2] = (byte)((blue + (count / 2)) / count);
            }
        }

        return small;
    }
}
