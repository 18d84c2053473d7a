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
        (List<ModelPackage> ordered, Dictionary<string, ModelPackage> byName) = CheckEach(packages, engine);
        foreach (ModelPackage package in ordered)
        {
            CheckEncoder(package, byName);
            CheckFusion(package, byName);
        }

        return WithStreams(ordered, byName);
    }

    /// <summary>Encoders alone, each on every view that <paramref name="tiles"/> asks for.</summary>
    /// <param name="packages">Encoders in any order.</param>
    /// <exception cref="ModelPackageException">A package is no encoder, is not sound, or does not take such tiles.</exception>
    public static ResolvedPipeline ResolveEncoders(IEnumerable<ModelPackage> packages, TileChoice tiles, IInferenceEngine engine)
    {
        ArgumentNullException.ThrowIfNull(tiles);
        (List<ModelPackage> ordered, _) = CheckEach(packages, engine);
        SortedDictionary<string, FeatureStream> streams = new(StringComparer.Ordinal);
        SortedDictionary<string, string> used = new(StringComparer.Ordinal);
        foreach (ModelPackage package in ordered)
        {
            if (package.Kind != ModelKind.Encoder)
            {
                string instead = package.Manifest.Encoder is { } encoder ? $"name its encoder, '{encoder.Name}', instead" : "name an encoder";
                throw Fail(package, $"is a {KebabCase.Of(package.Kind)} and makes no features; {instead}.");
            }

            GraphRules rules = new(package);
            foreach (TileView view in tiles.Views(package.Manifest.Tile!))
            {
                if (rules.FixedEdge() is int edge && edge != view.SizePx)
                {
                    throw Fail(package, $"takes tiles of {edge} px only, not {view.SizePx}; leave the tile size out.");
                }

                if (view.OverlapPx >= view.SizePx)
                {
                    throw Fail(package, $"cannot have tiles of {view.SizePx} px overlap by {view.OverlapPx} px; the overlap must be less than the tile.");
                }

                FeatureStream stream = new(FeatureStream.IdFor(package.Name, package.Manifest.Tile!, view), package.Name, view, rules.TileWidth());
                streams[stream.Id] = stream;
                used.TryAdd(package.Name, stream.Id);
            }
        }

        return new ResolvedPipeline(ordered, [.. streams.Values], used);
    }

    /// <summary>
    /// Heads that run on features which exist already: what <see cref="Resolve"/> checks, but an encoder may be missing, or be another than a
    /// head was trained on, which counts the same. Its features then get a stream whose id always states the view, since the encoder's own
    /// view is not known. Encoders are left out unless a head uses them.
    /// </summary>
    /// <exception cref="ModelPackageException">The first violation, or no head at all.</exception>
    public static ResolvedPipeline ResolveHeads(IEnumerable<ModelPackage> packages, IInferenceEngine engine)
    {
        (List<ModelPackage> ordered, Dictionary<string, ModelPackage> byName) = CheckEach(packages, engine);
        ILookup<string, EncoderReference> references = ordered.Select(p => p.Manifest.Encoder).OfType<EncoderReference>().ToLookup(e => e.Name, StringComparer.Ordinal);
        List<ModelPackage> used = [.. ordered.Where(p => p.Kind != ModelKind.Encoder || (references.Contains(p.Name) && references[p.Name].All(e => Is(p, e))))];
        if (used.All(p => p.Kind == ModelKind.Encoder) && ordered.Count > 0)
        {
            throw Fail(ordered[0], "is an encoder: it makes features and answers nothing; name slide heads or tile classifiers.");
        }

        foreach (ModelPackage encoder in ordered.Except(used))
        {
            byName.Remove(encoder.Name);
        }

        foreach (ModelPackage package in used)
        {
            CheckFusion(package, byName);
        }

        return WithStreams(used, byName);
    }

    private static (List<ModelPackage> Ordered, Dictionary<string, ModelPackage> ByName) CheckEach(IEnumerable<ModelPackage> packages, IInferenceEngine engine)
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

        return (ordered, byName);
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

            FeatureStream stream = StreamOf(package, byName);
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

    private static bool Is(ModelPackage encoder, EncoderReference reference) =>
        (reference.Sha256 is null || encoder.GraphSha256(GraphRole.Tile) == reference.Sha256) && new GraphRules(encoder).TileWidth() == reference.Dimension;

    private static FeatureStream StreamOf(ModelPackage package, Dictionary<string, ModelPackage> byName)
    {
        TileView view = package.Manifest.Tile!;
        if (package.Manifest.Encoder is { } reference && !byName.ContainsKey(reference.Name))
        {
            return new FeatureStream(FeatureStream.IdFor(reference.Name, native: null, view), reference.Name, view, reference.Dimension);
        }

        ModelPackage producer = package.Manifest.Encoder is { } encoder ? byName[encoder.Name] : package;
        return new FeatureStream(
            FeatureStream.IdFor(producer.Name, producer.Manifest.Tile!, view), producer.Name, view, new GraphRules(producer).TileWidth());
    }

    private static ModelPackageException Fail(ModelPackage package, string message) => new(package.Folder, $"package '{package.Name}' {message}");
}
