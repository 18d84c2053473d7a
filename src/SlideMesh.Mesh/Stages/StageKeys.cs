using System.Globalization;
using SlideMesh.Inference.Packages;
using SlideMesh.Mesh.Cohort;
using SlideMesh.Mesh.Runs;
using SlideMesh.Prediction.Omics;

namespace SlideMesh.Mesh.Stages;

/// <summary>The keys of a slide's stages: what each stage's bytes depend on.</summary>
public static class StageKeys
{
    public const string PlanStage = "plan";
    public const string ResultStage = "result";

    public static string FeaturesStage(string stream) => "features/" + stream;

    public static string Plan(RunContext run, CohortEntry slide, string fingerprint)
    {
        ArgumentNullException.ThrowIfNull(run);
        ArgumentNullException.ThrowIfNull(slide);
        StageKey key = new StageKey()
            .Add("version", SoftwareVersion.Current)
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

    public static string Features(RunContext run, FeatureStream stream, string tilesSha256, string fingerprint)
    {
        ArgumentNullException.ThrowIfNull(run);
        return new StageKey()
            .Add("version", SoftwareVersion.Current)
            .Add("fingerprint", fingerprint)
            .Add("tiles", tilesSha256)
            .Add("stream", stream.Id)
            .Add("size", stream.View.SizePx)
            .Add("um", stream.View.MicronsPerPixel)
            .Add("model", run.Pipeline.Producer(stream).Sha256)
            .Add("quality", run.Options.Quality.ToString())
            .ToString();
    }

    public static string Result(RunContext run, CohortEntry slide, string planKey, IReadOnlyDictionary<string, string> featureKeys)
    {
        ArgumentNullException.ThrowIfNull(run);
        ArgumentNullException.ThrowIfNull(slide);
        ArgumentNullException.ThrowIfNull(featureKeys);
        StageKey key = new StageKey()
            .Add("version", SoftwareVersion.Current)
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

        foreach (ModelPackage package in run.Pipeline.Packages)
        {
            key.Add("model/" + package.Name, package.Sha256);
        }

        foreach ((string name, string value) in slide.Covariates.OrderBy(c => c.Key, StringComparer.Ordinal))
        {
            key.Add("covariate/" + name, value);
        }

        AddOmics(key, run, slide);
        return key.ToString();
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
