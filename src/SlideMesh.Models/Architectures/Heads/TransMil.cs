using SlideMesh.Inference.Packages;
using SlideMesh.Models.Checkpoints;
using SlideMesh.Models.Graphs;

namespace SlideMesh.Models.Architectures.Heads;

/// <summary>
/// TransMIL (Shao et al. 2021, szc19990412/TransMIL): two Nyström attention layers over all tiles with a class token, a pyramid of
/// depthwise convolutions between them on the tiles laid out as a square. The square is filled by repeating the first tiles, so the
/// answer depends on the tiles' order: ours is the plan's, always the same for a slide.
/// </summary>
internal sealed class TransMil : IArchitecture
{
    private static readonly (string Layer, int Kernel)[] Pyramid = [("proj", 7), ("proj1", 5), ("proj2", 3)];

    public string Name => "transmil";

    public string Description => "TransMIL: Nyström attention over all tiles (szc19990412/TransMIL); its answer depends on the tiles' order";

    public bool Recognises(StateDict weights) => weights.HasAll("cls_token", "pos_layer.proj.weight", "layer1.attn.to_qkv.weight", "_fc2.weight");

    public ModelDesign Build(StateDict weights, ImportOptions options)
    {
        long features = weights.Extent("_fc1.0.weight", 1);
        long width = weights.Extent("_fc1.0.weight", 0);
        long classes = weights.Extent("_fc2.weight", 0);
        OnnxGraph g = new("whole");
        GraphValue h = g.Relu(g.Linear(g.Input("features", -1, features), weights, "_fc1.0."));

        // Double keeps the root of every count exact that fits a bag.
        GraphValue n = g.Slice(g.Node("Shape", [h]), 0, 0, 1);
        GraphValue root = g.Node("Sqrt", [g.Node("Cast", [n], ("to", DataTypeDouble))]);
        GraphValue side = g.Node("Cast", [g.Node("Ceil", [root])], ("to", DataTypeInt64));
        GraphValue repeated = g.Sub(g.Mul(side, side), n);
        h = g.Concat(0, h, g.Node("Slice", [h, g.Integers(0), repeated, g.Integers(0)]));
        h = g.Node("Unsqueeze", [h, g.Integers(0)]);
        h = g.Concat(1, g.Weight(weights.Take("cls_token", 1, 1, width)), h);

        h = Layer(g, h, weights.Below("layer1."), width);
        h = Positions(g, h, side, weights.Below("pos_layer."), width);
        h = Layer(g, h, weights.Below("layer2."), width);
        GraphValue token = g.Reshape(g.Slice(h, 1, 0, 1), 1, width);
        token = g.LayerNorm(token, weights.Take("norm.weight", width), weights.Take("norm.bias", width));
        g.Output(HeadAnswers.Logits, g.Linear(token, weights, "_fc2."), 1, classes);
        return new ModelDesign
        {
            Kind = ModelKind.SlideHead,
            Graphs = new Dictionary<string, OnnxGraph> { [GraphRole.Whole] = g },
            FeatureDimension = (int)features,
            Outputs = [HeadAnswers.Classes(options, classes, attention: null)],
            Description = $"TransMIL, {features} features, {classes} classes",
            Notes = ["TransMIL has no attention over tiles to show, and its answer depends on their order (ours is fixed)"],
        };
    }

    // onnx.proto, TensorProto.DataType.
    private const long DataTypeInt64 = 7;
    private const long DataTypeDouble = 11;

    private static GraphValue Layer(OnnxGraph g, GraphValue x, StateDict weights, long width) =>
        g.Add(x, g.Nystrom(g.LayerNorm(x, weights.Take("norm.weight", width), weights.Take("norm.bias", width)), weights.Below("attn."), width));

    /// <summary>The class token passes by; the tiles become a picture [1, E, side, side], whose three convolutions are added to it.</summary>
    private static GraphValue Positions(OnnxGraph g, GraphValue x, GraphValue side, StateDict weights, long width)
    {
        GraphValue token = g.Slice(x, 1, 0, 1);
        GraphValue tiles = g.Slice(x, 1, 1, long.MaxValue);
        GraphValue shape = g.Concat(0, g.Integers(1, width), side, side);
        GraphValue picture = g.Node("Reshape", [g.Transpose(tiles, 0, 2, 1), shape]);
        GraphValue sum = picture;
        foreach ((string layer, int kernel) in Pyramid)
        {
            long pad = kernel / 2;
            sum = g.Add(sum, g.Conv2d(
                picture, weights.Take($"{layer}.weight", width, 1, kernel, kernel), weights.Take($"{layer}.bias", width), 1, [pad, pad, pad, pad], (int)width));
        }

        return g.Concat(1, token, g.Transpose(g.Reshape(sum, 1, width, -1), 0, 2, 1));
    }
}
