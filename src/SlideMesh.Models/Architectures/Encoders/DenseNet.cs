using SlideMesh.Models.Checkpoints;
using SlideMesh.Models.Graphs;

namespace SlideMesh.Models.Architectures.Encoders;

/// <summary>DenseNet-121 (Huang et al. 2017), torchvision's and timm's keys; also those of old files (<c>denselayer1.norm.1</c>).</summary>
internal sealed class DenseNet : IArchitecture
{
    private static readonly int[] Layers = [6, 12, 24, 16];

    public string Name => "densenet121";

    public string Description => "DenseNet-121 (torchvision's and timm's keys)";

    public bool Recognises(StateDict weights) =>
        weights.HasAll("features.conv0.weight", "features.norm5.weight", "features.denseblock4.denselayer16.norm1.weight") ||
        weights.HasAll("features.conv0.weight", "features.norm5.weight", "features.denseblock4.denselayer16.norm.1.weight");

    public ModelDesign Build(StateDict weights, ImportOptions options)
    {
        ArgumentNullException.ThrowIfNull(weights);
        EncoderGraph encoder = new(Name, options, 224, EncoderGraph.ImageNet);
        encoder.RequireConvolutional("densenet121", "tv_densenet121");
        OnnxGraph g = encoder.Graph;
        StateDict w = weights.Below("features.");
        FeatureMap x = g.Relu(g.ConvNorm(encoder.Pixels, w, "conv0", "norm0", Window.Same(7, 2)));
        x = g.MaxPool(x, Window.Same(3, 2));
        for (int block = 0; block < Layers.Length; block++)
        {
            for (int layer = 0; layer < Layers[block]; layer++)
            {
                x = g.Concat(x, Layer(g, x, w.Below($"denseblock{block + 1}.denselayer{layer + 1}.")));
            }

            if (block < Layers.Length - 1)
            {
                StateDict t = w.Below($"transition{block + 1}.");
                x = g.Conv(g.Relu(g.BatchNormalise(x, t, "norm")), t, "conv", Window.Same(1));
                x = g.AveragePool(x, Window.Valid(2, 2));
            }
        }

        x = g.Relu(g.BatchNormalise(x, w, "norm5"));
        return encoder.Finish(weights, g.GlobalAverage(x), x.Channels, "classifier", "DenseNet-121");
    }

    private static FeatureMap Layer(OnnxGraph g, FeatureMap x, StateDict w)
    {
        string dot = w.Has("norm.1.weight") ? "." : "";
        FeatureMap y = g.Relu(g.BatchNormalise(x, w, $"norm{dot}1"));
        y = g.Relu(g.ConvNorm(y, w, $"conv{dot}1", $"norm{dot}2", Window.Same(1)));
        return g.Conv(y, w, $"conv{dot}2", Window.Same(3));
    }
}
