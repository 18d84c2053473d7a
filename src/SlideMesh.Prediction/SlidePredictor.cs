using SlideMesh.Inference.Engines;
using SlideMesh.Inference.Packages;
using SlideMesh.Prediction.Bags;
using SlideMesh.Prediction.Heads;
using SlideMesh.Prediction.Maps;
using SlideMesh.Prediction.Omics;
using SlideMesh.Prediction.Outputs;

namespace SlideMesh.Prediction;

/// <summary>
/// Features of a slide and what is known of its case → everything the heads say about it. Graphs are loaded once, each with one
/// thread unless more are asked for; <see cref="Predict"/> may be called from several threads at once, and its results depend on its arguments only. Dispose
/// unloads the graphs; the engine stays the caller's.
/// </summary>
public sealed class SlidePredictor : IDisposable
{
    private readonly List<(ModelPackage Package, string Stream, ISlideHead Head, OmicsScaling? Omics)> _heads = [];
    private readonly List<(ModelPackage Package, FusionHead Head)> _fusions = [];

    /// <param name="threads">Of a graph; with more than one the last bits of results may differ.</param>
    /// <exception cref="PredictionException">Two models answer a task in ways that cannot be averaged, or a package contradicts itself.</exception>
    /// <exception cref="InferenceException">A graph cannot be loaded.</exception>
    public SlidePredictor(ResolvedPipeline pipeline, IInferenceEngine engine, int threads = 1)
    {
        ArgumentNullException.ThrowIfNull(pipeline);
        ArgumentNullException.ThrowIfNull(engine);
        Check(pipeline);
        var loader = new HeadLoader(engine, threads);
        try
        {
            foreach (ModelPackage package in pipeline.Packages)
            {
                if (package.Kind == ModelKind.FusionHead)
                {
                    _fusions.Add((package, loader.LoadFusion(package)));
                }
                else if (package.Kind != ModelKind.Encoder)
                {
                    _heads.Add((package, pipeline.StreamIds[package.Name], loader.LoadHead(package), HeadLoader.LoadOmics(package)));
                }
            }
        }
        catch
        {
            Dispose();
            throw;
        }

        OmicsFeatures = [.. _heads.SelectMany(h => h.Omics?.Names ?? []).Concat(_fusions.SelectMany(f => f.Head.Omics.Names)).Distinct(StringComparer.Ordinal)];
    }

    /// <summary>Omics features that the loaded fusion heads, and slide heads that take omics, use.</summary>
    public IReadOnlyList<string> OmicsFeatures { get; }

    /// <summary>Whether the models' answers can be put together, without loading anything.</summary>
    /// <exception cref="PredictionException">They cannot; the message names both models and the difference.</exception>
    public static void Check(ResolvedPipeline pipeline)
    {
        ArgumentNullException.ThrowIfNull(pipeline);
        Ensemble.Check(pipeline.Packages.Select(p => (p.Name, p.Manifest.Outputs)));
    }

    /// <param name="bags">By stream id; must hold every stream that a head reads. An empty bag leaves its heads out, with a note.</param>
    /// <exception cref="PredictionException">No head can answer, or features or outputs are not finite; the message names the model.</exception>
    /// <exception cref="InferenceException">The engine failed.</exception>
    public SlidePrediction Predict(
        IReadOnlyDictionary<string, IFeatureBag> bags, CaseContext context, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(bags);
        ArgumentNullException.ThrowIfNull(context);
        var notes = new List<string>();
        List<HeadOnSlide> heads = RunHeads(bags, context, notes, cancellationToken);
        ModelOpinion[] slideOnly = [.. heads.Where(h => !TakesOmics(h.Manifest)).SelectMany(h => Opinions(h.Manifest, h.Result.Outputs))];
        (List<ModelOpinion> fused, OmicsUse omics) = Fuse(heads, context, notes);
        List<TaskPrediction> tasks = Tasks(slideOnly, fused);
        NoteUnanswered(tasks, notes);
        return new SlidePrediction(tasks, MapBuilder.Build(heads), omics)
        {
            Notes = notes,
            TileScores = [.. heads
                .Where(h => h.Manifest.TileOutput is not null && h.Result.Tiles is not null)
                .Select(h => new TileScores(h.Manifest.Name, h.Stream, h.Manifest.TileOutput!.Labels, h.Result.Tiles!.Values))],
        };
    }

    public void Dispose()
    {
        _heads.ForEach(h => h.Head.Dispose());
        _fusions.ForEach(f => f.Head.Dispose());
    }

    private List<HeadOnSlide> RunHeads(
        IReadOnlyDictionary<string, IFeatureBag> bags, CaseContext context, List<string> notes, CancellationToken cancellationToken)
    {
        var results = new List<HeadOnSlide>();
        bool leftOut = false;
        foreach ((ModelPackage package, string stream, ISlideHead head, OmicsScaling? omics) in _heads)
        {
            if (!bags.TryGetValue(stream, out IFeatureBag? bag))
            {
                throw new PredictionException(
                    PredictionFailureReason.StreamMissing, package.Name, $"{package.Name}: the features '{stream}' of this slide were not given.");
            }

            if (bag.Count == 0)
            {
                notes.Add($"{package.Name}: left out, the slide has no tile in '{stream}'");
                continue;
            }

            if (OmicsOf(package, omics, context.Omics, notes) is not { } scaled)
            {
                leftOut = true;
                continue;
            }

            float[] covariates = CovariateEncoding.Encode(package.Name, package.Manifest.Covariates, context.Covariates, notes);
            results.Add(new HeadOnSlide(package.Manifest, stream, bag, head.Evaluate(bag, new CaseFacts(covariates, scaled), cancellationToken)));
        }

        return results.Count > 0 || _heads.Count == 0 || leftOut
            ? results
            : throw new PredictionException(
                PredictionFailureReason.EmptyBag, _heads[0].Package.Name, "No model can answer: the slide has no tile in any of the feature streams.");
    }

    private static bool TakesOmics(ModelManifest manifest) => manifest.OmicsFeaturesFile is not null;

    /// <summary>The case's omics as a head takes them, empty when it takes none; null, with a note, when the head cannot answer for the case.</summary>
    private static float[]? OmicsOf(ModelPackage package, OmicsScaling? omics, CaseOmics known, List<string> notes)
    {
        if (omics is null)
        {
            return [];
        }

        int found = 0;
        float[]? scaled = known.Row is { } row ? omics.Scale(row, out found) : null;
        if (found > 0)
        {
            return scaled;
        }

        notes.Add(known.Row is null
            ? $"{package.Name}: left out, it needs omics and the case has none"
            : $"{package.Name}: left out, the omics row has none of its {omics.Count} features");
        return null;
    }

    private (List<ModelOpinion> Opinions, OmicsUse Use) Fuse(List<HeadOnSlide> heads, CaseContext context, List<string> notes)
    {
        var opinions = new List<ModelOpinion>();
        CaseOmics omics = context.Omics;
        if (omics.Row is not { } row || OmicsFeatures.Count == 0)
        {
            bool noModel = OmicsFeatures.Count == 0 && omics.Status != OmicsStatus.NotGiven;
            OmicsStatus status = noModel ? OmicsStatus.NoFusionModel : omics.Status;
            return (opinions, new OmicsUse(status, context.CaseId, 0, OmicsFeatures.Count, omics.Detail));
        }

        opinions.AddRange(heads.Where(h => TakesOmics(h.Manifest)).SelectMany(h => Opinions(h.Manifest, h.Result.Outputs)));
        Dictionary<string, HeadResult> results = heads.ToDictionary(h => h.Manifest.Name, h => h.Result, StringComparer.Ordinal);
        foreach ((ModelPackage package, FusionHead head) in _fusions)
        {
            float[] scaled = head.Omics.Scale(row, out int found);
            if (found == 0)
            {
                notes.Add($"{package.Name}: left out, the omics row has none of its {head.Omics.Count} features");
            }
            else if (head.MissingSource(results) is { } source)
            {
                notes.Add($"{package.Name}: left out, '{source}' was left out");
            }
            else
            {
                opinions.AddRange(Opinions(package.Manifest, head.Evaluate(results, scaled)));
            }
        }

        int features = OmicsFeatures.Count(f => row[f] is not null);
        OmicsUse use = opinions.Count > 0
            ? new OmicsUse(OmicsStatus.Used, context.CaseId, features, OmicsFeatures.Count, null)
            : new OmicsUse(OmicsStatus.Invalid, context.CaseId, features, OmicsFeatures.Count, notes[^1]);
        return (opinions, use);
    }

    private static IEnumerable<ModelOpinion> Opinions(ModelManifest manifest, IReadOnlyDictionary<string, Tensor> outputs) =>
        manifest.Outputs.GroupBy(o => o.Task, StringComparer.Ordinal).Select(task => OutputReader.Read(manifest.Name, task.Key, [.. task], outputs));

    private static List<TaskPrediction> Tasks(IReadOnlyList<ModelOpinion> slideOnly, IReadOnlyList<ModelOpinion> fused)
    {
        var tasks = new List<TaskPrediction>();
        foreach (string task in slideOnly.Concat(fused).Select(o => o.Task).Distinct(StringComparer.Ordinal))
        {
            ModelOpinion[] slide = [.. slideOnly.Where(o => o.Task == task)];
            ModelOpinion[] withOmics = [.. fused.Where(o => o.Task == task)];
            TaskAnswer? slideAnswer = slide.Length > 0 ? Ensemble.Combine(slide) : null;
            tasks.Add(new TaskPrediction(
                task, Final(slideAnswer, withOmics), slideAnswer, withOmics.Length > 0,
                [.. slide.Concat(withOmics).Select(o => new MemberAnswer(o.Model, Ensemble.Combine([o])))]));
        }

        return tasks;
    }

    /// <summary>The fused answer; what fusion heads say nothing about (the classes, or a quantity) stays as the slide alone gave it.</summary>
    private static TaskAnswer Final(TaskAnswer? slideOnly, ModelOpinion[] fused)
    {
        if (fused.Length == 0 || slideOnly is null)
        {
            return slideOnly ?? Ensemble.Combine(fused);
        }

        TaskAnswer answer = Ensemble.Combine(fused);
        IEnumerable<QuantityAnswer> kept = slideOnly.Quantities.Where(q => answer.Quantities.All(f => f.Name != q.Name));
        TaskAnswer classes = answer.Labels.Count > 0 ? answer : slideOnly;
        return classes with { Quantities = [.. answer.Quantities, .. kept] };
    }

    private void NoteUnanswered(List<TaskPrediction> tasks, List<string> notes)
    {
        foreach (ModelPackage package in _fusions.Select(f => f.Package).Concat(_heads.Where(h => h.Omics is not null).Select(h => h.Package)))
        {
            foreach (string task in package.Manifest.Outputs.Select(o => o.Task).Distinct(StringComparer.Ordinal))
            {
                if (tasks.All(t => t.Task != task))
                {
                    notes.Add($"{package.Name}: no answer for task '{task}', which only models with omics give and the case has no usable omics");
                }
            }
        }
    }
}
