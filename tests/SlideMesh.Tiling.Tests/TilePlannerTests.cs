using SlideMesh.Slides;
using SlideMesh.Slides.Pyramid;
using SlideMesh.Slides.Tests;
using SlideMesh.Tissue;

namespace SlideMesh.Tiling.Tests;

public class TilePlannerTests
{
    private static readonly TileSpec Native = new() { MicronsPerPixel = 0.5, SizePx = 224 };

    public static TheoryData<double, double, double, int, int> Grids => new()
    {
        { 0.5, 0.5, 0.5, 224, 0 },
        { 0.499, 0.499, 0.5, 256, 0 },
        { 0.2527, 0.2527, 0.5, 224, 0 },
        { 0.2527, 0.2527, 1.0, 100, 25 },
        { 0.5, 0.25, 0.5, 128, 0 },
        { 0.23, 0.31, 0.7, 96, 48 },
        { 1.0, 1.0, 0.5, 64, 0 },
    };

    [Theory]
    [MemberData(nameof(Grids))]
    public void Grid_does_not_drift_and_neighbours_meet(double mppX, double mppY, double wanted, int size, int overlap)
    {
        TilePlan plan = Plan(mppX, mppY, new TileSpec { MicronsPerPixel = wanted, SizePx = size, OverlapPx = overlap, MinTissueShare = 0 });
        AssertAxis([.. plan.Tiles.Select(t => t.X).Distinct().Order()], plan.SizeLevel0Width, wanted / mppX, size, overlap, plan.SlideWidth);
        AssertAxis([.. plan.Tiles.Select(t => t.Y).Distinct().Order()], plan.SizeLevel0Height, wanted / mppY, size, overlap, plan.SlideHeight);
        Assert.Equal(plan.Tiles.OrderBy(t => t.Y).ThenBy(t => t.X), plan.Tiles);
        Assert.Equal(plan.Tiles.Count, plan.Tiles.Distinct().Count());
    }

    private static void AssertAxis(long[] starts, int tile, double scale, int size, int overlap, long length)
    {
        // Within the slack the level's own resolution is used, so the step may be 1 % off the wanted one, but it never drifts.
        double step = (size - overlap) * (Math.Abs(scale - 1) <= 0.0101 || Math.Abs((scale / 2) - 1) <= 0.0101 ? Math.Round(scale) : scale);
        Assert.Equal(0, starts[0]);
        for (int i = 0; i < starts.Length; i++)
        {
            Assert.InRange(starts[i] - (i * step), -0.5001, 0.5001);
        }

        // Whole with overlap 0: neighbours neither overlap nor leave a gap by more than the rounding of two corners and a size.
        Assert.All(starts.Zip(starts.Skip(1)), p => Assert.InRange(p.First + tile - p.Second - (overlap * step / (size - overlap)), -1.51, 1.51));
        Assert.True(starts[^1] + (tile / 2.0) <= length);
        Assert.True(starts[^1] + step + (tile / 2.0) >= length - 1);
    }

    [Fact]
    public void Native_tiles_neither_overlap_nor_leave_gaps()
    {
        TilePlan plan = Plan(0.499, 0.499, Native with { MinTissueShare = 0 });
        Assert.Equal((224, 224, 224, 224), (plan.SizeLevel0Width, plan.SizeLevel0Height, plan.ReadWidthPx, plan.ReadHeightPx));
        Assert.All(plan.Tiles, t => Assert.Equal((0, 0), (t.X % 224, t.Y % 224)));
    }

    [Fact]
    public void Tiles_cover_all_tissue_that_lies_within_the_grid()
    {
        // Tissue: a disc. Every tile that touches it must be there when the least share goes to nothing.
        TissueMask mask = Mask(400, 300, 8, (x, y) => ((x - 200) * (x - 200)) + ((y - 150) * (y - 150)) < 110 * 110);
        using MemorySlide slide = Slide(3200, 2400);
        TilePlan plan = TilePlanner.Plan(slide, Mpp(0.5, 0.5), mask, Native with { MinTissueShare = 1e-9 });
        var covered = new HashSet<(int, int)>(plan.Tiles.SelectMany(t =>
            from y in Enumerable.Range((int)t.Y / 8, 28) from x in Enumerable.Range((int)t.X / 8, 28) select (x, y)));
        for (int y = 0; y < 300; y++)
        {
            for (int x = 0; x < 400; x++)
            {
                Assert.True(!mask[x, y] || covered.Contains((x, y)));
            }
        }

        Assert.All(plan.Tiles, t => Assert.True(mask.TissueShare(new Level0Rect(t.X, t.Y, 224, 224)) > 0));
        Assert.True(plan.Tiles.Count < Plan(0.5, 0.5, Native with { MinTissueShare = 0 }).Tiles.Count);
    }

    [Fact]
    public void Share_below_the_minimum_leaves_a_tile_out()
    {
        TissueMask mask = Mask(28 * 4, 28, 8, (x, y) => x % 28 < x / 28 * 7);
        using MemorySlide slide = Slide(224 * 4, 224);
        Assert.Equal([448, 672], Xs(0.3));
        Assert.Equal([224, 448, 672], Xs(0.25));
        Assert.Equal([672], Xs(0.75));
        Assert.Empty(Xs(0.76));

        IEnumerable<long> Xs(double share) =>
            TilePlanner.Plan(slide, Mpp(0.5, 0.5), mask, Native with { MinTissueShare = share }).Tiles.Select(t => t.X);
    }

    [Theory]
    [InlineData(0.25, 0)]
    [InlineData(0.5, 0)]
    [InlineData(0.99, 0)]
    [InlineData(1, 1)]
    [InlineData(1.98, 1)]
    [InlineData(1.985, 2)]
    [InlineData(2, 2)]
    [InlineData(8, 3)]
    [InlineData(100, 3)]
    public void Read_level_is_the_coarsest_that_is_fine_enough_within_one_percent(double wanted, int level)
    {
        using var slide = new MemorySlide(Pictures.Gradient(1600, 1600), 2, 4, 16);
        TissueMask mask = Mask(100, 100, 16, (_, _) => true);
        Assert.Equal(level, TilePlanner.Plan(slide, Mpp(0.5, 0.5), mask, Native with { MicronsPerPixel = wanted }).ReadLevel.Index);
    }

    [Fact]
    public void Anisotropic_slide_is_read_by_its_finer_need()
    {
        using var slide = new MemorySlide(Pictures.Gradient(1600, 1600), 2, 4);
        TilePlan plan = TilePlanner.Plan(slide, Mpp(0.25, 0.5), Mask(100, 100, 16, (_, _) => true), Native with { MicronsPerPixel = 1, SizePx = 100 });
        Assert.Equal(1, plan.ReadLevel.Index);
        Assert.Equal((400, 200), (plan.SizeLevel0Width, plan.SizeLevel0Height));
        Assert.Equal((200, 100), (plan.ReadWidthPx, plan.ReadHeightPx));
    }

    [Theory]
    [InlineData(111, 1)]
    [InlineData(335, 1)]
    [InlineData(336, 2)]
    [InlineData(448, 2)]
    public void Tile_that_overhangs_by_more_than_half_is_left_out_but_a_tiny_slide_keeps_one(int width, int columns)
    {
        using MemorySlide slide = Slide(width, 224);
        TilePlan plan = TilePlanner.Plan(slide, Mpp(0.5, 0.5), Mask(width, 224, 1, (_, _) => true), Native with { MinTissueShare = 0 });
        Assert.Equal(columns, plan.Tiles.Count);
    }

    [Fact]
    public void Same_input_gives_the_same_plan()
    {
        TileSpec spec = Native with { MicronsPerPixel = 0.37, OverlapPx = 10 };
        Assert.Equal(Plan(0.23, 0.23, spec).Tiles, Plan(0.23, 0.23, spec).Tiles);
    }

    [Theory]
    [InlineData(0, 0, 0.5, 0.3)]
    [InlineData(224, 224, 0.5, 0.3)]
    [InlineData(224, -1, 0.5, 0.3)]
    [InlineData(224, 0, 0, 0.3)]
    [InlineData(224, 0, 0.5, 1.1)]
    public void Impossible_specification_is_refused(int size, int overlap, double mpp, double share) => Assert.Throws<ArgumentOutOfRangeException>(
        () => Plan(0.5, 0.5, new TileSpec { SizePx = size, OverlapPx = overlap, MicronsPerPixel = mpp, MinTissueShare = share }));

    [Theory]
    [InlineData(long.MaxValue, long.MaxValue, 0.5)]
    [InlineData(1L << 40, 1, 0.5)]
    [InlineData(1_100_000, 1_100_000, 0.5)]
    [InlineData(1_000_000, 1_000_000, 20)]
    public void Slide_that_declares_an_absurd_size_is_refused_before_any_work(long width, long height, double wanted)
    {
        using var slide = new EndlessSlide(width, height);
        TileSpec spec = Native with { MicronsPerPixel = wanted, SizePx = wanted > 1 ? 1_000_000_000 : 224, MinTissueShare = 0 };
        SlideFormatException refused = Assert.Throws<SlideFormatException>(() => TilePlanner.Plan(slide, Mpp(0.5, 0.5), Mask(1, 1, 1, (_, _) => true), spec));
        Assert.Equal(SlideFailureReason.TooLarge, refused.Reason);
    }

    [Fact]
    public void More_tiles_than_a_plan_may_hold_are_refused()
    {
        using var slide = new EndlessSlide(224 * 2500, 224 * 2500);
        SlideFormatException refused = Assert.Throws<SlideFormatException>(
            () => TilePlanner.Plan(slide, Mpp(0.5, 0.5), Mask(1, 1, 1, (_, _) => true), Native with { MinTissueShare = 0 }));
        Assert.Equal(SlideFailureReason.TooLarge, refused.Reason);
    }

    [Fact]
    public void Large_slide_without_much_tissue_is_planned()
    {
        using var slide = new EndlessSlide(224 * 2500, 224 * 2500);
        TissueMask mask = Mask(250, 250, 2240, (x, y) => x == 3 && y == 4);
        Assert.Equal(100, TilePlanner.Plan(slide, Mpp(0.5, 0.5), mask, Native).Tiles.Count);
    }

    [Fact]
    public void Planning_can_be_stopped()
    {
        using MemorySlide slide = Slide(3200, 2400);
        using CancellationTokenSource stop = new();
        stop.Cancel();
        Assert.Throws<OperationCanceledException>(
            () => TilePlanner.Plan(slide, Mpp(0.5, 0.5), Mask(400, 300, 8, (_, _) => true), Native, stop.Token));
    }

    private static TilePlan Plan(double mppX, double mppY, TileSpec spec)
    {
        using MemorySlide slide = Slide(3200, 2400);
        return TilePlanner.Plan(slide, Mpp(mppX, mppY), Mask(400, 300, 8, (_, _) => true), spec);
    }

    private static MemorySlide Slide(int width, int height) => new(new Slides.Raster.RgbImage(width, height));

    /// <summary>A slide that only declares its size.</summary>
    private sealed class EndlessSlide(long width, long height) : ISlideSource
    {
        public string Path => "endless.tif";

        public string Vendor => "none";

        public string Reader => "none";

        public IReadOnlyList<PyramidLevel> Levels => [new PyramidLevel(0, width, height, 1)];

        public double? ObjectivePower => null;

        public MicronsPerPixel? MicronsPerPixel => null;

        public long PixelsPerSecond => 1;

        public (int Width, int Height) TilePx(int level) => (256, 256);

        public void ReadRegion(Level0Point origin, int level, int width, int height, Span<byte> rgb) => throw new NotSupportedException();

        public void Dispose()
        {
        }
    }

    private static MicronsPerPixel Mpp(double x, double y) => new(x, y, MicronsPerPixelSource.Manifest);

    private static TissueMask Mask(int width, int height, double downsample, Func<int, int, bool> isTissue)
    {
        var pixels = new byte[width * height];
        for (int i = 0; i < pixels.Length; i++)
        {
            pixels[i] = isTissue(i % width, i / width) ? (byte)1 : (byte)0;
        }

        return new TissueMask(width, height, downsample, downsample, pixels);
    }
}
