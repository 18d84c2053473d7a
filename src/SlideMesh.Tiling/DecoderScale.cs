using SlideMesh.Slides.Pyramid;
using SlideMesh.Slides.Raster;

namespace SlideMesh.Tiling;

/// <summary>
/// How much of a plan's shrinking the decoder does, and where each tile then lies: in pixels of the read level halved
/// <see cref="Halvings"/> times, and within them at a fraction where its corner is no multiple.
/// </summary>
internal sealed class DecoderScale
{
    /// <summary>
    /// What must be left to shrink after the decoder, when anything is. On real tissue the worst tile's mean difference from the area mean
    /// of all pixels was at most 2.1 grey levels from here on, but 2.5 at 1.8, 3.1 at 1.3 and 4.9 at 0.985: detail that the wanted size still shows is gone by then.
    /// </summary>
    private const double LeastRest = 1.95;

    private readonly TilePlan _plan;
    private readonly int _factor;
    private readonly HalvedPixels _pixels;

    // Axes by where they start, made at first use. Two threads may both make one; either serves.
    private readonly ResampleAxis?[] _x = new ResampleAxis?[ResampleAxis.Fractions];
    private readonly ResampleAxis?[] _y = new ResampleAxis?[ResampleAxis.Fractions];

    /// <param name="maxHalvings">What the decoder can do at most.</param>
    public DecoderScale(TilePlan plan, int maxHalvings, HalvedPixels pixels)
    {
        _plan = plan;
        _pixels = pixels;
        int size = plan.Spec.SizePx;
        bool IsWholeAt(int halvings) => plan.ReadWidthPx == (long)size << halvings && plan.ReadHeightPx == (long)size << halvings;
        Halvings = maxHalvings;
        while (Halvings > 0 && !IsWholeAt(Halvings) && Math.Min(plan.ReadWidthPx, plan.ReadHeightPx) < LeastRest * ((long)size << Halvings))
        {
            Halvings--;
        }

        _factor = 1 << Halvings;
        IsWhole = IsWholeAt(Halvings) && (Halvings == 0 || pixels == HalvedPixels.Means);
    }

    public int Halvings { get; }

    /// <summary>
    /// The tile's pixels are the decoder's, or (not halved) a tile needs no resampling. Tiles whose corners are no multiple of the factor are
    /// then left to full decoding: an average of two halved pixels would be a blur.
    /// </summary>
    public bool IsWhole { get; }

    /// <summary>Halved pixels that tile <paramref name="index"/> needs; without width when the tile has to be read in full.</summary>
    public LevelRegion Region(int index)
    {
        if (IsOnPixel(index, out long pixelX, out long pixelY))
        {
            return new LevelRegion(pixelX / _factor, pixelY / _factor, _plan.ReadWidthPx / _factor, _plan.ReadHeightPx / _factor);
        }

        // What has to be enlarged is no matter of areas.
        if (IsWhole || Math.Min(_plan.ReadWidthPx, _plan.ReadHeightPx) < _plan.Spec.SizePx)
        {
            return default;
        }

        double x = _plan.Tiles[index].X / _plan.ReadLevel.Downsample;
        double y = _plan.Tiles[index].Y / _plan.ReadLevel.Downsample;
        (int startX, int startY) = Start(index);
        return new LevelRegion(
            (Fractions(x) - startX) / ResampleAxis.Fractions,
            (Fractions(y) - startY) / ResampleAxis.Fractions,
            Extent(startX, _plan.ReadWidthPx),
            Extent(startY, _plan.ReadHeightPx));
    }

    /// <summary>The tile begins with a whole pixel, and its pixels can be taken as they are or resampled as a whole.</summary>
    public bool IsOnPixel(int index) => IsOnPixel(index, out _, out _);

    /// <summary>Where the tile begins in its first halved pixel, in <see cref="ResampleAxis.Fractions"/>.</summary>
    public (int X, int Y) Start(int index)
    {
        PlannedTile tile = _plan.Tiles[index];
        return (
            (int)(Fractions(tile.X / _plan.ReadLevel.Downsample) & (ResampleAxis.Fractions - 1)),
            (int)(Fractions(tile.Y / _plan.ReadLevel.Downsample) & (ResampleAxis.Fractions - 1)));
    }

    /// <summary>Resampler for tiles that begin at <paramref name="start"/>.</summary>
    public AreaResampler Window((int X, int Y) start) =>
        new(Axis(ref _x[start.X], start.X, _plan.ReadWidthPx), Axis(ref _y[start.Y], start.Y, _plan.ReadHeightPx));

    private bool IsOnPixel(int index, out long x, out long y)
    {
        PlannedTile tile = _plan.Tiles[index];
        return (_plan.ReadLevel.TryFindPixel(tile.X, out x) & _plan.ReadLevel.TryFindPixel(tile.Y, out y))
            && (Halvings == 0 || (IsWhole && x % _factor == 0 && y % _factor == 0));
    }

    private ResampleAxis Axis(ref ResampleAxis? axis, int start, int readPx)
    {
        ResampleAxis? made = Volatile.Read(ref axis);
        if (made is null)
        {
            long length = (long)readPx * ResampleAxis.Fractions / _factor;
            int extent = Extent(start, readPx);
            int size = _plan.Spec.SizePx;
            made = Halvings == 0 ? ResampleAxis.AreaWindow(extent, size, start, length)
                : _pixels == HalvedPixels.Means ? ResampleAxis.Window(extent, size, start, length)
                : ResampleAxis.WaveletWindow(extent, size, start, length);
            Volatile.Write(ref axis, made);
        }

        return made;
    }

    /// <summary>Halved pixels from the first that is touched to the last.</summary>
    private int Extent(int start, int readPx) =>
        (int)((start + ((long)readPx * ResampleAxis.Fractions / _factor) + ResampleAxis.Fractions - 1) / ResampleAxis.Fractions);

    private long Fractions(double levelPixels) => (long)Math.Round(levelPixels * ResampleAxis.Fractions / _factor);
}
