namespace SlideMesh.Prediction.Bags;

/// <summary>
/// The features of one slide in plan order, read in blocks so that memory does not grow with the slide.
/// Implementations: an array in memory, and a features file on disk.
/// </summary>
public interface IFeatureBag
{
    /// <summary>Number of tiles N.</summary>
    int Count { get; }

    /// <summary>Width D of a feature.</summary>
    int Dimension { get; }

    /// <summary>Copies rows <paramref name="start"/> … start + count − 1 into <paramref name="destination"/>, row-major [count, D].</summary>
    void Read(int start, int count, Span<float> destination);

    /// <summary>Level-0 top-left corner of each row's tile, [N, 2] row-major (x, y); empty when nobody knows where the tiles lie.</summary>
    ReadOnlySpan<long> Coordinates { get; }

    /// <summary>Edge of a tile, level-0 pixels.</summary>
    (int Width, int Height) TileSizeLevel0 { get; }
}
