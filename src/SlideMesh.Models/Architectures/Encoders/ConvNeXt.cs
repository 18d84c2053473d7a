using SlideMesh.Models.Checkpoints;
using SlideMesh.Models.Graphs;

namespace SlideMesh.Models.Architectures.Encoders;

/// <summary>ConvNeXt-T (Liu et al. 2022), torchvision's keys and timm's; the head's layer norm belongs to the features, as in timm.</summary>
internal sealed class ConvNeXt : IArchitecture
{
    private const float Epsilon = 1e-6f;

    private static readonly int[] Depths = [3, 3, 9, 3];

    public string Name => "convnext-tiny";

    public string Description => "ConvNeXt-T (torchvision's or timm's keys)";

    public bool Recognises(StateDict weights) => IsTimm(weights)
        ? weights.HasAll("stages.2.blocks.8.conv_dw.weight", "stages.3.blocks.2.mlp.fc2.weight") && !weights.Has("stages.2.blocks.9.conv_dw.weight")
        : weights.HasAll("features.1.0.layer_scale", "features.5.8.block.5.weight", "features.7.2.block.5.weight") && !weights.Has("features.5.9.layer_scale");

    public ModelDesign Build(StateDict weights, ImportOptions options)
    {
        ArgumentNullException.ThrowIfNull(weights);
        EncoderGraph encoder = new(Name, options, 224, EncoderGraph.ImageNet);
        encoder.RequireConvolutional("convnext_tiny");
        bool timm = IsTimm(weights);
        OnnxGraph g = encoder.Graph;
        FeatureMap x = g.Conv(encoder.Pixels, weights, timm ? "stem.0" : "features.0.0", Window.Valid(4, 4));
        x = NormChannels(g, x, weights, timm ? "stem.1" : "features.0.1");
        for (int stage = 0; stage < Depths.Length; stage++)
        {
            if (stage > 0)
            {
                string down = timm ? $"stages.{stage}.downsample." : $"features.{2 * stage}.";
                x = NormChannels(g, x, weights, $"{down}0");
                x = g.Conv(x, weights, $"{down}1", Window.Valid(2, 2));
            }

            for (int block = 0; block < Depths[stage]; block++)
            {
                x = timm
                    ? Block(g, x, weights.Below($"stages.{stage}.blocks.{block}."), Keys.Timm)
                    : Block(g, x, weights.Below($"features.{(2 * stage) + 1}.{block}."), Keys.Torchvision);
            }
        }

        string norm = timm ? "head.norm" : "classifier.0";
        GraphValue features = g.LayerNorm(g.GlobalAverage(x), weights.Take($"{norm}.weight", x.Channels), weights.Take($"{norm}.bias", x.Channels), Epsilon);
        return encoder.Finish(weights, features, x.Channels, timm ? "head.fc" : "classifier.2", $"ConvNeXt-T, {string.Join("-", Depths)} blocks");
    }

    private static bool IsTimm(StateDict weights) => weights.Has("stem.0.weight");

    private static FeatureMap Block(OnnxGraph g, FeatureMap x, StateDict w, Keys keys)
    {
        FeatureMap y = g.Conv(x, w, keys.Depthwise, Window.Same(7), depthwise: true);
        GraphValue v = g.Transpose(y.Value, 0, 2, 3, 1);
        v = g.LayerNorm(v, w.Take($"{keys.Norm}.weight", x.Channels), w.Take($"{keys.Norm}.bias", x.Channels), Epsilon);
        v = g.Gelu(g.Linear(v, w.Take($"{keys.Up}.weight", 4L * x.Channels, x.Channels), w.Take($"{keys.Up}.bias", 4L * x.Channels)));

        // Layer scale is a factor for each output of the second linear layer, so it goes into that layer's rows.
        Weight scale = w.Take(keys.Scale).Reshape(x.Channels);
        v = g.Linear(
            v, w.Take($"{keys.Down}.weight", x.Channels, 4L * x.Channels).ScaleRows(scale), w.Take($"{keys.Down}.bias", x.Channels).ScaleRows(scale));
        return x with { Value = g.Add(x.Value, g.Transpose(v, 0, 3, 1, 2)) };
    }

    /// <summary>Layer norm over the channels of [N, C, H, W].</summary>
    private static FeatureMap NormChannels(OnnxGraph g, FeatureMap x, StateDict w, string key)
    {
        GraphValue v = g.LayerNorm(g.Transpose(x.Value, 0, 2, 3, 1), w.Take($"{key}.weight", x.Channels), w.Take($"{key}.bias", x.Channels), Epsilon);
        return x with { Value = g.Transpose(v, 0, 3, 1, 2) };
    }

    private sealed record Keys(string Depthwise, string Norm, string Up, string Down, string Scale)
    {
        public static readonly Keys Torchvision = new("block.0", "block.2", "block.3", "block.5", "layer_scale");
        public static readonly Keys Timm = new("conv_dw", "norm", "mlp.fc1", "mlp.fc2", "gamma");
    }
}
