namespace SlideMesh.Slides.Tiff;

/// <summary>Area averaging of square blocks, rounded to nearest.</summary>
internal static class BoxAverage
{
    /// <summary>
    /// Averages a square tile by <paramref name="factor"/> into a rectangle of a larger picture.
    /// </summary>
    /// <param name="tile">RGB, <paramref name="edge"/> × <paramref name="edge"/>.</param>
    /// <param name="target">RGB rows of <paramref name="targetWidth"/> pixels.</param>
    /// <param name="columns">Averaged pixels to write per row; those beyond are left out.</param>
    /// <param name="rows">Averaged rows to write.</param>
    internal static void Into(
        ReadOnlySpan<byte> tile, int edge, int factor, Span<byte> target, int targetWidth, int targetX, int targetY, int columns, int rows)
    {
        int area = factor * factor;
        int stride = edge * 3;
        for (int y = 0; y < rows; y++)
        {
            Span<byte> row = target.Slice(((targetY + y) * targetWidth + targetX) * 3, columns * 3);
            int top = y * factor * stride;
            if (factor == 2)
            {
                HalveRow(tile.Slice(top, stride), tile.Slice(top + stride, stride), row);
                continue;
            }

            for (int x = 0; x < columns; x++)
            {
                for (int c = 0; c < 3; c++)
                {
                    int sum = area / 2;
                    for (int v = 0; v < factor; v++)
                    {
                        for (int u = 0; u < factor; u++)
                        {
                            sum += tile[top + (v * stride) + ((x * factor + u) * 3) + c];
                        }
                    }

                    row[(x * 3) + c] = (byte)(sum / area);
                }
            }
        }
    }

    private static void HalveRow(ReadOnlySpan<byte> upper, ReadOnlySpan<byte> lower, Span<byte> row)
    {
        for (int i = 0, s = 0; i + 2 < row.Length; i += 3, s += 6)
        {
            row[i] = (byte)((upper[s] + upper[s + 3] + lower[s] + lower[s + 3] + 2) >> 2);
            row[i + 1] = (byte)((upper[s + 1] + upper[s + 4] + lower[s + 1] + lower[s + 4] + 2) >> 2);
            row[i + 2] = (byte)((upper[s + 2] + upper[s + 5] + lower[s + 2] + lower[s + 5] + 2) >> 2);
        }
    }
}
