using SlideMesh.Inference.Packages;
using SlideMesh.Models.Checkpoints;
using SlideMesh.Models.Graphs;

namespace SlideMesh.Models.Architectures.Heads;

/// <summary>
/// Attention-based MIL (Ilse et al. 2018, AMLab-Amsterdam/AttentionDeepMIL), plain or gated, on tile features: an optional linear layer
/// with ReLU (<c>feature_extractor_part2.0</c>), attention, a linear classifier. Their convolutions for digits have no place here.
/// </summary>
internal sealed class AbMil(bool gated) : IArchitecture
{
    private static readonly string[] Extractors = ["feature_extractor_part2.0.", "feature_extractor.0."];

    public string Name => gated ? "ab-mil-gated" : "ab-mil";

    public string Description => $"attention-based MIL, {(gated ? "gated" : "plain")} (Ilse et al.; AMLab-Amsterdam/AttentionDeepMIL)";

    public bool Recognises(StateDict weights) => weights.Has("classifier.0.weight")
        && (gated ? weights.HasAll("attention_V.0.weight", "attention_U.0.weight") : weights.HasAll("attention.0.weight", "attention.2.weight"));

    public ModelDesign Build(StateDict weights, ImportOptions options)
    {
        if (weights.Has("feature_extractor_part1.0.weight"))
        {
            throw weights.Fail("looks at pictures of digits by itself (feature_extractor_part1); a head takes tile features: train it on an encoder's.");
        }

        string? extractor = Extractors.FirstOrDefault(e => weights.Has(e + "weight"));
        string first = gated ? "attention_V.0." : "attention.0.";
        long features = weights.Extent((extractor ?? first) + "weight", 1);
        long hidden = weights.Extent(first + "weight", 1);
        OnnxGraph instance = new("instance");
        GraphValue h = instance.Input("features", -1, features);
        h = extractor is null ? h : instance.Relu(instance.Linear(h, weights, extractor));
        string last = gated ? "attention_w." : "attention.2.";
        long columns = weights.Extent(last + "weight", 0);
        if (columns != 1)
        {
            throw weights.Fail($"has {columns} rows of attention; the importer knows AB-MIL with one.");
        }

        GraphValue a = instance.Tanh(instance.Linear(h, weights, first));
        a = gated ? instance.Mul(a, instance.Sigmoid(instance.Linear(h, weights, "attention_U.0."))) : a;
        instance.Output(GraphRole.HiddenTensor, h, -1, hidden);
        instance.Output(GraphRole.AttentionTensor, instance.Linear(a, weights, last), -1, 1);

        // The sigmoid that follows in the original is the binary answer's own.
        long classes = weights.Extent("classifier.0.weight", 0);
        OnnxGraph bag = new("bag");
        GraphValue pooled = bag.Reshape(bag.Input(GraphRole.PooledTensor, 1, 1, hidden), 1, hidden);
        bag.Output(HeadAnswers.Logits, bag.Linear(pooled, weights, "classifier.0."), 1, classes);
        return new ModelDesign
        {
            Kind = ModelKind.SlideHead,
            Graphs = new Dictionary<string, OnnxGraph> { [GraphRole.Instance] = instance, [GraphRole.Bag] = bag },
            FeatureDimension = (int)features,
            Outputs = [HeadAnswers.Classes(options, classes, attention: 0)],
            Description = $"AB-MIL, {(gated ? "gated" : "plain")} attention, {features} features",
        };
    }
}

/// <summary>AB-MIL as Owkin's comparisons have it (owkin/HistoSSLscaling): gated attention after a tile layer, an MLP on the pooled row.</summary>
internal sealed class OwkinAbMil : IArchitecture
{
    public string Name => "ab-mil-owkin";

    public string Description => "attention-based MIL, gated, with an MLP (owkin/HistoSSLscaling)";

    public bool Recognises(StateDict weights) => weights.HasAll("attention_layer.att.weight", "attention_layer.gate.weight", "tiles_emb.hidden_layers.0.weight");

    public ModelDesign Build(StateDict weights, ImportOptions options)
    {
        StateDict tiles = weights.Below("tiles_emb.hidden_layers.");
        StateDict attention = weights.Below("attention_layer.");
        StateDict mlp = weights.Below("mlp.");
        long features = tiles.Extent("0.weight", 1);
        long hidden = attention.Extent("att.weight", 1);
        OnnxGraph instance = new("instance");
        GraphValue h = instance.TileMlp(instance.Input("features", -1, features), tiles);
        GraphValue a = instance.Mul(instance.Tanh(instance.Linear(h, attention, "att.")), instance.Sigmoid(instance.Linear(h, attention, "gate.")));
        instance.Output(GraphRole.HiddenTensor, h, -1, hidden);
        instance.Output(GraphRole.AttentionTensor, instance.Linear(a, attention, "w."), -1, 1);

        OnnxGraph bag = new("bag");
        GraphValue pooled = bag.Reshape(bag.Input(GraphRole.PooledTensor, 1, 1, hidden), 1, hidden);
        long classes = mlp.Extent(mlp.LastOfMlp() + "weight", 0);
        bag.Output(HeadAnswers.Logits, bag.Mlp(pooled, mlp, bag.Activation(options, "relu")), 1, classes);
        return new ModelDesign
        {
            Kind = ModelKind.SlideHead,
            Graphs = new Dictionary<string, OnnxGraph> { [GraphRole.Instance] = instance, [GraphRole.Bag] = bag },
            FeatureDimension = (int)features,
            Outputs = [HeadAnswers.Classes(options, classes, attention: 0)],
            Description = $"AB-MIL in Owkin's form, {features} features, {options.Setting("activation") ?? "relu"} in its MLP",
        };
    }
}
