using SlideMesh.Models.Checkpoints;
using SlideMesh.Models.Graphs;

namespace SlideMesh.Models.Architectures.Heads;

/// <summary>
/// Self-attention over a sequence of any length by landmarks (Xiong et al. 2021, lucidrains/nystrom-attention as TransMIL uses it):
/// softmax(q k̃ᵀ) · softmax(q̃ k̃ᵀ)⁺ · softmax(q̃ kᵀ) v, the pseudo-inverse by six iterations, and a depthwise convolution of v added.
/// </summary>
internal static class NystromAttention
{
    private const int Landmarks = 256;
    private const int Iterations = 6;

    /// <summary>[1, n, E] → [1, n, E].</summary>
    public static GraphValue Nystrom(this OnnxGraph g, GraphValue x, StateDict weights, long width)
    {
        long heads = weights.Extent("res_conv.weight", 0);
        long kernel = weights.Extent("res_conv.weight", 2);
        long inner = weights.Extent("to_qkv.weight", 0) / 3;
        long head = inner / heads;

        // Zeros in front, so that the sequence is a whole number of times the landmarks.
        GraphValue n = g.Slice(g.Node("Shape", [x]), 0, 1, 2);
        GraphValue times = g.Div(g.Add(n, g.Integers(Landmarks - 1)), g.Integers(Landmarks));
        GraphValue padded = g.Mul(times, g.Integers(Landmarks));
        GraphValue front = g.Sub(padded, n);
        x = g.Node("Pad", [x, g.Concat(0, g.Integers(0), front, g.Integers(0, 0, 0, 0))]);

        Weight qkv = weights.Take("to_qkv.weight", 3 * inner, width);
        GraphValue Heads(int part, float scale) =>
            g.Transpose(g.Reshape(g.Linear(x, scale == 1 ? qkv.Rows(part * inner, inner) : qkv.Rows(part * inner, inner).Scale(scale), null), -1, heads, head), 1, 0, 2);
        GraphValue q = Heads(0, 1 / MathF.Sqrt(head));
        GraphValue k = Heads(1, 1);
        GraphValue v = Heads(2, 1);
        GraphValue split = g.Concat(0, g.Integers(heads, Landmarks), times, g.Integers(head));
        GraphValue qMarks = g.Mean(g.Node("Reshape", [q, split]), false, 2);
        GraphValue kMarks = g.Mean(g.Node("Reshape", [k, split]), false, 2);
        GraphValue kMarksT = g.Transpose(kMarks, 0, 2, 1);

        GraphValue attn1 = g.Softmax(g.MatMul(q, kMarksT));
        GraphValue attn2 = g.Softmax(g.MatMul(qMarks, kMarksT));
        GraphValue attn3 = g.Softmax(g.MatMul(qMarks, g.Transpose(k, 0, 2, 1)));
        GraphValue mixed = g.MatMul(g.MatMul(attn1, PseudoInverse(g, attn2)), g.MatMul(attn3, v));

        // Depthwise along the sequence: [1, heads, n, head] with a kernel of [kernel, 1].
        GraphValue convolved = g.Conv2d(
            g.Node("Unsqueeze", [v, g.Integers(0)]), weights.Take("res_conv.weight", heads, 1, kernel, 1), null, 1, [kernel / 2, 0, kernel / 2, 0], (int)heads);
        mixed = g.Add(mixed, g.Node("Squeeze", [convolved, g.Integers(0)]));

        GraphValue joined = g.Reshape(g.Transpose(mixed, 1, 0, 2), 1, -1, inner);
        GraphValue kept = g.Node("Slice", [joined, front, padded, g.Integers(1)]);
        return g.Linear(kept, weights, "to_out.0.");
    }

    /// <summary>
    /// z ← ¼ z (13 I − xz (15 I − xz (7 I − xz))), from xᵀ over the product of the largest column and row sums of all heads together.
    /// </summary>
    private static GraphValue PseudoInverse(OnnxGraph g, GraphValue x)
    {
        GraphValue Largest(int axis) => g.Node("ReduceMax", [g.Sum(g.Node("Abs", [x]), false, axis)], ("keepdims", 0));
        GraphValue z = g.Div(g.Transpose(x, 0, 2, 1), g.Mul(Largest(2), Largest(1)));
        GraphValue identity = g.Weight(Weight.Of($"identity{Landmarks}", [1, Landmarks, Landmarks], Identity));
        GraphValue Times(float factor) => g.Mul(identity, g.Scalar(factor));
        for (int i = 0; i < Iterations; i++)
        {
            GraphValue xz = g.MatMul(x, z);
            GraphValue inner = g.Sub(Times(15), g.MatMul(xz, g.Sub(Times(7), xz)));
            z = g.MatMul(g.Mul(z, g.Scalar(0.25f)), g.Sub(Times(13), g.MatMul(xz, inner)));
        }

        return z;
    }

    private static float[] Identity()
    {
        float[] identity = new float[Landmarks * Landmarks];
        for (int i = 0; i < Landmarks; i++)
        {
            identity[i * (Landmarks + 1)] = 1;
        }

        return identity;
    }
}
