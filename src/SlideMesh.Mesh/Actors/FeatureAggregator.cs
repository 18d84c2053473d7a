using SlideMesh.Mesh.Cohort;
using SlideMesh.Mesh.Engine;
using SlideMesh.Mesh.Features;
using SlideMesh.Mesh.Messages;
using SlideMesh.Mesh.Progress;
using SlideMesh.Mesh.Runs;
using SlideMesh.Reporting;
using SlideMesh.Reporting.OutputStore;

namespace SlideMesh.Mesh.Actors;

/// <summary>One per slide whose features exist already: lets the heads speak and writes what a user reads.</summary>
public sealed class FeatureAggregator(RunContext run, IMeshEngine engine)
{
    public async Task ReceiveAsync(MeshMessage message, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(message);
        if (run.HasFailed(message.Slide) || !run.FeatureKeys.TryGetValue(message.Slide, out string? key))
        {
            return;
        }

        CohortEntry slide = run.Slides[message.Slide];
        run.Progress.Aggregating(slide.Id);
        long started = run.Time.GetTimestamp();
        StageLedger ledger = StageLedger.Open(run.Store.Slide(slide.Id));
        SlideSummary summary = PredictStage.Run(run, slide, run.Features!.Inputs[slide.Id], key, ledger, cancellation);

        run.Outcomes[slide.Id] = new SlideOutcome(summary, Resumed: false);
        run.FeatureKeys.TryRemove(slide.Id, out _);
        await engine.ForgetAsync(slide.Id, cancellation).ConfigureAwait(false);
        run.Progress.AddFeatures(summary.Streams.Sum(s => s.Used));
        run.Telemetry.SlideDone("done");
        run.Progress.Publish(new SlideDone(slide.Id, Resumed: false, run.Time.GetElapsedTime(started)));
    }
}
