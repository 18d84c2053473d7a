using System.Buffers;
using SlideMesh.Prediction.Bags;

namespace SlideMesh.Reporting.Heatmaps;

/// <summary>
/// Shades of tiles laid on a picture's pixels; where tiles overlap, their mean. Its memory is lent and goes back when it is disposed of:
/// a map of a large slide is drawn in hundreds of grids of a megabyte each.
/// </summary>
public sealed class HeatmapGrid : IDisposable
{
    // Empty once they went back: a pixel that is asked for later is out of bounds.
    private float[] _sums;
    private int[] _counts;

    private HeatmapGrid(int width, int height)
    {
        Width = width;
        Height = height;
        int pixels = checked(width * height);
        _sums = ArrayPool<float>.Shared.Rent(pixels);
        _counts = ArrayPool<int>.Shared.Rent(pixels);
        Array.Clear(_sums, 0, pixels);
        Array.Clear(_counts, 0, pixels);
    }

    public int Width { get; }

    public int Height { get; }

    /// <summary>The shade at a pixel, NaN where there is no tile.</summary>
    public double this[int x, int y]
    {
        get
        {
            int i = (y * Width) + x;
            return _counts[i] == 0 ? double.NaN : _sums[i] / _counts[i];
        }
    }

    public void Dispose()
    {
        if (_sums.Length > 0)
        {
            ArrayPool<float>.Shared.Return(_sums);
            ArrayPool<int>.Shared.Return(_counts);
            (_sums, _counts) = ([], []);
        }
    }

    /// <param name="width">Picture width, pixels.</param>
    /// <param name="height">Picture height, pixels.</param>
    /// <param name="downsampleX">Level-0 pixels per picture pixel, horizontally.</param>
    /// <param name="downsampleY">Level-0 pixels per picture pixel, vertically.</param>
    /// <param name="shades">One per row of <paramref name="bag"/>; NaN is left out.</param>
    /// <param name="left">First column of the picture that the grid holds, for pictures drawn in parts.</param>
    /// <param name="top">First row of the picture that the grid holds.</param>
    public static HeatmapGrid Rasterise(
        int width, int height, double downsampleX, double downsampleY, ReadOnlySpan<double> shades, IFeatureBag bag, long left = 0, long top = 0)
    {
        ArgumentNullException.ThrowIfNull(bag);
        ArgumentOutOfRangeException.ThrowIfNotEqual(shades.Length, bag.Count);
        HeatmapGrid grid = new(width, height);
        ReadOnlySpan<long> corners = bag.Coordinates;
        (int tileWidth, int tileHeight) = bag.TileSizeLevel0;
        for (int i = 0; i < shades.Length; i++)
        {
            if (!double.IsFinite(shades[i]))
            {
                continue;
            }

            (int y0, int y1) = Span(corners[(i * 2) + 1], tileHeight, downsampleY, top, height);
            if (y0 == y1)
            {
                continue;
            }

            (int x0, int x1) = Span(corners[i * 2], tileWidth, downsampleX, left, width);
            for (int y = y0; y < y1; y++)
            {
                for (int x = x0; x < x1; x++)
                {
                    grid._sums[(y * width) + x] += (float)shades[i];
                    grid._counts[(y * width) + x]++;
                }
            }
        }

        return grid;
    }

    // Both edges rounded the same way, so that neighbouring tiles share an edge and leave no gap; at least one pixel.
    private static (int Start, int End) Span(long corner, int size, double downsample, long first, int limit)
    {
        long start = (long)Math.Round(corner / downsample, MidpointRounding.AwayFromZero);
        long end = Math.Max(start + 1, (long)Math.Round((corner + size) / downsample, MidpointRounding.AwayFromZero));
        return ((int)Math.Clamp(start - first, 0, limit), (int)Math.Clamp(end - first, 0, limit));
    }
}
