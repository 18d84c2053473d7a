namespace SlideMesh.Tissue.Segmentation;

/// <summary>
/// Median over a square window with the edge pixels repeated outwards. One histogram slides along each row and the median
/// follows it (Huang, Yang and Tang 1979), so a pixel costs 2 × window updates whatever its neighbourhood.
/// </summary>
internal static class MedianFilter
{
    public static byte[] Apply(byte[] plane, int width, int height, int window)
    {
        if (window <= 1)
        {
            return plane;
        }

        ArgumentOutOfRangeException.ThrowIfNotEqual(window % 2, 1);
        int radius = window / 2;
        var result = new byte[plane.Length];
        Parallel.For(0, (height + BandRows - 1) / BandRows, band =>
        {
            var histogram = new int[256];
            var rows = new int[window];
            for (int y = band * BandRows; y < Math.Min(height, (band + 1) * BandRows); y++)
            {
                for (int k = 0; k < window; k++)
                {
                    rows[k] = Math.Clamp(y + k - radius, 0, height - 1) * width;
                }

                FilterRow(plane, result.AsSpan(y * width, width), rows, histogram);
            }
        });
        return result;
    }

    private const int BandRows = 64;

    private static void FilterRow(byte[] plane, Span<byte> output, int[] rows, int[] histogram)
    {
        int width = output.Length;
        int radius = rows.Length / 2;
        int half = rows.Length * rows.Length / 2;
        Array.Clear(histogram);
        for (int dx = -radius; dx <= radius; dx++)
        {
            int column = Math.Clamp(dx, 0, width - 1);
            foreach (int row in rows)
            {
                histogram[plane[row + column]]++;
            }
        }

        // Invariant: below = number of window pixels darker than median.
        int median = 0;
        int below = 0;
        for (int x = 0; ; x++)
        {
            while (below > half)
            {
                below -= histogram[--median];
            }

            while (below + histogram[median] <= half)
            {
                below += histogram[median++];
            }

            output[x] = (byte)median;
            if (x + 1 == width)
            {
                return;
            }

            int leaving = Math.Max(x - radius, 0);
            int entering = Math.Min(x + 1 + radius, width - 1);
            foreach (int row in rows)
            {
                byte gone = plane[row + leaving];
                byte come = plane[row + entering];
                histogram[gone]--;
                histogram[come]++;
                below += (come < median ? 1 : 0) - (gone < median ? 1 : 0);
            }
        }
    }
}
