namespace SlideMesh.Slides.Raster;

/// <summary>
/// How one axis of a picture is resampled: which source pixels make a destination pixel, and by which weights (sum 1).
/// Shrinking takes the exact area, fractional at both ends; enlarging is bilinear between pixel centres.
/// </summary>
public sealed class ResampleAxis
{
    private readonly int[] _starts;
    private readonly int[] _counts;
    private readonly float[] _weights;
    private readonly int _taps;

    /// <param name="source">Source length, pixels.</param>
    /// <param name="destination">Destination length, pixels; covers the same ground.</param>
    public ResampleAxis(int source, int destination)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(source);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(destination);
        Source = source;
        Destination = destination;
        _taps = source > destination ? (int)(((long)source + destination - 1) / destination) + 1 : 2;
        _starts = new int[destination];
        _counts = new int[destination];
        _weights = new float[checked(destination * _taps)];
        for (int i = 0; i < destination; i++)
        {
            if (source >= destination)
            {
                SetArea(i);
            }
            else
            {
                SetLinear(i);
            }
        }
    }

    public int Source { get; }

    public int Destination { get; }

    /// <summary>First source pixel that destination pixel <paramref name="index"/> looks at.</summary>
    public int Start(int index) => _starts[index];

    /// <summary>One past the last source pixel that destination pixel <paramref name="index"/> looks at.</summary>
    public int End(int index) => _starts[index] + _counts[index];

    public ReadOnlySpan<float> Weights(int index) => _weights.AsSpan(index * _taps, _counts[index]);

    // In units of 1 / Destination of a source pixel every boundary is a whole number, so that weights carry no accumulated error.
    private void SetArea(int i)
    {
        long from = (long)i * Source;
        long to = from + Source;
        int start = (int)(from / Destination);
        int end = (int)((to + Destination - 1) / Destination);
        _starts[i] = start;
        _counts[i] = end - start;
        for (int p = start; p < end; p++)
        {
            long overlap = Math.Min(to, (long)(p + 1) * Destination) - Math.Max(from, (long)p * Destination);
            _weights[(i * _taps) + p - start] = (float)((double)overlap / Source);
        }
    }

    private void SetLinear(int i)
    {
        double centre = Math.Clamp(((i + 0.5) * Source / Destination) - 0.5, 0, Source - 1);
        int start = Math.Min((int)centre, Math.Max(0, Source - 2));
        float second = (float)(centre - start);
        _starts[i] = start;
        _counts[i] = Math.Min(2, Source);
        _weights[i * _taps] = 1 - second;
        _weights[(i * _taps) + 1] = second;
    }
}
