using System.Globalization;
using SlideMesh.Inference.Packages;
using SlideMesh.Mesh.Cohort;
using SlideMesh.Mesh.Engine;
using SlideMesh.Mesh.Messages;
using SlideMesh.Mesh.Progress;
using SlideMesh.Mesh.Runs;
using SlideMesh.Mesh.Stages;
using SlideMesh.Reporting.OutputStore;
using SlideMesh.Slides;
using SlideMesh.Slides.Pyramid;
using SlideMesh.Tiling;

namespace SlideMesh.Mesh.Actors;

/// <summary>One per slide: plans it and hands its shards to the inference pool.</summary>
public sealed class SlideCoordinator(RunContext run, IMeshEngine engine)
{
    public async Task ReceiveAsync(MeshMessage message, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(message);
        CohortEntry slide = run.Slides[message.Slide];
        run.Progress.Publish(new SlideStarted(slide.Id));
        SlideFolder folder = run.Store.Slide(slide.Id);
        RunStore.RemoveLeftovers(folder);

        string fingerprint = run.Stage("fingerprint", slide.Id, null, () => Fingerprint(slide));
        StageLedger ledger = StageLedger.Open(folder);
        if (FinishedSlide.TryLoad(run, slide, fingerprint, ledger) is { } finished)
        {
            // A process killed between its last file and the clearing away leaves them.
            RunStore.RemoveShards(folder);
            run.Resume(slide.Id, finished);
            return;
        }

        run.WorkAhead();
        (PlanDocument document, IReadOnlyDictionary<string, TilePlan> plans, string planKey) =
            run.Stage("plan", slide.Id, null, () => PlanStage.Run(run, slide, fingerprint, ledger, cancellation),
                bytes: _ => ledger.Bytes(StageKeys.PlanStage));
        if (document.TissueContours == 0)
        {
            double unreadable = document.Quality.UnreadableShare;
            throw new SlideFormatException(
                slide.FullPath, SlideFailureReason.NoTissue,
                unreadable > 0
                    ? string.Create(CultureInfo.InvariantCulture, $"no tissue found on '{slide.Path}', but {unreadable * 100:0.##} % of it could not be read; copy or export it again.")
                    : $"no tissue found on '{slide.Path}'; look at its thumbnail.jpg, and try another --tissue preset if there is some.");
        }

        IReadOnlyDictionary<string, string> features = StageKeys.AllFeatures(run, slide, document);
        PlannedSlide planned = new(document, plans, features, StageKeys.Result(run, slide, planKey, features));
        run.Plans[slide.Id] = planned;
        await HandOutAsync(slide.Id, planned, ledger, cancellation).ConfigureAwait(false);
    }

    internal static string Fingerprint(CohortEntry slide)
    {
        try
        {
            return SlideFingerprint.Compute(slide.FullPath);
        }
        catch (UnauthorizedAccessException denied)
        {
            throw new SlideFormatException(
                slide.FullPath, SlideFailureReason.Unreadable, $"'{slide.Path}' may not be read by this user; change its permissions.", denied);
        }
    }

    /// <summary>Hands out the shards whose features are not there yet, from where an earlier delivery of the message stopped.</summary>
    internal async Task HandOutAsync(SlideId slide, PlannedSlide planned, StageLedger ledger, CancellationToken cancellation)
    {
        List<EmbedShard> shards = [];
        foreach (FeatureStream stream in run.Pipeline.Streams)
        {
            string key = planned.FeatureKeys[stream.Id];
            if (!ledger.IsDone(StageKeys.FeaturesStage(stream.Id), key))
            {
                shards.AddRange(ShardRange.Cut(planned.Plan(stream).Tiles.Count, run.Options.ShardTiles)
                    .Select(s => new EmbedShard(slide, stream.Id, s.Index, s.Start, s.Count, key)));
            }
        }

        await run.PlanReady(slide, cancellation).ConfigureAwait(false);
        run.Progress.Publish(new SlidePlanned(slide, shards.Sum(s => s.Count), planned.Document.TissueAreaMm2));
        // The keys of all features name the plan and everything else that the shards are made of.
        string set = string.Join(' ', run.Pipeline.Streams.Select(s => planned.FeatureKeys[s.Id]));
        int handedOut = await engine.ExpectAsync(slide, set, shards.Count, ActorKind.Aggregator, new AggregateSlide(slide), cancellation).ConfigureAwait(false);
        for (int i = handedOut; i < shards.Count; i++)
        {
            await engine.SubmitAsync(shards[i] with { Place = i + 1 }, cancellation).ConfigureAwait(false);
        }
    }
}
