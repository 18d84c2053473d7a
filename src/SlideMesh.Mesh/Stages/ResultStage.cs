using System.Globalization;
using SlideMesh.Inference.Batching;
using SlideMesh.Inference.Packages;
using SlideMesh.Mesh.Cohort;
using SlideMesh.Mesh.Runs;
using SlideMesh.Prediction;
using SlideMesh.Prediction.Bags;
using SlideMesh.Prediction.Omics;
using SlideMesh.Reporting;
using SlideMesh.Reporting.Evidence;
using SlideMesh.Reporting.Features;
using SlideMesh.Reporting.GeoJson;
using SlideMesh.Reporting.Json;
using SlideMesh.Reporting.OutputStore;
using SlideMesh.Reporting.Tables;
using SlideMesh.Slides;
using SlideMesh.Tissue.Quality;

namespace SlideMesh.Mesh.Stages;

/// <summary>Features of every stream (+ omics) → predictions.json, qc.json, heatmaps, evidence tiles, the report, other tools' files.</summary>
public static class ResultStage
{
    /// <exception cref="SlideFormatException">No stream has a single readable tile.</exception>
    /// <exception cref="PredictionException">The heads cannot answer.</exception>
    public static SlideSummary Run(RunContext run, CohortEntry slide, PlannedSlide planned, StageLedger ledger, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(run);
        ArgumentNullException.ThrowIfNull(slide);
        ArgumentNullException.ThrowIfNull(planned);
        ArgumentNullException.ThrowIfNull(ledger);
        SlideFolder folder = run.Store.Slide(slide.Id);
        Dictionary<string, FeatureFile> bags = new(StringComparer.Ordinal);
        try
        {
            foreach (FeatureStream stream in run.Pipeline.Streams)
            {
                bags[stream.Id] = FeatureFile.Open(folder.Features(stream.Id));
            }

            if (bags.Values.All(b => b.Count == 0))
            {
                throw new SlideFormatException(
                    slide.FullPath, SlideFailureReason.NoReadableTile,
                    $"no tile of '{slide.Path}' could be used; slides/{slide.Id}/features/*.unused.csv has the reason for each.");
            }

            SlidePrediction prediction = run.Stage("predict", slide.Id, null, () => Predict(run, slide, bags, cancellation));
            ManagedHeap.GiveBackAfter(bags.Values.Sum(b => (long)b.Count));
            return run.Stage("report", slide.Id, null, () => Write(run, slide, planned, bags, prediction, folder, ledger, cancellation),
                bytes: _ => ledger.Bytes(StageKeys.ResultStage));
        }
        finally
        {
            foreach (FeatureFile bag in bags.Values)
            {
                bag.Dispose();
            }
        }
    }

    private static SlidePrediction Predict(RunContext run, CohortEntry slide, Dictionary<string, FeatureFile> bags, CancellationToken cancellation)
    {
        CaseOmics omics = run.Omics?.Find(slide.OmicsId) ?? CaseOmics.NotGiven;
        return run.Predictor.Predict(
            Bags(bags),
            new CaseContext(slide.CaseId, slide.Covariates, omics),
            cancellation);
    }

    private static Dictionary<string, IFeatureBag> Bags(Dictionary<string, FeatureFile> files) =>
        files.ToDictionary(b => b.Key, b => (IFeatureBag)b.Value, StringComparer.Ordinal);

    private static SlideSummary Write(
        RunContext run, CohortEntry slide, PlannedSlide planned, Dictionary<string, FeatureFile> bags, SlidePrediction prediction,
        SlideFolder folder, StageLedger ledger, CancellationToken cancellation)
    {
        // Files of an earlier result with other models or options would stand beside the new ones as if they belonged to them.
        Empty(folder.Heatmaps);
        Empty(folder.TopTiles);
        List<MapEvidence> evidence = [.. prediction.Maps.Select(map => MapEvidence.From(map, bags[map.Stream], run.Options.TopTiles))];
        SlideSummary summary = Summarise(run, slide, planned, bags, prediction, evidence, folder);
        SlidePictures pictures = new(run, slide.Id, PictureSources.Of(slide, planned, folder), folder);
        List<string> written = [.. pictures.Write(summary, prediction.Maps, Bags(bags), evidence, cancellation)];
        written.AddRange(ExtraFiles.Write(run, slide, planned, bags, prediction.TileScores, folder));

        written.Add(Save(folder.Quality, stream => ResultJson.Write(stream, new QualityDocument
        {
            SoftwareVersion = SoftwareVersion.Current,
            SlideId = slide.Id.Value,
            TissueMm2 = planned.Document.TissueAreaMm2,
            TissuePieces = planned.Document.TissueContours,
            Slide = planned.Document.Quality,
            Streams = summary.Streams,
        })));
        FeatureFile finest = bags[run.Pipeline.Streams.MinBy(s => s.View.MicronsPerPixel)!.Id];
        written.Add(Save(folder.QualityGeoJson, stream => SlideGeoJson.WriteQuality(stream, slide.Id, finest, finest.ReadQuality(), run.Options.Quality)));
        written.Add(Save(folder.Predictions, stream => ResultJson.Write(stream, summary)));
        ledger.MarkDone(StageKeys.ResultStage, planned.ResultKey, written);
        return summary;
    }

    private static SlideSummary Summarise(
        RunContext run, CohortEntry slide, PlannedSlide planned, Dictionary<string, FeatureFile> bags, SlidePrediction prediction,
        IReadOnlyList<MapEvidence> evidence, SlideFolder folder) => new()
        {
            SoftwareVersion = SoftwareVersion.Current,
            SlideId = slide.Id.Value,
            CaseId = slide.CaseId,
            Path = slide.Path,
            Fingerprint = planned.Document.Fingerprint,
            State = SlideState.Done,
            Width = planned.Document.Width,
            Height = planned.Document.Height,
            Vendor = planned.Document.Vendor,
            ObjectivePower = planned.Document.ObjectivePower,
            MicronsPerPixel = planned.Document.MicronsPerPixel,
            TissueMm2 = planned.Document.TissueAreaMm2,
            TissuePieces = planned.Document.TissueContours,
            Quality = planned.Document.Quality,
            Streams = [.. run.Pipeline.Streams.Select(stream => Summarise(run, slide, planned, stream, bags[stream.Id], folder))],
            Tasks = prediction.Tasks,
            Omics = prediction.Omics,
            Notes = [.. SurveyNotes(planned), .. prediction.Notes],
            Evidence = evidence,
            Models = [.. run.Pipeline.Packages.Select(p => ModelCard.From(p.Manifest, p.Sha256))],
        };

    private static StreamSummary Summarise(
        RunContext run, CohortEntry slide, PlannedSlide planned, FeatureStream stream, FeatureFile bag, SlideFolder folder)
    {
        SortedDictionary<string, int> unused = new(StringComparer.Ordinal);
        foreach (FailureRow row in FinishedSlide.ReadUnused(slide, folder, stream))
        {
            unused[row.Reason] = unused.GetValueOrDefault(row.Reason) + 1;
        }

        unused.Remove(MergeStage.Reason(TileOutcome.Unreadable), out int unreadable);
        int blurred = bag.ReadQuality().Count(q => q.BlurVariance < run.Options.Quality.BlurVariance);
        return new StreamSummary(stream.Id, stream.Package, stream.View, planned.Plan(stream).Tiles.Count, bag.Count, unreadable, unused, blurred);
    }

    private static IEnumerable<string> SurveyNotes(PlannedSlide planned)
    {
        SlideQuality quality = planned.Document.Quality;
        if (quality.UnreadableShare > 0)
        {
            yield return string.Create(
                CultureInfo.InvariantCulture,
                $"{quality.UnreadableShare * 100:0.##} % of the slide could not be read when tissue was looked for and was taken for background: tissue there has no tiles; copy or export the slide again");
        }

        if (quality.ReadShare < 1)
        {
            yield return string.Create(
                CultureInfo.InvariantCulture,
                $"tissue was looked for in {quality.ReadShare:P1} of the slide's tiles, evenly spread, because the file has no coarse level: small pieces may be missed; export it with a pyramid");
        }
    }

    internal static void Empty(string folder)
    {
        if (Directory.Exists(folder))
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    internal static string Save(string path, Action<Stream> write)
    {
        AtomicFile.Write(path, temporary =>
        {
            using FileStream stream = File.Create(temporary);
            write(stream);
        });
        return path;
    }
}
