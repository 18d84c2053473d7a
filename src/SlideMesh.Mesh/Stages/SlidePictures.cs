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

    /// <summary>Reads outlines of the tissue, level-0 pixels: megabytes of points on a large slide, which only the report's page needs.</summary>
    public Func<IReadOnlyList<TissueContour>> Contours { get; init; } = () => [];

    /// <summary>What is opened for pictures of tiles; null when the slide is not at hand.</summary>
    public CohortEntry? Slide { get; init; }

    /// <summary>Of a slide that was planned here.</summary>
    public static PictureSources Of(CohortEntry slide, PlannedSlide planned, SlideFolder folder) => new()
    {
        Thumbnail = (folder.Thumbnail, planned.Document.ThumbnailDownsampleX, planned.Document.ThumbnailDownsampleY),
        Plans = planned.Plans,
        Contours = () =>
        {
            using FileStream contours = File.OpenRead(folder.TissueGeoJson);
            return TissueGeoJsonReader.Read(contours);
        },
        Slide = slide,
    };
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
        List<string> written = [];

        // One after the other, so that what one needs has gone when the next begins: a large slide takes no more than its largest part.
        DrawnOverview? drawn = sources.Thumbnail is { } thumbnail ? Draw(thumbnail, maps, bags, written, cancellation) : null;
        EndPart(bags);
        foreach (TileMap map in maps)
        {
            IFeatureBag bag = Begin(map, bags, cancellation);
            HeatmapScale scale = HeatmapScale.For(map);
            string stem = Stem(map);
            if (sources.Plans.TryGetValue(map.Stream, out TilePlan? plan))
            {
                written.Add(ResultStage.Save(stem + ".tif", stream => HeatmapTiff.Write(stream, plan, map, bag, colours: _colours, scale: scale)));
            }

            written.Add(ResultStage.Save(stem + ".geojson", stream => SlideGeoJson.WriteHeatmap(stream, slide, map, bag, _colours, scale)));
            written.Add(ResultStage.Save(stem + ".csv", stream => TileScoreTable.Write(stream, map, bag)));
        }

        EndPart(bags);
        List<EvidenceTile> tiles = [.. evidence.SelectMany(e => TileSource(e) is { } read ? EvidenceTiles.Render(e, read) : [])];
        foreach (EvidenceTile tile in tiles)
        {
            written.Add(ResultStage.Save(Path.Combine(folder.TopTiles, tile.FileName), stream => stream.Write(tile.Jpeg)));
        }

        written.Add(ResultStage.Save(folder.Report, stream => SlideReport.Write(stream, new SlideReportInput
        {
            Summary = summary,
            Thumbnail = drawn?.Thumbnail,
            Contours = sources.Contours(),
            Heatmaps = drawn?.Heatmaps ?? [],
            Tiles = tiles,
        })));
        return written;
    }

    /// <summary>Writes every map's PNG and draws its figure for the report; the slide's picture is in memory until then and no longer.</summary>
    private DrawnOverview Draw(
        (string Path, double DownsampleX, double DownsampleY) thumbnail, IReadOnlyList<TileMap> maps,
        IReadOnlyDictionary<string, IFeatureBag> bags, List<string> written, CancellationToken cancellation)
    {
        (Overview large, Overview small) = Overviews(thumbnail.Path, thumbnail.DownsampleX, thumbnail.DownsampleY);
        RgbImage canvas = new(small.Picture.Width, small.Picture.Height);
        List<HeatmapFigure> figures = [];
        foreach (TileMap map in maps)
        {
            IFeatureBag bag = Begin(map, bags, cancellation);
            HeatmapScale scale = HeatmapScale.For(map);
            written.Add(ResultStage.Save(
                Stem(map) + ".png", stream => HeatmapPicture.Write(stream, large.Picture, large.DownsampleX, large.DownsampleY, map, bag, _colours, scale)));
            figures.Add(HeatmapFigure.Render(small.Picture, small.DownsampleX, small.DownsampleY, map, bag, _colours, scale, canvas));
        }

        return new DrawnOverview(ReportPicture.Jpeg(small.Picture), figures);
    }

    private static IFeatureBag Begin(TileMap map, IReadOnlyDictionary<string, IFeatureBag> bags, CancellationToken cancellation)
    {
        cancellation.ThrowIfCancellationRequested();
        IFeatureBag bag = bags[map.Stream];
        ManagedHeap.SweepAfter(bag.Count);
        return bag;
    }

    /// <summary>What the part needed is garbage: back to the system with it, so that the next one does not come on top.</summary>
    private static void EndPart(IReadOnlyDictionary<string, IFeatureBag> bags) => ManagedHeap.GiveBackAfter(bags.Values.Sum(b => (long)b.Count));

    private string Stem(TileMap map) => Path.Combine(folder.Heatmaps, map.Name);

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

    /// <summary>Reads tiles again as the model saw them; a tile that has become unreadable is left out of the report. Pixels hold until the next tile is read. Null when there is nothing to read.</summary>
    private Func<TileEvidence, RgbImage?>? TileSource(MapEvidence evidence)
    {
        if (sources.Slide is not { } opened || !sources.Plans.TryGetValue(evidence.Stream, out TilePlan? read))
        {
            return null;
        }

        PlannedTile[] corners = [.. evidence.Top.Concat(evidence.Bottom).Select(t => new PlannedTile(t.X, t.Y))];
        TilePlan plan = read with { Tiles = corners };
        RgbImage pixels = new(plan.Spec.SizePx, plan.Spec.SizePx);
        return tile =>
        {
            using SlideHandles.Lease lease = run.Handles.Open(opened);
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

    /// <summary>The slide as the report shows it, and a figure for every map.</summary>
    private sealed record DrawnOverview(ReportPicture Thumbnail, IReadOnlyList<HeatmapFigure> Heatmaps);

    /// <param name="DownsampleX">Level-0 pixels per pixel.</param>
    private sealed record Overview(RgbImage Picture, double DownsampleX, double DownsampleY);
}
