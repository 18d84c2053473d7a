using System.Numerics.Tensors;

namespace SlideMesh.Prediction.Heads;

/// <summary>The largest value of each hidden column.</summary>
internal sealed class MaximumPool : ITilePool
{
    private readonly float[] _largest;

    /// <param name="hidden">Width H of a row.</param>
    public MaximumPool(int hidden)
    {
        _largest = new float[hidden];
        Array.Fill(_largest, float.NegativeInfinity);
    }

    public void Add(ReadOnlyMemory<float> hidden, ReadOnlySpan<float> attention)
    {
        for (ReadOnlySpan<float> rows = hidden.Span; !rows.IsEmpty; rows = rows[_largest.Length..])
        {
            TensorPrimitives.Max(_largest, rows[.._largest.Length], _largest);
        }
    }

    public float[] Pooled() => [.. _largest];
}
