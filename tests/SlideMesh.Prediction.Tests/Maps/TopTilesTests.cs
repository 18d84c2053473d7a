using SlideMesh.Prediction.Maps;

namespace SlideMesh.Prediction.Tests.Maps;

public sealed class TopTilesTests
{
    [Fact]
    public void Ties_go_by_index_on_both_ends()
    {
        TopTiles top = TopTiles.Select(Map(1, 3, 3, 0, 0, 2, 0), 2);

        Assert.Equal([1, 2], top.Highest);
        Assert.Equal([3, 4], top.Lowest);
    }

    [Fact]
    public void Highest_are_served_first_when_there_are_few_tiles()
    {
        TopTiles top = TopTiles.Select(Map(5, 4, 6), 2);

        Assert.Equal([2, 0], top.Highest);
        Assert.Equal([1], top.Lowest);
        Assert.Empty(TopTiles.Select(Map(5, 4, 6), 9).Lowest);
        Assert.Empty(TopTiles.Select(Map(), 3).Highest);
    }

    private static TileMap Map(params float[] values) => new("m", "t", "model", "s", "attention", values, null, null);
}
