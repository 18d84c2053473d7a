using SlideMesh.Inference.Packages;
using SlideMesh.Mesh.Cohort;
using SlideMesh.Mesh.Engine;
using SlideMesh.Mesh.Messages;
using SlideMesh.Mesh.Runs;
using SlideMesh.Mesh.Stages;
using SlideMesh.Reporting.OutputStore;

namespace SlideMesh.Mesh.Actors;

/// <summary>
/// One per device: performs shards of several slides at once. At most <c>decoders</c> of them read pixels at a time; more may
/// wait for their last rows.
/// </summary>
public sealed class TileInference(RunContext run, IMeshEngine engine, DeviceBatchers batchers, int decoders) : IDisposable
{
    private readonly SemaphoreSlim _decoders = new(decoders, decoders);

    public async Task PerformAsync(EmbedShard shard, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(shard);
        if (run.HasFailed(shard.Slide) || !run.Plans.TryGetValue(shard.Slide, out PlannedSlide? planned))
        {
            return;
        }

        string path = run.Store.Slide(shard.Slide).Shard(shard.Stream, shard.Index);
        ShardRange range = new(shard.Index, shard.Start, shard.Count);
        bool stored = ShardFile.TryRead(path, shard.Key, range) is not null;
        if (!stored)
        {
            await EmbedAsync(shard, planned, path, cancellation).ConfigureAwait(false);
        }

        run.Progress.AddTiles(shard.Count, reused: stored);
        await engine.CompleteAsync(shard.Slide, shard.Stream, shard.Index, cancellation).ConfigureAwait(false);
    }

    public void Dispose() => _decoders.Dispose();

    private async Task EmbedAsync(EmbedShard shard, PlannedSlide planned, string path, CancellationToken cancellation)
    {
        using System.Diagnostics.Activity? activity = run.Telemetry.Source.StartActivity("shard");
        activity?.SetTag("slidemesh.slide.id", shard.Slide.Value);
        activity?.SetTag("slidemesh.stream", shard.Stream);
        activity?.SetTag("slidemesh.shard.index", shard.Index);
        long started = run.Time.GetTimestamp();
        CohortEntry slide = run.Slides[shard.Slide];
        FeatureStream stream = run.Pipeline.Streams.Single(s => s.Id == shard.Stream);
        Task<ShardFile> rows;
        await _decoders.WaitAsync(cancellation).ConfigureAwait(false);
        try
        {
            rows = ShardStage.Start(run, slide, planned.Plan(stream), shard, batchers.For(stream), cancellation);
        }
        finally
        {
            _decoders.Release();
        }

        ShardFile file;
        // The device's part: the shard's tiles are read, its last batches are awaited.
        using (System.Diagnostics.Activity? batch = run.Telemetry.Source.StartActivity("batch"))
        {
            file = await rows.WaitAsync(cancellation).ConfigureAwait(false);
        }

        // What another node has taken over is discarded. Between this and the rename the claim may still pass on: the bytes are the same
        // then, and a folder that was renamed away is not created again.
        await engine.ConfirmAsync(cancellation).ConfigureAwait(false);
        file.Write(path, shard.Key, createFolder: !run.Store.IsShared);

        TimeSpan elapsed = run.Time.GetElapsedTime(started);
        run.Telemetry.StageDone("shard", elapsed, new FileInfo(path).Length);
        foreach (IGrouping<TileOutcome, TileRecord> outcome in file.Tiles.GroupBy(t => t.Outcome))
        {
            run.Telemetry.TilesDone(KebabCase.Of(outcome.Key), outcome.Count());
        }
    }
}
