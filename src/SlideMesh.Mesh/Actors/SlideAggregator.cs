using SlideMesh.Inference.Packages;
using SlideMesh.Mesh.Cohort;
using SlideMesh.Mesh.Engine;
using SlideMesh.Mesh.Messages;
using SlideMesh.Mesh.Progress;
using SlideMesh.Mesh.Runs;
using SlideMesh.Mesh.Stages;
using SlideMesh.Reporting;
using SlideMesh.Reporting.OutputStore;

namespace SlideMesh.Mesh.Actors;

/// <summary>One per slide: merges its shards, lets the heads speak, and writes everything that a user reads.</summary>
public sealed class SlideAggregator(RunContext run, IMeshEngine engine)
{
    public async Task ReceiveAsync(MeshMessage message, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(message);
        if (run.HasFailed(message.Slide) || !run.Plans.TryGetValue(message.Slide, out PlannedSlide? planned))
        {
            return;
        }

        CohortEntry slide = run.Slides[message.Slide];
        run.Progress.Aggregating(slide.Id);
        long started = run.Time.GetTimestamp();
        SlideFolder folder = run.Store.Slide(slide.Id);
        StageLedger ledger = StageLedger.Open(folder);
        foreach (FeatureStream stream in run.Pipeline.Streams)
        {
            run.Stage("merge", slide.Id, stream.Id, () =>
            {
                MergeStage.Run(run, slide, planned, stream, ledger, cancellation);
                return planned.Plan(stream).Tiles.Count;
            }, tiles => tiles, _ => ledger.Bytes(StageKeys.FeaturesStage(stream.Id)));
            if (run.Store.Layout is not null)
            {
                ExportStage.Run(run, slide, planned, stream, ledger);
            }
        }

        SlideSummary summary = ResultStage.Run(run, slide, planned, ledger, cancellation);
        StageKeys.ForgetOthers(run, ledger);
        if (run.ResultReady is { } publish)
        {
            await publish(slide.Id, cancellation).ConfigureAwait(false);
        }
        else
        {
            RunStore.RemoveShards(folder);
        }

        run.Outcomes[slide.Id] = new SlideOutcome(summary, Resumed: false);
        run.Plans.TryRemove(slide.Id, out _);
        if (run.ResultReady is null)
        {
            // A cluster ends the slide and its set together.
            await engine.ForgetAsync(slide.Id, cancellation).ConfigureAwait(false);
        }

        run.Telemetry.SlideDone("done");
        run.Progress.Publish(new SlideDone(slide.Id, Resumed: false, run.Time.GetElapsedTime(started)));
    }
}
