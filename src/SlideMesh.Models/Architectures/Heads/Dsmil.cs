using SlideMesh.Inference.Packages;
using SlideMesh.Models.Checkpoints;
using SlideMesh.Models.Graphs;

namespace SlideMesh.Models.Architectures.Heads;

/// <summary>
/// DSMIL (Li et al. 2021, binli123/dsmil-wsi): the tile that scores highest for a class is its critical tile; tiles are weighted by how
/// their query resembles the critical tile's, and a 1-D convolution over the weighted sums gives the bag's logits. Each class has a
/// sigmoid of its own, so with several classes each becomes a yes/no task.
/// </summary>
internal sealed class Dsmil : IArchitecture
{
    public string Name => "dsmil";

    public string Description => "DSMIL: dual-stream MIL with a critical tile for each class (binli123/dsmil-wsi)";

    public bool Recognises(StateDict weights) => weights.Has("b_classifier.fcc.weight");

    public ModelDesign Build(StateDict weights, ImportOptions options)
    {
        StateDict bag = weights.Below("b_classifier.");
        string instance = weights.Has("i_classifier.fc.weight") ? "i_classifier.fc." : "i_classifier.fc.0.";
        long classes = bag.Extent("fcc.weight", 0);
        long features = bag.Extent("fcc.weight", 2);
        OnnxGraph g = new("whole");
        GraphValue x = g.Input("features", -1, features);
        GraphValue scores = g.Linear(x, weights.Take(instance + "weight", classes, features), weights.Take(instance + "bias", classes));
        GraphValue critical = g.Node("ArgMax", [scores], ("axis", 0), ("keepdims", 0));

        // The queries of the critical tiles are rows of the queries: they need not be computed again.
        GraphValue q = Query(g, x, bag, features, out long width);
        GraphValue keys = g.Transpose(g.Node("Gather", [q, critical], ("axis", 0)), 1, 0);
        GraphValue attention = g.Div(g.MatMul(q, keys), g.Scalar(MathF.Sqrt(width)));
        GraphValue v = bag.Has("v.1.weight") ? g.Relu(g.Linear(x, bag.Take("v.1.weight", features, features), bag.Take("v.1.bias", features))) : x;
        GraphValue pooled = g.MatMul(g.Transpose(g.Softmax(attention, 0), 1, 0), v);

        // A convolution as long as its input: [1, C·D] times [C·D, C].
        Weight kernel = bag.Take("fcc.weight", classes, classes, features).Reshape(classes, classes * features);
        GraphValue logits = g.Linear(g.Reshape(pooled, 1, classes * features), kernel, bag.Take("fcc.bias", classes));
        for (int c = 0; c < classes; c++)
        {
            g.Output(classes == 1 ? HeadAnswers.Logits : $"logit_{c}", classes == 1 ? logits : g.Slice(logits, 1, c, c + 1), 1, 1);
        }

        g.Output(GraphRole.AttentionTensor, attention, -1, classes);
        return new ModelDesign
        {
            Kind = ModelKind.SlideHead,
            Graphs = new Dictionary<string, OnnxGraph> { [GraphRole.Whole] = g },
            FeatureDimension = (int)features,
            Outputs = classes == 1 ? [HeadAnswers.Classes(options, 1, attention: 0)] : PerClass(options, (int)classes),
            Description = $"DSMIL, {features} features, {classes} classes{(bag.Has("v.1.weight") ? ", with value path" : "")}",
            Notes = ["the answer is the bag stream's sigmoid; DSMIL's own threshold depends on its embedder and is not part of the weights"],
        };
    }

    private static GraphValue Query(OnnxGraph g, GraphValue x, StateDict bag, long features, out long width)
    {
        if (bag.Has("q.weight"))
        {
            width = bag.Extent("q.weight", 0);
            return g.Linear(x, bag.Take("q.weight", -1, features), bag.Take("q.bias", width));
        }

        width = bag.Extent("q.2.weight", 0);
        long inner = bag.Extent("q.0.weight", 0);
        GraphValue h = g.Relu(g.Linear(x, bag.Take("q.0.weight", inner, features), bag.Take("q.0.bias", inner)));
        return g.Tanh(g.Linear(h, bag.Take("q.2.weight", width, inner), bag.Take("q.2.bias", width)));
    }

    private static TaskOutput[] PerClass(ImportOptions options, int classes)
    {
        IReadOnlyList<string> labels = HeadAnswers.Labels(options.Classes, classes);
        IReadOnlyList<AttentionMap> names = HeadAnswers.Maps(labels, [.. Enumerable.Range(0, classes)]);
        return
        [
            .. Enumerable.Range(0, classes).Select(c => new TaskOutput
            {
                Task = $"{options.Task ?? "class"}-{names[c].Name}",
                Tensor = $"logit_{c}",
                Type = OutputType.Binary,
                Labels = [$"not {labels[c]}", labels[c]],
                Attention = c,
            }),
        ];
    }
}
