namespace SlideMesh.Prediction.Metrics;

/// <summary>
/// Percentile confidence intervals by drawing cases with replacement within each stratum, so that every draw has as many cases of
/// each class as the cohort. The draws depend on the seed only (SplitMix64), not on the runtime's version.
/// </summary>
public static class StratifiedBootstrap
{
    /// <param name="strata">Stratum of each case, usually its true class.</param>
    /// <param name="metric">The metric on the cases with these indices (repeats included). NaN draws are left out.</param>
    /// <param name="draws">Resampled cohorts; 500 to 1,000 is usual.</param>
    /// <param name="confidence">Share of the draws inside of the interval.</param>
    public static ConfidenceInterval Interval(
        ReadOnlySpan<int> strata, Func<int[], double> metric, int draws = 1000, double confidence = 0.95, ulong seed = 1)
    {
        ArgumentNullException.ThrowIfNull(metric);
        ArgumentOutOfRangeException.ThrowIfLessThan(draws, 1);
        int[] all = [.. Enumerable.Range(0, strata.Length)];
        int[] stratumOf = strata.ToArray();
        int[][] groups = [.. all.GroupBy(i => stratumOf[i]).OrderBy(g => g.Key).Select(g => g.ToArray())];
        var values = new List<double>(draws);
        ulong state = seed;
        int[] drawn = new int[all.Length];
        for (int d = 0; d < draws; d++)
        {
            int at = 0;
            foreach (int[] group in groups)
            {
                for (int i = 0; i < group.Length; i++)
                {
                    drawn[at++] = group[(int)(Next(ref state) % (ulong)group.Length)];
                }
            }

            double value = metric(drawn);
            if (!double.IsNaN(value))
            {
                values.Add(value);
            }
        }

        values.Sort();
        return new ConfidenceInterval(
            metric(all), Quantile(values, (1 - confidence) / 2), Quantile(values, (1 + confidence) / 2));
    }

    // The modulo's bias is below 1e-15 for any cohort.
    private static ulong Next(ref ulong state)
    {
        ulong z = state += 0x9E3779B97F4A7C15;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        return z ^ (z >> 31);
    }

    private static double Quantile(List<double> sorted, double q)
    {
        if (sorted.Count == 0)
        {
            return double.NaN;
        }

        double position = q * (sorted.Count - 1);
        int below = (int)Math.Floor(position);
        int above = Math.Min(below + 1, sorted.Count - 1);
        return sorted[below] + ((position - below) * (sorted[above] - sorted[below]));
    }
}
