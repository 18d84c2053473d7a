namespace SlideMesh.Prediction.Tests.Fakes;

internal static class Near
{
    /// <summary>Every number within <paramref name="tolerance"/> of its expected one.</summary>
    public static void Equal(IEnumerable<double> expected, IEnumerable<double> actual, double tolerance)
    {
        double[] e = [.. expected];
        double[] a = [.. actual];
        Assert.Equal(e.Length, a.Length);
        for (int i = 0; i < e.Length; i++)
        {
            Assert.True(Math.Abs(e[i] - a[i]) <= tolerance, $"position {i}: expected {e[i]:R}, got {a[i]:R}");
        }
    }

    public static void Equal(IEnumerable<double> expected, IEnumerable<float> actual, double tolerance) =>
        Equal(expected, actual.Select(f => (double)f), tolerance);
}
