using System.Buffers;
using SlideMesh.Prediction;

namespace SlideMesh.Reporting.Heatmaps;

/// <summary>How a map's values become shades from 0 to 1, and what the ends of its colour bar say.</summary>
/// <param name="Shades">One per tile; NaN where the value is not a number (drawn as no colour).</param>
/// <param name="Minimum">What shade 0 stands for.</param>
/// <param name="Maximum">What shade 1 stands for.</param>
/// <param name="IsPercentile">Whether the shade is the percentile rank rather than the value on its natural range.</param>
public sealed record HeatmapScale(double[] Shades, double Minimum, double Maximum, bool IsPercentile)
{
    /// <summary>
    /// Attention (no natural range) is drawn by its percentile rank within the slide, as CLAM does: average rank of ties / N.
    /// Probabilities and expected classes are drawn on their natural range, so that two slides can be compared.
    /// </summary>
    public static HeatmapScale For(TileMap map)
    {
        ArgumentNullException.ThrowIfNull(map);
        return map is { Minimum: double low, Maximum: double high } && high > low
            ? new HeatmapScale([.. map.Values.Select(v => Math.Clamp((v - low) / (high - low), 0, 1))], low, high, IsPercentile: false)
            : new HeatmapScale(PercentileRanks(map.Values), 0, 100, IsPercentile: true);
    }

    /// <summary>Rank (1 … N, ties share their mean rank) / N over the finite values; NaN stays NaN.</summary>
    public static double[] PercentileRanks(ReadOnlySpan<float> values)
    {
        double[] ranks = new double[values.Length];
        Array.Fill(ranks, double.NaN);
        float[] sorted = ArrayPool<float>.Shared.Rent(values.Length);
        int[] order = ArrayPool<int>.Shared.Rent(values.Length);
        try
        {
            values.CopyTo(sorted);
            for (int i = 0; i < values.Length; i++)
            {
                order[i] = i;
            }

            Array.Sort(sorted, order, 0, values.Length);
            Rank(sorted.AsSpan(0, values.Length), order, ranks);
        }
        finally
        {
            ArrayPool<float>.Shared.Return(sorted);
            ArrayPool<int>.Shared.Return(order);
        }

        return ranks;
    }

    private static void Rank(ReadOnlySpan<float> sorted, int[] order, double[] ranks)
    {
        // NaN sorts first.
        int first = 0;
        while (first < sorted.Length && float.IsNaN(sorted[first]))
        {
            first++;
        }

        double count = sorted.Length - first;
        for (int start = first; start < sorted.Length;)
        {
            int end = start + 1;
            while (end < sorted.Length && sorted[end] == sorted[start])
            {
                end++;
            }

            double rank = (start - first + 1 + end - first) / 2.0;
            for (int i = start; i < end; i++)
            {
                ranks[order[i]] = rank / count;
            }

            start = end;
        }
    }
}
