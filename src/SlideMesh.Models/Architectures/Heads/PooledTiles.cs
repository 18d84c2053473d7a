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
        OnnxGraph instance = new("instance");
        GraphValue x = instance.Input("features", -1, features);
        instance.Output(GraphRole.HiddenTensor, x, -1, features);

        // Equal scores: the softmax-weighted sum is the mean, and a bag of any size streams.
        instance.Output(GraphRole.AttentionTensor, instance.Mul(instance.Slice(x, 1, 0, 1), instance.Scalar(0)), -1, 1);
        OnnxGraph bag = new("bag");
        GraphValue pooled = bag.Reshape(bag.Input(GraphRole.PooledTensor, 1, 1, features), 1, features);
        bag.Output(HeadAnswers.Logits, bag.Mlp(pooled, mlp, bag.Activation(options, "sigmoid")), 1, classes);
        return new ModelDesign
        {
            Kind = ModelKind.SlideHead,
            Graphs = new Dictionary<string, OnnxGraph> { [GraphRole.Instance] = instance, [GraphRole.Bag] = bag },
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
        OnnxGraph tiles = new(mean ? "instance" : "whole");
        GraphValue x = tiles.Input("features", -1, features);
        foreach (int layer in layers)
        {
            x = tiles.Linear(x, head, $"{layer}.");
            x = layer == layers[^1] ? x : tiles.Relu(x);
        }

        return new ModelDesign
        {
            Kind = ModelKind.SlideHead,
            Graphs = mean ? Mean(tiles, x, classes) : Maximum(tiles, x, classes),
            FeatureDimension = (int)features,
            Outputs = [HeadAnswers.Classes(options, classes, attention: null, perClass: [.. Enumerable.Range(mean ? 1 : 0, classes)])],
            Description = $"{(mean ? "mean" : "maximum")} of tile logits, {features} features, {classes} outputs",
        };
    }

    private static Dictionary<string, OnnxGraph> Mean(OnnxGraph instance, GraphValue logits, int classes)
    {
        // Column 0 has equal scores and pools; the others are the logits themselves, for the maps.
        instance.Output(GraphRole.HiddenTensor, logits, -1, classes);
        GraphValue equal = instance.Mul(instance.Slice(logits, 1, 0, 1), instance.Scalar(0));
        instance.Output(GraphRole.AttentionTensor, instance.Concat(1, equal, logits), -1, classes + 1);
        OnnxGraph bag = new("bag");
        GraphValue pooled = bag.Input(GraphRole.PooledTensor, 1, classes + 1, classes);
        bag.Output(HeadAnswers.Logits, bag.Reshape(bag.Slice(pooled, 1, 0, 1), 1, classes), 1, classes);
        return new() { [GraphRole.Instance] = instance, [GraphRole.Bag] = bag };
    }

    private static Dictionary<string, OnnxGraph> Maximum(OnnxGraph whole, GraphValue logits, int classes)
    {
        whole.Output(HeadAnswers.Logits, whole.Node("ReduceMax", [logits], ("axes", [0L]), ("keepdims", 1)), 1, classes);
        whole.Output(GraphRole.AttentionTensor, logits, -1, classes);
        return new() { [GraphRole.Whole] = whole };
    }
}
