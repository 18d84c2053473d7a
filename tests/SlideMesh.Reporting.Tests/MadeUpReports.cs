using SlideMesh.Prediction;
using SlideMesh.Reporting.Evidence;
using SlideMesh.Reporting.Heatmaps;
using SlideMesh.Reporting.Html;
using SlideMesh.Reporting.Tables;
using SlideMesh.Slides.Raster;
using SlideMesh.Tissue;

namespace SlideMesh.Reporting.Tests;

internal static class MadeUpReports
{
    public static SlideReportInput Slide()
    {
        SlideSummary summary = MadeUp.Summary();
        TissueResult tissue = MadeUp.Tissue();
        RgbImage small = PictureScaling.Shrink(tissue.Thumbnail, 900);
        double downsample = MadeUp.Plan.SlideWidth / (double)small.Width;
        HeatmapFigure Figure(TileMap map) => HeatmapFigure.Render(small, downsample, downsample, map, MadeUp.Bag());
        return new SlideReportInput
        {
            Summary = summary,
            Thumbnail = ReportPicture.Jpeg(small),
            Contours = tissue.Contours,
            Heatmaps = [Figure(MadeUp.Attention), Figure(MadeUp.Probability)],
            Tiles = [.. summary.Evidence.SelectMany(e => EvidenceTiles.Render(e, MadeUp.Tile))],
        };
    }

    public static RunReportInput Run()
    {
        ReportPicture thumbnail = ReportPicture.Jpeg(PictureScaling.Shrink(MadeUp.Thumbnail(), 160));
        SlideSummary failed = new()
        {
            SoftwareVersion = "0.1.0",
            SlideId = "broken",
            Path = "cohort/broken.svs",
            State = SlideState.Failed,
            Reason = "truncated",
            Detail = "the file ends after 3 of 9 MB; copy it again",
        };
        return new RunReportInput
        {
            Title = "Cohort of 4 slides",
            SoftwareVersion = "0.1.0",
            Slides =
            [
                new(MadeUp.Summary(), "slides/TCGA-A1-0001/report.html", thumbnail),
                new(MadeUp.Summary("TCGA-A1-0002") with { Tasks = MadeUp.Tasks[..2] }, "slides/TCGA-A1-0002/report.html", thumbnail),
                new(failed, "slides/broken/report.html", null),
                new(failed with { SlideId = "later", State = SlideState.Running, Reason = null }, null, null),
            ],
            Failures =
            [
                new("broken", "cohort/broken.svs", "slide", "truncated", "the file ends after 3 of 9 MB; copy it again"),
            ],
            TileFailures = [new("TCGA-A1-0001", "toy-encoder", "tile-unreadable", 2), new("TCGA-A1-0002", "toy-encoder", "tile-unreadable", 1)],
            Models = MadeUp.Summary().Models,
        };
    }
}
