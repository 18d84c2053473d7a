using System.Text.Json;
using SlideMesh.Mesh.Cohort;
using SlideMesh.Mesh.Engine;
using SlideMesh.Mesh.Runs;
using SlideMesh.Reporting;
using SlideMesh.Reporting.OutputStore;

namespace SlideMesh.Mesh.Stages;

/// <summary>What tables show of a slide that has no result.</summary>
public static class FailedSlide
{
    public static SlideOutcome Describe(RunContext run, CohortEntry slide, Exception failure)
    {
        ArgumentNullException.ThrowIfNull(run);
        ArgumentNullException.ThrowIfNull(slide);
        ArgumentNullException.ThrowIfNull(failure);
        (string reason, string detail) = Words(run, slide, failure);
        return Describe(run, slide, SlideState.Failed, reason, detail);
    }

    /// <summary>The failure as outputs show it: a kebab-case reason and one line without paths of this machine.</summary>
    public static (string Reason, string Detail) Words(RunContext run, CohortEntry slide, Exception failure)
    {
        ArgumentNullException.ThrowIfNull(run);
        ArgumentNullException.ThrowIfNull(slide);
        ArgumentNullException.ThrowIfNull(failure);
        string detail = FailureClassifier.IsOutputFull(failure)
            ? $"no room in '{run.Options.OutputRoot}' for this slide's files; free space or choose another --out, then run the same command again"
            : PlainText.OneLine(failure.Message
                .Replace(slide.FullPath, slide.Path, StringComparison.Ordinal)
                .Replace(run.Store.Root, run.Options.OutputRoot, StringComparison.Ordinal));
        return (FailureClassifier.Reason(failure), detail);
    }

    /// <param name="state">Failed or quarantined.</param>
    public static SlideOutcome Describe(RunContext run, CohortEntry slide, SlideState state, string reason, string detail)
    {
        ArgumentNullException.ThrowIfNull(run);
        ArgumentNullException.ThrowIfNull(slide);
        SlideSummary summary = new()
        {
            SoftwareVersion = SoftwareVersion.Current,
            SlideId = slide.Id.Value,
            CaseId = slide.CaseId,
            Path = slide.Path,
            State = state,
            Reason = reason,
            Detail = detail,
        };
        return new SlideOutcome(WithPlan(run, slide, summary), Resumed: false);
    }

    /// <summary>A slide that a stopped run did not get to.</summary>
    public static SlideOutcome Pending(CohortEntry slide)
    {
        ArgumentNullException.ThrowIfNull(slide);
        return new SlideOutcome(
            new SlideSummary
            {
                SoftwareVersion = SoftwareVersion.Current,
                SlideId = slide.Id.Value,
                CaseId = slide.CaseId,
                Path = slide.Path,
                State = SlideState.Pending,
            },
            Resumed: false);
    }

    /// <summary>Removes the result of an earlier run, which no longer holds: the slide or the models have changed since.</summary>
    public static void RemoveStaleResult(RunContext run, CohortEntry slide)
    {
        ArgumentNullException.ThrowIfNull(run);
        ArgumentNullException.ThrowIfNull(slide);
        SlideFolder folder = run.Store.Slide(slide.Id);
        // Many slides fail before they have a folder, and in a folder that does not exist there is nothing that could be deleted.
        if (Directory.Exists(folder.Root))
        {
            File.Delete(folder.Predictions);
            File.Delete(folder.Report);
            ResultStage.Empty(folder.Heatmaps);
            ResultStage.Empty(folder.TopTiles);
        }
    }

    /// <summary>A slide that failed after its plan still shows its size, scale and tissue.</summary>
    private static SlideSummary WithPlan(RunContext run, CohortEntry slide, SlideSummary summary)
    {
        string plan = run.Store.Slide(slide.Id).Plan;
        if (!File.Exists(plan) || summary.Reason is "file-missing" or "not-a-slide" or "truncated" or "too-large")
        {
            return summary;
        }

        try
        {
            PlanDocument document = PlanDocument.Read(plan);
            return summary with
            {
                Width = document.Width,
                Height = document.Height,
                Vendor = document.Vendor,
                MicronsPerPixel = document.MicronsPerPixel,
                TissueMm2 = document.TissueAreaMm2,
                TissuePieces = document.TissueContours,
                Quality = document.Quality,
            };
        }
        catch (JsonException)
        {
            return summary;
        }
    }
}
