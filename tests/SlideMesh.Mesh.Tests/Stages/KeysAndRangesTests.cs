using System.Globalization;
using SlideMesh.Mesh.Stages;
using SlideMesh.Tiling;

namespace SlideMesh.Mesh.Tests.Stages;

public sealed class KeysAndRangesTests
{
    [Fact]
    public void Keys_of_different_values_differ()
    {
        string[] keys =
        [
            Key(k => k),
            Key(k => k.Add("a", "")),
            Key(k => k.Add("a", (string?)null)),
            Key(k => k.Add("a", "null")),
            Key(k => k.Add("a", "b").Add("c", "d")),
            Key(k => k.Add("a", "b;1:c=1:d")),
            Key(k => k.Add("a", "b").Add("cd", "")),
            Key(k => k.Add("ab", "").Add("c", "d")),
            Key(k => k.Add("c", "d").Add("a", "b")),
            Key(k => k.Add("a", "b").Add("c", "d").Add("c", "d")),
            Key(k => k.Add("a", 1L)),
            Key(k => k.Add("a", 0.1 + 0.2)),
            Key(k => k.Add("a", 0.3)),
            Key(k => k.Add("a", 0.5).Add("b", (double?)null)),
            Key(k => k.Add("a", (double?)null).Add("b", 0.5)),
            Key(k => k.Add("a", true)),
            Key(k => k.Add("a", false)),
        ];
        Assert.Equal(keys.Length, keys.Distinct().Count());
        Assert.All(keys, key => Assert.Matches("^[0-9a-f]{64}$", key));
    }

    [Fact]
    public void Key_of_equal_values_is_equal_whatever_the_culture()
    {
        string expected = Key(k => k.Add("mpp", 0.2501).Add("n", 12345L));
        CultureInfo commas = (CultureInfo)CultureInfo.InvariantCulture.Clone();
        commas.NumberFormat.NumberDecimalSeparator = ",";
        commas.NumberFormat.NegativeSign = "~";
        CultureInfo.CurrentCulture = commas;
        Assert.Equal(expected, Key(k => k.Add("mpp", 0.2501).Add("n", 12345L)));
    }

    [Theory]
    [InlineData(0, 256)]
    [InlineData(1, 256)]
    [InlineData(256, 256)]
    [InlineData(257, 256)]
    [InlineData(1000, 7)]
    public void Ranges_cover_every_tile_once_and_in_order(int tiles, int size)
    {
        ShardRange[] ranges = [.. ShardRange.Cut(tiles, size)];
        Assert.Equal(Enumerable.Range(0, tiles), ranges.SelectMany(r => Enumerable.Range(r.Start, r.Count)));
        Assert.Equal(Enumerable.Range(0, ranges.Length), ranges.Select(r => r.Index));
        Assert.All(ranges, r => Assert.InRange(r.Count, 1, size));
    }

    [Fact]
    public void Tile_list_is_read_back_equal()
    {
        using TemporaryFolder folder = new();
        PlannedTile[] tiles = [new(0, 0), new(512, -1), new(long.MaxValue, 7)];
        TileListFile.Write(folder["x.tiles"], tiles);
        Assert.Equal(tiles, TileListFile.Read(folder["x.tiles"]));
        TileListFile.Write(folder["x.tiles"], []);
        Assert.Empty(TileListFile.Read(folder["x.tiles"]));
    }

    private static string Key(Func<StageKey, StageKey> add) => add(new StageKey()).ToString();
}
