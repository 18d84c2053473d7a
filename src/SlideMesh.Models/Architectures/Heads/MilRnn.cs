using SlideMesh.Inference.Packages;
using SlideMesh.Models.Checkpoints;
using SlideMesh.Models.Graphs;

namespace SlideMesh.Models.Architectures.Heads;

/// <summary>
/// MIL-RNN (Campanella et al. 2019, MSKCC-Computational-Pathology/MIL-nature-medicine-2019): a tile classifier (<c>fc</c>, of their
/// ResNet-34 checkpoint) ranks the tiles; a recurrent net (<c>fc1</c>, <c>fc2</c>, <c>fc3</c>) reads the features of the best ones, best
/// first; its last output is the slide's. state = ReLU(fc1 x + fc2 state), output = fc3 state.
/// </summary>
internal sealed class MilRnn : IArchitecture
{
    /// <summary>RNN_train.py's default of <c>--s</c>.</summary>
    private const int UsualTiles = 10;

    public string Name => "mil-rnn";

    public string Description => "MIL-RNN in Campanella's manner: a recurrent net over the highest-ranked tiles";

    public bool Recognises(StateDict weights) => weights.HasAll("fc1.weight", "fc2.weight", "fc3.weight");

    public ModelDesign Build(StateDict weights, ImportOptions options)
    {
        if (!weights.Has("fc.weight"))
        {
            throw weights.Fail("ranks nothing by itself: give the tile classifier's checkpoint too, for its layer 'fc' (--also checkpoint_best.pth).");
        }

        int tiles = options.WholeNumber("tiles") ?? UsualTiles;
        long hidden = weights.Extent("fc1.weight", 0);
        long features = weights.Extent("fc1.weight", 1);
        long classes = weights.Extent("fc3.weight", 0);
        OnnxGraph g = new("whole");
        GraphValue x = g.Input("features", -1, features);
        GraphValue tileLogits = g.Linear(x, weights.Take("fc.weight", 2, features), weights.Take("fc.bias", 2));
        GraphValue positive = g.Slice(g.Softmax(tileLogits), 1, 1, 2);
        GraphValue count = g.Node("Min", [g.Slice(g.Node("Shape", [x]), 0, 0, 1), g.Integers(tiles)]);
        GraphValue order = g.Node("TopK", [g.Reshape(positive, -1), count], 2, ("axis", 0), ("largest", 1), ("sorted", 1))[1];

        // ONNX's RNN with one direction: X [steps, 1, D], W [1, H, D], R [1, H, H], B [1, 2 H].
        GraphValue sequence = g.Node("Unsqueeze", [g.Node("Gather", [x, order], ("axis", 0)), g.Integers(1)]);
        Weight w = weights.Take("fc1.weight", hidden, features).Reshape(1, hidden, features);
        Weight r = weights.Take("fc2.weight", hidden, hidden).Reshape(1, hidden, hidden);
        Weight b = Weight.Concat("rnn.bias", weights.Take("fc1.bias", hidden), weights.Take("fc2.bias", hidden)).Reshape(1, 2 * hidden);
        GraphValue state = g.Rnn(sequence, w, r, b, hidden);
        GraphValue logits = g.Linear(g.Reshape(state, 1, hidden), weights, "fc3.");
        g.Output(HeadAnswers.Logits, logits, 1, classes);
        g.Output(GraphRole.AttentionTensor, tileLogits, -1, 2);
        weights.IgnoreWhere(
            k => k.StartsWith("conv1.", StringComparison.Ordinal) || k.StartsWith("bn1.", StringComparison.Ordinal) || k.StartsWith("layer", StringComparison.Ordinal),
            "a layer of the encoder; import that as a package of its own");
        return new ModelDesign
        {
            Kind = ModelKind.SlideHead,
            Graphs = new Dictionary<string, OnnxGraph> { [GraphRole.Whole] = g },
            FeatureDimension = (int)features,
            Outputs = [HeadAnswers.Classes(options, classes, attention: 1)],
            Description = $"MIL-RNN over the {tiles} highest-ranked tiles, {features} features, state of {hidden}",
        };
    }
}
