using SlideMesh.Mesh.Cohort;
using SlideMesh.Mesh.Engine;
using SlideMesh.Mesh.Features;
using SlideMesh.Mesh.Messages;
using SlideMesh.Mesh.Progress;
using SlideMesh.Mesh.Runs;
using SlideMesh.Mesh.Stages;
using SlideMesh.Reporting.Features;
using SlideMesh.Reporting.OutputStore;
using SlideMesh.Slides.Pyramid;

namespace SlideMesh.Mesh.Actors;

/// <summary>One per slide whose features exist already: finds out whether its result does too, and else hands it to its aggregator.</summary>
public sealed class FeatureCoordinator(RunContext run, IMeshEngine engine)
{
    public async Task ReceiveAsync(MeshMessage message, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(message);
        CohortEntry slide = run.Slides[message.Slide];
        run.Progress.Publish(new SlideStarted(slide.Id));
        SlideFolder folder = run.Store.Slide(slide.Id);
        RunStore.RemoveLeftovers(folder);
        FeatureInput input = run.Features!.Inputs[slide.Id];
        if (input.Files.Count == 0)
        {
            throw new FeatureFileException(slide.FullPath, FeatureFileFailure.FeaturesMissing, $"no features file is named for slide {slide.Id}; make its features, or take it out of the manifest.");
        }

        string key = run.Stage("fingerprint", slide.Id, null, () =>
            FeatureKeys.Result(run, slide, input, FeatureKeys.Fingerprints(input), input.SlidePath is null ? null : TryFingerprint(input.SlidePath)));
        StageLedger ledger = StageLedger.Open(folder);
        if (ledger.IsDone(StageKeys.ResultStage, key) && FinishedSlide.TryRead(run, slide) is { } finished)
        {
            run.Resume(slide.Id, finished);
            return;
        }

        run.FeatureKeys[slide.Id] = key;
        await engine.ExpectAsync(slide.Id, key, shards: 0, ActorKind.Aggregator, new AggregateSlide(slide.Id), cancellation).ConfigureAwait(false);
    }

    /// <summary>A slide that cannot be read costs the pictures only; its aggregator says so.</summary>
    private static string TryFingerprint(string path)
    {
        try
        {
            return SlideFingerprint.Compute(path);
        }
        catch (Exception unreadable) when (unreadable is IOException or UnauthorizedAccessException or Slides.SlideFormatException)
        {
            return "unreadable";
        }
    }
}
