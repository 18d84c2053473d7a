using SlideMesh.Models.Checkpoints;
using SlideMesh.Models.Graphs;

namespace SlideMesh.Models.Architectures.Encoders;

/// <summary>Multi-head self-attention: queries, keys and values from one multiplication, softmax over tokens, and a last linear layer.</summary>
/// <param name="Width">Channels C; a head has C / Heads.</param>
/// <param name="Tokens">Tokens T that attend to each other.</param>
internal sealed record SelfAttention(OnnxGraph Graph, int Width, int Heads, int Tokens)
{
    private int HeadWidth => Width / Heads;

    /// <summary>Epsilon of the norms over queries and keys, where the checkpoint has them.</summary>
    public float NormEpsilon { get; init; } = 1e-6f;

    /// <summary>Added to the scores before the softmax.</summary>
    public Func<GraphValue, GraphValue>? AddToScores { get; init; }

    /// <summary>Factor of each output channel (layer scale), folded into <c>proj</c>.</summary>
    public Weight? OutputScale { get; init; }

    /// <param name="x">[B, T, C].</param>
    /// <param name="keys">What its layers are called in <paramref name="w"/>.</param>
    /// <param name="queries">Rows that ask: the first so many of the tokens. The others' results are not computed.</param>
    /// <returns>[B, queries, C].</returns>
    public GraphValue Attend(GraphValue x, StateDict w, AttentionKeys keys, int? queries = null)
    {
        OnnxGraph g = Graph;
        (Weight qkv, Weight? bias) = keys.TakeQkv(w, Width);
        bool normed = w.Has(keys.QueryNorm.Weight);

        // 1 / √(head width) goes into the queries' rows, or into their norm.
        float scale = 1 / MathF.Sqrt(HeadWidth);
        if (!normed)
        {
            qkv = qkv.ScaleFirst(Width, scale);
            bias = bias?.ScaleFirst(Width, scale);
        }

        GraphValue q;
        GraphValue k;
        GraphValue v;
        int asking = queries ?? Tokens;
        if (asking < Tokens)
        {
            q = g.Linear(g.Slice(x, 1, 0, asking), qkv.Rows(0, Width).Named($"{qkv.Name}.q"), bias?.Rows(0, Width).Named($"{bias.Name}.q"));
            GraphValue both = g.Linear(x, qkv.Rows(Width, 2L * Width).Named($"{qkv.Name}.kv"), bias?.Rows(Width, 2L * Width).Named($"{bias.Name}.kv"));
            GraphValue[] split = g.Node("Split", [both, g.Integers(Width, Width)], 2, ("axis", 2));
            (k, v) = (split[0], split[1]);
        }
        else
        {
            GraphValue[] split = g.Node("Split", [g.Linear(x, qkv, bias), g.Integers(Width, Width, Width)], 3, ("axis", 2));
            (q, k, v) = (split[0], split[1], split[2]);
        }

        q = Norm(PerHead(q, asking), w, keys.QueryNorm, normed ? scale : 1);
        k = Norm(PerHead(k, Tokens), w, keys.KeyNorm, 1);
        GraphValue scores = g.MatMul(g.Transpose(q, 0, 2, 1, 3), g.Transpose(k, 0, 2, 3, 1));
        if (AddToScores is not null)
        {
            scores = AddToScores(scores);
        }

        GraphValue mixed = g.MatMul(g.Softmax(scores), g.Transpose(PerHead(v, Tokens), 0, 2, 1, 3));
        mixed = g.Reshape(g.Transpose(mixed, 0, 2, 1, 3), -1, asking, Width);
        return g.Linear(mixed, w.Take(keys.Projection.Weight, Width, Width).ScaleRows(OutputScale), w.TryTake(keys.Projection.Bias, Width)?.ScaleRows(OutputScale));
    }

    private GraphValue PerHead(GraphValue x, int tokens) => Graph.Reshape(x, -1, tokens, Heads, HeadWidth);

    private GraphValue Norm(GraphValue x, StateDict w, LayerKeys keys, float scale) => w.Has(keys.Weight)
        ? Graph.LayerNorm(x, w.Take(keys.Weight, HeadWidth).Scale(scale), w.Take(keys.Bias, HeadWidth).Scale(scale), NormEpsilon)
        : x;
}
