namespace SlideMesh.Prediction.Heads;

/// <summary>For each attention column the hidden row of the tile with the largest score; of equal ones the first.</summary>
internal sealed class TopPool : ITilePool
{
    private readonly int _hidden;
    private readonly float[] _largest;
    private readonly float[] _rows;

    /// <param name="columns">Attention columns K.</param>
    /// <param name="hidden">Width H of a hidden row.</param>
    public TopPool(int columns, int hidden)
    {
        _hidden = hidden;
        _largest = new float[columns];
        Array.Fill(_largest, float.NegativeInfinity);
        _rows = new float[checked(columns * hidden)];
    }

    public void Add(ReadOnlyMemory<float> hidden, ReadOnlySpan<float> attention)
    {
        int columns = _largest.Length;
        for (int k = 0; k < columns; k++)
        {
            for (int i = k; i < attention.Length; i += columns)
            {
                if (attention[i] > _largest[k])
                {
                    _largest[k] = attention[i];
                    hidden.Span.Slice(i / columns * _hidden, _hidden).CopyTo(_rows.AsSpan(k * _hidden, _hidden));
                }
            }
        }
    }

    public float[] Pooled() => [.. _rows];
}
