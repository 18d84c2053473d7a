using System.Text.Json;
using SlideMesh.Inference.Batching;
using SlideMesh.Inference.Packages;
using SlideMesh.Mesh.Cohort;
using SlideMesh.Mesh.Runs;
using SlideMesh.Reporting.GeoJson;
using SlideMesh.Reporting.Heatmaps;
using SlideMesh.Reporting.OutputStore;
using SlideMesh.Slides;
using SlideMesh.Slides.Pyramid;
using SlideMesh.Slides.Raster;
using SlideMesh.Slides.TurboJpeg;
using SlideMesh.Tiling;
using SlideMesh.Tissue;

namespace SlideMesh.Mesh.Stages;

/// <summary>
/// Slide → tissue → tile plans of every stream. Writes plan.json, tissue.geojson, thumbnail.jpg and, below shards/, the tile
/// corners; or takes them from the store when they were made from the same inputs.
/// </summary>
public static class PlanStage
{
    private const int ThumbnailQuality = 90;

    // The picture that tissue is found on is 8 µm a pixel, which leaves a small slide a stamp; a person wants to see something.
    private const int ThumbnailEdge = 1024;

    // And a large slide a picture that every later stage would decode whole; this is enough for a page on a large screen.
    private const int LargestThumbnailEdge = 2048;

    private const int LargePicturePixels = 2_000_000;

    /// <returns>The plan, and the key that it was made with.</returns>
    /// <exception cref="SlideFormatException">The slide cannot be used: unreadable, or nobody tells its microns per pixel.</exception>
    public static (PlanDocument Document, IReadOnlyDictionary<string, TilePlan> Plans, string Key) Run(
        RunContext run, CohortEntry slide, string fingerprint, StageLedger ledger, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(run);
        ArgumentNullException.ThrowIfNull(slide);
        ArgumentNullException.ThrowIfNull(ledger);
        SlideFolder folder = run.Store.Slide(slide.Id);
        string key = StageKeys.Plan(run, slide, fingerprint);
        if (ledger.IsDone(StageKeys.PlanStage, key) && TryLoad(folder) is { } stored)
        {
            return (stored.Document, stored.Plans, key);
        }

        (PlanDocument document, IReadOnlyDictionary<string, TilePlan> plans) = Make(run, slide, fingerprint, folder, cancellation);
        GiveBackPictures(document);
        ledger.MarkDone(StageKeys.PlanStage, key, [folder.Plan, folder.TissueGeoJson, folder.Thumbnail]);
        return (document, plans, key);
    }

    /// <summary>
    /// The pictures of a large slide, up to 100 MB: without this the peak on a 50,000 px slide is about 100 MB higher than on one of 20,000.
    /// </summary>
    private static void GiveBackPictures(PlanDocument document)
    {
        double microns = document.Levels[0].Width * document.MicronsPerPixel.X * document.Levels[0].Height * document.MicronsPerPixel.Y;
        if (microns / (Thumbnail.DefaultMicronsPerPixel * Thumbnail.DefaultMicronsPerPixel) > LargePicturePixels)
        {
            ManagedHeap.GiveBack();
        }
    }

    private static (PlanDocument, IReadOnlyDictionary<string, TilePlan>) Make(
        RunContext run, CohortEntry slide, string fingerprint, SlideFolder folder, CancellationToken cancellation)
    {
        using SlideHandles.Lease lease = run.Handles.Open(slide, cancellation);
        ISlideSource source = lease.Source;
        System.Diagnostics.Activity.Current?.SetTag("slidemesh.reader", source.Reader).SetTag("slidemesh.reader.reason", source.ReaderReason);
        MicronsPerPixel mpp = MicronsPerPixelResolver.Require(slide.MicronsPerPixel, source, run.Options.DefaultMicronsPerPixel, slide.Path);
        TissueResult tissue = run.Stage("tissue", slide.Id, null, () => TissueDetector.Detect(source, mpp, run.Tissue, cancellation));

        Dictionary<string, TilePlan> plans = new(StringComparer.Ordinal);
        List<StreamPlan> streams = [];
        foreach (FeatureStream stream in run.Pipeline.Streams)
        {
            TilePlan plan = TilePlanner.Plan(source, mpp, tissue.Mask, new TileSpec
            {
                MicronsPerPixel = stream.View.MicronsPerPixel,
                SizePx = stream.View.SizePx,
                OverlapPx = stream.View.OverlapPx,
                MinTissueShare = run.Options.MinTissueShare,
            }, cancellation);
            string tiles = folder.Tiles(stream.Id);
            TileListFile.Write(tiles, plan.Tiles);
            plans[stream.Id] = plan;
            streams.Add(StreamPlan.From(stream.Id, plan, AtomicFile.Sha256(tiles)));
        }

        (RgbImage Picture, double DownsampleX, double DownsampleY) thumbnail = FitThumbnail(source, mpp, tissue.Thumbnail, cancellation);
        PlanDocument document = new()
        {
            SlideId = slide.Id.Value,
            Fingerprint = fingerprint,
            SoftwareVersion = SoftwareVersion.Current,
            Vendor = source.Vendor,
            Reader = source.Reader,
            Levels = source.Levels,
            MicronsPerPixel = mpp,
            ObjectivePower = source.ObjectivePower,
            TissuePreset = run.Tissue.Preset,
            TissueAreaMm2 = tissue.AreaMm2,
            TissueContours = tissue.Contours.Count,
            Quality = tissue.Quality,
            ThumbnailDownsampleX = thumbnail.DownsampleX,
            ThumbnailDownsampleY = thumbnail.DownsampleY,
            Streams = streams,
        };
        using JpegEncoder encoder = new(ThumbnailQuality);
        AtomicFile.WriteBytes(folder.Thumbnail, encoder.Encode(thumbnail.Picture));
        AtomicFile.Write(folder.TissueGeoJson, path =>
        {
            using FileStream stream = File.Create(path);
            SlideGeoJson.WriteTissue(stream, slide.Id, tissue);
        });
        AtomicFile.WriteBytes(folder.Plan, document.ToJson());
        return (document, plans);
    }

    /// <summary>Writes the same thumbnail.jpg for a slide that is not planned here.</summary>
    /// <returns>Level-0 pixels per pixel of it.</returns>
    internal static (double DownsampleX, double DownsampleY) WriteThumbnail(
        string path, ISlideSource source, MicronsPerPixel mpp, double micronsPerPixel, CancellationToken cancellation)
    {
        RgbImage coarse = Thumbnail.Read(source, mpp, micronsPerPixel, cancellation).Image;
        (RgbImage picture, double downsampleX, double downsampleY) = FitThumbnail(source, mpp, coarse, cancellation);
        using JpegEncoder encoder = new(ThumbnailQuality);
        AtomicFile.WriteBytes(path, encoder.Encode(picture));
        return (downsampleX, downsampleY);
    }

    /// <summary>The picture that tissue was found on, shrunk when it is larger than anybody looks at, or read again when it is a stamp. The slide has been looked over then.</summary>
    private static (RgbImage Picture, double DownsampleX, double DownsampleY) FitThumbnail(
        ISlideSource source, MicronsPerPixel mpp, RgbImage coarse, CancellationToken cancellation)
    {
        (RgbImage Picture, double DownsampleX, double DownsampleY) fitting = Fit(source, mpp, coarse, cancellation);
        source.ForgetReads();
        return fitting;
    }

    private static (RgbImage Picture, double DownsampleX, double DownsampleY) Fit(
        ISlideSource source, MicronsPerPixel mpp, RgbImage coarse, CancellationToken cancellation)
    {
        PyramidLevel slide = source.Levels[0];
        double finer = Math.Max(slide.Width * mpp.X, slide.Height * mpp.Y) / ThumbnailEdge;
        if (Math.Max(coarse.Width, coarse.Height) >= ThumbnailEdge || finer <= mpp.Mean || !Thumbnail.IsQuick(source, mpp, finer))
        {
            RgbImage picture = PictureScaling.Shrink(coarse, LargestThumbnailEdge);
            return (picture, (double)slide.Width / picture.Width, (double)slide.Height / picture.Height);
        }

        Thumbnail large = Thumbnail.Read(source, mpp, finer, cancellation);
        return (large.Image, large.DownsampleX, large.DownsampleY);
    }

    /// <summary>Null when a tile list is missing or damaged: they are intermediate, and planning again costs seconds.</summary>
    internal static (PlanDocument Document, IReadOnlyDictionary<string, TilePlan> Plans)? TryLoad(SlideFolder folder)
    {
        PlanDocument document;
        try
        {
            document = PlanDocument.Read(folder.Plan);
        }
        catch (JsonException)
        {
            // Written by another version: planned again.
            return null;
        }

        Dictionary<string, TilePlan> plans = new(StringComparer.Ordinal);
        foreach (StreamPlan stream in document.Streams)
        {
            string tiles = folder.Tiles(stream.Id);
            if (!File.Exists(tiles) || AtomicFile.Sha256(tiles) != stream.TilesSha256)
            {
                return null;
            }

            plans[stream.Id] = stream.ToTilePlan(document, TileListFile.Read(tiles));
        }

        return (document, plans);
    }
}
