namespace SlideMesh.Inference.Packages;

/// <summary>Names of graphs and tensors that the package format fixes; see <see cref="ModelManifest.Graphs"/>.</summary>
public static class GraphRole
{
    public const string Tile = "tile";
    public const string Summary = "summary";
    public const string Instance = "instance";
    public const string Bag = "bag";
    public const string Whole = "whole";
    public const string Fusion = "fusion";

    /// <summary>Output of <see cref="Instance"/>, [N, H].</summary>
    public const string HiddenTensor = "hidden";

    /// <summary>Output of <see cref="Instance"/> and, optionally, of <see cref="Whole"/>, [N, K]: raw scores before the softmax over tiles.</summary>
    public const string AttentionTensor = "attention";

    /// <summary>Input of <see cref="Bag"/>, [1, K, H].</summary>
    public const string PooledTensor = "pooled";

    /// <summary>Input of <see cref="Bag"/> and <see cref="Whole"/> for models with covariates, [1, V].</summary>
    public const string CovariatesTensor = "covariates";

    /// <summary>Input of <see cref="Bag"/> and <see cref="Whole"/> for slide heads that take omics, [1, G].</summary>
    public const string OmicsTensor = "omics";

    /// <summary>Numbers per tile class in a slide's summary vector: mean, standard deviation, five quantiles, share of tiles ≥ 0.5.</summary>
    public const int SummaryPerClass = 8;
}
