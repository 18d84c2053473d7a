namespace SlideMesh.Models.Architectures.Encoders;

/// <summary>Position embeddings for another tile size, as timm resamples them: bicubic (a = −0.5) with antialiasing, half-pixel centres.</summary>
internal static class PositionEmbeddings
{
    /// <param name="grid">[from · from, width], row by row.</param>
    /// <returns>[to · to, width].</returns>
    public static float[] Resample(float[] grid, int from, int to, int width)
    {
        if (from == to)
        {
            return grid;
        }

        Tap[] taps = [.. Enumerable.Range(0, to).Select(i => Tap.At(i, from, to))];

        // Along x first, then along y; sums in double.
        double[] narrow = new double[(long)from * to * width];
        for (int y = 0; y < from; y++)
        {
            for (int x = 0; x < to; x++)
            {
                Sum(narrow.AsSpan(((y * to) + x) * width, width), taps[x], i => grid.AsSpan(((y * from) + i) * width, width));
            }
        }

        float[] result = new float[(long)to * to * width];
        double[] cell = new double[width];
        for (int y = 0; y < to; y++)
        {
            for (int x = 0; x < to; x++)
            {
                cell.AsSpan().Clear();
                for (int t = 0; t < taps[y].Weights.Length; t++)
                {
                    ReadOnlySpan<double> source = narrow.AsSpan((((taps[y].First + t) * to) + x) * width, width);
                    for (int c = 0; c < width; c++)
                    {
                        cell[c] += taps[y].Weights[t] * source[c];
                    }
                }

                for (int c = 0; c < width; c++)
                {
                    result[(((y * to) + x) * width) + c] = (float)cell[c];
                }
            }
        }

        return result;
    }

    private delegate ReadOnlySpan<float> CellSource(int column);

    private static void Sum(Span<double> destination, Tap tap, CellSource source)
    {
        for (int t = 0; t < tap.Weights.Length; t++)
        {
            ReadOnlySpan<float> values = source(tap.First + t);
            for (int c = 0; c < destination.Length; c++)
            {
                destination[c] += tap.Weights[t] * values[c];
            }
        }
    }

    /// <summary>The source cells of one target cell, from <paramref name="First"/> on, with weights that sum to 1.</summary>
    private readonly record struct Tap(int First, double[] Weights)
    {
        public static Tap At(int index, int from, int to)
        {
            double scale = (double)from / to;
            double stretch = Math.Max(scale, 1);
            double centre = scale * (index + 0.5);
            int first = Math.Max((int)(centre - (2 * stretch) + 0.5), 0);
            int end = Math.Min((int)(centre + (2 * stretch) + 0.5), from);
            double[] weights = [.. Enumerable.Range(first, end - first).Select(i => Cubic((i - centre + 0.5) / stretch))];
            double sum = weights.Sum();
            return new Tap(first, [.. weights.Select(w => w / sum)]);
        }

        private static double Cubic(double x)
        {
            const double A = -0.5;
            x = Math.Abs(x);
            return x < 1 ? ((((A + 2) * x) - (A + 3)) * x * x) + 1
                : x < 2 ? ((((x - 5) * x) + 8) * x * A) - (4 * A)
                : 0;
        }
    }
}
