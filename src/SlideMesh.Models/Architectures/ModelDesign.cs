using SlideMesh.Inference.Packages;
using SlideMesh.Models.Graphs;

namespace SlideMesh.Models.Architectures;

/// <summary>
/// What an architecture makes of a checkpoint: everything of a package but its name, its words and its files' hashes. Graphs are not
/// written yet: the checkpoint must stay open until they are.
/// </summary>
public sealed record ModelDesign
{
    public required ModelKind Kind { get; init; }

    /// <summary>By role, see <see cref="GraphRole"/>.</summary>
    public required IReadOnlyDictionary<string, OnnxGraph> Graphs { get; init; }

    /// <summary>The tile it looks at when the user says nothing; for heads null: the encoder's.</summary>
    public TileView? Tile { get; init; }

    /// <summary>For graphs that take pixels.</summary>
    public Normalisation? Normalisation { get; init; }

    /// <summary>For models that take features: their width D.</summary>
    public int? FeatureDimension { get; init; }

    public IReadOnlyList<TaskOutput> Outputs { get; init; } = [];

    /// <summary>Of streamed heads; null is attention.</summary>
    public Pooling? Pooling { get; init; }

    public TileOutput? TileOutput { get; init; }

    public IReadOnlyList<Covariate> Covariates { get; init; } = [];

    /// <summary>Columns G of the input <c>omics</c>; 0 when the model takes none. Their names and scaling are the user's to give.</summary>
    public int OmicsFeatures { get; init; }

    /// <summary>Begins the package's description: the architecture with the sizes that were found.</summary>
    public required string Description { get; init; }

    /// <summary>What the user should know, one line each, beside the keys that were set aside.</summary>
    public IReadOnlyList<string> Notes { get; init; } = [];
}
