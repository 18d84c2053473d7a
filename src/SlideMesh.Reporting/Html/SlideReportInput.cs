using SlideMesh.Reporting.Evidence;
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

/// <param name="Map">Name of the map.</param>
/// <param name="Quantity">Its quantity.</param>
public sealed record HeatmapFigure(string Map, string Task, string Quantity, string Model, ReportPicture Picture);
