using SlideMesh.Inference.Packages;
using SlideMesh.Models.Checkpoints;
using SlideMesh.Models.Graphs;

namespace SlideMesh.Models.Architectures.Heads;

/// <summary>Mean pooling of features, then an MLP (Owkin's MeanPool: keys <c>mlp.…</c>; without hidden layers a linear one).</summary>
internal sealed class MeanPool : IArchitecture
{
    public string Name => "mean-pool";

    public string Description => "mean of the tiles' features, then a linear layer or an MLP (owkin/HistoSSLscaling)";

    public bool Recognises(StateDict weights) => weights.Keys.All(k => k.StartsWith("mlp.", StringComparison.Ordinal))
        && (weights.ShapeOf("mlp.0.0.weight") ?? weights.ShapeOf("mlp.0.weight")) is { Count: 2 };

    public ModelDesign Build(StateDict weights, ImportOptions options)
    {
        StateDict mlp = weights.Below("mlp.");
        long features = mlp.Extent(mlp.Has("0.0.weight") ? "0.0.weight" : "0.weight", 1);
        long classes = mlp.Extent(mlp.LastOfMlp() + "weight", 0);
        OnnxGraph bag = new("bag");
        GraphValue pooled = bag.Reshape(bag.Input(GraphRole.PooledTensor, 1, 1, features), 1, features);
        bag.Output(HeadAnswers.Logits, bag.Mlp(pooled, mlp, bag.Activation(options, "sigmoid")), 1, classes);
        return new ModelDesign
        {
            Kind = ModelKind.SlideHead,
            Graphs = new Dictionary<string, OnnxGraph> { [GraphRole.Bag] = bag },
            Pooling = Pooling.Mean,
            FeatureDimension = (int)features,
            Outputs = [HeadAnswers.Classes(options, classes, attention: null)],
            Description = $"mean pooling, {features} features, {classes} outputs",
        };
    }
}

/// <summary>
/// Tile logits by an MLP (<c>head.…</c>: linear, ReLU, optional dropout, linear), averaged or maximised over the tiles a class. Both have
/// the same keys, so <c>--arch</c> must say which.
/// </summary>
internal sealed class PooledLogits(bool mean) : IArchitecture
{
    public string Name => mean ? "mean-mil" : "max-mil";

    public string Description => $"{(mean ? "mean" : "maximum")} over the tiles of the logits of an MLP (keys head.0, head.2 or head.3)";

    public bool Recognises(StateDict weights) => false;

    public ModelDesign Build(StateDict weights, ImportOptions options)
    {
        StateDict head = weights.Below("head.");
        int[] layers = [.. Enumerable.Range(0, 10).Where(i => head.ShapeOf($"{i}.weight") is { Count: 2 })];
        if (layers.Length == 0)
        {
            throw weights.Fail("has no layers head.0 and so on; give the architecture that it was trained with (--arch).");
        }

        long features = head.Extent($"{layers[0]}.weight", 1);
        int classes = checked((int)head.Extent($"{layers[^1]}.weight", 0));
        OnnxGraph instance = new("instance");
        GraphValue x = instance.Input("features", -1, features);
        foreach (int layer in layers)
        {
            x = instance.Linear(x, head, $"{layer}.");
            x = layer == layers[^1] ? x : instance.Relu(x);
        }

        // The logits are pooled, and shown in the maps.
        instance.Output(GraphRole.HiddenTensor, x, -1, classes);
        instance.Output(GraphRole.AttentionTensor, instance.Node("Identity", [x]), -1, classes);
        OnnxGraph bag = new("bag");
        bag.Output(HeadAnswers.Logits, bag.Reshape(bag.Input(GraphRole.PooledTensor, 1, 1, classes), 1, classes), 1, classes);
        return new ModelDesign
        {
            Kind = ModelKind.SlideHead,
            Graphs = new Dictionary<string, OnnxGraph> { [GraphRole.Instance] = instance, [GraphRole.Bag] = bag },
            Pooling = mean ? Pooling.Mean : Pooling.Maximum,
            FeatureDimension = (int)features,
            Outputs = [HeadAnswers.Classes(options, classes, attention: null, perClass: [.. Enumerable.Range(0, classes)])],
            Description = $"{(mean ? "mean" : "maximum")} of tile logits, {features} features, {classes} outputs",
        };
    }
}
