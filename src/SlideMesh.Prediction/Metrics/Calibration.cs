namespace SlideMesh.Prediction.Metrics;

/// <summary>Whether probabilities mean what they say.</summary>
public static class Calibration
{
    /// <summary>
    /// Brier score: mean over cases of Σ over classes of (p − y)². 0 is perfect, 2 the worst. For two classes that is twice the
    /// one-sided form (p₁ − y)².
    /// </summary>
    /// <param name="probabilities">One row a case, as long as there are classes.</param>
    public static double Brier(ReadOnlySpan<int> truth, IReadOnlyList<IReadOnlyList<double>> probabilities)
    {
        ArgumentNullException.ThrowIfNull(probabilities);
        Agreement.RequirePairs(truth.Length, probabilities.Count);
        double sum = 0;
        for (int i = 0; i < truth.Length; i++)
        {
            for (int c = 0; c < probabilities[i].Count; c++)
            {
                double error = probabilities[i][c] - (truth[i] == c ? 1 : 0);
                sum += error * error;
            }
        }

        return sum / truth.Length;
    }

    /// <summary>
    /// Expected calibration error of the most probable class: Σ over bins of (share of cases in the bin) · |accuracy − mean
    /// confidence|, bins of equal width, right-closed as in Guo et al. 2017.
    /// </summary>
    public static double ExpectedCalibrationError(ReadOnlySpan<int> truth, IReadOnlyList<IReadOnlyList<double>> probabilities, int bins = 15)
    {
        ArgumentNullException.ThrowIfNull(probabilities);
        ArgumentOutOfRangeException.ThrowIfLessThan(bins, 1);
        Agreement.RequirePairs(truth.Length, probabilities.Count);
        double[] gaps = new double[bins];
        for (int i = 0; i < truth.Length; i++)
        {
            int predicted = Outputs.OutputReader.ArgMax(probabilities[i]);
            double confidence = probabilities[i][predicted];
            int bin = Math.Clamp((int)Math.Ceiling(confidence * bins) - 1, 0, bins - 1);
            gaps[bin] += (predicted == truth[i] ? 1 : 0) - confidence;
        }

        return gaps.Sum(Math.Abs) / truth.Length;
    }
}
