using SlideMesh.Slides.Pyramid;
using SlideMesh.Tissue;

namespace SlideMesh.Tiling;

/// <summary>Lays the grid of tiles over a slide.</summary>
/// <remarks>
/// The grid starts at level-0 (0, 0). Its step, (size − overlap) × wanted µm / slide µm, is a fraction of level-0 pixels in general;
/// each corner is rounded by itself, so that the grid does not drift. Both axes have their own µm per pixel.
/// <para>
/// When a level lies within 1 % of the wanted µm per pixel on both axes, the level's own µm per pixel is used in place of the wanted
/// one: tiles are then cut without resampling, with whole-pixel steps, and cover up to 1 % more or less ground than asked.
/// </para>
/// <para>
/// A tile is kept when at least half of its area lies inside of the slide and its tissue share, counted over the whole tile,
/// reaches the minimum (0 keeps the whole grid). What overhangs the right and bottom edges is white. On an axis where the slide is
/// smaller than one tile, the slide's size takes the tile's place in the first rule, so a tiny slide still has a tile.
/// </para>
/// </remarks>
public static class TilePlanner
{
    /// <summary>How far a level may be from the wanted µm per pixel and still be taken as it is.</summary>
    public const double Slack = 0.01;

    /// <param name="mpp">µm per level-0 pixel.</param>
    public static TilePlan Plan(ISlideSource source, MicronsPerPixel mpp, TissueMask tissue, TileSpec spec)
    {
        ArgumentNullException.ThrowIfNull(source);
        ArgumentNullException.ThrowIfNull(mpp);
        ArgumentNullException.ThrowIfNull(tissue);
        Check(spec);

        PyramidLevel slide = source.Levels[0];
        PyramidLevel level = ReadLevel(source.Levels, mpp, spec.MicronsPerPixel);
        bool isNative = IsNear(mpp.X * level.Downsample, spec.MicronsPerPixel) && IsNear(mpp.Y * level.Downsample, spec.MicronsPerPixel);
        double scaleX = isNative ? level.Downsample : spec.MicronsPerPixel / mpp.X;
        double scaleY = isNative ? level.Downsample : spec.MicronsPerPixel / mpp.Y;
        var x = new GridAxis(spec, scaleX, slide.Width);
        var y = new GridAxis(spec, scaleY, slide.Height);
        return new TilePlan
        {
            Spec = spec,
            SlideWidth = slide.Width,
            SlideHeight = slide.Height,
            ReadLevel = level,
            ReadWidthPx = ReadPx(spec.SizePx * scaleX / level.Downsample),
            ReadHeightPx = ReadPx(spec.SizePx * scaleY / level.Downsample),
            SizeLevel0Width = x.Size,
            SizeLevel0Height = y.Size,
            SlideMicronsPerPixel = mpp,
            Tiles = Tiles(x, y, tissue, spec.MinTissueShare),
        };
    }

    private static void Check(TileSpec spec)
    {
        ArgumentNullException.ThrowIfNull(spec);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(spec.SizePx);
        ArgumentOutOfRangeException.ThrowIfNegative(spec.OverlapPx);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(spec.OverlapPx, spec.SizePx);
        ArgumentOutOfRangeException.ThrowIfLessThan(spec.MicronsPerPixel, MicronsPerPixelResolver.Smallest);
        ArgumentOutOfRangeException.ThrowIfNegative(spec.MinTissueShare);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(spec.MinTissueShare, 1);
    }

    /// <summary>The coarsest level that is at least as fine as wanted on both axes, with the slack; else level 0.</summary>
    private static PyramidLevel ReadLevel(IReadOnlyList<PyramidLevel> levels, MicronsPerPixel mpp, double wanted) =>
        levels.Where(l => Math.Max(mpp.X, mpp.Y) * l.Downsample <= wanted * (1 + Slack)).MaxBy(l => l.Downsample) ?? levels[0];

    private static bool IsNear(double value, double wanted) => Math.Abs((value / wanted) - 1) <= Slack;

    private static int ReadPx(double exact) => Math.Max(1, checked((int)Math.Round(exact)));

    private static List<PlannedTile> Tiles(GridAxis x, GridAxis y, TissueMask tissue, double minTissueShare)
    {
        var tiles = new List<PlannedTile>();
        for (int row = 0; y.Start(row) < y.Length; row++)
        {
            long top = y.Start(row);
            for (int column = 0; x.Start(column) < x.Length; column++)
            {
                long left = x.Start(column);
                if (x.InsideShare(left) * y.InsideShare(top) >= 0.5
                    && (minTissueShare == 0 || tissue.TissueShare(new Level0Rect(left, top, x.Size, y.Size)) >= minTissueShare))
                {
                    tiles.Add(new PlannedTile(left, top));
                }
            }
        }

        return tiles;
    }

    /// <summary>One axis of the grid, level-0 pixels.</summary>
    private readonly struct GridAxis(TileSpec spec, double scale, long length)
    {
        private readonly double _step = Math.Max(1, (spec.SizePx - spec.OverlapPx) * scale);

        public long Length => length;

        public int Size { get; } = checked((int)Math.Max(1, Math.Round(spec.SizePx * scale)));

        public long Start(int index) => (long)Math.Round(index * _step);

        public double InsideShare(long start) => Math.Min(Size, length - start) / (double)Math.Min(Size, length);
    }
}
