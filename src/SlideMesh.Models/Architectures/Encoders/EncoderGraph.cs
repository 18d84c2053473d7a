using SlideMesh.Inference.Packages;
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

    private const double DefaultMicronsPerPixel = 0.5;

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
        _normalisation = Config.Normalisation ?? normalisation;
        if (Config.Normalisation is null)
        {
            _notes.Add($"Pixels are scaled by mean {string.Join(", ", _normalisation.Mean)} and std {string.Join(", ", _normalisation.Std)}: no configuration says otherwise.");
        }

        Graph = new OnnxGraph(name);
        Pixels = new FeatureMap(Graph.Input("pixels", -1, 3, TileSizePx, TileSizePx), 3, TileSizePx);
    }

    public TimmConfig Config { get; }

    public OnnxGraph Graph { get; }

    public FeatureMap Pixels { get; }

    public int TileSizePx { get; }

    public void Note(string line) => _notes.Add(line);

    /// <summary>Ends the graph.</summary>
    /// <param name="features">[N, <paramref name="dimension"/>], what enters the class layer.</param>
    /// <param name="classLayer">Key of the linear layer that names classes, without <c>.weight</c>; null when the architecture has none.</param>
    /// <param name="description">With the sizes that were found.</param>
    public ModelDesign Finish(StateDict weights, GraphValue features, int dimension, string? classLayer, string description)
    {
        weights.IgnoreWhere(k => k.EndsWith(".num_batches_tracked", StringComparison.Ordinal), "counts training steps, no part of the result");
        TileView tile = new(TileSizePx, _options.MicronsPerPixel ?? DefaultMicronsPerPixel);
        if (_options.Classes.Count > 0)
        {
            return TileClassifierDesign.Of(this, weights, features, dimension, classLayer, _options, description) with { Tile = tile, Normalisation = _normalisation, Notes = _notes };
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
            Description = $"{description}, {dimension} features.",
            Notes = _notes,
        };
    }
}
