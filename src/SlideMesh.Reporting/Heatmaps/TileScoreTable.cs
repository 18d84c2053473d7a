using System.Globalization;
using SlideMesh.Prediction;
using SlideMesh.Prediction.Bags;

namespace SlideMesh.Reporting.Heatmaps;

/// <summary>
/// <c>heatmaps/&lt;map&gt;.csv</c>: the raw scores behind the picture, <c>x,y,width,height,score</c> in level-0 pixels, plan order. Where places in
/// level-0 pixels are not known, the columns are what is known instead: <c>x,y,score</c>, <c>x_um,y_um,score</c> or <c>row,score</c>.
/// </summary>
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

    /// <summary>For a map whose tiles have corners but no size.</summary>
    public static void WriteCorners(Stream destination, TileMap map, ReadOnlySpan<long> corners)
    {
        ArgumentNullException.ThrowIfNull(map);
        ArgumentOutOfRangeException.ThrowIfNotEqual(corners.Length, map.Values.Length * 2, nameof(corners));
        using StreamWriter writer = new(destination, leaveOpen: true) { NewLine = "\n" };
        writer.WriteLine("x,y,score");
        for (int i = 0; i < map.Values.Length; i++)
        {
            writer.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{corners[i * 2]},{corners[(i * 2) + 1]},{map.Values[i]}"));
        }
    }

    /// <summary>For a map whose tiles lie in µm, of a slide whose µm per pixel nobody knows.</summary>
    public static void WriteMicrons(Stream destination, TileMap map, ReadOnlySpan<double> corners)
    {
        ArgumentNullException.ThrowIfNull(map);
        ArgumentOutOfRangeException.ThrowIfNotEqual(corners.Length, map.Values.Length * 2, nameof(corners));
        using StreamWriter writer = new(destination, leaveOpen: true) { NewLine = "\n" };
        writer.WriteLine("x_um,y_um,score");
        for (int i = 0; i < map.Values.Length; i++)
        {
            writer.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{corners[i * 2]},{corners[(i * 2) + 1]},{map.Values[i]}"));
        }
    }

    /// <summary>For a map whose tiles lie nobody knows where: <c>row</c> counts the rows of the features from 0.</summary>
    public static void WriteRows(Stream destination, TileMap map)
    {
        ArgumentNullException.ThrowIfNull(map);
        using StreamWriter writer = new(destination, leaveOpen: true) { NewLine = "\n" };
        writer.WriteLine("row,score");
        for (int i = 0; i < map.Values.Length; i++)
        {
            writer.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{i},{map.Values[i]}"));
        }
    }
}
