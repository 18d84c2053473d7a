using SlideMesh.Mesh.Actors;
using SlideMesh.Mesh.Cohort;
using SlideMesh.Mesh.Engine;
using SlideMesh.Mesh.Messages;
using SlideMesh.Mesh.Progress;
using SlideMesh.Mesh.Redis;
using SlideMesh.Mesh.Runs;
using SlideMesh.Mesh.Stages;
using SlideMesh.Reporting;
using SlideMesh.Reporting.OutputStore;
using SlideMesh.Slides;

namespace SlideMesh.Mesh.Cluster;

/// <summary>
/// What a node does with each message: finds the run, takes the slide's folder, lets the actor work in it, and ends slide and message
/// together. Safe to be done twice, and by two nodes at once (<c>Redis/state-machine.md</c>).
/// </summary>
internal sealed class SlideHandlers(ClusterStore store, RunRegister runs, RunBoard board, RedisEngine engine, string node, TimeProvider time)
{
    public async Task CoordinateAsync(MeshMessage message, CancellationToken cancellation)
    {
        (long Shards, long HandedOut)? set = await engine.SetAsync(message.Slide, cancellation).ConfigureAwait(false);
        if (set is { } whole && whole.HandedOut >= whole.Shards)
        {
            // A coordinator died after its last shard. The slide's folder is left to those who work in it.
            return;
        }

        using RunRegister.Lease lease = await runs.OpenAsync(message.Run, cancellation).ConfigureAwait(false);
        ClusterRun run = lease.Run;
        CohortEntry slide = run.Slide(message.Slide);
        if (set is not null && run.ReadPlan(slide, run.Shards.Store.Slide(slide.Id)) is { } planned)
        {
            // One died between two shards: the rest is cut from the plan that it shared, beside the shards that are in hand.
            StageLedger ledger = StageLedger.Open(run.Shards.Store.Slide(slide.Id));
            await new SlideCoordinator(run.Shards, engine).HandOutAsync(slide.Id, planned, ledger, cancellation).ConfigureAwait(false);
            return;
        }

        await board.PhaseAsync(message.Run, slide.Id, "planning", cancellation).ConfigureAwait(false);
        store.RemoveFailure(message.Run, slide.Id);
        if (TryFinished(run, slide))
        {
            (await BeginAsync(run, message, create: false, cancellation).ConfigureAwait(false))?.Remove();
            run.Final.Telemetry.SlideDone("resumed");
            await EndAsync(message, "done", resumed: true, cancellation).ConfigureAwait(false);
            return;
        }

        SlideWork work = (await BeginAsync(run, message, create: true, cancellation).ConfigureAwait(false))!;
        try
        {
            RunContext own = run.In(work, planReady: async (_, token) =>
            {
                await engine.ConfirmAsync(token).ConfigureAwait(false);
                await board.PhaseAsync(message.Run, slide.Id, "embedding", token).ConfigureAwait(false);
                work.Share();
            });
            await new SlideCoordinator(own, engine).ReceiveAsync(message, cancellation).ConfigureAwait(false);
            if (own.Outcomes.ContainsKey(slide.Id))
            {
                // A node died between the last file and its publication.
                await engine.ConfirmAsync(cancellation).ConfigureAwait(false);
                work.Publish(withShards: false);
                await EndAsync(message, "done", resumed: false, cancellation).ConfigureAwait(false);
            }
        }
        catch (ClaimLostException)
        {
            work.Discard();
            throw;
        }
        catch (Exception failure) when (WasTaken(work, failure))
        {
            throw Taken(message);
        }
    }

    public async Task EmbedAsync(EmbedShard shard, CancellationToken cancellation)
    {
        using RunRegister.Lease lease = await runs.OpenAsync(shard.Run, cancellation).ConfigureAwait(false);
        if (!lease.Run.EnsurePlan(shard))
        {
            // Somebody else took the slide over, or its folder is gone; only the latter is a failure.
            await engine.ConfirmAsync(cancellation).ConfigureAwait(false);
            throw new IOException($"the plan of slide '{shard.Slide}' is not in the store");
        }

        try
        {
            await lease.Run.Inference.PerformAsync(shard, cancellation).ConfigureAwait(false);
        }
        catch (DirectoryNotFoundException)
        {
            // The slide's folder was renamed away. With the claim as good as ever it was by a node that came late, and comes back: transient.
            await engine.ConfirmAsync(cancellation).ConfigureAwait(false);
            throw Taken(shard);
        }
    }

    public Task AggregateAsync(MeshMessage message, CancellationToken cancellation) => message switch
    {
        AggregateSlide => MergeAsync(message, cancellation),
        FailSlide fail => FailAsync(fail, cancellation),
        FinishRun => FinishAsync(message, cancellation),
        _ => throw new ArgumentOutOfRangeException(nameof(message), message, "no message to an aggregator"),
    };

    /// <summary>A message that failed for good fails its slide; the slide's aggregator records it, so that only one node writes.</summary>
    public async Task BuryAsync(MeshMessage message, Exception failure, CancellationToken cancellation)
    {
        Log(message, failure);
        switch (message)
        {
            case FinishRun:
                await engine.SettleAsync(LuaScript.Close, cancellation, message.Run, PlainText.OneLine(failure.Message)).ConfigureAwait(false);
                break;
            case FailSlide:
                // Not even the failure can be written (a full disk, say): the slide is counted out, and tables show it as pending.
                await EndAsync(message, "failed", resumed: false, cancellation).ConfigureAwait(false);
                break;
            default:
                (string reason, string detail) = await WordsAsync(message, failure, cancellation).ConfigureAwait(false);
                await engine.TellAsync(ActorKind.Aggregator, new FailSlide(message.Slide, reason, detail), cancellation).ConfigureAwait(false);
                break;
        }
    }

    private async Task MergeAsync(MeshMessage message, CancellationToken cancellation)
    {
        using RunRegister.Lease lease = await runs.OpenAsync(message.Run, cancellation).ConfigureAwait(false);
        ClusterRun run = lease.Run;
        CohortEntry slide = run.Slide(message.Slide);
        await board.PhaseAsync(message.Run, slide.Id, "aggregating", cancellation).ConfigureAwait(false);
        SlideWork? work = await BeginAsync(run, message, create: false, cancellation).ConfigureAwait(false);
        PlannedSlide? planned = work is null ? null : run.ReadPlan(slide, work.Folder);
        if (work is null || planned is null)
        {
            // Published before the node could say so; or stopped in the middle of publishing, which planning again finds out and mends.
            await (work is null && TryFinished(run, slide)
                ? EndAsync(message, "done", resumed: false, cancellation)
                : engine.SettleAsync(LuaScript.Anew, cancellation, message.Run, slide.Id.Value)).ConfigureAwait(false);
            return;
        }

        try
        {
            RunContext own = run.In(work, resultReady: async (_, token) =>
            {
                await engine.ConfirmAsync(token).ConfigureAwait(false);
                work.Publish(withShards: false);
            });
            own.Plans[slide.Id] = planned;
            await new SlideAggregator(own, engine).ReceiveAsync(message, cancellation).ConfigureAwait(false);
            await EndAsync(message, "done", resumed: false, cancellation).ConfigureAwait(false);
        }
        catch (ClaimLostException)
        {
            work.Discard();
            throw;
        }
        catch (Exception failure) when (WasTaken(work, failure))
        {
            throw Taken(message);
        }
    }

    /// <summary>
    /// Takes the slide's folder for the holder of the claim. A node that was silent between the answer and the rename may still take it from its
    /// successor, whose paths lead nowhere then although its claim is good: see <see cref="WasTaken"/>.
    /// </summary>
    private async Task<SlideWork?> BeginAsync(ClusterRun run, MeshMessage message, bool create, CancellationToken cancellation)
    {
        await engine.ConfirmAsync(cancellation).ConfigureAwait(false);
        return SlideWork.Begin(run.OutputRoot, message.Run, message.Slide, create);
    }

    /// <summary>A failure in a folder that is not there any more says nothing about the slide.</summary>
    private static bool WasTaken(SlideWork work, Exception failure) =>
        failure is not (ClaimLostException or OperationCanceledException) && work.IsTaken;

    /// <summary>Transient: the message is delivered again, and takes the folder back if the claim still holds.</summary>
    private static IOException Taken(MeshMessage message) => new($"the work folder of slide '{message.Slide}' passed to another node");

    private async Task FailAsync(FailSlide fail, CancellationToken cancellation)
    {
        using RunRegister.Lease lease = await runs.OpenAsync(fail.Run, cancellation).ConfigureAwait(false);
        ClusterRun run = lease.Run;
        CohortEntry slide = run.Slide(fail.Slide);
        SlideState state = fail.Reason == "quarantined" ? SlideState.Quarantined : SlideState.Failed;
        SlideWork? work = await BeginAsync(run, fail, create: false, cancellation).ConfigureAwait(false);
        FailedSlide.RemoveStaleResult(run.Final, slide);
        work?.Publish(withShards: true);
        store.WriteFailure(fail.Run, FailedSlide.Describe(run.Final, slide, state, fail.Reason, fail.Detail).Summary);
        run.Final.Telemetry.SlideDone(state == SlideState.Failed ? "failed" : "quarantined");
        await EndAsync(fail, state == SlideState.Failed ? "failed" : "quarantined", resumed: false, cancellation).ConfigureAwait(false);
    }

    private async Task FinishAsync(MeshMessage message, CancellationToken cancellation)
    {
        using RunRegister.Lease lease = await runs.OpenAsync(message.Run, cancellation).ConfigureAwait(false);
        ClusterRun run = lease.Run;
        IReadOnlyDictionary<string, string> states = await board.SlidesAsync(message.Run, cancellation).ConfigureAwait(false);
        RunStatus? status = await board.StatusAsync(message.Run, cancellation).ConfigureAwait(false);
        SlideOutcome[] outcomes = [.. run.Final.Slides.Values.OrderBy(s => s.Id.Value, StringComparer.Ordinal).Select(s => RunOutcomes.Of(run, store, s, states))];
        await engine.ConfirmAsync(cancellation).ConfigureAwait(false);
        bool cancelled = status?.State == "cancelled";
        StageTimings times = await board.TimesAsync(message.Run, cancellation).ConfigureAwait(false);
        RunContext final = run.Final.At(run.Final.Store, run.NoProgress(), book: () => times);
        RunTables.WriteSpecification(final, run.Specification.Engine);
        RunTables.Write(final, outcomes, stopping: cancelled);
        SlideWork.Clear(run.OutputRoot, message.Run);
        store.WriteEnd(message.Run, new RunEnd(
            cancelled ? "cancelled" : "done",
            outcomes.Count(o => o.Summary.State == SlideState.Done), outcomes.Count(o => o.Summary.State == SlideState.Failed),
            outcomes.Count(o => o.Summary.State == SlideState.Quarantined)));
        await engine.SettleAsync(LuaScript.Close, cancellation, message.Run, "").ConfigureAwait(false);
    }

    private void Log(MeshMessage message, Exception failure)
    {
        try
        {
            store.Log(message.Run, node, $"{time.GetUtcNow():O} slide {message.Slide}, {message.GetType().Name}, delivery {message.Attempt + 1}: {failure}");
        }
        catch (Exception full) when (full is IOException or UnauthorizedAccessException)
        {
            // A store that cannot be written is reported by the slides that fail for it; the log must not stop their burial.
        }
    }

    private Task<string> EndAsync(MeshMessage message, string state, bool resumed, CancellationToken cancellation) =>
        engine.SettleAsync(LuaScript.End, cancellation, message.Run, message.Slide.Value, state, resumed ? "1" : "0");

    private static bool TryFinished(ClusterRun run, CohortEntry slide)
    {
        RunContext final = run.Final.At(run.Final.Store, run.NoProgress());
        StageLedger ledger = StageLedger.Open(final.Store.Slide(slide.Id));
        if (!ledger.Names(StageKeys.ResultStage))
        {
            // The slide's file is read for its fingerprint once, by the actor that plans it.
            return false;
        }

        // Where the result turns out to be another one, the actor asks for the fingerprint again: copying what is left of it takes its time,
        // in which the slide may be replaced.
        string fingerprint = final.Stage("fingerprint", slide.Id, null, () => SlideCoordinator.Fingerprint(slide));
        return FinishedSlide.TryLoad(final, slide, fingerprint, ledger) is not null;
    }

    private async Task<(string Reason, string Detail)> WordsAsync(MeshMessage message, Exception failure, CancellationToken cancellation)
    {
        try
        {
            using RunRegister.Lease lease = await runs.OpenAsync(message.Run, cancellation).ConfigureAwait(false);
            return FailedSlide.Words(lease.Run.Final, lease.Run.Slide(message.Slide), failure);
        }
        catch (Exception unloadable) when (unloadable is not OperationCanceledException and not ClaimLostException)
        {
            // The run itself cannot be loaded, which is the failure.
            return (FailureClassifier.Reason(failure), PlainText.OneLine(failure.Message));
        }
    }
}

/// <summary>How the slides of a run ended, read back from the store.</summary>
public static class RunOutcomes
{
    internal static SlideOutcome Of(ClusterRun run, ClusterStore store, CohortEntry slide, IReadOnlyDictionary<string, string> states) =>
        Of(run.OutputRoot, run.Specification.Id, store, slide, states.GetValueOrDefault(slide.Id.Value, "pending"));

    /// <param name="state">What Redis says of the slide.</param>
    public static SlideOutcome Of(string outputRoot, string run, ClusterStore store, CohortEntry slide, string state)
    {
        ArgumentNullException.ThrowIfNull(store);
        ArgumentNullException.ThrowIfNull(slide);
        if (state == "done")
        {
            using FileStream stream = File.OpenRead(new SlideFolder(outputRoot, slide.Id).Predictions);
            return new SlideOutcome(Reporting.Json.ResultJson.ReadSummary(stream), Resumed: false);
        }

        return state is "failed" or "quarantined" && store.ReadFailure(run, slide.Id) is { } failure
            ? new SlideOutcome(failure, Resumed: false)
            : FailedSlide.Pending(slide);
    }
}
