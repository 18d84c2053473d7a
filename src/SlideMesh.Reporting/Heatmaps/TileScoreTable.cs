using System.Globalization;
using SlideMesh.Prediction;
using SlideMesh.Prediction.Bags;

namespace SlideMesh.Reporting.Heatmaps;

/// <summary><c>heatmaps/&lt;map&gt;.csv</c>: the raw scores behind the picture, <c>x,y,width,height,score</c> in level-0 pixels, plan order.</summary>
public static class TileScoreTable
{
    public static void Write(Stream destination, TileMap map, IFeatureBag bag)
    {
        ArgumentNullException.ThrowIfNull(map);
        ArgumentNullException.ThrowIfNull(bag);
        ArgumentOutOfRangeException.ThrowIfNotEqual(map.Values.Length, bag.Count, nameof(map));
        using StreamWriter writer = new(destination, leaveOpen: true) { NewLine = "\n" };
        writer.WriteLine("x,y,width,height,score");
        ReadOnlySpan<long> corners = bag.Coordinates;
        (int width, int height) = bag.TileSizeLevel0;
        for (int i = 0; i < map.Values.Length; i++)
        {
            writer.WriteLine(string.Create(
                CultureInfo.InvariantCulture, $"{corners[i * 2]},{corners[(i * 2) + 1]},{width},{height},{map.Values[i]}"));
        }
    }
}
