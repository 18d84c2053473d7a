using System.Text.Json;
using CsvHelper;
using SlideMesh.Inference.Packages;
using SlideMesh.Mesh.Cohort;
using SlideMesh.Mesh.Runs;
using SlideMesh.Reporting;
using SlideMesh.Reporting.Json;
using SlideMesh.Reporting.OutputStore;
using SlideMesh.Reporting.Tables;

namespace SlideMesh.Mesh.Stages;

/// <summary>A slide that the store holds complete: recognised by its keys and contents, and read back without opening the slide.</summary>
public static class FinishedSlide
{
    /// <returns>Null unless every stage was made from the inputs of now and every file is intact.</returns>
    public static SlideOutcome? TryLoad(RunContext run, CohortEntry slide, string fingerprint, StageLedger ledger)
    {
        ArgumentNullException.ThrowIfNull(run);
        ArgumentNullException.ThrowIfNull(slide);
        ArgumentNullException.ThrowIfNull(ledger);
        SlideFolder folder = run.Store.Slide(slide.Id);
        string planKey = StageKeys.Plan(run, slide, fingerprint);
        if (!ledger.IsDone(StageKeys.PlanStage, planKey))
        {
            return null;
        }

        try
        {
            PlanDocument document = PlanDocument.Read(folder.Plan);
            IReadOnlyDictionary<string, string> features = StageKeys.AllFeatures(run, slide, document);
            bool whole = features.All(f => ledger.IsDone(StageKeys.FeaturesStage(f.Key), f.Value))
                && (run.Store.Layout is null || features.All(f => ExportStage.IsDone(run, ledger, f.Key, f.Value)))
                && ledger.IsDone(StageKeys.ResultStage, StageKeys.Result(run, slide, planKey, features));
            if (!whole)
            {
                return null;
            }

            StageKeys.ForgetOthers(run, ledger);
            return Read(run, slide);
        }
        catch (JsonException)
        {
            // Written by another version: made again.
            return null;
        }
    }

    /// <summary>The slide's predictions.json; null when another version wrote it.</summary>
    public static SlideOutcome? TryRead(RunContext run, CohortEntry slide)
    {
        ArgumentNullException.ThrowIfNull(run);
        ArgumentNullException.ThrowIfNull(slide);
        try
        {
            return Read(run, slide);
        }
        catch (JsonException)
        {
            return null;
        }
    }

    private static SlideOutcome Read(RunContext run, CohortEntry slide)
    {
        SlideFolder folder = run.Store.Slide(slide.Id);
        using FileStream stream = File.OpenRead(folder.Predictions);
        SlideSummary summary = ResultJson.ReadSummary(stream);
        return new SlideOutcome(summary, Resumed: true);
    }

    /// <summary>Tiles of a stream without a row, as failures.csv lists them.</summary>
    public static IEnumerable<FailureRow> ReadUnused(CohortEntry slide, SlideFolder folder, FeatureStream stream)
    {
        ArgumentNullException.ThrowIfNull(slide);
        ArgumentNullException.ThrowIfNull(stream);
        using CsvReader csv = CsvReader.FromFile(MergeStage.UnusedPath(folder, stream.Id), CsvReaderOptions.Default with { Separator = ',' });
        while (csv.Read())
        {
            yield return new FailureRow(
                slide.Id.Value, slide.Path, csv.GetString("scope"), csv.GetString("reason"), csv.GetString("detail"),
                long.Parse(csv.GetString("x"), System.Globalization.CultureInfo.InvariantCulture),
                long.Parse(csv.GetString("y"), System.Globalization.CultureInfo.InvariantCulture), stream.Id);
        }
    }
}
