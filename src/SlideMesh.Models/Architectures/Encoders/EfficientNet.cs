using SlideMesh.Models.Checkpoints;
using SlideMesh.Models.Graphs;

namespace SlideMesh.Models.Architectures.Encoders;

/// <summary>
/// EfficientNet-B0 (Tan, Le 2019), torchvision's keys and timm's. timm's <c>tf_</c> variants pad otherwise; a configuration that names one is refused.
/// </summary>
internal sealed class EfficientNet : IArchitecture
{
    // Of each stage: blocks, kernel, first stride.
    private static readonly (int Blocks, int Kernel, int Stride)[] Stages = [(1, 3, 1), (2, 3, 2), (2, 5, 2), (3, 3, 2), (3, 5, 1), (4, 5, 2), (1, 3, 1)];

    public string Name => "efficientnet-b0";

    public string Description => "EfficientNet-B0 (torchvision's or timm's keys)";

    public bool Recognises(StateDict weights) =>
        IsTimm(weights)
            ? weights.HasAll("conv_head.weight", "blocks.0.0.se.conv_reduce.weight", "blocks.5.3.conv_pwl.weight", "blocks.6.0.conv_pwl.weight")
                && !weights.Has("blocks.6.1.conv_pwl.weight") && !weights.Has("blocks.1.2.conv_pwl.weight")
            : weights.HasAll("features.0.0.weight", "features.1.0.block.1.fc1.weight", "features.6.3.block.3.0.weight", "features.8.1.weight")
                && !weights.Has("features.7.1.block.0.0.weight") && !weights.Has("features.2.2.block.0.0.weight");

    public ModelDesign Build(StateDict weights, ImportOptions options)
    {
        ArgumentNullException.ThrowIfNull(weights);
        EncoderGraph encoder = new(Name, options, 224, EncoderGraph.ImageNet);
        encoder.RequireConvolutional("efficientnet_b0");
        bool timm = IsTimm(weights);
        OnnxGraph g = encoder.Graph;
        FeatureMap x = timm
            ? g.Silu(g.ConvNorm(encoder.Pixels, weights, "conv_stem", "bn1", Window.Same(3, 2)))
            : g.Silu(g.ConvNorm(encoder.Pixels, weights, "features.0.0", "features.0.1", Window.Same(3, 2)));
        for (int stage = 0; stage < Stages.Length; stage++)
        {
            (int blocks, int kernel, int first) = Stages[stage];
            for (int block = 0; block < blocks; block++)
            {
                (StateDict w, Keys keys) = timm
                    ? (weights.Below($"blocks.{stage}.{block}."), stage == 0 ? Keys.TimmFirst : Keys.Timm)
                    : (weights.Below($"features.{stage + 1}.{block}.block."), stage == 0 ? Keys.TorchvisionFirst : Keys.Torchvision);
                x = Block(g, x, w, keys, Window.Same(kernel, block == 0 ? first : 1));
            }
        }

        x = timm
            ? g.Silu(g.ConvNorm(x, weights, "conv_head", "bn2", Window.Same(1)))
            : g.Silu(g.ConvNorm(x, weights, "features.8.0", "features.8.1", Window.Same(1)));
        return encoder.Finish(weights, g.GlobalAverage(x), x.Channels, timm ? "classifier" : "classifier.1", "EfficientNet-B0");
    }

    private static bool IsTimm(StateDict weights) => weights.Has("conv_stem.weight");

    private static FeatureMap Block(OnnxGraph g, FeatureMap x, StateDict w, Keys k, Window window)
    {
        FeatureMap y = k.Expand is { } expand ? g.Silu(g.ConvNorm(x, w, expand, k.ExpandNorm!, Window.Same(1))) : x;
        y = g.Silu(g.ConvNorm(y, w, k.Depthwise, k.DepthwiseNorm, window, depthwise: true));

        // Squeeze and excite: a factor for each channel from the image's mean.
        FeatureMap mean = new(g.Node("GlobalAveragePool", [y.Value]), y.Channels, 1);
        FeatureMap gate = g.Conv(g.Silu(g.Conv(mean, w, k.Squeeze, Window.Same(1))), w, k.Excite, Window.Same(1), y.Channels);
        y = y with { Value = g.Mul(y.Value, g.Sigmoid(gate.Value)) };

        y = g.ConvNorm(y, w, k.Project, k.ProjectNorm, Window.Same(1));
        return window.Stride == 1 && x.Channels == y.Channels ? g.Add(y, x) : y;
    }

    private sealed record Keys(
        string? Expand, string? ExpandNorm, string Depthwise, string DepthwiseNorm, string Squeeze, string Excite, string Project, string ProjectNorm)
    {
        // The first stage expands nothing, which shifts the numbers.
        public static readonly Keys TorchvisionFirst = new(null, null, "0.0", "0.1", "1.fc1", "1.fc2", "2.0", "2.1");
        public static readonly Keys Torchvision = new("0.0", "0.1", "1.0", "1.1", "2.fc1", "2.fc2", "3.0", "3.1");
        public static readonly Keys TimmFirst = new(null, null, "conv_dw", "bn1", "se.conv_reduce", "se.conv_expand", "conv_pw", "bn2");
        public static readonly Keys Timm = new("conv_pw", "bn1", "conv_dw", "bn2", "se.conv_reduce", "se.conv_expand", "conv_pwl", "bn3");
    }
}
