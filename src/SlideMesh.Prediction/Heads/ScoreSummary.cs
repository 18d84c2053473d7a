using SlideMesh.Inference.Packages;

namespace SlideMesh.Prediction.Heads;

/// <summary>
/// What a tile classifier's scores look like over a slide, the input of its <c>summary</c> graph. Eight numbers a class, class by
/// class: mean, population standard deviation, quantiles .10 .25 .50 .75 .90 (linear interpolation between order statistics), and
/// the share of tiles with a score of at least 0.5. It does not depend on the order of the tiles beyond 1e-15.
/// </summary>
internal static class ScoreSummary
{
    private static ReadOnlySpan<double> Quantiles => [0.10, 0.25, 0.50, 0.75, 0.90];

    /// <param name="scores">[N, C], N at least 1.</param>
    /// <returns>[C × 8].</returns>
    public static float[] Compute(TileValues scores)
    {
        float[] summary = new float[scores.Width * GraphRole.SummaryPerClass];
        for (int c = 0; c < scores.Width; c++)
        {
            float[] column = scores.Column(c);
            Array.Sort(column);
            Describe(column, summary.AsSpan(c * GraphRole.SummaryPerClass, GraphRole.SummaryPerClass));
        }

        return summary;
    }

    private static void Describe(float[] sorted, Span<float> into)
    {
        double sum = 0;
        int high = 0;
        foreach (float value in sorted)
        {
            sum += value;
            high += value >= 0.5f ? 1 : 0;
        }

        double mean = sum / sorted.Length;
        double squares = 0;
        foreach (float value in sorted)
        {
            squares += (value - mean) * (value - mean);
        }

        into[0] = (float)mean;
        into[1] = (float)Math.Sqrt(squares / sorted.Length);
        for (int q = 0; q < Quantiles.Length; q++)
        {
            into[2 + q] = (float)Quantile(sorted, Quantiles[q]);
        }

        into[7] = (float)((double)high / sorted.Length);
    }

    private static double Quantile(float[] sorted, double q)
    {
        double position = q * (sorted.Length - 1);
        int below = (int)Math.Floor(position);
        int above = Math.Min(below + 1, sorted.Length - 1);
        return sorted[below] + ((position - below) * ((double)sorted[above] - sorted[below]));
    }
}
