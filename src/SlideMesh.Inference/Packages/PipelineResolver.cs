using SlideMesh.Inference.Engines;

namespace SlideMesh.Inference.Packages;

/// <summary>Checks before any slide is opened that packages are sound and fit together, and works out which passes over a slide they need.</summary>
public static class PipelineResolver
{
    /// <param name="packages">In any order; the result does not depend on it.</param>
    /// <param name="engine">Loads every graph once, to see its real tensors.</param>
    /// <exception cref="ModelPackageException">The first violation, naming package and tensor.</exception>
    public static ResolvedPipeline Resolve(IEnumerable<ModelPackage> packages, IInferenceEngine engine)
    {
        ArgumentNullException.ThrowIfNull(packages);
        ArgumentNullException.ThrowIfNull(engine);
        List<ModelPackage> ordered = [.. packages.OrderBy(p => p.Kind).ThenBy(p => p.Name, StringComparer.Ordinal).ThenBy(p => p.Folder, StringComparer.Ordinal)];
        Dictionary<string, ModelPackage> byName = new(StringComparer.Ordinal);
        foreach (ModelPackage package in ordered)
        {
            if (!byName.TryAdd(package.Name, package))
            {
                throw new ModelPackageException(package.Folder, $"package '{package.Name}' is also in {byName[package.Name].Folder}; give only one of them.");
            }
        }

        foreach (ModelPackage package in ordered)
        {
            new GraphRules(package).Check(engine);
        }

        foreach (ModelPackage package in ordered)
        {
            CheckEncoder(package, byName);
            CheckFusion(package, byName);
        }

        return WithStreams(ordered, byName);
    }

    private static void CheckEncoder(ModelPackage package, Dictionary<string, ModelPackage> byName)
    {
        if (package.Manifest.Encoder is not { } reference)
        {
            return;
        }

        if (!byName.TryGetValue(reference.Name, out ModelPackage? encoder) || encoder.Kind != ModelKind.Encoder)
        {
            throw Fail(package, $"needs encoder '{reference.Name}', which is not among the given packages; add it.");
        }

        string sha256 = encoder.GraphSha256(GraphRole.Tile);
        if (reference.Sha256 is not null && reference.Sha256 != sha256)
        {
            throw Fail(package, $"was trained on encoder '{reference.Name}' with tile graph SHA-256 {reference.Sha256}; {encoder.Folder} has {sha256}. Use the encoder it was trained on.");
        }

        GraphRules rules = new(encoder);
        if (rules.TileWidth() != reference.Dimension)
        {
            throw Fail(package, $"expects {reference.Dimension} features of encoder '{reference.Name}', which gives {rules.TileWidth()}.");
        }

        int size = package.Manifest.Tile!.SizePx;
        if (rules.FixedEdge() is int edge && edge != size)
        {
            throw Fail(package, $"looks at tiles of {size} px; encoder '{reference.Name}' takes {edge} px only.");
        }
    }

    private static void CheckFusion(ModelPackage package, Dictionary<string, ModelPackage> byName)
    {
        if (package.Manifest.Fusion is not { } fusion)
        {
            return;
        }

        int width = 0;
        foreach (string source in fusion.SlideSources)
        {
            string[] parts = source.Split('/');
            if (parts.Length != 2)
            {
                throw Fail(package, $"fusion.slideSources: '{source}' is not package/tensor.");
            }

            if (!byName.TryGetValue(parts[0], out ModelPackage? origin) || origin.Kind is not (ModelKind.TileClassifier or ModelKind.SlideHead))
            {
                throw Fail(package, $"fuses '{source}', whose package is not among the given tile classifiers and slide heads; add it.");
            }

            width = checked(width + new GraphRules(origin).SourceWidth(package, parts[1]));
        }

        GraphRules rules = new(package);
        rules.RequireShape(GraphRole.Fusion, rules.Input(GraphRole.Fusion, fusion.SlideInput), [1, width]);
        rules.RequireShape(GraphRole.Fusion, rules.Input(GraphRole.Fusion, fusion.OmicsInput), [1, OmicsFeatures.Count(package, fusion.OmicsFeaturesFile)]);
        if (package.Manifest.Graphs[GraphRole.Fusion].Inputs.Count != 2 || fusion.SlideInput == fusion.OmicsInput)
        {
            throw Fail(package, $"a fusion graph takes two inputs, '{fusion.SlideInput}' and '{fusion.OmicsInput}', no others.");
        }
    }

    private static ResolvedPipeline WithStreams(List<ModelPackage> ordered, Dictionary<string, ModelPackage> byName)
    {
        SortedDictionary<string, FeatureStream> streams = new(StringComparer.Ordinal);
        SortedDictionary<string, string> used = new(StringComparer.Ordinal);
        HashSet<string> encodersWithHeads = [.. ordered.Select(p => p.Manifest.Encoder?.Name).OfType<string>()];
        foreach (ModelPackage package in ordered.Where(p => p.Kind != ModelKind.FusionHead))
        {
            if (package.Kind == ModelKind.Encoder && encodersWithHeads.Contains(package.Name))
            {
                continue;
            }

            ModelPackage producer = package.Manifest.Encoder is { } encoder ? byName[encoder.Name] : package;
            TileView view = package.Manifest.Tile!;
            FeatureStream stream = new(
                FeatureStream.IdFor(producer.Name, producer.Manifest.Tile!, view), producer.Name, view, new GraphRules(producer).TileWidth());
            if (streams.TryGetValue(stream.Id, out FeatureStream? other) && other != stream)
            {
                throw Fail(package, $"makes features named '{stream.Id}', as does package '{other.Package}'; rename one of them.");
            }

            streams[stream.Id] = stream;
            used[package.Name] = stream.Id;
        }

        // An encoder with heads has no stream of its own accord, but may have one through them.
        foreach (string encoder in encodersWithHeads.Where(streams.ContainsKey))
        {
            used[encoder] = encoder;
        }

        return new ResolvedPipeline(ordered, [.. streams.Values], used);
    }

    private static ModelPackageException Fail(ModelPackage package, string message) => new(package.Folder, $"package '{package.Name}' {message}");
}
