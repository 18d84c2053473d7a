using System.Text;
using System.Text.Json;
using SlideMesh.Prediction;
using SlideMesh.Reporting.Evidence;
using SlideMesh.Reporting.Heatmaps;
using SlideMesh.Slides.Pyramid;
using SlideMesh.Slides.Raster;
using SlideMesh.Tiling;

namespace SlideMesh.Reporting.Tests;

public sealed class HeatmapTests
{
    // Reference/percentiles.py
    private static readonly float[] Scores = [0.5f, -1.25f, 3, 0.5f, 0.5f, 2, -1.25f, 9.5f];

    // matplotlib 3.6.3's tables at entries 0, 31, 64, 97, 128, 161, 192, 224 and 255.
    [Theory]
    [InlineData("viridis", new[] { 68, 1, 84, 71, 44, 122, 59, 82, 139, 44, 115, 142, 33, 145, 140, 41, 175, 127, 94, 201, 98, 173, 220, 48, 253, 231, 37 }, 2)]
    [InlineData("coolwarm", new[] { 59, 76, 192, 97, 128, 233, 141, 176, 254, 186, 208, 248, 221, 220, 220, 245, 194, 170, 244, 152, 122, 221, 95, 75, 180, 4, 38 }, 2)]
    [InlineData("jet", new[] { 0, 0, 128, 0, 0, 255, 0, 128, 255, 25, 255, 222, 125, 255, 122, 231, 255, 15, 255, 148, 0, 255, 30, 0, 128, 0, 0 }, 1)]
    public void Colours_match_the_published_tables(string name, int[] expected, int tolerance)
    {
        ColourMap colours = ColourMap.Find(name)!;
        int[] entries = [0, 31, 64, 97, 128, 161, 192, 224, 255];
        for (int i = 0; i < entries.Length; i++)
        {
            Rgb colour = colours[(entries[i] + 0.5) / 256];
            Assert.InRange(colour.R - expected[i * 3], -tolerance, tolerance);
            Assert.InRange(colour.G - expected[(i * 3) + 1], -tolerance, tolerance);
            Assert.InRange(colour.B - expected[(i * 3) + 2], -tolerance, tolerance);
        }
    }

    [Fact]
    public void Percentile_ranks_match_NumPy() =>
        Assert.Equal([0.5, 0.1875, 0.875, 0.5, 0.5, 0.75, 0.1875, 1.0], HeatmapScale.PercentileRanks(Scores));

    [Fact]
    public void Percentile_ranks_leave_NaN_out_of_the_count() =>
        Assert.Equal([double.NaN, 1, 0.5], HeatmapScale.PercentileRanks([float.NaN, 2, 1]));

    [Fact]
    public void Probability_is_drawn_on_its_natural_range()
    {
        HeatmapScale scale = HeatmapScale.For(new TileMap("t", "t", "m", "s", "expected-class", [1, 0.5f, 3], 0, 2));
        Assert.Equal([0.5, 0.25, 1], scale.Shades);
        Assert.Equal((0.0, 2.0, false), (scale.Minimum, scale.Maximum, scale.IsPercentile));
    }

    [Fact]
    public void Overlapping_tiles_are_averaged_and_pixels_without_tiles_are_empty()
    {
        ArrayBag bag = new([], [0, 0, 50, 0], 1) { TileSizeLevel0 = (100, 100) };
        using HeatmapGrid grid = HeatmapGrid.Rasterise(30, 20, 10, 10, [0.2, 0.6], bag);
        Assert.Equal(0.2, grid[4, 9], 6);
        Assert.Equal(0.4, grid[5, 0], 6);
        Assert.Equal(0.6, grid[14, 9], 6);
        Assert.True(double.IsNaN(grid[15, 0]));
        Assert.True(double.IsNaN(grid[0, 10]));
    }

    [Fact]
    public void Part_of_a_grid_equals_the_same_part_of_the_whole()
    {
        double[] shades = HeatmapScale.For(MadeUp.Probability).Shades;
        using HeatmapGrid whole = HeatmapGrid.Rasterise(625, 438, 64, 64, shades, MadeUp.Bag());
        using HeatmapGrid part = HeatmapGrid.Rasterise(100, 80, 64, 64, shades, MadeUp.Bag(), left: 151, top: 93);
        for (int i = 0; i < 100 * 80; i++)
        {
            Assert.Equal(whole[151 + (i % 100), 93 + (i / 100)], part[i % 100, i / 100]);
        }
    }

    [Fact]
    public void Picture_blends_45_percent_of_the_colour_and_leaves_other_pixels_alone()
    {
        RgbImage thumbnail = new(40, 30, [.. Enumerable.Repeat((byte)200, 40 * 30 * 3)]);
        ArrayBag bag = new([], [0, 0], 1) { TileSizeLevel0 = (100, 100) };
        TileMap map = new("t", "t", "m", "s", "probability", [1], 0, 1);
        RgbImage picture = HeatmapPicture.Canvas(thumbnail);
        HeatmapPicture.Render(picture, thumbnail, 10, 10, map, bag);

        Assert.True(picture.Width > 40 && picture.Height >= 30);
        Assert.Equal([224, 214, 127], picture.Pixels[..3]); // 200 · 0.55 + viridis(1) = (253, 231, 37) · 0.45
        int outside = 20 * 3;
        Assert.Equal([200, 200, 200], picture.Pixels[outside..(outside + 3)]);
        Assert.Contains(Enumerable.Range(0, picture.Width * picture.Height), i => picture.Pixels[i * 3] == 0x22 && i % picture.Width > 40);
    }

    [Fact]
    public void Tiff_is_registered_to_the_slide_by_resolution()
    {
        using TemporaryFolder folder = new();
        using (FileStream stream = File.Create(folder["a.tif"]))
        {
            HeatmapTiff.Write(stream, MadeUp.Plan, MadeUp.Probability, MadeUp.Bag(), micronsPerPixel: 10);
        }

        JsonElement read = PythonReader.Read("tiff", folder["a.tif"]);
        Assert.Equal([1000, 700], read.GetProperty("dimensions").Numbers<int>());
        Assert.Equal([255, 255, 255], read.GetProperty("corner").Numbers<int>());
        PlannedTile tile = MadeUp.Plan.Tiles[700];
        Rgb colour = ColourMap.Viridis[MadeUp.Probability.Values[700]];
        int[] pixel = PythonReader.Read("tiff", folder["a.tif"], (tile.X + 256) / 40, (tile.Y + 256) / 40).GetProperty("pixel").Numbers<int>();
        Assert.All(pixel.Zip([colour.R, colour.G, colour.B]), p => Assert.InRange(p.First - p.Second, -6, 6)); // JPEG at quality 92
        string?[] tags = read.GetProperty("resolution").Numbers<string?>();
        Assert.Equal("centimeter", tags[1]);
        Assert.Equal(10, 10000 / double.Parse(tags[0]!), 3);
    }

    [Fact]
    public void Scores_beside_the_picture_are_raw()
    {
        using MemoryStream csv = new();
        ArrayBag bag = new([], [512, 1024], 1);
        TileScoreTable.Write(csv, new TileMap("t", "t", "m", "s", "attention", [-3.25f], null, null), bag);
        Assert.Equal("x,y,width,height,score\n512,1024,512,512,-3.25\n", Encoding.UTF8.GetString(csv.ToArray()));
    }

    [Fact]
    public void Evidence_orders_ties_by_plan_and_never_names_a_tile_twice()
    {
        ArrayBag bag = new([], [.. Enumerable.Range(0, 16).Select(i => (long)i)], 1);
        MapEvidence evidence = MapEvidence.From(new TileMap("t", "t", "m", "s", "attention", Scores, null, null), bag, 3);
        Assert.Equal([7, 2, 5], evidence.Top.Select(t => t.Row));
        Assert.Equal([1, 6, 0], evidence.Bottom.Select(t => t.Row));
        Assert.Equal((14L, 15L, 9.5), (evidence.Top[0].X, evidence.Top[0].Y, evidence.Top[0].Score));

        MapEvidence equal = MapEvidence.From(new TileMap("t", "t", "m", "s", "attention", [1, 1, 1], null, null), new ArrayBag([], [0, 0, 1, 1, 2, 2], 1), 2);
        Assert.Equal([0, 1], equal.Top.Select(t => t.Row));
        Assert.Equal([2], equal.Bottom.Select(t => t.Row));
    }

    [Fact]
    public void Evidence_quantiles_match_NumPy()
    {
        ArrayBag bag = new([], new long[16], 1);
        IReadOnlyList<double> quantiles = MapEvidence.From(new TileMap("t", "t", "m", "s", "attention", Scores, null, null), bag, 1).Quantiles;
        double[] expected = [-1.25, -1.25, 0.0625, 0.5, 2.25, 7.225, 9.5];
        Assert.All(expected.Zip(quantiles), pair => Assert.Equal(pair.First, pair.Second, 12));
    }

    [Fact]
    public void Evidence_tiles_are_named_by_rank_and_score_and_unreadable_ones_left_out()
    {
        MapEvidence evidence = MapEvidence.From(MadeUp.Probability, MadeUp.Bag(), 2);
        IReadOnlyList<EvidenceTile> tiles = EvidenceTiles.Render(evidence, t => t == evidence.Top[1] ? null : MadeUp.Tile(t));
        Assert.Equal(["tmb_top_1_score_0.9495.jpg", "tmb_bottom_1_score_0.0500.jpg", "tmb_bottom_2_score_0.0500.jpg"], tiles.Select(t => t.FileName));
        Assert.Equal([0xFF, 0xD8], tiles[0].Jpeg[..2]);
    }

    [Fact]
    public void Shrinking_averages_and_keeps_the_shape()
    {
        RgbImage image = new(4, 2, [0, 0, 0, 100, 100, 100, 10, 20, 30, 10, 20, 30, 100, 100, 100, 200, 200, 200, 10, 20, 30, 10, 20, 30]);
        RgbImage small = PictureScaling.Shrink(image, 2);
        Assert.Equal((2, 1), (small.Width, small.Height));
        Assert.Equal([100, 100, 100, 10, 20, 30], small.Pixels);
        Assert.Same(image, PictureScaling.Shrink(image, 4));
    }
}
