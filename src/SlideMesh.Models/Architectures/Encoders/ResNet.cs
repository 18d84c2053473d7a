using SlideMesh.Models.Checkpoints;
using SlideMesh.Models.Graphs;

namespace SlideMesh.Models.Architectures.Encoders;

/// <summary>
/// ResNet (He et al. 2016) in the form of torchvision and timm: the stride lies in a bottleneck's 3 × 3 convolution. Cut after its third
/// stage and averaged, ResNet-50 is the encoder of CLAM, TOAD and MCAT: 1,024 features.
/// </summary>
internal sealed class ResNet(string name, int[] blocks, bool bottleneck) : IArchitecture
{
    public string Name => name;

    public string Description => blocks.Length == 4
        ? $"ResNet with {string.Join(", ", blocks)} {(bottleneck ? "bottlenecks" : "basic blocks")} a stage (torchvision's and timm's keys)"
        : "ResNet-50 cut after its third stage and averaged, as CLAM uses it (torchvision's and timm's keys)";

    public bool Recognises(StateDict weights) =>
        weights.HasAll("conv1.weight", "bn1.running_var", "layer1.0.conv1.weight") &&
        weights.Has("layer1.0.conv3.weight") == bottleneck &&
        Enumerable.Range(0, 4).All(stage => CountBlocks(weights, stage) == (stage < blocks.Length ? blocks[stage] : 0));

    public ModelDesign Build(StateDict weights, ImportOptions options)
    {
        ArgumentNullException.ThrowIfNull(weights);
        EncoderGraph encoder = new(name, options, 224, EncoderGraph.ImageNet);
        string timm = name.Split('-')[0];
        encoder.RequireConvolutional(timm, $"tv_{timm}", $"gluon_{timm}_v1b", $"ssl_{timm}", $"swsl_{timm}", $"wide_{timm}_2");
        OnnxGraph g = encoder.Graph;
        FeatureMap x = g.Relu(g.ConvNorm(encoder.Pixels, weights, "conv1", "bn1", Window.Same(7, 2)));
        x = g.MaxPool(x, Window.Same(3, 2));
        for (int stage = 0; stage < blocks.Length; stage++)
        {
            for (int block = 0; block < blocks[stage]; block++)
            {
                x = Block(g, x, weights.Below($"layer{stage + 1}.{block}."), stage > 0 && block == 0 ? 2 : 1);
            }
        }

        if (blocks.Length == 4)
        {
            return encoder.Finish(weights, g.GlobalAverage(x), x.Channels, "fc", $"ResNet, {string.Join("-", blocks)} blocks");
        }

        weights.IgnoreWhere(k => k.StartsWith("layer4.", StringComparison.Ordinal), "fourth stage; features are taken before it");
        weights.IgnoreWhere(k => k.StartsWith("fc.", StringComparison.Ordinal), "class layer; features are taken before it");
        return encoder.Finish(weights, g.GlobalAverage(x), x.Channels, null, "ResNet-50 cut after its third stage");
    }

    private static int CountBlocks(StateDict weights, int stage)
    {
        int count = 0;
        while (weights.Has($"layer{stage + 1}.{count}.conv1.weight"))
        {
            count++;
        }

        return count;
    }

    private FeatureMap Block(OnnxGraph g, FeatureMap x, StateDict w, int stride)
    {
        FeatureMap y;
        if (bottleneck)
        {
            y = g.Relu(g.ConvNorm(x, w, "conv1", "bn1", Window.Same(1)));
            y = g.Relu(g.ConvNorm(y, w, "conv2", "bn2", Window.Same(3, stride)));
            y = g.ConvNorm(y, w, "conv3", "bn3", Window.Same(1));
        }
        else
        {
            y = g.Relu(g.ConvNorm(x, w, "conv1", "bn1", Window.Same(3, stride)));
            y = g.ConvNorm(y, w, "conv2", "bn2", Window.Same(3));
        }

        FeatureMap shortcut = stride > 1 || x.Channels != y.Channels ? g.ConvNorm(x, w, "downsample.0", "downsample.1", Window.Valid(1, stride), y.Channels) : x;
        return g.Relu(g.Add(y, shortcut));
    }
}
