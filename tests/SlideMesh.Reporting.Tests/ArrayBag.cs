using SlideMesh.Prediction.Bags;

namespace SlideMesh.Reporting.Tests;

internal sealed class ArrayBag(float[] features, long[] coordinates, int dimension) : IFeatureBag
{
    public int Count => coordinates.Length / 2;

    public int Dimension => dimension;

    public ReadOnlySpan<long> Coordinates => coordinates;

    public (int Width, int Height) TileSizeLevel0 { get; init; } = (512, 512);

    public void Read(int start, int count, Span<float> destination) =>
        features.AsSpan(start * dimension, count * dimension).CopyTo(destination);
}
