namespace SlideMesh.Tissue.Segmentation;

/// <summary>Otsu (1979): the threshold that maximises the variance between what lies at or below it and what lies above.</summary>
internal static class OtsuThreshold
{
    /// <param name="histogram">Counts of the values 0 to 255.</param>
    /// <returns>0 for a histogram with less than two values; of equal maxima the lowest.</returns>
    public static int Of(ReadOnlySpan<long> histogram)
    {
        double total = 0;
        double sum = 0;
        for (int v = 0; v < histogram.Length; v++)
        {
            total += histogram[v];
            sum += (double)v * histogram[v];
        }

        double lowCount = 0;
        double lowSum = 0;
        double best = 0;
        int threshold = 0;
        for (int v = 0; v < histogram.Length; v++)
        {
            lowCount += histogram[v];
            lowSum += (double)v * histogram[v];
            double highCount = total - lowCount;
            if (lowCount == 0 || highCount == 0)
            {
                continue;
            }

            double difference = (lowSum / lowCount) - ((sum - lowSum) / highCount);
            double between = lowCount / total * (highCount / total) * difference * difference;
            if (between > best)
            {
                best = between;
                threshold = v;
            }
        }

        return threshold;
    }
}
