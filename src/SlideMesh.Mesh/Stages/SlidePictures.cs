using SlideMesh.Mesh.Cohort;
using SlideMesh.Mesh.Runs;
using SlideMesh.Prediction;
using SlideMesh.Reporting;
using SlideMesh.Reporting.Evidence;
using SlideMesh.Reporting.Features;
using SlideMesh.Reporting.GeoJson;
using SlideMesh.Reporting.Heatmaps;
using SlideMesh.Reporting.Html;
using SlideMesh.Reporting.OutputStore;
using SlideMesh.Slides.Raster;
using SlideMesh.Slides.TurboJpeg;
using SlideMesh.Tiling;

namespace SlideMesh.Mesh.Stages;

/// <summary>What a person looks at: heatmaps, the tiles that they rest on, and the report.</summary>
internal sealed class SlidePictures(RunContext run, CohortEntry slide, PlannedSlide planned, SlideFolder folder)
{
    // Enough for a page on a large screen; the pyramidal TIFF holds the full resolution.
    private const int OverlayEdge = 2048;
    private const int ReportEdge = 900;

    private readonly ColourMap _colours = ColourMap.Find(run.Options.ColourMap) ?? ColourMap.Viridis;

    /// <returns>Paths of the files written.</returns>
    public IEnumerable<string> Write(
        SlideSummary summary, IReadOnlyList<TileMap> maps, IReadOnlyDictionary<string, FeatureFile> bags,
        IReadOnlyList<MapEvidence> evidence, CancellationToken cancellation)
    {
        // From the file, also when it was made a moment ago: a resumed run sees the same pixels.
        using JpegDecoder decoder = new();
        RgbImage whole = decoder.Decode(File.ReadAllBytes(folder.Thumbnail));
        RgbImage thumbnail = PictureScaling.Shrink(whole, OverlayEdge);
        double downsampleX = planned.Document.ThumbnailDownsampleX * whole.Width / thumbnail.Width;
        double downsampleY = planned.Document.ThumbnailDownsampleY * whole.Height / thumbnail.Height;

        RgbImage small = PictureScaling.Shrink(whole, ReportEdge);
        double smallX = planned.Document.ThumbnailDownsampleX * whole.Width / small.Width;
        double smallY = planned.Document.ThumbnailDownsampleY * whole.Height / small.Height;

        List<string> written = [];
        List<HeatmapFigure> figures = [];
        foreach (TileMap map in maps)
        {
            cancellation.ThrowIfCancellationRequested();
            FeatureFile bag = bags[map.Stream];
            RgbImage picture = HeatmapPicture.Render(thumbnail, downsampleX, downsampleY, map, bag, _colours);
            string stem = Path.Combine(folder.Heatmaps, map.Name);
            written.Add(ResultStage.Save(stem + ".png", stream => stream.Write(PngEncoder.Encode(picture))));
            written.Add(ResultStage.Save(stem + ".tif", stream => HeatmapTiff.Write(stream, planned.Plans[map.Stream], map, bag, colours: _colours)));
            written.Add(ResultStage.Save(stem + ".geojson", stream => SlideGeoJson.WriteHeatmap(stream, slide.Id, map, bag, _colours)));
            written.Add(ResultStage.Save(stem + ".csv", stream => TileScoreTable.Write(stream, map, bag)));
            figures.Add(HeatmapFigure.Render(small, smallX, smallY, map, bag, _colours));
        }

        List<EvidenceTile> tiles = [.. evidence.SelectMany(e => EvidenceTiles.Render(e, TileSource(e)))];
        foreach (EvidenceTile tile in tiles)
        {
            written.Add(ResultStage.Save(Path.Combine(folder.TopTiles, tile.FileName), stream => stream.Write(tile.Jpeg)));
        }

        using FileStream contours = File.OpenRead(folder.TissueGeoJson);
        written.Add(ResultStage.Save(folder.Report, stream => stream.Write(SlideReport.Render(new SlideReportInput
        {
            Summary = summary,
            Thumbnail = ReportPicture.Jpeg(small),
            Contours = TissueGeoJsonReader.Read(contours),
            Heatmaps = figures,
            Tiles = tiles,
        }))));
        return written;
    }

    /// <summary>Reads tiles again as the model saw them; a tile that has become unreadable is left out of the report.</summary>
    private Func<TileEvidence, RgbImage?> TileSource(MapEvidence evidence)
    {
        PlannedTile[] corners = [.. evidence.Top.Concat(evidence.Bottom).Select(t => new PlannedTile(t.X, t.Y))];
        TilePlan plan = planned.Plans[evidence.Stream] with { Tiles = corners };
        return tile =>
        {
            using SlideHandles.Lease lease = run.Handles.Open(slide);
            RgbImage pixels = new(plan.Spec.SizePx, plan.Spec.SizePx);
            try
            {
                using TileReader reader = new(lease.Source, plan, run.Options.DecoderScaling);
                reader.Read(Array.IndexOf(corners, new PlannedTile(tile.X, tile.Y)), pixels.Pixels);
                return pixels;
            }
            catch (TileReadException)
            {
                return null;
            }
        };
    }
}
