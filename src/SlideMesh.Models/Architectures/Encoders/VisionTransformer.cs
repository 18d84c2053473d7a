using SlideMesh.Models.Checkpoints;
using SlideMesh.Models.Graphs;

namespace SlideMesh.Models.Architectures.Encoders;

/// <summary>
/// Vision transformers of any size in timm's and DINOv2's forms, as today's pathology foundation models use them. Sizes come from the
/// keys; see <see cref="VisionTransformerForm"/> for what the configuration must tell.
/// </summary>
internal sealed class VisionTransformer : IArchitecture
{
    public string Name => "vit";

    public string Description => "Vision transformer of any size: class and register tokens, layer scale, SwiGLU, QK norm (timm's or DINOv2's keys)";

    public bool Recognises(StateDict weights)
    {
        ArgumentNullException.ThrowIfNull(weights);
        return weights.ShapeOf("patch_embed.proj.weight") is [_, 3, _, _] && BlockPrefix(weights, 0) is { } first && weights.Has($"{first}attn.qkv.weight") && !weights.Has("layers.0.blocks.0.norm1.weight");
    }

    public ModelDesign Build(StateDict weights, ImportOptions options)
    {
        ArgumentNullException.ThrowIfNull(weights);
        EncoderGraph encoder = new(Name, options, 224, EncoderGraph.ImageNet);
        VisionTransformerForm form = VisionTransformerForm.Of(weights, encoder);
        OnnxGraph g = encoder.Graph;

        FeatureMap patches = g.Conv(encoder.Pixels, weights, "patch_embed.proj", Window.Valid(form.PatchSizePx, form.PatchSizePx));
        GraphValue x = g.Transpose(g.Reshape(patches.Value, -1, form.Width, form.Patches), 0, 2, 1);

        // Rows of zeros before the patches, then one addition: class and register tokens and every position at once.
        TokenEmbeddings embeddings = new(weights, form);
        x = form.PrefixTokens > 0 ? g.Node("Pad", [x, g.Integers(0, form.PrefixTokens, 0, 0, 0, 0)]) : x;
        x = embeddings.Take() is { } added ? g.Add(x, g.Weight(added)) : x;
        if (weights.Has("norm_pre.weight"))
        {
            x = Norm(g, x, weights, "norm_pre", form);
        }

        for (int block = 0; block < form.Depth; block++)
        {
            // The last block's other tokens are nobody's input when the class token alone is the feature.
            int? wanted = block == form.Depth - 1 && form.Pooling == TokenPooling.Token ? 1 : null;
            x = Block(g, x, weights.Below(BlockPrefix(weights, block)!), form, wanted);
        }

        weights.Ignore("mask_token", "stands for hidden patches, used in training only");
        GraphValue features = Pool(g, x, weights, form);
        int dimension = form.Pooling == TokenPooling.ClassAndMean ? 2 * form.Width : form.Width;
        return encoder.Finish(weights, features, dimension, "head", form.ToString());
    }

    /// <summary>Keys of a block start so; DINOv2's training code puts blocks into chunks (<c>blocks.1.7.</c>). Null: there is no such block.</summary>
    public static string? BlockPrefix(StateDict weights, int block) =>
        weights.Has($"blocks.{block}.norm1.weight") ? $"blocks.{block}."
        : Enumerable.Range(0, block + 1).Select(chunk => $"blocks.{chunk}.{block}.").FirstOrDefault(prefix => weights.Has($"{prefix}norm1.weight"));

    private static GraphValue Norm(OnnxGraph g, GraphValue x, StateDict w, string key, VisionTransformerForm form) =>
        g.LayerNorm(x, w.Take($"{key}.weight", form.Width), w.Take($"{key}.bias", form.Width), form.NormEpsilon);

    private static GraphValue Block(OnnxGraph g, GraphValue x, StateDict w, VisionTransformerForm form, int? wanted)
    {
        SelfAttention attention = new(g, form.Width, form.Heads, form.Tokens) { NormEpsilon = form.NormEpsilon, OutputScale = LayerScale(w, 1, form) };
        GraphValue y = attention.Attend(Norm(g, x, w, "norm1", form), w.Below("attn."), wanted);
        x = g.Add(wanted is { } rows ? g.Slice(x, 1, 0, rows) : x, y);
        return g.Add(x, FeedForward(g, Norm(g, x, w, "norm2", form), w.Below("mlp."), form, LayerScale(w, 2, form)));
    }

    private static Weight? LayerScale(StateDict w, int which, VisionTransformerForm form) =>
        w.TryTake($"ls{which}.gamma", form.Width) ?? w.TryTake($"gamma_{which}", form.Width);

    private static GraphValue FeedForward(OnnxGraph g, GraphValue x, StateDict w, VisionTransformerForm form, Weight? scale)
    {
        (string up, string down) = w.Has("w12.weight") ? ("w12", "w3") : ("fc1", "fc2");
        int inner = form.IsGated ? form.Hidden / 2 : form.Hidden;
        GraphValue y = g.Linear(x, w.Take($"{up}.weight", form.Hidden, form.Width), w.TryTake($"{up}.bias", form.Hidden));
        if (form.IsGated)
        {
            GraphValue[] halves = g.Node("Split", [y, g.Integers(inner, inner)], 2, ("axis", 2));
            y = form.GatesFirst ? g.Mul(Activate(g, halves[0], form), halves[1]) : g.Mul(halves[0], Activate(g, halves[1], form));
        }
        else
        {
            y = Activate(g, y, form);
        }

        return g.Linear(y, w.Take($"{down}.weight", form.Width, inner).ScaleRows(scale), w.TryTake($"{down}.bias", form.Width)?.ScaleRows(scale));
    }

    private static GraphValue Activate(OnnxGraph g, GraphValue x, VisionTransformerForm form) => form.Activation switch
    {
        Activation.Gelu => g.Gelu(x),
        Activation.QuickGelu => g.Mul(x, g.Sigmoid(g.Mul(x, g.Scalar(1.702f)))),
        Activation.Silu => g.Silu(x),
        Activation.Relu => g.Relu(x),
        _ => g.Sigmoid(x),
    };

    private static GraphValue Pool(OnnxGraph g, GraphValue x, StateDict weights, VisionTransformerForm form)
    {
        bool before = weights.Has("norm.weight");
        if (before)
        {
            x = Norm(g, x, weights, "norm", form);
        }

        GraphValue First() => g.Reshape(g.Slice(x, 1, 0, 1), -1, form.Width);
        GraphValue MeanOfPatches() => g.Mean(form.PrefixTokens > 0 ? g.Slice(x, 1, form.PrefixTokens, form.Tokens) : x, false, 1);
        GraphValue pooled = form.Pooling switch
        {
            TokenPooling.Token => First(),
            TokenPooling.Mean => MeanOfPatches(),
            _ => g.Concat(1, First(), MeanOfPatches()),
        };
        return weights.Has("fc_norm.weight") && !before ? Norm(g, pooled, weights, "fc_norm", form) : pooled;
    }
}
