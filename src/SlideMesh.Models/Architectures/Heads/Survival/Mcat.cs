using SlideMesh.Inference.Packages;
using SlideMesh.Models.Checkpoints;
using SlideMesh.Models.Graphs;

namespace SlideMesh.Models.Architectures.Heads.Survival;

/// <summary>
/// MCAT (Chen et al. 2021, mahmoodlab/MCAT, MCAT_Surv): groups of genes, each through a self-normalising network, look at the tiles by
/// co-attention; what they see, and the groups themselves, pass two transformer layers and gated attention; both vectors join before
/// the hazards. The omics input holds the groups one after another. Its attention: a raw score for each group, before the softmax over
/// tiles.
/// </summary>
internal sealed class Mcat : IArchitecture
{
    /// <summary>The groups of the paper, in the order of its omics columns.</summary>
    private static readonly string[] Families =
        ["tumor-suppression", "oncogenesis", "protein-kinases", "cellular-differentiation", "transcription", "cytokines-and-growth"];

    public string Name => "mcat";

    public string Description => "MCAT: co-attention of gene groups over tiles, discrete hazards (mahmoodlab/MCAT)";

    public bool Recognises(StateDict weights) => weights.HasAll("coattn.in_proj_weight", "wsi_net.0.weight", "sig_networks.0.0.0.weight");

    public ModelDesign Build(StateDict weights, ImportOptions options)
    {
        int groups = 0;
        while (weights.Has($"sig_networks.{groups}.0.0.weight"))
        {
            groups++;
        }

        long[] sizes = [.. Enumerable.Range(0, groups).Select(i => weights.Extent($"sig_networks.{i}.0.0.weight", 1))];
        long features = weights.Extent("wsi_net.0.weight", 1);
        long width = weights.Extent("coattn.in_proj_weight", 1);
        long intervals = weights.Extent("classifier.weight", 0);
        int heads = options.WholeNumber("heads") ?? 8;

        OnnxGraph g = new("whole");
        GraphValue tiles = g.Relu(g.Linear(g.Input("features", -1, features), weights, "wsi_net.0."));
        GraphValue omics = g.Input(GraphRole.OmicsTensor, 1, sizes.Sum());
        GraphValue signatures = Signatures(g, omics, sizes, weights);
        GraphValue seen = CoAttention(g, signatures, tiles, weights.Below("coattn."), width, out GraphValue attention);
        GraphValue slide = Tower(g, seen, groups, width, heads, weights, "path");
        GraphValue genes = Tower(g, signatures, groups, width, heads, weights, "omic");
        GraphValue h = g.Fuse(slide, genes, weights.Below("mm."), options);
        g.Output(HeadAnswers.Logits, g.Linear(h, weights, "classifier."), 1, intervals);
        g.Output(GraphRole.AttentionTensor, g.Transpose(attention, 1, 0), -1, groups);

        IReadOnlyList<string> names = groups == Families.Length ? Families : [.. Enumerable.Range(1, groups).Select(i => $"group-{i}")];
        return new ModelDesign
        {
            Kind = ModelKind.SlideHead,
            Graphs = new Dictionary<string, OnnxGraph> { [GraphRole.Whole] = g },
            FeatureDimension = (int)features,
            OmicsFeatures = (int)sizes.Sum(),
            Outputs = [HeadAnswers.Hazards(options, intervals, attention: null, HeadAnswers.Maps(names, [.. Enumerable.Range(0, groups)]))],
            Description = $"MCAT, {features} features, {groups} gene groups of {string.Join(", ", sizes)}, {intervals} intervals",
        };
    }

    private static GraphValue Signatures(OnnxGraph g, GraphValue omics, long[] sizes, StateDict weights)
    {
        List<GraphValue> rows = [];
        long from = 0;
        for (int i = 0; i < sizes.Length; i++)
        {
            rows.Add(g.Snn(g.Slice(omics, 1, from, from + sizes[i]), weights.Below($"sig_networks.{i}.")));
            from += sizes[i];
        }

        return g.Concat(0, [.. rows]);
    }

    /// <summary>torch.nn.MultiheadAttention with one head: queries [Q, E], keys and values [N, E] → [Q, E] and the scaled scores [Q, N].</summary>
    private static GraphValue CoAttention(OnnxGraph g, GraphValue queries, GraphValue tiles, StateDict weights, long width, out GraphValue scores)
    {
        Weight w = weights.Take("in_proj_weight", 3 * width, width);
        Weight b = weights.Take("in_proj_bias", 3 * width);
        GraphValue Project(GraphValue x, int part) => g.Linear(x, w.Rows(part * width, width), b.Rows(part * width, width));
        GraphValue q = g.Mul(Project(queries, 0), g.Scalar(1 / MathF.Sqrt(width)));
        scores = g.MatMul(q, g.Transpose(Project(tiles, 1), 1, 0));
        return g.Linear(g.MatMul(g.Softmax(scores), Project(tiles, 2)), weights, "out_proj.");
    }

    /// <summary>Transformer layers, gated attention over the groups, a layer: [G, E] → [1, E].</summary>
    private static GraphValue Tower(OnnxGraph g, GraphValue x, int groups, long width, int heads, StateDict weights, string name)
    {
        StateDict layers = weights.Below($"{name}_transformer.layers.");
        for (int i = 0; layers.Has($"{i}.norm1.weight"); i++)
        {
            x = EncoderLayer(g, x, groups, width, heads, layers.Below($"{i}."));
        }

        GraphValue scores = g.GatedAttention(x, weights.Below($"{name}_attention_head."));
        GraphValue pooled = g.MatMul(g.Softmax(g.Transpose(scores, 1, 0)), x);
        return g.Relu(g.Linear(pooled, weights, $"{name}_rho.0."));
    }

    /// <summary>torch.nn.TransformerEncoderLayer with its defaults: attention, norm, ReLU feed-forward, norm.</summary>
    private static GraphValue EncoderLayer(OnnxGraph g, GraphValue x, int tokens, long width, int heads, StateDict weights)
    {
        StateDict attention = weights.Below("self_attn.");
        Weight w = attention.Take("in_proj_weight", 3 * width, width);
        Weight b = attention.Take("in_proj_bias", 3 * width);
        GraphValue Heads(int part, params long[] order) =>
            g.Transpose(g.Reshape(g.Linear(x, w.Rows(part * width, width), b.Rows(part * width, width)), tokens, heads, width / heads), order);
        GraphValue q = g.Mul(Heads(0, 1, 0, 2), g.Scalar(1 / MathF.Sqrt(width / heads)));
        GraphValue mixed = g.MatMul(g.Softmax(g.MatMul(q, Heads(1, 1, 2, 0))), Heads(2, 1, 0, 2));
        GraphValue joined = g.Linear(g.Reshape(g.Transpose(mixed, 1, 0, 2), tokens, width), attention, "out_proj.");
        x = g.LayerNorm(g.Add(x, joined), weights.Take("norm1.weight", width), weights.Take("norm1.bias", width));
        GraphValue fed = g.Linear(g.Relu(g.Linear(x, weights, "linear1.")), weights, "linear2.");
        return g.LayerNorm(g.Add(x, fed), weights.Take("norm2.weight", width), weights.Take("norm2.bias", width));
    }
}
