using SlideMesh.Models.Checkpoints;
using SlideMesh.Models.Graphs;

namespace SlideMesh.Models.Architectures.Heads.Survival;

/// <summary>
/// The layers <c>mm</c> that join a slide's vector with its omics' in MCAT, PORPOISE and their baselines: an MLP on both (<c>mm.0</c>,
/// <c>mm.2</c>), or gated bilinear fusion (Chen et al. 2020, BilinearFusion in mahmoodlab's repositories).
/// </summary>
internal static class ModalityFusion
{
    public static bool IsBilinear(StateDict mm) => mm.Has("linear_h1.0.weight");

    /// <summary>[1, A] and [1, B] → [1, M], M as <see cref="Width"/> says.</summary>
    public static GraphValue Fuse(this OnnxGraph g, GraphValue slide, GraphValue omics, StateDict mm, ImportOptions options)
    {
        if (!IsBilinear(mm))
        {
            return g.Relu(g.Linear(g.Relu(g.Linear(g.Concat(1, slide, omics), mm, "0.")), mm, "2."));
        }

        GraphValue both = g.Concat(1, slide, omics);
        GraphValue one = g.Weight(Weight.Of("mm.one", [1, 1], [1f]));
        GraphValue a = g.Concat(1, Modality(g, slide, slide, omics, both, mm, "1", options.Flag("gate-path") ?? true), one);
        GraphValue b = g.Concat(1, Modality(g, omics, slide, omics, both, mm, "2", options.Flag("gate-omic") ?? true), one);

        // The outer product of both vectors, each with a 1 behind, row by row.
        long width = (mm.Extent("linear_o1.0.weight", 0) + 1) * (mm.Extent("linear_o2.0.weight", 0) + 1);
        GraphValue outer = g.Reshape(g.MatMul(g.Transpose(a, 1, 0), b), 1, width);
        bool skips = mm.Extent("encoder2.0.weight", 1) > mm.Extent("encoder1.0.weight", 0);
        GraphValue h = g.Relu(g.Linear(outer, mm, "encoder1.0."));
        return g.Relu(g.Linear(skips ? g.Concat(1, h, slide, omics) : h, mm, "encoder2.0."));
    }

    public static long Width(StateDict mm) => mm.Extent(IsBilinear(mm) ? "encoder2.0.weight" : "2.weight", 0);

    /// <summary>o = ReLU(W'' (σ(z) ⊙ ReLU(W x))), z from both modalities: linear on both, or bilinear.</summary>
    private static GraphValue Modality(
        OnnxGraph g, GraphValue x, GraphValue slide, GraphValue omics, GraphValue both, StateDict mm, string index, bool gated)
    {
        GraphValue h = g.Relu(g.Linear(x, mm, $"linear_h{index}.0."));
        if (gated)
        {
            h = g.Mul(g.Sigmoid(mm.Has($"linear_z{index}.weight") ? Bilinear(g, slide, omics, mm, $"linear_z{index}.") : g.Linear(both, mm, $"linear_z{index}.0.")), h);
        }
        else
        {
            mm.IgnoreWhere(k => k.StartsWith($"linear_z{index}.", StringComparison.Ordinal), "the gate was switched off");
        }

        return g.Relu(g.Linear(h, mm, $"linear_o{index}.0."));
    }

    /// <summary>torch.nn.Bilinear: z_k = slideᵀ W_k omics + b_k, as a linear layer on the flattened outer product.</summary>
    private static GraphValue Bilinear(OnnxGraph g, GraphValue slide, GraphValue omics, StateDict mm, string prefix)
    {
        Weight w = mm.Take(prefix + "weight", -1, -1, -1);
        long pairs = w.Shape[1] * w.Shape[2];
        GraphValue outer = g.Reshape(g.MatMul(g.Transpose(slide, 1, 0), omics), 1, pairs);
        return g.Linear(outer, w.Reshape(w.Shape[0], pairs), mm.Take(prefix + "bias", w.Shape[0]));
    }
}
