using SlideMesh.Mesh.Cohort;
using SlideMesh.Slides;

namespace SlideMesh.Mesh.Features;

/// <summary>Slides whose features exist already.</summary>
/// <param name="Slides">Ordered by id. Their paths are those of their first features file.</param>
/// <param name="Inputs">Where each slide's features are, by id.</param>
/// <param name="Notes">What a user should know before the run begins, one line each.</param>
public sealed record FeatureCohort(
    IReadOnlyList<CohortEntry> Slides, IReadOnlyDictionary<SlideId, FeatureInput> Inputs, FeatureRules Rules, IReadOnlyList<string> Notes);

/// <param name="Files">Features of the slide: of one or several encoders and magnifications. Empty when none were found.</param>
/// <param name="SlidePath">The slide itself, for pictures; null when it is not at hand.</param>
public sealed record FeatureInput(IReadOnlyList<FeaturePath> Files, string? SlidePath);

/// <param name="Full">Absolute path: what is opened. Never written to outputs.</param>
/// <param name="Shown">What outputs show.</param>
public sealed record FeaturePath(string Full, string Shown);

/// <summary>How features are matched to heads where the files do not say enough.</summary>
public sealed record FeatureRules
{
    /// <summary>Names of encoders as files have them → names of encoder packages.</summary>
    public IReadOnlyDictionary<string, string> Aliases { get; init; } = new Dictionary<string, string>();

    /// <summary>Take features of tiles that show another extent of tissue than the head was trained on.</summary>
    public bool AnyTiles { get; init; }

    /// <summary>Edge of a tile in level-0 pixels, for files that do not say.</summary>
    public int? TileSizeLevel0 { get; init; }
}
