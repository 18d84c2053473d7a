using SlideMesh.Inference.Packages;
using SlideMesh.Models.Checkpoints;
using SlideMesh.Models.Graphs;

namespace SlideMesh.Models.Architectures.Heads;

/// <summary>
/// CHOWDER (Courtiol et al. 2018; MesoNet's net) in Owkin's form (owkin/HistoSSLscaling): a score a tile, the highest and lowest ones
/// sorted, an MLP on them. A bag with fewer tiles than that fills the rest with zeros, as their masked bags do.
/// </summary>
internal sealed class Chowder : IArchitecture
{
    public string Name => "chowder";

    public string Description => "CHOWDER: an MLP on the highest and lowest tile scores (owkin/HistoSSLscaling)";

    public bool Recognises(StateDict weights) => weights.HasAll("score_model.hidden_layers.0.weight") && weights.Has("mlp.0.0.weight");

    public ModelDesign Build(StateDict weights, ImportOptions options)
    {
        StateDict scorer = weights.Below("score_model.hidden_layers.");
        StateDict mlp = weights.Below("mlp.");
        long features = scorer.Extent("0.weight", 1);
        long extremes = mlp.Extent("0.0.weight", 1);
        long top = options.WholeNumber("top") ?? extremes / 2;
        if (top > extremes)
        {
            throw new ImportOptionException($"--set top={top}: this model sees {extremes} scores in all.");
        }

        long columns = scorer.TileMlpWidth();
        OnnxGraph g = new("whole");
        GraphValue scores = g.TileMlp(g.Input("features", -1, features), scorer);
        GraphValue rows = g.Transpose(scores, 1, 0);
        GraphValue extreme = g.Concat(1, Extreme(g, rows, top, largest: true), Extreme(g, rows, extremes - top, largest: false));

        // [C, extremes] → [C, 1]: one MLP for every output.
        GraphValue logits = g.Reshape(g.Mlp(extreme, mlp, g.Activation(options, "sigmoid")), 1, columns);
        g.Output(HeadAnswers.Logits, logits, 1, columns);
        g.Output(GraphRole.AttentionTensor, scores, -1, columns);
        return new ModelDesign
        {
            Kind = ModelKind.SlideHead,
            Graphs = new Dictionary<string, OnnxGraph> { [GraphRole.Whole] = g },
            FeatureDimension = (int)features,
            Outputs =
            [
                columns == 1
                    ? HeadAnswers.Classes(options, 1, attention: 0)
                    : HeadAnswers.Classes(options, columns, attention: null, perClass: [.. Enumerable.Range(0, (int)columns)]),
            ],
            Description = $"CHOWDER, {top} highest and {extremes - top} lowest scores, {features} features",
        };
    }

    /// <summary>[C, N] → the <paramref name="count"/> largest or smallest of each row, sorted, zeros behind when N is less.</summary>
    private static GraphValue Extreme(OnnxGraph g, GraphValue rows, long count, bool largest)
    {
        GraphValue tiles = g.Slice(g.Node("Shape", [rows]), 0, 1, 2);
        GraphValue k = g.Node("Min", [tiles, g.Integers(count)]);
        GraphValue values = g.Node("TopK", [rows, k], 2, ("axis", 1), ("largest", largest ? 1 : 0), ("sorted", 1))[0];
        GraphValue missing = g.Sub(g.Integers(count), k);
        return g.Node("Pad", [values, g.Concat(0, g.Integers(0, 0, 0), missing)]);
    }
}
