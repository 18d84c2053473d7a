using SlideMesh.Prediction.Bags;
using SlideMesh.Prediction.Maps;
using SlideMesh.Prediction.Tests.Fakes;

namespace SlideMesh.Prediction.Tests.Maps;

public sealed class ScaleMergeTests
{
    [Fact]
    public void Fine_tiles_get_the_mean_of_the_scales_that_cover_their_centre()
    {
        // 2 × 2 coarse tiles of 100 without the one at the bottom right, 4 × 4 fine tiles of 50, one giant tile over the left half.
        ArrayFeatureBag fine = Grid(50, [.. from y in Enumerable.Range(0, 4) from x in Enumerable.Range(0, 4) select (50L * x, 50L * y)]);
        ArrayFeatureBag coarse = Grid(100, (0, 0), (100, 0), (0, 100));
        ArrayFeatureBag giant = Grid(200, (-100, 0));
        float[] fineValues = [.. Enumerable.Range(0, 16).Select(i => i / 16f)];

        float[] merged = ScaleMerge.Combine([(giant, [0.9f]), (fine, fineValues), (coarse, [0.1f, 0.2f, 0.3f])]);

        for (int i = 0; i < 16; i++)
        {
            (bool left, bool top) = (i % 4 < 2, i < 8);
            double?[] covering = [fineValues[i], left ? 0.9f : null, (left, top) switch { (true, true) => 0.1f, (false, true) => 0.2f, (true, false) => 0.3f, _ => null }];
            Assert.Equal(covering.Where(c => c is not null).Average()!.Value, merged[i], 1e-6);
        }
    }

    [Fact]
    public void Of_overlapping_coarse_tiles_the_nearest_counts()
    {
        ArrayFeatureBag fine = Grid(50, (0, 0), (50, 0), (100, 0), (150, 0));
        ArrayFeatureBag overlapping = Grid(100, (0, -25), (50, -25), (100, -25));

        // Centres of the fine tiles: 25, 75, 125, 175; of the coarse: 50, 100, 150. 75 and 125 lie between two: the first counts.
        float[] merged = ScaleMerge.Combine([(fine, [0, 0, 0, 0]), (overlapping, [2, 4, 6])]);

        Assert.Equal([1f, 1f, 2f, 3f], merged);
    }

    [Fact]
    public void Every_covering_tile_is_found_wherever_the_grid_starts()
    {
        var random = new Random(3);
        for (int trial = 0; trial < 200; trial++)
        {
            int edge = random.Next(60, 300);
            long[] at = [random.Next(-500, 500), random.Next(-500, 500)];
            ArrayFeatureBag coarse = Grid(edge, (at[0], at[1]));
            long x = at[0] + random.Next(edge) - 25;
            long y = at[1] + random.Next(edge) - 25;

            // The fine tile's centre lies inside of the coarse one.
            float[] merged = ScaleMerge.Combine([(coarse, [1]), (Grid(50, (x, y)), [0])]);

            Assert.Equal(0.5f, Assert.Single(merged));
        }
    }

    [Fact]
    public void Large_grids_merge_in_linear_time()
    {
        // 400 × 400 fine tiles over 100 × 100 coarse ones: a search through all pairs would be 1.6 thousand million steps.
        var fine = new FormulaBag(160_000, 1, columns: 400, edge: 64);
        var coarse = new FormulaBag(10_000, 1, columns: 100, edge: 256);
        float[] coarseValues = [.. Enumerable.Range(0, 10_000).Select(i => (float)i)];

        float[] merged = ScaleMerge.Combine([(fine, new float[160_000]), (coarse, coarseValues)]);

        Assert.All(
            new[] { 0, 399, 81_234, 159_999 },
            i => Assert.Equal(((i / 400 / 4 * 100) + (i % 400 / 4)) / 2f, merged[i]));
    }

    private static ArrayFeatureBag Grid(int edge, params (long X, long Y)[] tiles) =>
        new(1, new float[tiles.Length], [.. tiles.SelectMany(t => new[] { t.X, t.Y })], (edge, edge));
}
