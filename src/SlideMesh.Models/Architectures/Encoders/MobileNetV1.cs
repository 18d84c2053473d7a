using SlideMesh.Models.Checkpoints;
using SlideMesh.Models.Graphs;

namespace SlideMesh.Models.Architectures.Encoders;

/// <summary>
/// MobileNet v1 (Howard et al. 2017) of any width. Three layouts of keys: a sequence of sequences (<c>model.3.0.weight</c>), timm's
/// (<c>blocks.1.0.conv_dw.weight</c>), and Keras's names in a state dict (<c>conv_dw_3.weight</c>, kernels as PyTorch has them), which
/// brings Keras's padding (a stride of two pads below and right only) and epsilon 1e-3.
/// </summary>
internal sealed class MobileNetV1 : IArchitecture
{
    private static readonly int[] Strides = [1, 2, 1, 2, 1, 2, 1, 1, 1, 1, 1, 2, 1];
    private static readonly int[] TimmStages = [1, 2, 2, 6, 2];

    public string Name => "mobilenet-v1";

    public string Description => "MobileNet v1 of any width (plain, timm's or Keras's names)";

    public bool Recognises(StateDict weights) => FindLayout(weights) is not null;

    public ModelDesign Build(StateDict weights, ImportOptions options)
    {
        ArgumentNullException.ThrowIfNull(weights);
        Layout layout = FindLayout(weights) ?? throw weights.Fail("holds none of the known layouts of MobileNet v1 (model.0.0, conv_stem, conv_dw_1).");
        EncoderGraph encoder = new(Name, options, 224, EncoderGraph.Symmetric);
        encoder.RequireConvolutional("mobilenetv1", "mobilenet_v1", "mobilenet");
        OnnxGraph g = encoder.Graph;
        FeatureMap x = g.Relu6(g.ConvNorm(encoder.Pixels, weights, layout.Stem, layout.StemNorm, layout.Window(2), epsilon: layout.Epsilon));
        int width = x.Channels;
        for (int i = 0; i < Strides.Length; i++)
        {
            Keys k = layout.Block(i);
            x = g.Relu6(g.ConvNorm(x, weights, k.Depthwise, k.DepthwiseNorm, layout.Window(Strides[i]), depthwise: true, epsilon: layout.Epsilon));
            x = g.Relu6(g.ConvNorm(x, weights, k.Pointwise, k.PointwiseNorm, Window.Same(1), epsilon: layout.Epsilon));
        }

        return encoder.Finish(
            weights, g.GlobalAverage(x), x.Channels, layout.ClassLayer, string.Create(System.Globalization.CultureInfo.InvariantCulture, $"MobileNet v1, width {width / 32.0:0.##}"));
    }

    private static Layout? FindLayout(StateDict w)
    {
        if (w.HasAll("model.0.0.weight", "model.13.3.weight"))
        {
            return new Layout("model.0.0", "model.0.1", Convolutions.TorchNormEpsilon, false, "fc", i => Four($"model.{i + 1}.", "0", "1", "3", "4"));
        }

        // Others of timm's nets begin alike: this one's first block has no squeeze-and-excite, and its blocks expand nothing.
        if (w.HasAll("conv_stem.weight", "blocks.0.0.conv_dw.weight", "blocks.3.5.conv_dw.weight") && !w.Has("blocks.0.0.se.conv_reduce.weight") && !w.Has("conv_head.weight"))
        {
            return new Layout("conv_stem", "bn1", Convolutions.TorchNormEpsilon, false, "classifier", i => Four(TimmPrefix(i), "conv_dw", "bn1", "conv_pw", "bn2"));
        }

        return w.HasAll("conv1.weight", "conv1_bn.weight", "conv_dw_1.weight", "conv_pw_13.weight")
            ? new Layout("conv1", "conv1_bn", 1e-3f, true, "classifier", i => new Keys($"conv_dw_{i + 1}", $"conv_dw_{i + 1}_bn", $"conv_pw_{i + 1}", $"conv_pw_{i + 1}_bn"))
            : null;
    }

    private static Keys Four(string prefix, string depthwise, string depthwiseNorm, string pointwise, string pointwiseNorm) =>
        new(prefix + depthwise, prefix + depthwiseNorm, prefix + pointwise, prefix + pointwiseNorm);

    private static string TimmPrefix(int block)
    {
        int stage = 0;
        while (block >= TimmStages[stage])
        {
            block -= TimmStages[stage++];
        }

        return $"blocks.{stage}.{block}.";
    }

    private sealed record Keys(string Depthwise, string DepthwiseNorm, string Pointwise, string PointwiseNorm);

    private sealed record Layout(string Stem, string StemNorm, float Epsilon, bool KerasPadding, string ClassLayer, Func<int, Keys> Block)
    {
        public Window Window(int stride) => KerasPadding && stride == 2 ? new Window(3, 3, 2, 0, 0, 1) : Encoders.Window.Same(3, stride);
    }
}
