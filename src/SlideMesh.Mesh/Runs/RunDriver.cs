using System.Runtime.CompilerServices;
using SlideMesh.Inference.Engines;
using SlideMesh.Inference.Packages;
using SlideMesh.Mesh.Actors;
using SlideMesh.Mesh.Cohort;
using SlideMesh.Mesh.Engine;
using SlideMesh.Mesh.Features;
using SlideMesh.Mesh.Messages;
using SlideMesh.Mesh.Progress;
using SlideMesh.Mesh.Stages;
using SlideMesh.Mesh.Telemetry;
using SlideMesh.Prediction;
using SlideMesh.Prediction.Omics;
using SlideMesh.Reporting;
using SlideMesh.Reporting.OutputStore;
using SlideMesh.Slides;
using SlideMesh.Slides.LocalCopies;

namespace SlideMesh.Mesh.Runs;

/// <summary>What a run is made of. The engines stay the caller's.</summary>
public sealed record RunRequest(
    RunOptions Options, IReadOnlyList<CohortEntry> Cohort, ResolvedPipeline Pipeline, IInferenceEngine Inference, string? OmicsPath)
{
    /// <summary>Where the cohort's features are, when they exist already; null makes them from the slides.</summary>
    public FeatureCohort? Features { get; init; }

    /// <summary>Engines of further devices, of the same kind as <see cref="Inference"/>; heads run on that one alone.</summary>
    public IReadOnlyList<IInferenceEngine> MoreDevices { get; init; } = [];
}

/// <summary>Runs a cohort on one machine: starts the actors, tells each slide's coordinator, waits until every slide has ended.</summary>
public sealed class RunDriver : IAsyncDisposable
{
    // Twice the decoders: while the last rows of a shard are on the device, its worker's place reads the next shard.
    private const int ShardsPerDecoder = 2;

    private readonly RunRequest _request;
    private readonly RunStore _store;
    private readonly SlidePredictor _predictor;
    private readonly SlideHandles _handles;
    private readonly SlideAdmission _admission;
    private readonly LocalCopyCache? _copies;
    private readonly MeshTelemetry _telemetry = new();
    private readonly RunContext _run;

    /// <summary>Fails when a slide's end cannot be recorded.</summary>
    private readonly TaskCompletionSource _broken = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly RunLog _log;

    /// <exception cref="OutputException">The output folder cannot be used.</exception>
    /// <exception cref="OmicsTableException">The omics table cannot be used at all.</exception>
    public RunDriver(RunRequest request, TimeProvider? time = null)
    {
        ArgumentNullException.ThrowIfNull(request);
        _request = request;
        time ??= TimeProvider.System;
        FlatLayout? layout = request.Options.Verb == RunVerb.Embed ? new FlatLayout(request.Pipeline.Streams) : null;
        _store = RunStore.Open(request.Options.OutputRoot, request.Options.Verb, layout);
        try
        {
            _log = new RunLog(_store.Log, time);
            _predictor = new SlidePredictor(request.Pipeline, request.Inference);
            _copies = OpenCopies(request.Options);
            _handles = new SlideHandles(request.Options.SlidesInFlight, request.Options.DecoderScaling, _copies);
            _admission = new SlideAdmission(request.Options.SlidesInFlight);
            _run = new RunContext
            {
                Options = request.Options,
                Store = _store,
                Slides = request.Cohort.ToDictionary(s => s.Id),
                Pipeline = request.Pipeline,
                Engine = request.Inference.Description,
                Predictor = _predictor,
                Features = request.Features,
                // Columns that no model uses are not looked at, so that text in one of them harms no case.
                Omics = request.OmicsPath is { } omics ? OmicsTable.Read(omics, _predictor.OmicsFeatures) : null,
                Tissue = request.Options.Tissue with { Quality = request.Options.Quality },
                Handles = _handles,
                Progress = new RunProgress(request.Cohort.Count, time),
                Telemetry = _telemetry,
                Time = time,
            };
        }
        catch
        {
            _log?.Dispose();
            _predictor?.Dispose();
            _store.Dispose();
            throw;
        }
    }

    public RunProgress Progress => _run.Progress;

    /// <summary>Where features lie for other tools; null when they lie in the slides' folders.</summary>
    public FlatLayout? Layout => _store.Layout;

    /// <summary>What a user should know before the run begins, one line each.</summary>
    public IEnumerable<string> Warnings
    {
        get
        {
            foreach (string note in _run.Features?.Notes ?? [])
            {
                yield return note;
            }

            if (_run.Omics is not { } omics)
            {
                yield break;
            }

            string name = Path.GetFileName(omics.Path);
            if (_predictor.OmicsFeatures.Count == 0)
            {
                yield return $"{name} is not used: no fusion model is among the models";
            }
            else if (omics.Features.Count == 0)
            {
                yield return $"{name} has none of the {_predictor.OmicsFeatures.Count} features that the fusion model uses ({string.Join(", ", _predictor.OmicsFeatures.Take(3))}, …): every slide gets its slide-only result";
            }

            int unknown = omics.FindUnknownCases(_run.Slides.Values.Select(s => s.OmicsId)).Count;
            if (unknown > 0)
            {
                yield return $"{name}: {unknown} of its cases belong to no slide of this run (see failures.csv)";
            }

            if (omics.Findings.Count > 0)
            {
                yield return $"{name}: {omics.Findings.Count} findings, the first: {omics.Findings[0].Detail}";
            }
        }
    }

    /// <summary>The device's batchers, once they run.</summary>
    public DeviceFleet? Device { get; private set; }

    /// <summary>Raised with one line that a user should read, such as a batch that was too large for a device. Handlers must be quick.</summary>
    public event Action<string>? Noted;

    /// <summary>Runs to the end of the cohort. Tables are written also when it is stopped, with what is finished by then.</summary>
    /// <returns>Outcomes by slide, in the cohort's order; slides that a stop left unfinished are pending.</returns>
    /// <exception cref="OperationCanceledException">Stopped; everything finished is in the store.</exception>
    /// <exception cref="OutputException">The files of the run as a whole cannot be written.</exception>
    public async Task<IReadOnlyList<SlideOutcome>> RunAsync(CancellationToken cancellation)
    {
        try
        {
            return await PerformAndTellAsync(cancellation).ConfigureAwait(false);
        }
        catch (Exception failed) when (failed is IOException or UnauthorizedAccessException)
        {
            // Slides' own failures do not come here: this is about the folder.
            throw RunStore.Unusable(_request.Options.OutputRoot, failed);
        }
    }

    public async ValueTask DisposeAsync()
    {
        await Task.CompletedTask.ConfigureAwait(false);
        _handles.Dispose();
        _admission.Dispose();
        _predictor.Dispose();
        _telemetry.Dispose();
        _log.Dispose();
        _store.Dispose();
    }

    private async Task<IReadOnlyList<SlideOutcome>> PerformAndTellAsync(CancellationToken cancellation)
    {
        RunTables.WriteSpecification(_run, _request.Inference.Description);
        using System.Diagnostics.Activity? activity = _telemetry.Source.StartActivity("run");
        activity?.SetTag("slidemesh.run.slides", _request.Cohort.Count);
        try
        {
            await PerformAsync(cancellation).ConfigureAwait(false);
        }
        finally
        {
            RunTables.Write(_run, Outcomes(), stopping: cancellation.IsCancellationRequested);
        }

        cancellation.ThrowIfCancellationRequested();
        return Outcomes();
    }

    private async Task PerformAsync(CancellationToken cancellation)
    {
        int decoders = _request.Options.Decoders ?? Environment.ProcessorCount;
        Progress.Happened += LeaveWhenEnded;
        if (_request.Cohort.Count == 0)
        {
            return;
        }

        InProcessEngine engine = new(time: _run.Time);
        using DeviceFleet? device = _run.Features is null ? new(_request.Pipeline, [_request.Inference, .. _request.MoreDevices], _request.Options, Note) : null;
        using InferencePool? inference = device is null ? null : new(_run, engine, device, decoders);
        // Declared last, so that it ends first: its handlers use the others until they have returned.
        await using ConfiguredAsyncDisposable ending = engine.ConfigureAwait(false);
        _telemetry.ObserveQueue(() => engine.QueuedWork);
        if (device is not null)
        {
            Device = device;
            _run.WorkAhead = device.Warm;
            _telemetry.ObserveDevices(device);
            engine.OnTell(ActorKind.Coordinator, Math.Max(1, decoders / 2), new SlideCoordinator(_run, engine).ReceiveAsync);
            engine.OnTell(ActorKind.Aggregator, Math.Max(1, decoders / 2), new SlideAggregator(_run, engine).ReceiveAsync);
            engine.OnWork(decoders * ShardsPerDecoder, inference!.PerformAsync);
        }
        else
        {
            // Heads compute on one thread each, so that slides are what fills the cores.
            engine.OnTell(ActorKind.Coordinator, decoders, new FeatureCoordinator(_run, engine).ReceiveAsync);
            engine.OnTell(ActorKind.Aggregator, decoders, new FeatureAggregator(_run, engine).ReceiveAsync);
            engine.OnWork(1, static (_, _) => throw new InvalidOperationException("features exist already: there are no shards"));
        }

        engine.OnDead((message, failure, token) => BuryOrEndAsync(engine, message, failure, token));
        await engine.StartAsync(cancellation).ConfigureAwait(false);
        using CopyAhead copyAhead = CopyAhead.Start(_copies, _request.Cohort, _store, _request.Options.SlidesInFlight, Progress, cancellation);
        // Admission is before the actors: a coordinator that waited for a place could hold up the very slide that has one.
        foreach (CohortEntry slide in _request.Cohort)
        {
            Task place = _admission.EnterAsync(slide.Id, cancellation);
            await (await Task.WhenAny(place, _broken.Task).ConfigureAwait(false)).ConfigureAwait(false);
            await engine.TellAsync(ActorKind.Coordinator, new PlanSlide(slide.Id), cancellation).ConfigureAwait(false);
        }

        Task ended = await Task.WhenAny(Progress.AllEnded, _broken.Task).WaitAsync(cancellation).ConfigureAwait(false);
        await ended.ConfigureAwait(false);
    }

    private void Note(string note)
    {
        _log.Note(note);
        Noted?.Invoke(note);
    }

    private static LocalCopyCache? OpenCopies(RunOptions options)
    {
        try
        {
            return options.OpenCopies();
        }
        catch (Exception failed) when (failed is IOException or UnauthorizedAccessException)
        {
            throw new OutputException(
                $"folder for local copies '{options.CopyFolder}' cannot be written: {failed.Message.TrimEnd('.')}; choose another with --cache or leave it out", failed);
        }
    }

    private void LeaveWhenEnded(ProgressEvent happened)
    {
        if (happened is SlideDone or SlideFailed)
        {
            _admission.Leave(happened.Slide);
        }
    }

    /// <summary>A slide that cannot be buried would be waited for without end: the run ends instead, with the reason.</summary>
    private async Task BuryOrEndAsync(InProcessEngine engine, MeshMessage message, Exception failure, CancellationToken cancellation)
    {
        try
        {
            await BuryAsync(engine, message, failure, cancellation).ConfigureAwait(false);
        }
        catch (Exception broken) when (broken is not OperationCanceledException)
        {
            _broken.TrySetException(broken);
            throw;
        }
    }

    private async Task BuryAsync(InProcessEngine engine, MeshMessage message, Exception failure, CancellationToken cancellation)
    {
        CohortEntry slide = _run.Slides[message.Slide];
        SlideOutcome outcome = FailedSlide.Describe(_run, slide, failure);
        _log.Failure(slide, message, failure);
        // A slide has many shards: the first one that fails decides, the others are dropped.
        if (!_run.Outcomes.TryAdd(slide.Id, outcome))
        {
            return;
        }

        _run.Plans.TryRemove(slide.Id, out _);
        _run.FeatureKeys.TryRemove(slide.Id, out _);
        FailedSlide.RemoveStaleResult(_run, slide);
        await engine.ForgetAsync(slide.Id, cancellation).ConfigureAwait(false);
        _telemetry.SlideDone("failed");
        Progress.Publish(new SlideFailed(slide.Id, outcome.Summary.Reason!, outcome.Summary.Detail!));
    }

    private IReadOnlyList<SlideOutcome> Outcomes() =>
        [.. _request.Cohort.Select(slide => _run.Outcomes.TryGetValue(slide.Id, out SlideOutcome? outcome) ? outcome : FailedSlide.Pending(slide))];
}
