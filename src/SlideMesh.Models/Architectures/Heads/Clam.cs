using SlideMesh.Inference.Packages;
using SlideMesh.Models.Checkpoints;
using SlideMesh.Models.Graphs;

namespace SlideMesh.Models.Architectures.Heads;

/// <summary>CLAM with one attention for all classes (Lu et al. 2021, mahmoodlab/CLAM, CLAM_SB), gated or plain, small or big.</summary>
internal sealed class ClamSb : IArchitecture
{
    public string Name => "clam-sb";

    public string Description => "CLAM, single branch: gated or plain attention, one for all classes (mahmoodlab/CLAM)";

    public bool Recognises(StateDict weights) => weights.Has("classifiers.weight") && AttentionTrunk.Find(weights) is { Columns: 1 };

    public ModelDesign Build(StateDict weights, ImportOptions options)
    {
        AttentionTrunk trunk = AttentionTrunk.Find(weights) ?? throw weights.Fail("has no attention_net as CLAM's.");
        long classes = weights.Extent("classifiers.weight", 0);
        OnnxGraph bag = new("bag");
        GraphValue pooled = bag.Reshape(bag.Input(GraphRole.PooledTensor, 1, 1, trunk.Hidden), 1, trunk.Hidden);
        bag.Output(HeadAnswers.Logits, bag.Linear(pooled, weights, "classifiers."), 1, classes);
        OnnxGraph instance = trunk.Instance();
        SetAside(weights);
        return new ModelDesign
        {
            Kind = ModelKind.SlideHead,
            Graphs = new Dictionary<string, OnnxGraph> { [GraphRole.Instance] = instance, [GraphRole.Bag] = bag },
            FeatureDimension = (int)trunk.Features,
            Outputs = [HeadAnswers.Classes(options, classes, attention: 0)],
            Description = $"CLAM-SB, {(trunk.IsGated ? "gated" : "plain")} attention, {trunk.Features} features, {classes} classes",
        };
    }

    /// <summary>What CLAM trains with and does not predict with.</summary>
    internal static void SetAside(StateDict weights)
    {
        weights.IgnoreWhere(k => k.StartsWith("instance_classifiers.", StringComparison.Ordinal), "clusters tiles during training; the prediction does not use it");
        weights.IgnoreWhere(k => k.Contains("instance_loss_fn", StringComparison.Ordinal), "part of the training loss");
    }
}

/// <summary>CLAM with an attention for each class (CLAM_MB): logit c = C_c · M_c.</summary>
internal sealed class ClamMb : IArchitecture
{
    public string Name => "clam-mb";

    public string Description => "CLAM, multi branch: an attention for each class (mahmoodlab/CLAM)";

    public bool Recognises(StateDict weights) => weights.HasAll("classifiers.0.weight", "classifiers.1.weight") && AttentionTrunk.Find(weights) is { Columns: > 1 };

    public ModelDesign Build(StateDict weights, ImportOptions options)
    {
        AttentionTrunk trunk = AttentionTrunk.Find(weights) ?? throw weights.Fail("has no attention_net as CLAM's.");
        int classes = checked((int)trunk.Columns);
        Weight[] rows = [.. Enumerable.Range(0, classes).Select(c => weights.Take($"classifiers.{c}.weight", 1, trunk.Hidden))];
        Weight[] biases = [.. Enumerable.Range(0, classes).Select(c => weights.Take($"classifiers.{c}.bias", 1))];
        OnnxGraph bag = new("bag");
        GraphValue pooled = bag.Input(GraphRole.PooledTensor, 1, classes, trunk.Hidden);
        GraphValue products = bag.Mul(pooled, bag.Weight(Weight.Concat("classifiers.weight", rows)));
        GraphValue logits = bag.Add(bag.Sum(products, false, 2), bag.Weight(Weight.Concat("classifiers.bias", biases)));
        bag.Output(HeadAnswers.Logits, logits, 1, classes);
        OnnxGraph instance = trunk.Instance();
        ClamSb.SetAside(weights);
        return new ModelDesign
        {
            Kind = ModelKind.SlideHead,
            Graphs = new Dictionary<string, OnnxGraph> { [GraphRole.Instance] = instance, [GraphRole.Bag] = bag },
            FeatureDimension = (int)trunk.Features,
            Outputs = [HeadAnswers.Classes(options, classes, attention: null, perClass: [.. Enumerable.Range(0, classes)])],
            Description = $"CLAM-MB, {(trunk.IsGated ? "gated" : "plain")} attention for each class, {trunk.Features} features, {classes} classes",
        };
    }
}

/// <summary>
/// The max-pooling baseline of CLAM's repository (MIL_fc, MIL_fc_mc): the slide's logits are those of its most positive tile, or with
/// more than two classes of the tile with the largest probability of any class.
/// </summary>
internal sealed class ClamMil : IArchitecture
{
    public string Name => "clam-mil";

    public string Description => "max pooling over tile logits, the baseline of mahmoodlab/CLAM";

    public bool Recognises(StateDict weights) =>
        weights.Has("fc.0.weight") && (weights.Has("classifier.weight") ^ weights.Has("classifiers.weight")) && weights.Keys.Count() == 4;

    public ModelDesign Build(StateDict weights, ImportOptions options)
    {
        bool two = weights.Has("classifier.weight");
        long features = weights.Extent("fc.0.weight", 1);
        OnnxGraph g = new("instance");
        GraphValue h = g.Relu(g.Linear(g.Input("features", -1, features), weights, "fc.0."));
        long classes = weights.Extent(two ? "classifier.weight" : "classifiers.weight", 0);
        GraphValue logits = g.Linear(h, weights, two ? "classifier." : "classifiers.");
        GraphValue probabilities = g.Softmax(logits);
        GraphValue score = two ? g.Slice(probabilities, 1, 1, 2) : g.Node("ReduceMax", [probabilities], ("axes", [1L]), ("keepdims", 1));

        // Column 0 chooses the tile; the others are the logits, for the maps.
        g.Output(GraphRole.HiddenTensor, logits, -1, classes);
        g.Output(GraphRole.AttentionTensor, g.Concat(1, score, logits), -1, classes + 1);
        OnnxGraph bag = new("bag");
        GraphValue pooled = bag.Input(GraphRole.PooledTensor, 1, classes + 1, classes);
        bag.Output(HeadAnswers.Logits, bag.Reshape(bag.Slice(pooled, 1, 0, 1), 1, classes), 1, classes);
        return new ModelDesign
        {
            Kind = ModelKind.SlideHead,
            Graphs = new Dictionary<string, OnnxGraph> { [GraphRole.Instance] = g, [GraphRole.Bag] = bag },
            Pooling = Pooling.Top,
            FeatureDimension = (int)features,
            Outputs = [HeadAnswers.Classes(options, classes, attention: null, perClass: [.. Enumerable.Range(1, (int)classes)])],
            Description = $"max pooling over tile logits, {features} features, {classes} classes",
        };
    }
}
