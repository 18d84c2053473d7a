using SlideMesh.Slides;
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

    /// <summary>20 M positions of 112 µm are 250,000 mm²: a hundred glass slides. Nothing beyond it is looked at.</summary>
    public const long MaxPositions = 20_000_000;

    /// <summary>Tiles of one plan, which are held in memory: 64 MB.</summary>
    public const int MaxTiles = 4_000_000;

    /// <param name="mpp">µm per level-0 pixel.</param>
    /// <exception cref="SlideFormatException">
    /// The slide declares a size that gives more than <see cref="MaxPositions"/> or <see cref="MaxTiles"/>, or a tile needs more pixels
    /// of the file than one buffer holds: <see cref="SlideFailureReason.TooLarge"/>.
    /// </exception>
    public static TilePlan Plan(ISlideSource source, MicronsPerPixel mpp, TissueMask tissue, TileSpec spec, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(tissue);
        TilePlan plan = Lay(source, mpp, spec, out GridAxis x, out GridAxis y);
        return plan with { Tiles = Tiles(source, x, y, tissue, spec.MinTissueShare, cancellation) };
    }

    /// <summary>How tiles of <paramref name="spec"/> are read from a slide, without any tile: for tiles whose corners are known already.</summary>
    /// <param name="mpp">µm per level-0 pixel.</param>
    /// <exception cref="SlideFormatException">As for <see cref="Plan"/>.</exception>
    public static TilePlan Outline(ISlideSource source, MicronsPerPixel mpp, TileSpec spec) => Lay(source, mpp, spec, out _, out _);

    private static TilePlan Lay(ISlideSource source, MicronsPerPixel mpp, TileSpec spec, out GridAxis x, out GridAxis y)
    {
        ArgumentNullException.ThrowIfNull(source);
        ArgumentNullException.ThrowIfNull(mpp);
        Check(spec);

        PyramidLevel slide = source.Levels[0];
        PyramidLevel level = ReadLevel(source.Levels, mpp, spec.MicronsPerPixel);
        bool isNative = IsNear(mpp.X * level.Downsample, spec.MicronsPerPixel) && IsNear(mpp.Y * level.Downsample, spec.MicronsPerPixel);
        double scaleX = isNative ? level.Downsample : spec.MicronsPerPixel / mpp.X;
        double scaleY = isNative ? level.Downsample : spec.MicronsPerPixel / mpp.Y;
        double readWidth = ReadPx(spec.SizePx * scaleX / level.Downsample);
        double readHeight = ReadPx(spec.SizePx * scaleY / level.Downsample);
        CheckSize(source, spec, scaleX, scaleY, readWidth * readHeight);
        x = new GridAxis(spec, scaleX, slide.Width);
        y = new GridAxis(spec, scaleY, slide.Height);
        return new TilePlan
        {
            Spec = spec,
            SlideWidth = slide.Width,
            SlideHeight = slide.Height,
            ReadLevel = level,
            ReadWidthPx = (int)readWidth,
            ReadHeightPx = (int)readHeight,
            SizeLevel0Width = x.Size,
            SizeLevel0Height = y.Size,
            SlideMicronsPerPixel = mpp,
            Tiles = [],
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

    /// <summary>Before anything is cast to whole numbers; written so that a scale that is no number fails too.</summary>
    private static void CheckSize(ISlideSource source, TileSpec spec, double scaleX, double scaleY, double readPixels)
    {
        PyramidLevel slide = source.Levels[0];
        if (!(readPixels * 3 <= Array.MaxLength && spec.SizePx * Math.Max(scaleX, scaleY) <= int.MaxValue))
        {
            throw TooLarge(source, $"a tile of {spec.SizePx} pixels at {spec.MicronsPerPixel} µm needs {readPixels:0} pixels of it at once");
        }

        double positions = GridAxis.Count(spec, scaleX, slide.Width) * GridAxis.Count(spec, scaleY, slide.Height);
        if (!(positions <= MaxPositions))
        {
            throw TooLarge(source, $"{slide.Width} × {slide.Height} pixels would be {positions:0} tiles");
        }
    }

    private static SlideFormatException TooLarge(ISlideSource source, FormattableString why) => new(
        source.Path, SlideFailureReason.TooLarge,
        $"'{source.Path}' is too large: {FormattableString.Invariant(why)}; check its size and microns per pixel with 'inspect'.");

    /// <summary>The coarsest level that is at least as fine as wanted on both axes, with the slack; else level 0.</summary>
    private static PyramidLevel ReadLevel(IReadOnlyList<PyramidLevel> levels, MicronsPerPixel mpp, double wanted) =>
        levels.Where(l => Math.Max(mpp.X, mpp.Y) * l.Downsample <= wanted * (1 + Slack)).MaxBy(l => l.Downsample) ?? levels[0];

    private static bool IsNear(double value, double wanted) => Math.Abs((value / wanted) - 1) <= Slack;

    private static double ReadPx(double exact) => Math.Max(1, Math.Round(exact));

    private static List<PlannedTile> Tiles(
        ISlideSource source, GridAxis x, GridAxis y, TissueMask tissue, double minTissueShare, CancellationToken cancellation)
    {
        var tiles = new List<PlannedTile>();
        for (int row = 0; y.Start(row) < y.Length; row++)
        {
            cancellation.ThrowIfCancellationRequested();
            long top = y.Start(row);
            for (int column = 0; x.Start(column) < x.Length; column++)
            {
                long left = x.Start(column);
                if (x.InsideShare(left) * y.InsideShare(top) >= 0.5
                    && (minTissueShare == 0 || tissue.TissueShare(new Level0Rect(left, top, x.Size, y.Size)) >= minTissueShare))
                {
                    tiles.Add(tiles.Count < MaxTiles ? new PlannedTile(left, top) : throw TooLarge(source, $"more than {MaxTiles} tiles hold tissue"));
                }
            }
        }

        return tiles;
    }

    /// <summary>One axis of the grid, level-0 pixels.</summary>
    private readonly struct GridAxis(TileSpec spec, double scale, long length)
    {
        private readonly double _step = Step(spec, scale);

        public long Length => length;

        public int Size { get; } = (int)Math.Max(1, Math.Round(spec.SizePx * scale));

        public static double Count(TileSpec spec, double scale, long length) => Math.Ceiling(length / Step(spec, scale));

        public long Start(int index) => (long)Math.Round(index * _step);

        public double InsideShare(long start) => Math.Min(Size, length - start) / (double)Math.Min(Size, length);

        private static double Step(TileSpec spec, double scale) => Math.Max(1, (spec.SizePx - spec.OverlapPx) * scale);
    }
}
