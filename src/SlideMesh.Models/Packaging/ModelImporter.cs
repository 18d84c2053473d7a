using System.Text.Json;
using SlideMesh.Inference.Engines;
using SlideMesh.Inference.Packages;
using SlideMesh.Models.Architectures;
using SlideMesh.Models.Architectures.Heads;
using SlideMesh.Models.Checkpoints;
using SlideMesh.Models.Graphs;

namespace SlideMesh.Models.Packaging;

/// <summary>Checkpoints, ONNX files and WSInfer's model folders → model packages.</summary>
public static class ModelImporter
{
    private const int UsualTileSizePx = 256;
    private const double UsualMicronsPerPixel = 0.5;

    /// <param name="engine">Loads each graph once, to check it.</param>
    /// <exception cref="CheckpointException">The checkpoint cannot be read or is of no known architecture.</exception>
    /// <exception cref="ImportOptionException">What the user said does not fit the model.</exception>
    /// <exception cref="PackageOutputException">The package cannot be written.</exception>
    /// <exception cref="ModelPackageException">What would be written is no sound package.</exception>
    public static ImportResult Import(ImportRequest request, IInferenceEngine engine)
    {
        ArgumentNullException.ThrowIfNull(request);
        ArgumentNullException.ThrowIfNull(engine);
        if (Directory.Exists(request.Source))
        {
            request = WsinferFolder.Resolve(request);
        }

        return Path.GetExtension(request.Source).Equals(".onnx", StringComparison.OrdinalIgnoreCase)
            ? OnnxImport.Import(request, engine)
            : ImportCheckpoint(request, engine);
    }

    private static ImportResult ImportCheckpoint(ImportRequest request, IInferenceEngine engine)
    {
        using Checkpoint checkpoint = CheckpointReader.Open(request.Source, request.Key);
        using Checkpoint? also = request.Also is { } second ? CheckpointReader.Open(second) : null;
        StateDict weights = also is null ? checkpoint.Weights() : Merged(checkpoint, also);
        IArchitecture architecture = request.Architecture is { } name
            ? ArchitectureCatalog.Find(name)
                ?? throw new ImportOptionException($"--arch {name} is not known; one of {string.Join(", ", ArchitectureCatalog.All.Select(a => a.Name))}.")
            : ArchitectureCatalog.Recognise(weights);
        ModelDesign design = architecture.Build(weights, request.Options);
        weights.Finish();
        if (request.Options.UnusedSettings.FirstOrDefault() is { } unused)
        {
            throw new ImportOptionException($"--set {unused}: {architecture.Name} has no such choice.");
        }

        using PackageWriter writer = new(request.Target);
        Dictionary<string, GraphSpec> graphs = design.Graphs.OrderBy(g => g.Key, StringComparer.Ordinal).ToDictionary(g => g.Key, g => writer.Add(g.Key, g.Value));
        List<string> notes = [.. design.Notes, .. weights.Ignored.Select(i => $"not used: {i}")];
        ModelManifest manifest = Manifest(request, design, graphs, notes);
        if (manifest.OmicsFeaturesFile is { } omics)
        {
            writer.AddCopy(request.OmicsFeatures!, omics);
        }

        return new ImportResult(writer.Finish(manifest, engine), architecture.Name, notes);
    }

    private static StateDict Merged(Checkpoint first, Checkpoint second)
    {
        Dictionary<string, CheckpointTensor> all = first.Tensors.ToDictionary(StringComparer.Ordinal);
        foreach ((string key, CheckpointTensor tensor) in second.Tensors)
        {
            if (!all.TryAdd(key, tensor))
            {
                throw new CheckpointException(second.Path, $"has a key '{key}', which {first.Path} has too; the two are not parts of one model.");
            }
        }

        return new StateDict(first.Path, all);
    }

    /// <summary>The manifest but for its files.</summary>
    internal static ModelManifest Manifest(ImportRequest request, ModelDesign design, IReadOnlyDictionary<string, GraphSpec> graphs, List<string> notes)
    {
        PackageIdentity identity = request.Identity;
        string name = identity.Name ?? HeadAnswers.Slug(Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(request.Target))));
        return new ModelManifest
        {
            Format = "slidemesh-model/1",
            Name = name.Length > 0 ? name : "model",
            Version = identity.Version,
            Kind = design.Kind,
            Description = identity.Description ?? $"{design.Description}; imported from a checkpoint",
            TrainedOn = identity.TrainedOn,
            IntendedUse = identity.IntendedUse,
            Licence = identity.Licence,
            Synthetic = identity.Synthetic,
            Tile = Tile(request, design, notes),
            Normalisation = Normalise(request, design),
            Encoder = design.FeatureDimension is { } width ? Encoder(request, width, notes) : null,
            Graphs = graphs.OrderBy(g => g.Key, StringComparer.Ordinal).ToDictionary(),
            Pooling = design.Pooling,
            Outputs = design.Outputs,
            TileOutput = design.TileOutput,
            Covariates = design.Covariates,
            OmicsFeaturesFile = Omics(request, design),
            Files = [],
        };
    }

    private static TileView Tile(ImportRequest request, ModelDesign design, List<string> notes)
    {
        TileView? known = design.Tile ?? request.Encoder?.Tile;
        if (known is null && (request.Options.TileSizePx is null || request.Options.MicronsPerPixel is null))
        {
            notes.Add($"tile: {request.Options.TileSizePx ?? UsualTileSizePx} px at {request.Options.MicronsPerPixel ?? UsualMicronsPerPixel} um per pixel was taken; say --tile-size and --mpp when the model was trained on others");
        }

        return new TileView(
            request.Options.TileSizePx ?? known?.SizePx ?? UsualTileSizePx, request.Options.MicronsPerPixel ?? known?.MicronsPerPixel ?? UsualMicronsPerPixel, known?.OverlapPx ?? 0);
    }

    private static Normalisation? Normalise(ImportRequest request, ModelDesign design)
    {
        if (design.FeatureDimension is not null || (request.Mean.Count == 0 && request.Std.Count == 0))
        {
            return design.FeatureDimension is not null ? null : design.Normalisation;
        }

        return request.Mean.Count == 3 && request.Std.Count == 3
            ? new Normalisation(request.Mean, request.Std)
            : throw new ImportOptionException("--mean and --std take three numbers each (R, G, B), and go together.");
    }

    private static EncoderReference Encoder(ImportRequest request, int width, List<string> notes)
    {
        if (request.Encoder is not { } encoder)
        {
            string guess = $"encoder-{width}";
            notes.Add($"encoder: none was named; the package asks for one called '{guess}' with {width} features (say --encoder)");
            return new EncoderReference(guess, null, width);
        }

        return encoder.Dimension is null || encoder.Dimension == width
            ? new EncoderReference(encoder.Name, encoder.Sha256, width)
            : throw new ImportOptionException($"--encoder {encoder.Name} gives {encoder.Dimension} features, this head takes {width}.");
    }

    private static string? Omics(ImportRequest request, ModelDesign design)
    {
        const string File = "omics-features.csv";
        if (design.OmicsFeatures == 0)
        {
            return request.OmicsFeatures is null ? null : throw new ImportOptionException("--omics-features: this model takes no omics.");
        }

        if (request.OmicsFeatures is not { } table)
        {
            throw new ImportOptionException($"this model takes {design.OmicsFeatures} omics features; give their names, means and standard deviations in order (--omics-features FILE, a CSV name,mean,std).");
        }

        return System.IO.File.Exists(table) ? File : throw new ImportOptionException($"--omics-features {table}: there is no such file.");
    }
}

/// <param name="Architecture">Name of the architecture that was built.</param>
/// <param name="Notes">What the user should know, one line each.</param>
public sealed record ImportResult(ModelPackage Package, string Architecture, IReadOnlyList<string> Notes);
