using System.Numerics;

namespace SlideMesh.Prediction.Heads;

/// <summary>
/// Softmax-weighted mean of hidden rows, one per attention column, in one pass: Σ exp(a − m)·h / Σ exp(a − m) with m the largest
/// score so far; when a block brings a larger one, what is summed already is scaled down (as in Milakov and Gimelshein 2018).
/// Sums are doubles in row order, so a bag's order changes a result by about 1e-15 only. Not thread-safe.
/// </summary>
internal sealed class AttentionPool : ITilePool
{
    private readonly int _columns;
    private readonly int _hidden;
    private readonly double[] _largest;
    private readonly double[] _weights;
    private readonly double[] _sums;

    /// <param name="columns">Attention columns K.</param>
    /// <param name="hidden">Width H of a hidden row.</param>
    public AttentionPool(int columns, int hidden)
    {
        _columns = columns;
        _hidden = hidden;
        _largest = new double[columns];
        Array.Fill(_largest, double.NegativeInfinity);
        _weights = new double[columns];
        _sums = new double[checked(columns * hidden)];
    }

    public void Add(ReadOnlyMemory<float> hidden, ReadOnlySpan<float> attention)
    {
        ReadOnlySpan<float> all = hidden.Span;
        int rows = attention.Length / _columns;
        for (int k = 0; k < _columns; k++)
        {
            Rescale(k, attention);
            Span<double> sums = _sums.AsSpan(k * _hidden, _hidden);
            double largest = _largest[k];
            double weights = _weights[k];
            for (int row = 0; row < rows; row++)
            {
                double weight = Math.Exp(attention[(row * _columns) + k] - largest);
                weights += weight;
                ReadOnlySpan<float> values = all.Slice(row * _hidden, _hidden);
                Accumulate(sums, weight, values);
            }

            _weights[k] = weights;
        }
    }

    /// <summary>sums += weight · values, in double; product and sum are rounded apart, so every machine gives the same bits.</summary>
    private static void Accumulate(Span<double> sums, double weight, ReadOnlySpan<float> values)
    {
        int h = 0;
        Vector<double> weights = new(weight);
        for (; h <= sums.Length - Vector<float>.Count; h += Vector<float>.Count)
        {
            Vector.Widen(new Vector<float>(values[h..]), out Vector<double> low, out Vector<double> high);
            Span<double> into = sums.Slice(h, Vector<float>.Count);
            (new Vector<double>(into) + (low * weights)).CopyTo(into);
            Span<double> second = into[Vector<double>.Count..];
            (new Vector<double>(second) + (high * weights)).CopyTo(second);
        }

        for (; h < sums.Length; h++)
        {
            sums[h] += weight * values[h];
        }
    }

    public float[] Pooled()
    {
        float[] pooled = new float[_sums.Length];
        for (int i = 0; i < pooled.Length; i++)
        {
            pooled[i] = (float)(_sums[i] / _weights[i / _hidden]);
        }

        return pooled;
    }

    private void Rescale(int k, ReadOnlySpan<float> attention)
    {
        double largest = _largest[k];
        for (int i = k; i < attention.Length; i += _columns)
        {
            largest = Math.Max(largest, attention[i]);
        }

        if (largest > _largest[k])
        {
            double scale = Math.Exp(_largest[k] - largest);
            _weights[k] *= scale;
            foreach (ref double sum in _sums.AsSpan(k * _hidden, _hidden))
            {
                sum *= scale;
            }

            _largest[k] = largest;
        }
    }
}
