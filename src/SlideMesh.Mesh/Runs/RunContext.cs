using System.Collections.Concurrent;
using SlideMesh.Inference.Packages;
using SlideMesh.Mesh.Cohort;
using SlideMesh.Mesh.Features;
using SlideMesh.Mesh.Progress;
using SlideMesh.Mesh.Stages;
using SlideMesh.Mesh.Telemetry;
using SlideMesh.Prediction;
using SlideMesh.Prediction.Omics;
using SlideMesh.Reporting;
using SlideMesh.Slides;
using SlideMesh.Tissue;

namespace SlideMesh.Mesh.Runs;

/// <summary>What the actors of one process share about a run. Immutable apart from the thread-safe collections.</summary>
public sealed class RunContext
{
    public required RunOptions Options { get; init; }

    public required RunStore Store { get; init; }

    public required IReadOnlyDictionary<SlideId, CohortEntry> Slides { get; init; }

    public required ResolvedPipeline Pipeline { get; init; }

    /// <summary>Inference engine and version: another one may give other last bits.</summary>
    public required string Engine { get; init; }

    public required SlidePredictor Predictor { get; init; }

    /// <summary>Where the slides' features are, when they exist already; null when this run makes them.</summary>
    public FeatureCohort? Features { get; init; }

    public required OmicsTable? Omics { get; init; }

    public required TissueOptions Tissue { get; init; }

    public required SlideHandles Handles { get; init; }

    public required RunProgress Progress { get; init; }

    public required MeshTelemetry Telemetry { get; init; }

    public required TimeProvider Time { get; init; }

    /// <summary>Called when a slide turns out to need work: a node that has a device may make it ready meanwhile. Returns at once.</summary>
    public Action WorkAhead { get; set; } = static () => { };

    /// <summary>Called when a slide is planned and its shards are about to be handed out.</summary>
    public Func<SlideId, CancellationToken, Task> PlanReady { get; init; } = static (_, _) => Task.CompletedTask;

    /// <summary>Called when everything that a user reads is written; null: the slide's shards are removed, and that is all.</summary>
    public Func<SlideId, CancellationToken, Task>? ResultReady { get; init; }

    /// <summary>Slides in flight whose features exist already: the key of their result.</summary>
    public ConcurrentDictionary<SlideId, string> FeatureKeys { get; } = new();

    /// <summary>Plans of slides in flight, dropped when the slide ends.</summary>
    public ConcurrentDictionary<SlideId, PlannedSlide> Plans { get; } = new();

    /// <summary>Slides that ended, with what tables and reports show.</summary>
    public ConcurrentDictionary<SlideId, SlideOutcome> Outcomes { get; } = new();

    /// <summary>
    /// Finds where time is booked now: by default one book of the whole run; in a cluster that of the message in hand, whose completion carries it to Redis.
    /// </summary>
    public Func<StageTimings> Book { get; init; } = Always(new StageTimings());

    public StageTimings Timings => Book();

    /// <summary>The same run with its slides in other folders, and nothing known of any slide yet.</summary>
    public RunContext At(
        RunStore store, RunProgress progress, Func<SlideId, CancellationToken, Task>? planReady = null, Func<SlideId, CancellationToken, Task>? resultReady = null,
        Func<StageTimings>? book = null) => new()
        {
            Options = Options,
            Store = store,
            Slides = Slides,
            Pipeline = Pipeline,
            Engine = Engine,
            Predictor = Predictor,
            Features = Features,
            Omics = Omics,
            Tissue = Tissue,
            Handles = Handles,
            Progress = progress,
            Telemetry = Telemetry,
            Time = Time,
            WorkAhead = WorkAhead,
            PlanReady = planReady ?? PlanReady,
            ResultReady = resultReady,
            Book = book ?? Book,
        };

    public bool HasFailed(SlideId slide) => Outcomes.TryGetValue(slide, out SlideOutcome? outcome) && outcome.Summary.State == SlideState.Failed;

    private static Func<StageTimings> Always(StageTimings book) => () => book;

    /// <summary>Records a slide that an earlier run finished.</summary>
    public void Resume(SlideId slide, SlideOutcome finished)
    {
        Outcomes[slide] = finished;
        Progress.Publish(new SlideDone(slide, Resumed: true, TimeSpan.Zero));
        Telemetry.SlideDone("resumed");
    }

    /// <summary>Runs <paramref name="work"/> as a traced, timed stage.</summary>
    /// <param name="bytes">Bytes that it wrote to the output store; null for stages that write nothing.</param>
    public T Stage<T>(string stage, SlideId slide, string? stream, Func<T> work, Func<T, long?>? tiles = null, Func<T, long>? bytes = null)
    {
        ArgumentNullException.ThrowIfNull(work);
        using System.Diagnostics.Activity? activity = Telemetry.Source.StartActivity(stage);
        activity?.SetTag("slidemesh.slide.id", slide.Value);
        activity?.SetTag("slidemesh.stream", stream);
        long started = Time.GetTimestamp();
        T result = work();
        TimeSpan elapsed = Time.GetElapsedTime(started);
        Telemetry.StageDone(stage, elapsed, bytes?.Invoke(result) ?? 0);
        Timings.Add(slide, stage, stream, elapsed, tiles?.Invoke(result));
        return result;
    }
}

/// <summary>
/// How a slide ended. Its tiles without a row are not held here, since they may be thousands a slide: they are in the store
/// (<see cref="FinishedSlide.ReadUnused"/>).
/// </summary>
public sealed record SlideOutcome(SlideSummary Summary, bool Resumed);
