using SlideMesh.Models.Checkpoints;
using SlideMesh.Models.Graphs;

namespace SlideMesh.Models.Architectures.Encoders;

/// <summary>Multi-head self-attention with one layer for queries, keys and values (<c>qkv</c>, then <c>proj</c>), as timm and torchvision keep it.</summary>
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
    /// <param name="w">Below the attention's prefix.</param>
    /// <param name="queries">Rows that ask: the first so many of the tokens. The others' results are not computed.</param>
    /// <returns>[B, queries, C].</returns>
    public GraphValue Attend(GraphValue x, StateDict w, int? queries = null)
    {
        OnnxGraph g = Graph;
        Weight qkv = w.Take("qkv.weight", 3L * Width, Width);
        Weight? bias = w.TryTake("qkv.bias", 3L * Width);
        bool normed = w.Has("q_norm.weight");

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

        q = Norm(PerHead(q, asking), w, "q_norm", normed ? scale : 1);
        k = Norm(PerHead(k, Tokens), w, "k_norm", 1);
        GraphValue scores = g.MatMul(g.Transpose(q, 0, 2, 1, 3), g.Transpose(k, 0, 2, 3, 1));
        if (AddToScores is not null)
        {
            scores = AddToScores(scores);
        }

        GraphValue mixed = g.MatMul(g.Softmax(scores), g.Transpose(PerHead(v, Tokens), 0, 2, 1, 3));
        mixed = g.Reshape(g.Transpose(mixed, 0, 2, 1, 3), -1, asking, Width);
        return g.Linear(mixed, w.Take("proj.weight", Width, Width).ScaleRows(OutputScale), w.TryTake("proj.bias", Width)?.ScaleRows(OutputScale));
    }

    private GraphValue PerHead(GraphValue x, int tokens) => Graph.Reshape(x, -1, tokens, Heads, HeadWidth);

    private GraphValue Norm(GraphValue x, StateDict w, string key, float scale) => w.Has($"{key}.weight")
        ? Graph.LayerNorm(x, w.Take($"{key}.weight", HeadWidth).Scale(scale), w.Take($"{key}.bias", HeadWidth).Scale(scale), NormEpsilon)
        : x;
}
