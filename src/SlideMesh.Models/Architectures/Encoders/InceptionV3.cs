using SlideMesh.Models.Checkpoints;
using SlideMesh.Models.Graphs;

namespace SlideMesh.Models.Architectures.Encoders;

/// <summary>
/// Inception v3 (Szegedy et al. 2016), torchvision's and timm's keys. Pixels go from −1 to 1 unless a configuration says otherwise:
/// torchvision's pretrained net turns ImageNet's scaling back into that (<c>transform_input</c>).
/// </summary>
internal sealed class InceptionV3 : IArchitecture
{
    private const float Epsilon = 1e-3f;

    private static readonly Window Wide = new(1, 7, 1, 0, 3);
    private static readonly Window Tall = new(7, 1, 1, 3, 0);

    public string Name => "inception-v3";

    public string Description => "Inception v3 (torchvision's and timm's keys)";

    public bool Recognises(StateDict weights) => weights.HasAll("Conv2d_1a_3x3.conv.weight", "Mixed_5b.branch1x1.conv.weight", "Mixed_7c.branch3x3dbl_3b.bn.weight");

    public ModelDesign Build(StateDict weights, ImportOptions options)
    {
        ArgumentNullException.ThrowIfNull(weights);
        EncoderGraph encoder = new(Name, options, 299, EncoderGraph.Symmetric);
        encoder.RequireConvolutional("inception_v3", "tv_inception_v3", "tf_inception_v3", "gluon_inception_v3", "adv_inception_v3");
        Stage net = new(encoder.Graph, weights);
        FeatureMap x = net.Conv(encoder.Pixels, "Conv2d_1a_3x3", Window.Valid(3, 2), 32);
        x = net.Conv(x, "Conv2d_2a_3x3", Window.Valid(3), 32);
        x = net.Conv(x, "Conv2d_2b_3x3", Window.Same(3), 64);
        x = net.MaxPool(x);
        x = net.Conv(x, "Conv2d_3b_1x1", Window.Same(1), 80);
        x = net.Conv(x, "Conv2d_4a_3x3", Window.Valid(3), 192);
        x = net.MaxPool(x);
        x = BlockA(net.Below("Mixed_5b."), x, 32);
        x = BlockA(net.Below("Mixed_5c."), x, 64);
        x = BlockA(net.Below("Mixed_5d."), x, 64);
        x = BlockB(net.Below("Mixed_6a."), x);
        x = BlockC(net.Below("Mixed_6b."), x, 128);
        x = BlockC(net.Below("Mixed_6c."), x, 160);
        x = BlockC(net.Below("Mixed_6d."), x, 160);
        x = BlockC(net.Below("Mixed_6e."), x, 192);
        x = BlockD(net.Below("Mixed_7a."), x);
        x = BlockE(net.Below("Mixed_7b."), x);
        x = BlockE(net.Below("Mixed_7c."), x);
        weights.IgnoreWhere(k => k.StartsWith("AuxLogits.", StringComparison.Ordinal), "second class layer, used in training only");
        return encoder.Finish(weights, encoder.Graph.GlobalAverage(x), x.Channels, "fc", "Inception v3");
    }

    private static FeatureMap BlockA(Stage s, FeatureMap x, int pooled)
    {
        FeatureMap five = s.Conv(s.Conv(x, "branch5x5_1", Window.Same(1), 48), "branch5x5_2", Window.Same(5), 64);
        FeatureMap three = s.Conv(s.Conv(x, "branch3x3dbl_1", Window.Same(1), 64), "branch3x3dbl_2", Window.Same(3), 96);
        three = s.Conv(three, "branch3x3dbl_3", Window.Same(3), 96);
        return s.Concat(s.Conv(x, "branch1x1", Window.Same(1), 64), five, three, s.Pooled(x, pooled));
    }

    private static FeatureMap BlockB(Stage s, FeatureMap x)
    {
        FeatureMap twice = s.Conv(s.Conv(x, "branch3x3dbl_1", Window.Same(1), 64), "branch3x3dbl_2", Window.Same(3), 96);
        return s.Concat(s.Conv(x, "branch3x3", Window.Valid(3, 2), 384), s.Conv(twice, "branch3x3dbl_3", Window.Valid(3, 2), 96), s.MaxPool(x));
    }

    private static FeatureMap BlockC(Stage s, FeatureMap x, int width)
    {
        FeatureMap once = s.Conv(s.Conv(x, "branch7x7_1", Window.Same(1), width), "branch7x7_2", Wide, width);
        once = s.Conv(once, "branch7x7_3", Tall, 192);
        FeatureMap twice = s.Conv(s.Conv(x, "branch7x7dbl_1", Window.Same(1), width), "branch7x7dbl_2", Tall, width);
        twice = s.Conv(s.Conv(twice, "branch7x7dbl_3", Wide, width), "branch7x7dbl_4", Tall, width);
        twice = s.Conv(twice, "branch7x7dbl_5", Wide, 192);
        return s.Concat(s.Conv(x, "branch1x1", Window.Same(1), 192), once, twice, s.Pooled(x, 192));
    }

    private static FeatureMap BlockD(Stage s, FeatureMap x)
    {
        FeatureMap three = s.Conv(s.Conv(x, "branch3x3_1", Window.Same(1), 192), "branch3x3_2", Window.Valid(3, 2), 320);
        FeatureMap seven = s.Conv(s.Conv(x, "branch7x7x3_1", Window.Same(1), 192), "branch7x7x3_2", Wide, 192);
        seven = s.Conv(s.Conv(seven, "branch7x7x3_3", Tall, 192), "branch7x7x3_4", Window.Valid(3, 2), 192);
        return s.Concat(three, seven, s.MaxPool(x));
    }

    private static FeatureMap BlockE(Stage s, FeatureMap x)
    {
        FeatureMap three = s.Conv(x, "branch3x3_1", Window.Same(1), 384);
        FeatureMap twice = s.Conv(s.Conv(x, "branch3x3dbl_1", Window.Same(1), 448), "branch3x3dbl_2", Window.Same(3), 384);
        return s.Concat(
            s.Conv(x, "branch1x1", Window.Same(1), 320), s.Fork(three, "branch3x3_2"), s.Fork(twice, "branch3x3dbl_3"), s.Pooled(x, 192));
    }

    /// <summary>A block's keys with the graph that its layers go into.</summary>
    private sealed record Stage(OnnxGraph Graph, StateDict Weights)
    {
        public Stage Below(string prefix) => this with { Weights = Weights.Below(prefix) };

        public FeatureMap Conv(FeatureMap x, string key, Window window, int channels) =>
            Graph.Relu(Graph.ConvNorm(x, Weights, $"{key}.conv", $"{key}.bn", window, channels, epsilon: Epsilon));

        public FeatureMap Pooled(FeatureMap x, int channels) => Conv(Graph.AveragePool(x, Window.Same(3)), "branch_pool", Window.Same(1), channels);

        public FeatureMap MaxPool(FeatureMap x) => Graph.MaxPool(x, Window.Valid(3, 2));

        /// <summary>A 1 × 3 and a 3 × 1 convolution of one input, side by side.</summary>
        public FeatureMap Fork(FeatureMap x, string key) => Concat(Conv(x, $"{key}a", new Window(1, 3, 1, 0, 1), 384), Conv(x, $"{key}b", new Window(3, 1, 1, 1, 0), 384));

        public FeatureMap Concat(params FeatureMap[] parts) => Graph.Concat(parts);
    }
}
