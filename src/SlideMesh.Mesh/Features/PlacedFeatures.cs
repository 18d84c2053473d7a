using System.Globalization;
using SlideMesh.Prediction.Bags;
using SlideMesh.Reporting.Features;
using SlideMesh.Slides.Pyramid;

namespace SlideMesh.Mesh.Features;

/// <summary>
/// Features with the places of their tiles in level-0 pixels, as far as they can be known: µm become pixels when the slide's µm per pixel
/// are known, and the edge of a tile that no file states is told by the option or by the distance of tiles. Does not own the file.
/// </summary>
public sealed class PlacedFeatures : IFeatureBag
{
    private readonly FeatureFile _file;
    private readonly long[]? _corners;

    /// <param name="shown">How notes name the file.</param>
    /// <param name="mpp">µm per level-0 pixel of the slide; null when nobody knows.</param>
    public PlacedFeatures(FeatureFile file, string shown, MicronsPerPixel? mpp, FeatureRules rules, ICollection<string> notes)
    {
        ArgumentNullException.ThrowIfNull(file);
        ArgumentNullException.ThrowIfNull(rules);
        ArgumentNullException.ThrowIfNull(notes);
        _file = file;
        switch (file.Claims.Unit)
        {
            case CoordinateUnit.Level0Pixels:
                TileSizeLevel0 = file.TileSizeLevel0 is { Width: > 0, Height: > 0 } stated ? stated : Given(shown, rules, notes);
                IsPlaced = TileSizeLevel0.Width > 0;
                if (!IsPlaced && file.Count > 0)
                {
                    notes.Add($"'{shown}' does not say how large its tiles are (give --tile-level0): no heatmaps; scores are listed by corner");
                }

                break;
            case CoordinateUnit.Microns when mpp is not null && file.Claims.TileMicrons is double edge:
                _corners = new long[file.Microns.Length];
                for (int i = 0; i < _corners.Length; i++)
                {
                    _corners[i] = Round(file.Microns[i] / (i % 2 == 0 ? mpp.X : mpp.Y));
                }

                TileSizeLevel0 = ((int)Math.Max(1, Round(edge / mpp.X)), (int)Math.Max(1, Round(edge / mpp.Y)));
                IsPlaced = true;
                break;
            case CoordinateUnit.Microns:
                notes.Add($"'{shown}' places its tiles in um, and {(mpp is null ? "the slide's microns per pixel are not known (manifest column mpp, --slides or --default-mpp)" : "does not say how large they are")}: no heatmaps; scores are listed in um");
                break;
            default:
                notes.Add($"'{shown}' does not say where its tiles lie: no heatmaps; scores are listed by row");
                break;
        }
    }

    public int Count => _file.Count;

    public int Dimension => _file.Dimension;

    /// <summary>Empty where they are not known in level-0 pixels.</summary>
    public ReadOnlySpan<long> Coordinates => _corners ?? _file.Coordinates;

    public (int Width, int Height) TileSizeLevel0 { get; }

    /// <summary>Whether corners and size of every tile are known in level-0 pixels.</summary>
    public bool IsPlaced { get; }

    public FeatureFile File => _file;

    public void Read(int start, int count, Span<float> destination) => _file.Read(start, count, destination);

    private (int Width, int Height) Given(string shown, FeatureRules rules, ICollection<string> notes)
    {
        if (rules.TileSizeLevel0 is int edge)
        {
            return (edge, edge);
        }

        int step = Step(_file.Coordinates);
        if (step > 0)
        {
            notes.Add(string.Create(
                CultureInfo.InvariantCulture,
                $"'{shown}' does not say how large its tiles are: {step} level-0 pixels, the distance of neighbours, are taken (give --tile-level0 when tiles overlap)"));
        }

        return (step, step);
    }

    /// <summary>
    /// The most frequent distance of neighbours in a row of tiles, 0 when there are no neighbours. Not the smallest: CLAM starts a grid of
    /// its own in each piece of tissue, and two grids may meet in a row.
    /// </summary>
    private static int Step(ReadOnlySpan<long> corners)
    {
        (long Y, long X)[] tiles = new (long, long)[corners.Length / 2];
        for (int i = 0; i < tiles.Length; i++)
        {
            tiles[i] = (corners[(2 * i) + 1], corners[2 * i]);
        }

        Array.Sort(tiles);
        Dictionary<long, int> distances = [];
        for (int i = 1; i < tiles.Length; i++)
        {
            long distance = tiles[i].X - tiles[i - 1].X;
            if (tiles[i].Y == tiles[i - 1].Y && distance is > 0 and <= 1 << 20)
            {
                distances[distance] = distances.GetValueOrDefault(distance) + 1;
            }
        }

        return distances.Count == 0 ? 0 : (int)distances.OrderByDescending(d => d.Value).ThenBy(d => d.Key).First().Key;
    }

    private static long Round(double value) => (long)Math.Round(value, MidpointRounding.AwayFromZero);
}
