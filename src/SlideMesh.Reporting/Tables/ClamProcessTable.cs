using System.Globalization;
using SlideMesh.Tissue;

namespace SlideMesh.Reporting.Tables;

/// <summary>
/// CLAM's <c>process_list_autogen.csv</c>: a row per slide with its state and the parameters that its tissue was found by. What has no
/// counterpart here is −1 (levels) or "none".
/// </summary>
public static class ClamProcessTable
{
    /// <summary>CLAM states areas in tiles of 512 pixels on level 0; here at 0.5 µm a pixel.</summary>
    private const double ClamAreaMm2 = 0.256 * 0.256;

    private static readonly string[] Columns =
    [
        "slide_id", "process", "status", "seg_level", "sthresh", "mthresh", "close", "use_otsu", "keep_ids", "exclude_ids", "a_t", "a_h",
        "max_n_holes", "vis_level", "line_thickness", "use_padding", "contour_fn",
    ];

    public static void Write(Stream destination, IEnumerable<SlideSummary> slides, TissueOptions tissue, double minTissueShare)
    {
        ArgumentNullException.ThrowIfNull(slides);
        ArgumentNullException.ThrowIfNull(tissue);
        CsvTable.Write(destination, Columns, slides.Select(slide => Row(slide, tissue, minTissueShare)));
    }

    private static IReadOnlyList<object?> Row(SlideSummary slide, TissueOptions tissue, double minTissueShare)
    {
        string status = slide.State == SlideState.Done ? "processed" : slide.Reason == "no-tissue" ? "failed_seg" : slide.State == SlideState.Failed ? "failed" : "tbp";
        return
        [
            // CLAM cuts the extension off to find the slide's other files.
            slide.SlideId + Path.GetExtension(slide.Path),
            slide.State == SlideState.Done ? 0 : 1,
            status,
            -1,
            tissue.SaturationThreshold,
            tissue.MedianWindow,
            tissue.CloseWindow,
            tissue.UseOtsu,
            "none",
            "none",
            Math.Round(tissue.MinAreaMm2 / ClamAreaMm2, 3),
            Math.Round(tissue.MinHoleAreaMm2 / ClamAreaMm2, 3),
            tissue.MaxHoles,
            -1,
            0,
            false,
            string.Create(CultureInfo.InvariantCulture, $"tissue_share_{minTissueShare}"),
        ];
    }
}
