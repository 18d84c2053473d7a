using System.Numerics;

namespace SlideMesh.Prediction.Heads;

/// <summary>
/// Sum or mean of hidden rows: four rows are added to each other, then to the sum, all in double, so no finite input overflows and the sum of a
/// column is finite exactly when all of its values are. Bound by memory: a bag is read once, front to back.
/// </summary>
/// <param name="hidden">Width H of a row.</param>
/// <param name="mean">Divide by the rows.</param>
/// <param name="threads">Each sums columns of its own, so their number does not change a bit.</param>
internal sealed class SumPool(int hidden, bool mean, int threads = 1) : ITilePool
{
    /// <summary>Below this many numbers a second thread costs more than it gives: 2 MiB are summed in 0.2 ms.</summary>
    private const int LeastToShare = 1 << 19;

    private readonly double[] _sums = new double[hidden];
    private long _rows;

    /// <summary>All that was added is.</summary>
    public bool IsFinite => _sums.All(double.IsFinite);

    public void Add(ReadOnlyMemory<float> hidden, ReadOnlySpan<float> attention)
    {
        _rows += hidden.Length / _sums.Length;
        int shares = hidden.Length < LeastToShare ? 1 : Math.Min(threads, Math.Max(1, _sums.Length / Vector<float>.Count));
        if (shares == 1)
        {
            AddColumns(hidden.Span, 0, _sums.Length);
            return;
        }

        int width = (((_sums.Length + shares - 1) / shares) + Vector<float>.Count - 1) / Vector<float>.Count * Vector<float>.Count;
        Parallel.For(
            0, shares, new ParallelOptions { MaxDegreeOfParallelism = shares },
            share => AddColumns(hidden.Span, Math.Min(share * width, _sums.Length), Math.Min((share + 1) * width, _sums.Length)));
    }

    public float[] Pooled() => [.. _sums.Select(sum => (float)(mean ? sum / _rows : sum))];

    private void AddColumns(ReadOnlySpan<float> values, int from, int to)
    {
        int stride = _sums.Length;
        Span<double> sums = _sums.AsSpan(from, to - from);
        for (; values.Length >= 4 * stride; values = values[(4 * stride)..])
        {
            AddFour(
                sums, values.Slice(from, sums.Length), values.Slice(stride + from, sums.Length),
                values.Slice((2 * stride) + from, sums.Length), values.Slice((3 * stride) + from, sums.Length));
        }

        for (; !values.IsEmpty; values = values[stride..])
        {
            for (int h = 0; h < sums.Length; h++)
            {
                sums[h] += values[from + h];
            }
        }
    }

    private static void AddFour(Span<double> sums, ReadOnlySpan<float> a, ReadOnlySpan<float> b, ReadOnlySpan<float> c, ReadOnlySpan<float> d)
    {
        int h = 0;
        for (; h <= sums.Length - Vector<float>.Count; h += Vector<float>.Count)
        {
            Vector.Widen(new Vector<float>(a[h..]), out Vector<double> aLow, out Vector<double> aHigh);
            Vector.Widen(new Vector<float>(b[h..]), out Vector<double> bLow, out Vector<double> bHigh);
            Vector.Widen(new Vector<float>(c[h..]), out Vector<double> cLow, out Vector<double> cHigh);
            Vector.Widen(new Vector<float>(d[h..]), out Vector<double> dLow, out Vector<double> dHigh);
            Span<double> low = sums.Slice(h, Vector<double>.Count);
            Span<double> high = sums.Slice(h + Vector<double>.Count, Vector<double>.Count);
            (new Vector<double>(low) + (aLow + bLow + (cLow + dLow))).CopyTo(low);
            (new Vector<double>(high) + (aHigh + bHigh + (cHigh + dHigh))).CopyTo(high);
        }

        for (; h < sums.Length; h++)
        {
            sums[h] += (double)a[h] + b[h] + ((double)c[h] + d[h]);
        }
    }
}
