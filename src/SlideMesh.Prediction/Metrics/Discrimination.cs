namespace SlideMesh.Prediction.Metrics;

/// <summary>How well scores separate cases that have something from cases that do not.</summary>
public static class Discrimination
{
    /// <summary>
    /// Area under the ROC curve by the Mann-Whitney statistic with average ranks for ties. NaN when either kind of case is missing:
    /// there is no such area then.
    /// </summary>
    public static double Auroc(ReadOnlySpan<bool> truth, ReadOnlySpan<double> scores)
    {
        Agreement.RequirePairs(truth.Length, scores.Length);
        (bool[] positive, double[] sorted) = SortByScore(truth, scores);
        long positives = positive.LongCount(p => p);
        long negatives = positive.Length - positives;
        if (positives == 0 || negatives == 0)
        {
            return double.NaN;
        }

        double rankSum = 0;
        for (int start = 0; start < sorted.Length;)
        {
            int end = EndOfTie(sorted, start);
            double rank = (start + 1 + end) / 2.0;
            rankSum += rank * positive.AsSpan(start, end - start).Count(true);
            start = end;
        }

        return (rankSum - (positives * (positives + 1) / 2.0)) / ((double)positives * negatives);
    }

    /// <summary>Mean over classes of one-against-rest <see cref="Auroc"/>; classes that no case or every case has are left out.</summary>
    /// <param name="probabilities">One row a case, as long as there are classes.</param>
    public static double MacroAuroc(ReadOnlySpan<int> truth, IReadOnlyList<IReadOnlyList<double>> probabilities)
    {
        ArgumentNullException.ThrowIfNull(probabilities);
        Agreement.RequirePairs(truth.Length, probabilities.Count);
        var areas = new List<double>();
        bool[] isClass = new bool[truth.Length];
        double[] scores = new double[truth.Length];
        for (int c = 0; c < probabilities[0].Count; c++)
        {
            for (int i = 0; i < truth.Length; i++)
            {
                isClass[i] = truth[i] == c;
                scores[i] = probabilities[i][c];
            }

            double area = Auroc(isClass, scores);
            if (!double.IsNaN(area))
            {
                areas.Add(area);
            }
        }

        return areas.Count == 0 ? double.NaN : areas.Average();
    }

    /// <summary>
    /// Average precision: Σ (recall step) · precision over thresholds from the highest score down, equal scores together. The area
    /// under the precision-recall curve without interpolation. NaN without a positive case.
    /// </summary>
    public static double AveragePrecision(ReadOnlySpan<bool> truth, ReadOnlySpan<double> scores)
    {
        Agreement.RequirePairs(truth.Length, scores.Length);
        (bool[] positive, double[] sorted) = SortByScore(truth, scores);
        Array.Reverse(positive);
        Array.Reverse(sorted);
        int positives = positive.Count(p => p);
        int hits = 0;
        double sum = 0;
        for (int start = 0; start < sorted.Length;)
        {
            int end = EndOfTie(sorted, start);
            int found = positive.AsSpan(start, end - start).Count(true);
            hits += found;
            sum += (double)found / positives * hits / end;
            start = end;
        }

        return positives == 0 ? double.NaN : sum;
    }

    private static (bool[] Truth, double[] Scores) SortByScore(ReadOnlySpan<bool> truth, ReadOnlySpan<double> scores)
    {
        double[] keys = scores.ToArray();
        bool[] values = truth.ToArray();
        Array.Sort(keys, values);
        return (values, keys);
    }

    private static int EndOfTie(double[] sorted, int start)
    {
        int end = start + 1;
        while (end < sorted.Length && sorted[end] == sorted[start])
        {
            end++;
        }

        return end;
    }
}
