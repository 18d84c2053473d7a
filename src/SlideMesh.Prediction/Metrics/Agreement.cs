namespace SlideMesh.Prediction.Metrics;

/// <summary>How well predicted classes agree with true ones. Classes are 0 … K − 1.</summary>
public static class Agreement
{
    /// <summary>
    /// Cohen's kappa with quadratic weights, 1 − Σ w·O / Σ w·E with w = (i − j)² / (K − 1)² and E from the margins; 1 when all cases
    /// have one and the same class in both (chance agreement is then total as well).
    /// </summary>
    public static double QuadraticWeightedKappa(ReadOnlySpan<int> truth, ReadOnlySpan<int> predicted, int classes)
    {
        RequirePairs(truth.Length, predicted.Length);
        ArgumentOutOfRangeException.ThrowIfLessThan(classes, 2);
        long[] rows = new long[classes];
        long[] columns = new long[classes];
        double observed = 0;
        for (int i = 0; i < truth.Length; i++)
        {
            rows[truth[i]]++;
            columns[predicted[i]]++;
            observed += Weight(truth[i], predicted[i], classes);
        }

        double expected = 0;
        for (int i = 0; i < classes; i++)
        {
            for (int j = 0; j < classes; j++)
            {
                expected += Weight(i, j, classes) * rows[i] * columns[j] / truth.Length;
            }
        }

        return expected == 0 ? 1 : 1 - (observed / expected);
    }

    /// <summary>Share of cases whose predicted class is the true one.</summary>
    public static double Accuracy(ReadOnlySpan<int> truth, ReadOnlySpan<int> predicted)
    {
        RequirePairs(truth.Length, predicted.Length);
        int right = 0;
        for (int i = 0; i < truth.Length; i++)
        {
            right += truth[i] == predicted[i] ? 1 : 0;
        }

        return (double)right / truth.Length;
    }

    /// <summary>Share of cases whose true class is among the k most probable; of equal probabilities the earlier class counts first.</summary>
    /// <param name="probabilities">One row a case, as long as there are classes.</param>
    public static double TopKAccuracy(ReadOnlySpan<int> truth, IReadOnlyList<IReadOnlyList<double>> probabilities, int k)
    {
        ArgumentNullException.ThrowIfNull(probabilities);
        ArgumentOutOfRangeException.ThrowIfLessThan(k, 1);
        RequirePairs(truth.Length, probabilities.Count);
        int right = 0;
        for (int i = 0; i < truth.Length; i++)
        {
            IReadOnlyList<double> p = probabilities[i];
            int ahead = 0;
            for (int c = 0; c < p.Count; c++)
            {
                ahead += p[c] > p[truth[i]] || (p[c] == p[truth[i]] && c < truth[i]) ? 1 : 0;
            }

            right += ahead < k ? 1 : 0;
        }

        return (double)right / truth.Length;
    }

    internal static void RequirePairs(int truths, int predictions)
    {
        ArgumentOutOfRangeException.ThrowIfZero(truths);
        ArgumentOutOfRangeException.ThrowIfNotEqual(predictions, truths);
    }

    private static double Weight(int i, int j, int classes) => (double)(i - j) * (i - j) / ((classes - 1) * (classes - 1));
}
