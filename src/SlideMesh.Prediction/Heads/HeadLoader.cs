using SlideMesh.Inference.Engines;
using SlideMesh.Inference.Packages;
using SlideMesh.Prediction.Omics;

namespace SlideMesh.Prediction.Heads;

/// <summary>Loads a package's graphs.</summary>
/// <param name="threads">Of a graph. One in a run: with several, a reduction's order and so its last bits may change.</param>
internal sealed class HeadLoader(IInferenceEngine engine, int threads = 1)
{
    /// <summary>The slide head or tile classifier of a package.</summary>
    public ISlideHead LoadHead(ModelPackage package)
    {
        ModelManifest manifest = package.Manifest;
        int? dimension = manifest.Encoder?.Dimension;
        if (manifest.TileOutput is { } tileOutput)
        {
            HeadGraph? tile = package.TakesPixels ? null : LoadGraph(package, GraphRole.Tile);
            HeadGraph? summary = manifest.Graphs.ContainsKey(GraphRole.Summary) ? LoadGraph(package, GraphRole.Summary) : null;
            return new TileClassifier(package.Name, tileOutput, tile, summary, dimension);
        }

        return manifest.Graphs.ContainsKey(GraphRole.Whole)
            ? new WholeBagHead(LoadGraph(package, GraphRole.Whole), dimension)
            : new StreamedHead(
                manifest.PoolsFeatures ? null : LoadGraph(package, GraphRole.Instance),
                // One row: threads would only be started and waited for.
                LoadGraph(package, GraphRole.Bag, 1), dimension, manifest.Pooling ?? Pooling.Attention, threads);
    }

    public FusionHead LoadFusion(ModelPackage package)
    {
        FusionInputs inputs = package.Manifest.Fusion!;
        OmicsScaling omics = OmicsScaling.Read(package.Name, package.PathOf(inputs.OmicsFeaturesFile));
        return new FusionHead(LoadGraph(package, GraphRole.Fusion), inputs, omics);
    }

    /// <summary>The omics that a slide head takes; null when it takes none.</summary>
    public static OmicsScaling? LoadOmics(ModelPackage package) =>
        package.Manifest.OmicsFeaturesFile is { } file ? OmicsScaling.Read(package.Name, package.PathOf(file)) : null;

    private HeadGraph LoadGraph(ModelPackage package, string role) => LoadGraph(package, role, threads);

    private HeadGraph LoadGraph(ModelPackage package, string role, int threadsOfGraph) =>
        new(package.Name, role, package.Manifest.Graphs[role], engine.Load(package, role, threadsOfGraph));
}
