using SlideMesh.Prediction.Bags;

namespace SlideMesh.Prediction.Tests.Fakes;

/// <summary>Makes its rows when they are read, so that it takes no memory itself; by default the formula of tests/reference.</summary>
internal sealed class FormulaBag : IFeatureBag
{
    private readonly Func<int, int, float> _feature;
    private readonly long[] _coordinates;

    public FormulaBag(int count, int dimension = 16, Func<int, int, float>? feature = null, int columns = 100, int edge = 256)
    {
        Count = count;
        Dimension = dimension;
        TileSizeLevel0 = (edge, edge);
        _feature = feature ?? Reference;
        _coordinates = new long[2 * count];
        for (int i = 0; i < count; i++)
        {
            _coordinates[2 * i] = (long)(i % columns) * edge;
            _coordinates[(2 * i) + 1] = (long)(i / columns) * edge;
        }
    }

    public int Count { get; }

    public int Dimension { get; }

    /// <summary>Largest number of rows read at once.</summary>
    public int LargestRead { get; private set; }

    public ReadOnlySpan<long> Coordinates => _coordinates;

    public (int Width, int Height) TileSizeLevel0 { get; }

    public static float Reference(int i, int j) => (float)Math.Sin((i * 0.37) + (j * 1.13));

    public void Read(int start, int count, Span<float> destination)
    {
        LargestRead = Math.Max(LargestRead, count);
        for (int i = 0; i < count; i++)
        {
            for (int j = 0; j < Dimension; j++)
            {
                destination[(i * Dimension) + j] = _feature(start + i, j);
            }
        }
    }
}
