using System.Text.Json.Serialization;

namespace SlideMesh.Inference.Packages;

/// <summary>
/// The contents of a package's <c>model.json</c> (camel case on disk, enums in kebab case). A package is a folder with this
/// file and the files that it lists. See docs/model-packages.md for the format with examples.
/// </summary>
public sealed record ModelManifest
{
    /// <summary>Always <c>slidemesh-model/1</c>.</summary>
    public required string Format { get; init; }

    /// <summary>Unique name, <c>[a-z0-9][a-z0-9._-]*</c>; becomes part of file names.</summary>
    public required string Name { get; init; }

    public required string Version { get; init; }

    public required ModelKind Kind { get; init; }

    public string Description { get; init; } = "";

    public string TrainedOn { get; init; } = "";

    public string IntendedUse { get; init; } = "";

    public string Licence { get; init; } = "";

    /// <summary>True when the model was trained on synthetic slides; shown beside every result.</summary>
    public bool Synthetic { get; init; }

    /// <summary>The tiles this model looks at: size and µm per pixel. Required for encoders, tile classifiers and slide heads.</summary>
    public TileView? Tile { get; init; }

    /// <summary>Pixel normalisation, for graphs that take pixels.</summary>
    public Normalisation? Normalisation { get; init; }

    /// <summary>For models that take features: the encoder that makes them.</summary>
    public EncoderReference? Encoder { get; init; }

    /// <summary>
    /// ONNX graphs by role: <c>tile</c> (encoder, tile classifier), <c>summary</c> (tile classifier), <c>instance</c> and <c>bag</c>
    /// (streamed head; without <c>instance</c> the features themselves are pooled), <c>whole</c> (head that needs the whole bag at once), <c>fusion</c>.
    /// </summary>
    public required IReadOnlyDictionary<string, GraphSpec> Graphs { get; init; }

    /// <summary>What lies between a streamed head's graphs; null is <see cref="Packages.Pooling.Attention"/>.</summary>
    public Pooling? Pooling { get; init; }

    /// <summary>A streamed head without a graph <c>instance</c>: the features themselves are pooled.</summary>
    [JsonIgnore]
    public bool PoolsFeatures => Graphs.ContainsKey(GraphRole.Bag) && !Graphs.ContainsKey(GraphRole.Instance);

    /// <summary>What the model says about a slide (empty for encoders).</summary>
    public IReadOnlyList<TaskOutput> Outputs { get; init; } = [];

    /// <summary>What the model says about a tile (tile classifiers): columns of the <c>tile</c> graph's scores.</summary>
    public TileOutput? TileOutput { get; init; }

    /// <summary>Case covariates of a slide head, in the order of the <c>covariates</c> input's columns.</summary>
    public IReadOnlyList<Covariate> Covariates { get; init; } = [];

    /// <summary>
    /// Slide heads that take omics: CSV in the package, <c>name,mean,std</c>, a row for each column of the <c>omics</c> input, scaled as
    /// <see cref="FusionInputs.OmicsFeaturesFile"/>'s. Such a head does not answer for a case without omics.
    /// </summary>
    public string? OmicsFeaturesFile { get; init; }

    /// <summary>Inputs of a fusion head.</summary>
    public FusionInputs? Fusion { get; init; }

    public required IReadOnlyList<PackageFile> Files { get; init; }
}

[JsonConverter(typeof(KebabCaseEnumConverter<ModelKind>))]
public enum ModelKind
{
    Encoder,
    TileClassifier,
    SlideHead,
    FusionHead,
}

/// <param name="SizePx">Edge of the square tile, pixels at <paramref name="MicronsPerPixel"/>.</param>
/// <param name="MicronsPerPixel">µm per pixel.</param>
/// <param name="OverlapPx">Overlap of neighbouring tiles, pixels.</param>
public sealed record TileView(int SizePx, double MicronsPerPixel, int OverlapPx = 0);

/// <summary>Model input = (pixel / 255 − Mean) / Std per RGB channel.</summary>
public sealed record Normalisation(IReadOnlyList<float> Mean, IReadOnlyList<float> Std);

/// <param name="Name">Name of the encoder package.</param>
/// <param name="Sha256">SHA-256 (lower-case hex) of the encoder's <c>tile</c> graph file; null accepts any of that name.</param>
/// <param name="Dimension">Width D of its features.</param>
public sealed record EncoderReference(string Name, string? Sha256, int Dimension);

/// <summary>One ONNX file with its named tensors.</summary>
/// <param name="Torchscript">
/// The same graph as TorchScript, for the libtorch engine: <c>forward</c> takes the inputs in their order and gives the outputs in theirs.
/// </param>
public sealed record GraphSpec(string File, IReadOnlyList<TensorSpec> Inputs, IReadOnlyList<TensorSpec> Outputs, string? Torchscript = null);

/// <param name="Name">Tensor name in the graph.</param>
/// <param name="Shape">Dimensions; −1 is free (batch, bag). Element type is float32.</param>
public sealed record TensorSpec(string Name, IReadOnlyList<long> Shape);

/// <summary>A slide-level output and how to read it.</summary>
public sealed record TaskOutput
{
    /// <summary><c>grade</c>, <c>tmb</c>, <c>origin</c>, <c>site</c>, or any name.</summary>
    public required string Task { get; init; }

    /// <summary>Tensor of the last graph that holds it.</summary>
    public required string Tensor { get; init; }

    public required OutputType Type { get; init; }

    /// <summary>
    /// Class labels (binary: negative then positive). Regression: empty, or the names of the quantities where the tensor holds several.
    /// Hazards: the intervals of time, then what lies beyond the last.
    /// </summary>
    public IReadOnlyList<string> Labels { get; init; } = [];

    /// <summary>Regression: name of the quantity, its unit, and the inverse transform of the raw output.</summary>
    public string? Quantity { get; init; }

    public string? Unit { get; init; }

    /// <summary><c>none</c> or <c>pow10</c>.</summary>
    public string Transform { get; init; } = "none";

    /// <summary>Logits are divided by this before they become probabilities (temperature scaling; calibrated on validation data).</summary>
    public double Temperature { get; init; } = 1;

    /// <summary>Column of the attention output that belongs to this task, null when there is none.</summary>
    public int? Attention { get; init; }

    /// <summary>Further columns of the attention output that speak of this task, e.g. one a class; each becomes a map of its own.</summary>
    public IReadOnlyList<AttentionMap> AttentionMaps { get; init; } = [];

    /// <summary>Weight of this model when several models answer the same task.</summary>
    public double Weight { get; init; } = 1;

    /// <summary>Regression: the names of its quantities, in the order of the tensor.</summary>
    public IReadOnlyList<string> QuantityNames() => Labels.Count > 0 ? Labels : [string.IsNullOrEmpty(Quantity) ? Task : Quantity];
}

/// <param name="Name">Matches <c>[a-z0-9][a-z0-9._-]*</c>; the map is called task-attention-name.</param>
/// <param name="Column">Column of the attention output.</param>
public sealed record AttentionMap(string Name, int Column);

/// <summary>How raw outputs become probabilities.</summary>
[JsonConverter(typeof(KebabCaseEnumConverter<OutputType>))]
public enum OutputType
{
    /// <summary>K logits, softmax.</summary>
    Categorical,

    /// <summary>K − 1 cumulative logits: P(y &gt; k) = σ(logit k); made monotone, then differenced into K probabilities.</summary>
    Ordinal,

    /// <summary>One logit, σ gives the probability of the second label.</summary>
    Binary,

    /// <summary>One number, or one for each label.</summary>
    Regression,

    /// <summary>
    /// K − 1 logits of discrete hazards: h_j = σ(logit j) is the probability of the event in interval j for those it has not met before.
    /// They become probabilities of the K labels: h_j · Π_{i &lt; j} (1 − h_i), and Π (1 − h_i) for the last.
    /// </summary>
    Hazards,
}

/// <summary>Scores of a tile classifier: probabilities, already activated in the graph.</summary>
/// <param name="Task">Task the scores speak about.</param>
/// <param name="Tensor">Output tensor of the <c>tile</c> graph, [N, C].</param>
/// <param name="Labels">C labels. C = 1: probability of that label.</param>
/// <param name="Quantity">What the tile map shows: <c>expected-class</c> (Σ c·p) or <c>probability</c> (of the last label).</param>
public sealed record TileOutput(string Task, string Tensor, IReadOnlyList<string> Labels, string Quantity);

/// <param name="Name">Manifest column, e.g. <c>sex</c>.</param>
/// <param name="Values">Number for each text value, e.g. F → 0, M → 1.</param>
/// <param name="Missing">Number when the manifest has none.</param>
public sealed record Covariate(string Name, IReadOnlyDictionary<string, double> Values, double Missing);

/// <param name="SlideInput">Graph input [1, S] that takes <paramref name="SlideSources"/> one after another, each flattened.</param>
/// <param name="SlideSources">
/// <c>package/tensor</c>: <c>pooled</c> (streamed head, K × H), <c>summary</c> (tile classifier), or an output tensor of that package's last graph.
/// </param>
/// <param name="OmicsInput">Graph input [1, G].</param>
/// <param name="OmicsFeaturesFile">CSV in the package: <c>name,mean,std</c>, G rows; values are scaled (x − mean) / std, missing → 0.</param>
public sealed record FusionInputs(string SlideInput, IReadOnlyList<string> SlideSources, string OmicsInput, string OmicsFeaturesFile);

public sealed record PackageFile(string Path, string Sha256, long Bytes);
