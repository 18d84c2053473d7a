namespace SlideMesh.Prediction.Bags;

/// <summary>Features of one slide in memory. Arrays are kept, not copied.</summary>
public sealed class ArrayFeatureBag : IFeatureBag
{
    private readonly float[] _features;
    private readonly long[] _coordinates;

    /// <param name="dimension">Width D.</param>
    /// <param name="features">Row-major [N, D].</param>
    /// <param name="coordinates">Level-0 top-left corners, row-major [N, 2] (x, y).</param>
    /// <param name="tileSizeLevel0">Edge of a tile, level-0 pixels.</param>
    public ArrayFeatureBag(int dimension, float[] features, long[] coordinates, (int Width, int Height) tileSizeLevel0)
    {
        ArgumentNullException.ThrowIfNull(features);
        ArgumentNullException.ThrowIfNull(coordinates);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(dimension);
        ArgumentOutOfRangeException.ThrowIfNotEqual(features.Length % dimension, 0);
        Count = features.Length / dimension;
        ArgumentOutOfRangeException.ThrowIfNotEqual(coordinates.Length, 2 * Count);
        Dimension = dimension;
        TileSizeLevel0 = tileSizeLevel0;
        _features = features;
        _coordinates = coordinates;
    }

    /// <summary>[N, D], the array itself.</summary>
    internal ReadOnlyMemory<float> Features => _features;

    public int Count { get; }

    public int Dimension { get; }

    public ReadOnlySpan<long> Coordinates => _coordinates;

    public (int Width, int Height) TileSizeLevel0 { get; }

    public void Read(int start, int count, Span<float> destination) =>
        _features.AsSpan(checked(start * Dimension), checked(count * Dimension)).CopyTo(destination);
}
