using System.Globalization;
using SlideMesh.Inference.Packages;
using SlideMesh.Models.Architectures.Heads;
using SlideMesh.Models.Checkpoints;
using SlideMesh.Models.Graphs;

namespace SlideMesh.Models.Architectures.Encoders;

/// <summary>
/// An encoder under construction: its graph with the input <c>pixels</c> [N, 3, s, s], and at the end either <c>features</c> [N, D]
/// or, for a user who names classes, <c>scores</c> [N, C].
/// </summary>
internal sealed class EncoderGraph
{
    public static readonly Normalisation ImageNet = new([0.485f, 0.456f, 0.406f], [0.229f, 0.224f, 0.225f]);

    /// <summary>Pixels from −1 to 1.</summary>
    public static readonly Normalisation Symmetric = new([0.5f, 0.5f, 0.5f], [0.5f, 0.5f, 0.5f]);

    private const double UsualMicronsPerPixel = 0.5;

    // What a package may say.
    private const int SmallestTilePx = 16;
    private const int LargestTilePx = 4096;

    private readonly ImportOptions _options;
    private readonly Normalisation _normalisation;
    private readonly List<string> _notes = [];

    /// <param name="tileSizePx">When neither the user nor the configuration says one.</param>
    /// <param name="normalisation">When the configuration says none.</param>
    public EncoderGraph(string name, ImportOptions options, int tileSizePx, Normalisation normalisation)
    {
        _options = options;
        Config = new TimmConfig(options);
        TileSizePx = options.TileSizePx ?? Config.TileSizePx ?? tileSizePx;
        if (TileSizePx is < SmallestTilePx or > LargestTilePx)
        {
            throw new ImportOptionException($"A tile of {TileSizePx} px is none: {SmallestTilePx} to {LargestTilePx} px are (--tile-size, or the configuration's input_size).");
        }

        _normalisation = Config.Normalisation ?? normalisation;
        if (Config.Normalisation is null)
        {
            string mean = string.Join(", ", _normalisation.Mean.Select(Text));
            string std = string.Join(", ", _normalisation.Std.Select(Text));
            _notes.Add($"normalisation: mean {mean} and std {std} where --mean and --std say nothing else; no configuration names others");
        }

        if (options.MicronsPerPixel is null)
        {
            _notes.Add($"tile: {TileSizePx} px at {Text((float)UsualMicronsPerPixel)} um per pixel was taken; say --mpp when the model was trained on others");
        }

        Graph = new OnnxGraph(name);
        Pixels = new FeatureMap(Graph.Input("pixels", -1, 3, TileSizePx, TileSizePx), 3, TileSizePx);
    }

    public TimmConfig Config { get; }

    public OnnxGraph Graph { get; }

    public FeatureMap Pixels { get; }

    public int TileSizePx { get; }

    /// <summary>For convolutional nets: the configuration, if there is one, is of this net, pooled by the mean.</summary>
    /// <exception cref="ImportOptionException">It is not.</exception>
    public void RequireConvolutional(params ReadOnlySpan<string> names)
    {
        Config.RequireKnown([], names);
        if (Config.Word("global_pool") is { } pooling and not ("" or "avg"))
        {
            throw new ImportOptionException($"Pooling '{pooling}' is not known; these features are the image's mean (global_pool avg).");
        }
    }

    public void Note(string line) => _notes.Add(line);

    /// <summary>Ends the graph.</summary>
    /// <param name="features">[N, <paramref name="dimension"/>], what enters the class layer.</param>
    /// <param name="classLayer">Key of the linear layer that names classes, without <c>.weight</c>; null when the architecture has none.</param>
    /// <param name="description">With the sizes that were found.</param>
    public ModelDesign Finish(StateDict weights, GraphValue features, int dimension, string? classLayer, string description)
    {
        weights.IgnoreWhere(k => k.EndsWith(".num_batches_tracked", StringComparison.Ordinal), "counts training steps, no part of the result");
        TileView tile = new(TileSizePx, _options.MicronsPerPixel ?? UsualMicronsPerPixel);
        if (_options.Classes.Count > 0)
        {
            return Classifier(weights, features, dimension, classLayer, description, tile);
        }

        if (classLayer is not null)
        {
            weights.IgnoreWhere(k => k.StartsWith($"{classLayer}.", StringComparison.Ordinal), "class layer; features are taken before it");
        }

        Graph.Output("features", features, -1, dimension);
        return new ModelDesign
        {
            Kind = ModelKind.Encoder,
            Graphs = new Dictionary<string, OnnxGraph> { [GraphRole.Tile] = Graph },
            Tile = tile,
            Normalisation = _normalisation,
            Description = $"{description}, {dimension} features",
            Notes = _notes,
        };
    }

    /// <summary>The encoder with its own class layer and a softmax: scores of each tile.</summary>
    /// <exception cref="ImportOptionException">The checkpoint has no class layer, or another number of classes.</exception>
    private ModelDesign Classifier(StateDict weights, GraphValue features, int dimension, string? classLayer, string description, TileView tile)
    {
        if (classLayer is null || !weights.Has($"{classLayer}.weight"))
        {
            throw new ImportOptionException("--classes: this checkpoint has no class layer; leave them out to import it as an encoder.");
        }

        int classes = (int)weights.Extent($"{classLayer}.weight", 0);
        if (classes < 2)
        {
            throw new ImportOptionException("--classes: this checkpoint's class layer has one output; a softmax over classes needs two at least.");
        }

        IReadOnlyList<string> labels = HeadAnswers.Labels(_options.Classes, classes);
        GraphValue logits = Graph.Linear(features, weights.Take($"{classLayer}.weight", classes, dimension), weights.TryTake($"{classLayer}.bias", classes));
        Graph.Output("scores", Graph.Softmax(logits), -1, classes);
        return new ModelDesign
        {
            Kind = ModelKind.TileClassifier,
            Graphs = new Dictionary<string, OnnxGraph> { [GraphRole.Tile] = Graph },
            Tile = tile,
            Normalisation = _normalisation,
            TileOutput = new TileOutput(_options.Task ?? "class", "scores", labels, "probability"),
            Description = $"{description}, {classes} classes",
            Notes = _notes,
        };
    }

    private static string Text(float number) => number.ToString(CultureInfo.InvariantCulture);
}
