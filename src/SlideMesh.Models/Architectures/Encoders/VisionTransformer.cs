using SlideMesh.Models.Checkpoints;
using SlideMesh.Models.Graphs;

namespace SlideMesh.Models.Architectures.Encoders;

/// <summary>
/// Vision transformers of any size, as today's pathology foundation models use them; <see cref="VisionTransformerKeys"/> has the layouts.
/// Sizes come from the keys; see <see cref="VisionTransformerForm"/> for what the configuration must tell.
/// </summary>
internal sealed class VisionTransformer : IArchitecture
{
    public string Name => "vit";

    public string Description => "Vision transformer of any size: class and register tokens, layer scale, SwiGLU, QK norm (timm's, DINOv2's, Hugging Face's or torchvision's keys)";

    public bool Recognises(StateDict weights) => VisionTransformerKeys.Find(weights) is not null;

    public ModelDesign Build(StateDict weights, ImportOptions options)
    {
        ArgumentNullException.ThrowIfNull(weights);
        VisionTransformerKeys keys = VisionTransformerKeys.Find(weights) ?? throw weights.Fail("holds no vision transformer in one of the known layouts (timm, DINOv2, Hugging Face, torchvision).");
        StateDict w = weights.Below(keys.Prefix);
        EncoderGraph encoder = new(Name, options, 224, EncoderGraph.ImageNet);
        VisionTransformerForm form = VisionTransformerForm.Of(w, keys, encoder);
        OnnxGraph g = encoder.Graph;

        FeatureMap patches = g.Conv(encoder.Pixels, w, keys.Patches, Window.Valid(form.PatchSizePx, form.PatchSizePx));
        GraphValue x = g.Transpose(g.Reshape(patches.Value, -1, form.Width, form.Patches), 0, 2, 1);

        // Rows of zeros before the patches, then one addition: class and register tokens and every position at once.
        TokenEmbeddings embeddings = new(w, keys, form);
        x = form.PrefixTokens > 0 ? g.Node("Pad", [x, g.Integers(0, form.PrefixTokens, 0, 0, 0, 0)]) : x;
        x = embeddings.Take() is { } added ? g.Add(x, g.Weight(added)) : x;
        if (w.Has("norm_pre.weight"))
        {
            x = Norm(g, x, w, LayerKeys.Of("norm_pre"), form);
        }

        for (int block = 0; block < form.Depth; block++)
        {
            // The last block's other tokens are nobody's input when the class token alone is the feature.
            int? wanted = block == form.Depth - 1 && form.Pooling == TokenPooling.Token ? 1 : null;
            x = Block(g, x, w, keys.Block(block), form, wanted);
        }

        w.IgnoreWhere(k => k is "mask_token" or "embeddings.mask_token", "stands for hidden patches, used in training only");
        w.IgnoreWhere(k => k.StartsWith("pooler.", StringComparison.Ordinal), "a layer behind the class token; features are taken before it");
        GraphValue features = Pool(g, x, w, keys, form);
        int dimension = form.Pooling == TokenPooling.ClassAndMean ? 2 * form.Width : form.Width;
        return encoder.Finish(weights, features, dimension, keys.ClassLayer, form.ToString());
    }

    private static GraphValue Norm(OnnxGraph g, GraphValue x, StateDict w, LayerKeys keys, VisionTransformerForm form) =>
        g.LayerNorm(x, w.Take(keys.Weight, form.Width), w.Take(keys.Bias, form.Width), form.NormEpsilon);

    private static GraphValue Block(OnnxGraph g, GraphValue x, StateDict w, BlockKeys keys, VisionTransformerForm form, int? wanted)
    {
        SelfAttention attention = new(g, form.Width, form.Heads, form.Tokens) { NormEpsilon = form.NormEpsilon, OutputScale = Scale(keys.Scales.Select(s => s.Attention)) };
        GraphValue y = attention.Attend(Norm(g, x, w, keys.Norm1, form), w, keys.Attention, wanted);
        x = g.Add(wanted is { } rows ? g.Slice(x, 1, 0, rows) : x, y);
        return g.Add(x, FeedForward(g, Norm(g, x, w, keys.Norm2, form), w, keys, form, Scale(keys.Scales.Select(s => s.FeedForward))));

        Weight? Scale(IEnumerable<string> names) => names.FirstOrDefault(w.Has) is { } name ? w.Take(name, form.Width) : null;
    }

    private static GraphValue FeedForward(OnnxGraph g, GraphValue x, StateDict w, BlockKeys keys, VisionTransformerForm form, Weight? scale)
    {
        int inner = form.IsGated ? form.Hidden / 2 : form.Hidden;
        GraphValue y = g.Linear(x, w.Take(keys.Up.Weight, form.Hidden, form.Width), w.TryTake(keys.Up.Bias, form.Hidden));
        if (form.IsGated)
        {
            GraphValue[] halves = g.Node("Split", [y, g.Integers(inner, inner)], 2, ("axis", 2));
            y = g.Mul(Activate(g, halves[0], form), halves[1]);
        }
        else
        {
            y = Activate(g, y, form);
        }

        return g.Linear(y, w.Take(keys.Down.Weight, form.Width, inner).ScaleRows(scale), w.TryTake(keys.Down.Bias, form.Width)?.ScaleRows(scale));
    }

    private static GraphValue Activate(OnnxGraph g, GraphValue x, VisionTransformerForm form) => form.Activation switch
    {
        Activation.Gelu => g.Gelu(x),
        Activation.QuickGelu => g.Mul(x, g.Sigmoid(g.Mul(x, g.Scalar(1.702f)))),
        Activation.Silu => g.Silu(x),
        _ => g.Relu(x),
    };

    private static GraphValue Pool(OnnxGraph g, GraphValue x, StateDict w, VisionTransformerKeys keys, VisionTransformerForm form)
    {
        LayerKeys norm = LayerKeys.Of(keys.Norm);

        // A checkpoint with neither fails with the first one's name.
        bool behind = !w.Has(norm.Weight) && w.Has("fc_norm.weight");
        if (!behind)
        {
            x = Norm(g, x, w, norm, form);
        }

        GraphValue First() => g.Reshape(g.Slice(x, 1, 0, 1), -1, form.Width);
        GraphValue MeanOfPatches() => g.Mean(form.PrefixTokens > 0 ? g.Slice(x, 1, form.PrefixTokens, form.Tokens) : x, false, 1);
        GraphValue pooled = form.Pooling switch
        {
            TokenPooling.Token => First(),
            TokenPooling.Mean => MeanOfPatches(),
            _ => g.Concat(1, First(), MeanOfPatches()),
        };
        return behind ? Norm(g, pooled, w, LayerKeys.Of("fc_norm"), form) : pooled;
    }
}
