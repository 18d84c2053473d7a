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
            bool whole = run.Pipeline.Streams.All(s => ledger.IsDone(
                    StageKeys.FeaturesStage(s.Id),
                    StageKeys.Features(run, s, document.Streams.Single(p => p.Id == s.Id).TilesSha256, fingerprint)))
                && ledger.IsDone(StageKeys.ResultStage, ResultKey(run, slide, document, planKey));
            return whole ? Read(run, slide) : null;
        }
        catch (JsonException)
        {
            // Written by another version: made again.
            return null;
        }
    }

    public static string ResultKey(RunContext run, CohortEntry slide, PlanDocument document, string planKey)
    {
        ArgumentNullException.ThrowIfNull(run);
        ArgumentNullException.ThrowIfNull(document);
        return StageKeys.Result(run, slide, planKey, run.Pipeline.Streams.ToDictionary(
            s => s.Id, s => StageKeys.Features(run, s, document.Streams.Single(p => p.Id == s.Id).TilesSha256, document.Fingerprint)));
    }

    private static SlideOutcome Read(RunContext run, CohortEntry slide)
    {
        SlideFolder folder = run.Store.Slide(slide.Id);
        using FileStream stream = File.OpenRead(folder.Predictions);
        SlideSummary summary = ResultJson.ReadSummary(stream);
        return new SlideOutcome(summary, [.. run.Pipeline.Streams.SelectMany(s => ReadUnused(slide, folder, s))], Resumed: true);
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
