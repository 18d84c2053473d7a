namespace SlideMesh.Inference.Packages;

/// <summary>Packages that fit together, checked against their graphs.</summary>
/// <param name="Packages">Ordered by kind (encoders, tile classifiers, slide heads, fusion heads), then by name.</param>
/// <param name="Streams">Every pass over a slide, ordered by id.</param>
/// <param name="StreamIds">
/// Package name → id of the stream whose rows it reads (heads, tile classifiers on features) or makes (pixel tile classifiers, and
/// encoders that run on their own view). Fusion heads read none.
/// </param>
public sealed record ResolvedPipeline(
    IReadOnlyList<ModelPackage> Packages, IReadOnlyList<FeatureStream> Streams, IReadOnlyDictionary<string, string> StreamIds)
{
    public ModelPackage Package(string name) => Packages.Single(p => p.Name == name);

    /// <summary>The stream of a package, null when it has none.</summary>
    public FeatureStream? StreamOf(string package) => StreamIds.TryGetValue(package, out string? id) ? Streams.Single(s => s.Id == id) : null;

    /// <summary>The package whose <c>tile</c> graph makes a stream's rows.</summary>
    public ModelPackage Producer(FeatureStream stream)
    {
        ArgumentNullException.ThrowIfNull(stream);
        return Package(stream.Package);
    }
}
