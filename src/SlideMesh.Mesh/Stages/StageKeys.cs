using System.Globalization;
using SlideMesh.Inference.Packages;
using SlideMesh.Mesh.Cohort;
using SlideMesh.Mesh.Runs;
using SlideMesh.Prediction.Omics;
using SlideMesh.Reporting.OutputStore;
using SlideMesh.Slides.OpenSlide;

namespace SlideMesh.Mesh.Stages;

/// <summary>The keys of a slide's stages: what each stage's bytes depend on.</summary>
public static class StageKeys
{
    public const string PlanStage = "plan";
    public const string ResultStage = "result";

    public static string FeaturesStage(string stream) => "features/" + stream;

    /// <summary>Names of every stage of a run's slides.</summary>
    public static IReadOnlySet<string> All(RunContext run)
    {
        ArgumentNullException.ThrowIfNull(run);
        return new HashSet<string>([PlanStage, ResultStage, .. run.Pipeline.Streams.Select(s => FeaturesStage(s.Id))], StringComparer.Ordinal);
    }

    /// <summary>
    /// Drops what other models left in a slide's folder. Not in a flat layout, whose folders are filled encoder by encoder: features
    /// of an earlier command stay until the same stream is made again.
    /// </summary>
    public static void ForgetOthers(RunContext run, StageLedger ledger)
    {
        ArgumentNullException.ThrowIfNull(run);
        ArgumentNullException.ThrowIfNull(ledger);
        if (run.Store.Layout is null)
        {
            ledger.Keep(All(run));
        }
    }

    public static string Plan(RunContext run, CohortEntry slide, string fingerprint)
    {
        ArgumentNullException.ThrowIfNull(run);
        ArgumentNullException.ThrowIfNull(slide);
        StageKey key = new StageKey()
            .Add("version", SoftwareVersion.Current)
            .Add("openslide", OpenSlideSource.LibraryVersion)
            .Add("fingerprint", fingerprint)
            .Add("manifest-mpp", slide.MicronsPerPixel)
            .Add("default-mpp", run.Options.DefaultMicronsPerPixel)
            .Add("tissue", run.Tissue.ToString())
            .Add("min-tissue", run.Options.MinTissueShare);
        foreach (FeatureStream stream in run.Pipeline.Streams)
        {
            key.Add("stream", stream.Id).Add("size", stream.View.SizePx).Add("um", stream.View.MicronsPerPixel).Add("overlap", stream.View.OverlapPx);
        }

        return key.ToString();
    }

    /// <summary>Everything that a features file holds: how its tiles are cut and read, the slide's scale, and what made the rows.</summary>
    public static string Features(RunContext run, CohortEntry slide, FeatureStream stream, PlanDocument document)
    {
        ArgumentNullException.ThrowIfNull(run);
        ArgumentNullException.ThrowIfNull(slide);
        ArgumentNullException.ThrowIfNull(stream);
        ArgumentNullException.ThrowIfNull(document);
        StreamPlan plan = document.Streams.Single(p => p.Id == stream.Id);
        return new StageKey()
            .Add("version", SoftwareVersion.Current)
            .Add("engine", run.Engine)
            .Add("reader", document.Reader)
            .Add("fingerprint", document.Fingerprint)
            .Add("slide", slide.Id.Value)
            .Add("path", slide.Path)
            .Add("mpp", document.MicronsPerPixel.ToString())
            .Add("objective", document.ObjectivePower)
            .Add("levels", string.Join(';', document.Levels))
            .Add("plan", plan.ToString())
            .Add("model", run.Pipeline.Producer(stream).Sha256)
            .Add("quality", run.Options.Quality.ToString())
            .Add("decoder-scaling", run.Options.DecoderScaling)
            .ToString();
    }

    /// <summary><see cref="Features"/> of every stream of the run.</summary>
    public static IReadOnlyDictionary<string, string> AllFeatures(RunContext run, CohortEntry slide, PlanDocument document)
    {
        ArgumentNullException.ThrowIfNull(run);
        return run.Pipeline.Streams.ToDictionary(s => s.Id, s => Features(run, slide, s, document), StringComparer.Ordinal);
    }

    public static string Result(RunContext run, CohortEntry slide, string planKey, IReadOnlyDictionary<string, string> featureKeys)
    {
        ArgumentNullException.ThrowIfNull(run);
        ArgumentNullException.ThrowIfNull(slide);
        ArgumentNullException.ThrowIfNull(featureKeys);
        StageKey key = new StageKey()
            .Add("version", SoftwareVersion.Current)
            .Add("engine", run.Engine)
            .Add("plan", planKey)
            .Add("slide", slide.Id.Value)
            .Add("path", slide.Path)
            .Add("case", slide.CaseId)
            .Add("write", run.Options.Write.ToString())
            .Add("colours", run.Options.ColourMap)
            .Add("top", run.Options.TopTiles);
        foreach ((string stream, string features) in featureKeys.OrderBy(f => f.Key, StringComparer.Ordinal))
        {
            key.Add("features/" + stream, features);
        }

        AddModelsAndCase(key, run, slide);
        return key.ToString();
    }

    /// <summary>The models, and what is known of the slide's case.</summary>
    internal static void AddModelsAndCase(StageKey key, RunContext run, CohortEntry slide)
    {
        foreach (ModelPackage package in run.Pipeline.Packages)
        {
            key.Add("model/" + package.Name, package.Sha256);
        }

        foreach ((string name, string value) in slide.Covariates.OrderBy(c => c.Key, StringComparer.Ordinal))
        {
            key.Add("covariate/" + name, value);
        }

        AddOmics(key, run, slide);
    }

    private static void AddOmics(StageKey key, RunContext run, CohortEntry slide)
    {
        CaseOmics omics = run.Omics?.Find(slide.OmicsId) ?? CaseOmics.NotGiven;
        key.Add("omics", omics.Status.ToString()).Add("omics-detail", omics.Detail);
        if (omics.Row is { } row)
        {
            foreach (string feature in run.Predictor.OmicsFeatures)
            {
                key.Add(feature, row[feature]?.ToString("R", CultureInfo.InvariantCulture));
            }
        }
    }
}
