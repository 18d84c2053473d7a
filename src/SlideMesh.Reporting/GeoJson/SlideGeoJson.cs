using SlideMesh.Prediction;
using SlideMesh.Prediction.Bags;
using SlideMesh.Reporting.Heatmaps;
using SlideMesh.Slides;
using SlideMesh.Slides.Pyramid;
using SlideMesh.Tissue;
using SlideMesh.Tissue.Contours;
using SlideMesh.Tissue.Quality;

namespace SlideMesh.Reporting.GeoJson;

/// <summary>A slide's findings as GeoJSON for QuPath; coordinates are level-0 pixels. The destination stays open.</summary>
public static class SlideGeoJson
{
    private static readonly Rgb TissueColour = new(0x1F, 0x8A, 0x70);
    private static readonly Rgb PenColour = new(0xC2, 0x3B, 0x8E);
    private static readonly Rgb BlurColour = new(0x8C, 0x6D, 0x1F);
    private static readonly Rgb BackgroundColour = new(0x9A, 0x9A, 0x9A);

    /// <summary><c>tissue.geojson</c>: an annotation per piece of tissue, with its holes and area.</summary>
    public static void WriteTissue(Stream destination, SlideId slide, TissueResult tissue)
    {
        ArgumentNullException.ThrowIfNull(tissue);
        using QuPathWriter writer = new(destination, slide);
        foreach (TissueContour contour in tissue.Contours)
        {
            writer.Write("tissue", "annotation", "Tissue", TissueColour, contour.Outer, contour.Holes, [("area_mm2", contour.AreaMm2)]);
        }

        writer.Complete();
    }

    /// <summary><c>heatmaps/&lt;map&gt;.geojson</c>: a tile per row with the raw score, and the percentile where that is what is drawn.</summary>
    /// <param name="bag">The features that the map's values follow; only its coordinates are read.</param>
    /// <param name="scale">The map's, when it is at hand.</param>
    public static void WriteHeatmap(
        Stream destination, SlideId slide, TileMap map, IFeatureBag bag, ColourMap? colours = null, HeatmapScale? scale = null)
    {
        ArgumentNullException.ThrowIfNull(map);
        ArgumentNullException.ThrowIfNull(bag);
        scale ??= HeatmapScale.For(map);
        ReadOnlySpan<long> corners = bag.Coordinates;
        ArgumentOutOfRangeException.ThrowIfNotEqual(map.Values.Length, bag.Count, nameof(map));
        colours ??= ColourMap.Viridis;
        string classification = $"{map.Name} {map.Quantity}";
        Level0Point[] ring = new Level0Point[4];
        using QuPathWriter writer = new(destination, slide);
        for (int i = 0; i < map.Values.Length; i++)
        {
            double shade = scale.Shades[i];
            ReadOnlySpan<(string, double)> measurements = scale.IsPercentile
                ? [(map.Quantity, map.Values[i]), ("percentile", shade * 100)]
                : [(map.Quantity, map.Values[i])];
            writer.Write(
                map.Name,
                "tile",
                classification,
                double.IsFinite(shade) ? colours[shade] : BackgroundColour,
                Rectangle(ring, corners[i * 2], corners[(i * 2) + 1], bag.TileSizeLevel0),
                [],
                measurements);
        }

        writer.Complete();
    }

    /// <summary>
    /// <c>quality.geojson</c>: a tile for each one that is mostly pen, mostly background or blurred, by the run's thresholds (in that order:
    /// a tile appears once).
    /// </summary>
    /// <param name="quality">Findings on each row of <paramref name="bag"/>.</param>
    public static void WriteQuality(
        Stream destination, SlideId slide, IFeatureBag bag, ReadOnlySpan<TileQuality> quality, QualityThresholds thresholds)
    {
        ArgumentNullException.ThrowIfNull(bag);
        ArgumentNullException.ThrowIfNull(thresholds);
        ArgumentOutOfRangeException.ThrowIfNotEqual(quality.Length, bag.Count);
        ReadOnlySpan<long> corners = bag.Coordinates;
        Level0Point[] ring = new Level0Point[4];
        using QuPathWriter writer = new(destination, slide);
        for (int i = 0; i < quality.Length; i++)
        {
            TileQuality finding = quality[i];
            (string Name, Rgb Colour)? flag =
                finding.PenShare >= thresholds.PenShare ? ("Pen", PenColour)
                : finding.BackgroundShare >= thresholds.BackgroundShare ? ("Background", BackgroundColour)
                : finding.BlurVariance < thresholds.BlurVariance ? ("Blurred", BlurColour)
                : null;
            if (flag is (string name, Rgb colour))
            {
                writer.Write(
                    "quality",
                    "tile",
                    name,
                    colour,
                    Rectangle(ring, corners[i * 2], corners[(i * 2) + 1], bag.TileSizeLevel0),
                    [],
                    [("background_share", finding.BackgroundShare), ("pen_share", finding.PenShare), ("blur_variance", finding.BlurVariance)]);
            }
        }

        writer.Complete();
    }

    /// <summary>Into one array for all tiles of a file: there are tens of thousands.</summary>
    private static Level0Point[] Rectangle(Level0Point[] ring, long x, long y, (int Width, int Height) size)
    {
        (ring[0], ring[1]) = (new(x, y), new(x + size.Width, y));
        (ring[2], ring[3]) = (new(x + size.Width, y + size.Height), new(x, y + size.Height));
        return ring;
    }
}
