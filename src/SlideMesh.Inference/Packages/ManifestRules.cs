using System.Globalization;
using System.Text.RegularExpressions;

namespace SlideMesh.Inference.Packages;

/// <summary>What a manifest must hold by its kind, before any file is opened.</summary>
internal static partial class ManifestRules
{
    private const string Format = "slidemesh-model/1";

    private const int MaximumRank = 8;

    /// <summary>Of one row of a batch: 1 GiB of float32.</summary>
    private const long MaximumElements = 1L << 28;

    public static void Check(string file, ModelManifest manifest)
    {
        Rules rules = new(file, manifest.Name);
        rules.Require(manifest.Format == Format, $"format is '{manifest.Format}'; this version reads '{Format}'.");
        rules.Require(NamePattern().IsMatch(manifest.Name), $"name '{manifest.Name}' must match [a-z0-9][a-z0-9._-]*: it becomes part of file names.");
        CheckFiles(rules, manifest);
        CheckGraphs(rules, manifest);
        CheckInput(rules, manifest);
        CheckOutputs(rules, manifest);
    }

    private static void CheckFiles(Rules rules, ModelManifest manifest)
    {
        HashSet<string> listed = new(StringComparer.Ordinal);
        foreach (PackageFile f in manifest.Files)
        {
            bool inside = f.Path.Length > 0 && !f.Path.Contains('\\') && !f.Path.Contains('\0') && !Path.IsPathRooted(f.Path)
                && f.Path.Split('/').All(part => part is not ("" or "." or ".."));
            rules.Require(inside, $"file path '{f.Path}' leaves the package; use a path below its folder with '/' between parts.");
            rules.Require(listed.Add(f.Path), $"file '{f.Path}' is listed twice; remove one.");
            rules.Require(Sha256Pattern().IsMatch(f.Sha256), $"file '{f.Path}': sha256 must be 64 lower-case hex digits.");
            rules.Require(f.Bytes >= 0, $"file '{f.Path}': bytes is negative.");
        }

        foreach ((string role, GraphSpec graph) in manifest.Graphs)
        {
            rules.Require(listed.Contains(graph.File), $"graph '{role}' uses '{graph.File}', which 'files' does not list; add it with its SHA-256.");
            rules.Require(
                graph.Torchscript is null || listed.Contains(graph.Torchscript), $"graph '{role}' uses '{graph.Torchscript}', which 'files' does not list; add it with its SHA-256.");
        }

        string? omics = manifest.Fusion?.OmicsFeaturesFile;
        rules.Require(omics is null || listed.Contains(omics), $"fusion uses '{omics}', which 'files' does not list; add it with its SHA-256.");
        omics = manifest.OmicsFeaturesFile;
        rules.Require(omics is null || listed.Contains(omics), $"omicsFeaturesFile is '{omics}', which 'files' does not list; add it with its SHA-256.");
    }

    private static void CheckGraphs(Rules rules, ModelManifest manifest)
    {
        string[][] choices = manifest.Kind switch
        {
            ModelKind.Encoder => [[GraphRole.Tile]],
            ModelKind.TileClassifier => [[GraphRole.Tile], [GraphRole.Tile, GraphRole.Summary]],
            ModelKind.SlideHead => [[GraphRole.Instance, GraphRole.Bag], [GraphRole.Whole], [GraphRole.Bag]],
            _ => [[GraphRole.Fusion]],
        };
        rules.Require(
            choices.Any(roles => roles.Order(StringComparer.Ordinal).SequenceEqual(manifest.Graphs.Keys.Order(StringComparer.Ordinal))),
            $"graphs are {Join(manifest.Graphs.Keys)}; this kind needs {string.Join(" or ", choices.Select(Join))}.");

        rules.Require(manifest.Pooling is null || manifest.Graphs.ContainsKey(GraphRole.Bag), "'pooling' belongs to slide heads with a graph 'bag'; remove it.");
        rules.Require(
            !manifest.PoolsFeatures || manifest.Pooling is Pooling.Mean or Pooling.Sum,
            "a head without a graph 'instance' pools the features themselves: 'pooling' must be mean or sum.");
        foreach ((string role, GraphSpec graph) in manifest.Graphs)
        {
            foreach (IReadOnlyList<TensorSpec> tensors in new[] { graph.Inputs, graph.Outputs })
            {
                rules.Require(tensors.Count > 0, $"graph '{role}' needs at least one input and one output.");
                rules.Require(tensors.Select(t => t.Name).Distinct().Count() == tensors.Count, $"graph '{role}' names a tensor twice.");
                foreach (TensorSpec tensor in tensors)
                {
                    CheckShape(rules, $"graphs.{role}: shape of '{tensor.Name}'", tensor.Shape);
                }
            }
        }
    }

    /// <summary>Bounds within which later arithmetic on shapes cannot overflow.</summary>
    private static void CheckShape(Rules rules, string what, IReadOnlyList<long> shape)
    {
        rules.Require(shape.Count is >= 1 and <= MaximumRank, $"{what} has {shape.Count} dimensions; 1 to {MaximumRank} are needed.");
        rules.Require(shape.All(extent => extent is -1 or > 0), $"{what} holds positive numbers, or -1 for a free dimension.");
        double elements = shape.Aggregate(1.0, (product, extent) => product * Math.Max(extent, 1));
        rules.Require(elements <= MaximumElements, $"{what} has more than {MaximumElements} values; correct it.");
    }

    private static void CheckInput(Rules rules, ModelManifest manifest)
    {
        bool takesTiles = manifest.Kind != ModelKind.FusionHead;
        rules.Require(!takesTiles || manifest.Tile is not null, "'tile' is missing: say which tile size and µm per pixel the model looks at.");
        if (manifest.Tile is { } tile)
        {
            rules.Require(tile.SizePx is >= 16 and <= 4096, $"tile.sizePx is {tile.SizePx}; 16 to 4096 is needed.");
            rules.Require(
                tile.MicronsPerPixel is >= 0.02 and <= 20,
                string.Create(CultureInfo.InvariantCulture, $"tile.micronsPerPixel is {tile.MicronsPerPixel}; 0.02 to 20 is needed (0.5 is 20x)."));
            rules.Require(
                tile.OverlapPx >= 0 && tile.OverlapPx < tile.SizePx, $"tile.overlapPx is {tile.OverlapPx}; 0 to {tile.SizePx - 1} (below sizePx) is needed.");
        }

        bool takesPixels = manifest.Kind == ModelKind.Encoder || (manifest.Kind == ModelKind.TileClassifier && manifest.Encoder is null);
        rules.Require(manifest.Kind != ModelKind.Encoder || manifest.Encoder is null, "an encoder takes pixels: remove 'encoder'.");
        rules.Require(manifest.Kind != ModelKind.SlideHead || manifest.Encoder is not null, "'encoder' is missing: say whose features the head takes.");
        rules.Require(!takesPixels || manifest.Normalisation is not null, "'normalisation' is missing: a graph that takes pixels needs mean and std.");
        if (manifest.Normalisation is { } n)
        {
            rules.Require(n.Mean.Count == 3 && n.Std.Count == 3, "normalisation.mean and .std need three numbers each (R, G, B).");
            rules.Require(n.Mean.All(float.IsFinite) && n.Std.All(s => float.IsFinite(s) && s > 0), "normalisation: mean must be finite, and std must be above 0 and finite.");
        }

        if (manifest.Encoder is { } encoder)
        {
            rules.Require(encoder.Dimension > 0, "encoder.dimension must be above 0.");
            rules.Require(encoder.Sha256 is null || Sha256Pattern().IsMatch(encoder.Sha256), "encoder.sha256 must be 64 lower-case hex digits.");
        }

        rules.Require(
            manifest.Covariates.Count == 0 || manifest.Kind == ModelKind.SlideHead, "only slide heads take covariates.");
        rules.Require(
            manifest.OmicsFeaturesFile is null || manifest.Kind == ModelKind.SlideHead, "'omicsFeaturesFile' belongs to slide heads; a fusion head names its own in 'fusion'.");
        rules.Require((manifest.Kind == ModelKind.FusionHead) == (manifest.Fusion is not null), "'fusion' belongs to fusion heads, and only to them.");
        rules.Require((manifest.Kind == ModelKind.TileClassifier) == (manifest.TileOutput is not null), "'tileOutput' belongs to tile classifiers, and only to them.");
    }

    private static void CheckOutputs(Rules rules, ModelManifest manifest)
    {
        bool answers = manifest.Kind is ModelKind.SlideHead or ModelKind.FusionHead || manifest.Graphs.ContainsKey(GraphRole.Summary);
        rules.Require(answers || manifest.Outputs.Count == 0, "'outputs' needs a graph that makes them; a tile graph alone has none.");
        rules.Require(!answers || manifest.Outputs.Count > 0, "'outputs' is missing: say what the model answers.");
        foreach (TaskOutput output in manifest.Outputs)
        {
            string what = $"output '{output.Tensor}' of task '{output.Task}'";
            rules.Require(NamePattern().IsMatch(output.Task), $"{what}: the task must match [a-z0-9][a-z0-9._-]*: it becomes part of file names.");
            rules.Require(double.IsFinite(output.Temperature) && output.Temperature > 0, $"{what}: temperature must be above 0.");
            rules.Require(double.IsFinite(output.Weight) && output.Weight > 0, $"{what}: weight must be above 0.");
            rules.Require(output.Transform is "none" or "pow10", $"{what}: transform '{output.Transform}' is not known; none or pow10.");
            rules.Require(
                !manifest.PoolsFeatures || (output.Attention is null && output.AttentionMaps.Count == 0),
                $"{what}: a head without a graph 'instance' has no attention.");
            rules.Require(output.Attention is null or >= 0, $"{what}: attention is a column, counted from 0.");
            rules.Require(output.Labels.Distinct().Count() == output.Labels.Count, $"{what}: a label stands twice.");
            rules.Require(
                output.AttentionMaps.All(m => m.Column >= 0 && NamePattern().IsMatch(m.Name)) && output.AttentionMaps.Select(m => m.Name).Distinct().Count() == output.AttentionMaps.Count,
                $"{what}: attentionMaps need columns, counted from 0, and different names that match [a-z0-9][a-z0-9._-]*: they become part of file names.");
            bool labels = output.Type switch
            {
                OutputType.Regression => true,
                OutputType.Binary => output.Labels.Count == 2,
                _ => output.Labels.Count >= 2,
            };
            rules.Require(labels, $"{what}: has {output.Labels.Count} labels; binary takes two, categorical, ordinal and hazards two or more.");
            rules.Require(
                manifest.Outputs.Count(o => o.Tensor == output.Tensor) == 1, $"outputs: tensor '{output.Tensor}' is listed twice; remove one.");
            rules.Require(
                manifest.Outputs.Count(o => o.Task == output.Task && SameAnswer(o, output)) == 1,
                $"outputs: task '{output.Task}' is answered twice; it takes one class answer and one regression for each quantity.");
            rules.Require(
                output.Type != OutputType.Regression || output.Labels.Count > 0 || !string.IsNullOrEmpty(output.Quantity),
                $"{what}: a regression needs 'quantity', or 'labels' when its tensor holds several quantities.");
            rules.Require(
                output.Type != OutputType.Hazards || output.Temperature == 1, $"{what}: hazards have no temperature.");
        }

        if (manifest.TileOutput is { } tiles)
        {
            rules.Require(tiles.Labels.Count > 0 && tiles.Labels.Distinct().Count() == tiles.Labels.Count, "tileOutput.labels must be there and differ.");
            rules.Require(NamePattern().IsMatch(tiles.Task), "tileOutput.task must match [a-z0-9][a-z0-9._-]*: it becomes part of file names.");
            rules.Require(tiles.Quantity is "expected-class" or "probability", $"tileOutput.quantity '{tiles.Quantity}' is not known; expected-class or probability.");
        }
    }

    private static bool SameAnswer(TaskOutput a, TaskOutput b) =>
        a.Type == OutputType.Regression ? b.Type == OutputType.Regression && a.QuantityNames().Intersect(b.QuantityNames()).Any() : b.Type != OutputType.Regression;

    private static string Join(IEnumerable<string> names) => string.Join(" + ", names);

    [GeneratedRegex(@"\A[a-z0-9][a-z0-9._-]*\z")]
    private static partial Regex NamePattern();

    [GeneratedRegex(@"\A[0-9a-f]{64}\z")]
    private static partial Regex Sha256Pattern();

    private readonly struct Rules(string file, string package)
    {
        public void Require(bool holds, string otherwise)
        {
            if (!holds)
            {
                throw new ModelPackageException(file, $"package '{package}': {otherwise}");
            }
        }
    }
}
