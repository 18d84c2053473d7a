using SlideMesh.Inference.Packages;
using SlideMesh.Mesh.Cohort;
using SlideMesh.Mesh.Runs;
using SlideMesh.Mesh.Stages;
using SlideMesh.Slides.OpenSlide;
using SlideMesh.Slides.Pyramid;

namespace SlideMesh.Mesh.Features;

/// <summary>The key of a result that was made from features: everything that its bytes depend on.</summary>
internal static class FeatureKeys
{
    /// <param name="fingerprints">Of the features files, in their order.</param>
    /// <param name="slideFingerprint">Of the slide when it is at hand: pictures are made of it.</param>
    public static string Result(RunContext run, CohortEntry slide, FeatureInput input, IReadOnlyList<string> fingerprints, string? slideFingerprint)
    {
        FeatureRules rules = run.Features!.Rules;
        StageKey key = new StageKey()
            .Add("version", SoftwareVersion.Current)
            .Add("engine", run.Engine)
            .Add("slide", slide.Id.Value)
            .Add("case", slide.CaseId)
            .Add("manifest-mpp", slide.MicronsPerPixel)
            .Add("default-mpp", run.Options.DefaultMicronsPerPixel)
            .Add("any-tiles", rules.AnyTiles)
            .Add("tile-level0", rules.TileSizeLevel0)
            .Add("write", run.Options.Write.ToString())
            .Add("colours", run.Options.ColourMap)
            .Add("top", run.Options.TopTiles)
            .Add("slide-file", slideFingerprint);
        if (slideFingerprint is not null)
        {
            key.Add("openslide", OpenSlideSource.LibraryVersion);
        }

        for (int i = 0; i < input.Files.Count; i++)
        {
            key.Add("features/" + input.Files[i].Shown, fingerprints[i]);
        }

        foreach ((string name, string package) in rules.Aliases.OrderBy(a => a.Key, StringComparer.Ordinal))
        {
            key.Add("alias/" + name, package);
        }

        StageKeys.AddModelsAndCase(key, run, slide);
        return key.ToString();
    }

    public static IReadOnlyList<string> Fingerprints(FeatureInput input) => [.. input.Files.Select(f => SlideFingerprint.Compute(f.Full))];
}
