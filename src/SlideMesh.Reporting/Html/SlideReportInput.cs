using SlideMesh.Prediction;
using SlideMesh.Prediction.Bags;
using SlideMesh.Reporting.Evidence;
using SlideMesh.Reporting.Heatmaps;
using SlideMesh.Slides.Raster;
using SlideMesh.Tissue.Contours;

namespace SlideMesh.Reporting.Html;

/// <summary>What <see cref="SlideReport"/> shows. Pictures should be small: an edge of about 900 pixels for the slide, 256 for tiles.</summary>
public sealed record SlideReportInput
{
    public required SlideSummary Summary { get; init; }

    /// <summary>The whole slide; null when it could not be read.</summary>
    public ReportPicture? Thumbnail { get; init; }

    /// <summary>Drawn over the thumbnail.</summary>
    public IReadOnlyList<TissueContour> Contours { get; init; } = [];

    /// <summary>In the order of the report.</summary>
    public IReadOnlyList<HeatmapFigure> Heatmaps { get; init; } = [];

    /// <summary>Tiles of every map, top and bottom.</summary>
    public IReadOnlyList<EvidenceTile> Tiles { get; init; } = [];
}

/// <summary>A map over the slide. The page draws the colour bar.</summary>
/// <param name="Map">Name of the map.</param>
/// <param name="Minimum">What the lower end of the colours stands for.</param>
/// <param name="Maximum">What the upper end stands for.</param>
public sealed record HeatmapFigure(
    string Map, string Task, string Quantity, string Model, double Minimum, double Maximum, ColourMap Colours, ReportPicture Picture)
{
    /// <summary>Expected class: what the whole numbers of the scale stand for, from 0.</summary>
    public IReadOnlyList<string> ClassLabels { get; init; } = [];

    /// <param name="thumbnail">The picture to draw over, small.</param>
    /// <param name="downsampleX">Level-0 pixels per thumbnail pixel, horizontally.</param>
    /// <param name="downsampleY">Level-0 pixels per thumbnail pixel, vertically.</param>
    /// <param name="scale">The map's, when it is at hand.</param>
    /// <param name="canvas">A picture as large as <paramref name="thumbnail"/> to draw on, which figures can share; null: one is made.</param>
    public static HeatmapFigure Render(
        RgbImage thumbnail, double downsampleX, double downsampleY, TileMap map, IFeatureBag bag, ColourMap? colours = null,
        HeatmapScale? scale = null, RgbImage? canvas = null)
    {
        ArgumentNullException.ThrowIfNull(thumbnail);
        ArgumentNullException.ThrowIfNull(map);
        colours ??= ColourMap.Viridis;
        scale ??= HeatmapScale.For(map);
        canvas ??= new RgbImage(thumbnail.Width, thumbnail.Height);
        HeatmapPicture.RenderOverlay(canvas, thumbnail, downsampleX, downsampleY, bag, scale, colours);
        return new HeatmapFigure(
            map.Name, map.Task, map.Quantity, map.Model, scale.Minimum, scale.Maximum, colours, ReportPicture.Jpeg(canvas))
        {
            ClassLabels = map.ClassLabels,
        };
    }
}
