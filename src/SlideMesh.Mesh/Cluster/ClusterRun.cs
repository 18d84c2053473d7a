using System.Collections.Concurrent;
using SlideMesh.Inference.Engines;
using SlideMesh.Inference.Packages;
using SlideMesh.Mesh.Actors;
using SlideMesh.Mesh.Cohort;
using SlideMesh.Mesh.Engine;
using SlideMesh.Mesh.Messages;
using SlideMesh.Mesh.Progress;
using SlideMesh.Mesh.Redis;
using SlideMesh.Mesh.Runs;
using SlideMesh.Mesh.Stages;
using SlideMesh.Mesh.Telemetry;
using SlideMesh.Prediction.Omics;
using SlideMesh.Slides;
using SlideMesh.Reporting.OutputStore;
using SlideMesh.Tiling;

namespace SlideMesh.Mesh.Cluster;

/// <summary>A submitted run as one node holds it: specification, models, open slides, plans of slides whose shards it performs.</summary>
internal sealed class ClusterRun : IDisposable
{
    /// <summary>Plans kept in memory: tile corners of as many slides.</summary>
    private const int PlansAtOnce = 16;

    private readonly ModelShelf _shelf;
    private readonly ModelShelf.Loaded _models;
    private readonly RunStore _store;
    private readonly ConcurrentQueue<SlideId> _planned = new();
    private readonly Lazy<InferencePool> _inference;
    private long _used;

    private ClusterRun(
        RunSpecification specification, string outputRoot, RunContext context, RunStore store, ModelShelf shelf, ModelShelf.Loaded models, RedisEngine engine, int decoders)
    {
        Specification = specification;
        OutputRoot = outputRoot;
        Final = context;
        _store = store;
        _shelf = shelf;
        _models = models;
        Shards = context.At(
            store.Placing(slide => SlideWork.SharedFolder(outputRoot, specification.Id, slide)), new RunProgress(specification.Slides.Count, context.Time));
        Touch();
        _inference = new Lazy<InferencePool>(() => new InferencePool(Shards, engine, models.Device, decoders));
    }

    public RunSpecification Specification { get; }

    /// <summary>Full path of the output folder on this machine.</summary>
    public string OutputRoot { get; }

    /// <summary>The run with its slides where results lie.</summary>
    public RunContext Final { get; }

    /// <summary>The run with its slides where shards are made; knows the plans of <see cref="EnsurePlan"/>.</summary>
    public RunContext Shards { get; }

    public InferencePool Inference => _inference.Value;

    /// <summary>Messages of the run in this node's hands.</summary>
    public int Users { get; set; }

    public TimeSpan SinceUse => Final.Time.GetElapsedTime(_used);

    public void Touch() => _used = Final.Time.GetTimestamp();

    /// <exception cref="UnfitNodeException">The run wants another version or engine than this node has.</exception>
    public static async Task<ClusterRun> LoadAsync(
        RunSpecification specification, ClusterStore store, ModelShelf shelf, IInferenceEngine inference, RedisEngine engine, RunOptions node,
        MeshTelemetry telemetry, TimeProvider time, CancellationToken cancellation)
    {
        if (specification.SoftwareVersion != SoftwareVersion.Current || (engine.PerformsWork && specification.Engine != inference.Description))
        {
            throw new UnfitNodeException(
                $"run {specification.Id} was submitted for SlideMesh {specification.SoftwareVersion} on {specification.Engine}; this node is {SoftwareVersion.Current} on {inference.Description} and would give other bytes: use the same on all nodes");
        }

        ModelShelf.Loaded models = await shelf.TakeAsync(specification.Models, cancellation).ConfigureAwait(false);
        try
        {
            string outputRoot = store.OutputRoot(specification);
            RunStore results = RunStore.Share(outputRoot);
            RunContext described = RunDescription.Of(specification, store, models.Pipeline, models.Predictor, results, node, telemetry, time);
            RunContext context = described.At(results, described.Progress, book: () => engine.Timings);
            context.WorkAhead = static () => { };
            return new ClusterRun(specification, outputRoot, context, results, shelf, models, engine, node.Decoders ?? Environment.ProcessorCount);
        }
        catch
        {
            shelf.Return(models);
            throw;
        }
    }

    public CohortEntry Slide(SlideId slide) => Final.Slides[slide];

    /// <summary>The run with one slide in a folder that the caller alone has.</summary>
    public RunContext In(
        SlideWork work, Func<SlideId, CancellationToken, Task>? planReady = null, Func<SlideId, CancellationToken, Task>? resultReady = null) =>
        Final.At(_store.Placing(_ => work.Folder), NoProgress(), planReady, resultReady);

    public RunProgress NoProgress() => new(Specification.Slides.Count, Final.Time);

    /// <summary>The slide's plan as the coordinator left it, for <see cref="Inference"/>.</summary>
    /// <returns>False when it is not there, or is not the one that the shard was cut from.</returns>
    public bool EnsurePlan(EmbedShard shard)
    {
        if (Shards.Plans.TryGetValue(shard.Slide, out PlannedSlide? known) && known.FeatureKeys.GetValueOrDefault(shard.Stream) == shard.Key)
        {
            return true;
        }

        PlannedSlide? planned = ReadPlan(Slide(shard.Slide), Shards.Store.Slide(shard.Slide));
        if (planned is null || planned.FeatureKeys.GetValueOrDefault(shard.Stream) != shard.Key)
        {
            return false;
        }

        Shards.Plans[shard.Slide] = planned;
        _planned.Enqueue(shard.Slide);
        while (_planned.Count > PlansAtOnce && _planned.TryDequeue(out SlideId oldest))
        {
            if (oldest != shard.Slide)
            {
                Shards.Plans.TryRemove(oldest, out _);
            }
        }

        return true;
    }

    /// <returns>Null when there is no whole plan in the folder.</returns>
    public PlannedSlide? ReadPlan(CohortEntry slide, SlideFolder folder)
    {
        (PlanDocument Document, IReadOnlyDictionary<string, TilePlan> Plans)? plan;
        try
        {
            plan = PlanStage.TryLoad(folder);
        }
        catch (Exception missing) when (missing is FileNotFoundException or DirectoryNotFoundException)
        {
            return null;
        }

        if (plan is not { } found || Final.Pipeline.Streams.Any(s => !found.Plans.ContainsKey(s.Id)))
        {
            return null;
        }

        IReadOnlyDictionary<string, string> features = StageKeys.AllFeatures(Final, slide, found.Document);
        return new PlannedSlide(
            found.Document, found.Plans, features, StageKeys.Result(Final, slide, StageKeys.Plan(Final, slide, found.Document.Fingerprint), features));
    }

    public void Dispose()
    {
        if (_inference.IsValueCreated)
        {
            _inference.Value.Dispose();
        }

        Final.Handles.Dispose();
        _store.Dispose();
        _shelf.Return(_models);
    }
}

/// <summary>This node cannot serve the run and would fail all of its slides: it hands the message back and ends. One line for the operator.</summary>
public sealed class UnfitNodeException(string message) : Exception(message);
