using SlideMesh.Inference.Batching;
using SlideMesh.Mesh.Cohort;
using SlideMesh.Mesh.Runs;
using SlideMesh.Prediction;
using SlideMesh.Prediction.Bags;
using SlideMesh.Reporting;
using SlideMesh.Reporting.Evidence;
using SlideMesh.Reporting.GeoJson;
using SlideMesh.Reporting.Heatmaps;
using SlideMesh.Reporting.Html;
using SlideMesh.Reporting.OutputStore;
using SlideMesh.Slides;
using SlideMesh.Slides.Raster;
using SlideMesh.Slides.TurboJpeg;
using SlideMesh.Tiling;
using SlideMesh.Tissue.Contours;

namespace SlideMesh.Mesh.Stages;

/// <summary>What pictures of a slide are made from.</summary>
internal sealed record PictureSources
{
    /// <summary>The whole slide as a JPEG, and its level-0 pixels per pixel; null when the slide is not at hand.</summary>
    public (string Path, double DownsampleX, double DownsampleY)? Thumbnail { get; init; }

    /// <summary>By stream; a map whose stream has none gets no TIFF and no pictures of tiles.</summary>
    public required IReadOnlyDictionary<string, TilePlan> Plans { get; init; }

    /// <summary>Outlines of the tissue, level-0 pixels.</summary>
    public IReadOnlyList<TissueContour> Contours { get; init; } = [];

    /// <summary>What is opened for pictures of tiles; null when the slide is not at hand.</summary>
    public CohortEntry? Slide { get; init; }

    /// <summary>Of a slide that was planned here.</summary>
    public static PictureSources Of(CohortEntry slide, PlannedSlide planned, SlideFolder folder)
    {
        using FileStream contours = File.OpenRead(folder.TissueGeoJson);
        return new PictureSources
        {
            Thumbnail = (folder.Thumbnail, planned.Document.ThumbnailDownsampleX, planned.Document.ThumbnailDownsampleY),
            Plans = planned.Plans,
            Contours = TissueGeoJsonReader.Read(contours),
            Slide = slide,
        };
    }
}

/// <summary>What a person looks at: heatmaps, the tiles that they rest on, and the report.</summary>
internal sealed class SlidePictures(RunContext run, SlideId slide, PictureSources sources, SlideFolder folder)
{
    // Enough for a page on a large screen; the pyramidal TIFF holds the full resolution.
    private const int OverlayEdge = 2048;
    private const int ReportEdge = 900;

    private readonly ColourMap _colours = ColourMap.Find(run.Options.ColourMap) ?? ColourMap.Viridis;

    /// <returns>Paths of the files written.</returns>
    public IEnumerable<string> Write(
        SlideSummary summary, IReadOnlyList<TileMap> maps, IReadOnlyDictionary<string, IFeatureBag> bags,
        IReadOnlyList<MapEvidence> evidence, CancellationToken cancellation)
    {
        (Overview Large, Overview Small)? overviews = sources.Thumbnail is { } thumbnail ? Overviews(thumbnail.Path, thumbnail.DownsampleX, thumbnail.DownsampleY) : null;
        RgbImage? canvas = overviews is { } shown ? new RgbImage(shown.Small.Picture.Width, shown.Small.Picture.Height) : null;
        List<string> written = [];
        List<HeatmapFigure> figures = [];
        foreach (TileMap map in maps)
        {
            cancellation.ThrowIfCancellationRequested();
            IFeatureBag bag = bags[map.Stream];
            if (bag.Count >= ManagedHeap.LargeSlideTiles)
            {
                ManagedHeap.Sweep();
            }

            string stem = Path.Combine(folder.Heatmaps, map.Name);
            HeatmapScale scale = HeatmapScale.For(map);
            if (canvas is not null && overviews is (var large, var small))
            {
                written.Add(ResultStage.Save(
                    stem + ".png", stream => HeatmapPicture.Write(stream, large.Picture, large.DownsampleX, large.DownsampleY, map, bag, _colours, scale)));
                figures.Add(HeatmapFigure.Render(small.Picture, small.DownsampleX, small.DownsampleY, map, bag, _colours, scale, canvas));
            }

            if (sources.Plans.TryGetValue(map.Stream, out TilePlan? plan))
            {
                written.Add(ResultStage.Save(stem + ".tif", stream => HeatmapTiff.Write(stream, plan, map, bag, colours: _colours, scale: scale)));
            }

            written.Add(ResultStage.Save(stem + ".geojson", stream => SlideGeoJson.WriteHeatmap(stream, slide, map, bag, _colours, scale)));
            written.Add(ResultStage.Save(stem + ".csv", stream => TileScoreTable.Write(stream, map, bag)));
        }

        List<EvidenceTile> tiles = [.. evidence.SelectMany(e => TileSource(e) is { } read ? EvidenceTiles.Render(e, read) : [])];
        foreach (EvidenceTile tile in tiles)
        {
            written.Add(ResultStage.Save(Path.Combine(folder.TopTiles, tile.FileName), stream => stream.Write(tile.Jpeg)));
        }

        written.Add(ResultStage.Save(folder.Report, stream => SlideReport.Write(stream, new SlideReportInput
        {
            Summary = summary,
            Thumbnail = overviews is { } pictures ? ReportPicture.Jpeg(pictures.Small.Picture) : null,
            Contours = sources.Contours,
            Heatmaps = figures,
            Tiles = tiles,
        })));
        return written;
    }

    private static (Overview Large, Overview Small) Overviews(string path, double downsampleX, double downsampleY)
    {
        // From the file, also when it was made a moment ago: a resumed run sees the same pixels.
        using JpegDecoder decoder = new();
        RgbImage whole = decoder.Decode(File.ReadAllBytes(path));
        return (At(OverlayEdge), At(ReportEdge));

        Overview At(int edge)
        {
            RgbImage picture = PictureScaling.Shrink(whole, edge);
            return new Overview(picture, downsampleX * whole.Width / picture.Width, downsampleY * whole.Height / picture.Height);
        }
    }

    /// <summary>Reads tiles again as the model saw them; a tile that has become unreadable is left out of the report. Null when there is nothing to read.</summary>
    private Func<TileEvidence, RgbImage?>? TileSource(MapEvidence evidence)
    {
        if (sources.Slide is not { } opened || !sources.Plans.TryGetValue(evidence.Stream, out TilePlan? read))
        {
            return null;
        }

        PlannedTile[] corners = [.. evidence.Top.Concat(evidence.Bottom).Select(t => new PlannedTile(t.X, t.Y))];
        TilePlan plan = read with { Tiles = corners };
        return tile =>
        {
            using SlideHandles.Lease lease = run.Handles.Open(opened);
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

    /// <param name="DownsampleX">Level-0 pixels per pixel.</param>
    private sealed record Overview(RgbImage Picture, double DownsampleX, double DownsampleY);
}
