using SlideMesh.Models.Checkpoints;
using SlideMesh.Models.Graphs;

namespace SlideMesh.Models.Architectures.Encoders;

/// <summary>A convolution's size: kernel, stride, and rows or columns of zeros on each side.</summary>
/// <param name="After">Zeros below and right where they differ from those above and left (Keras pads a stride of two only there).</param>
internal readonly record struct Window(int KernelY, int KernelX, int Stride, int PadY, int PadX, int? After = null)
{
    /// <summary>A square window, padded so that a stride of one keeps the image's size.</summary>
    public static Window Same(int kernel, int stride = 1) => new(kernel, kernel, stride, kernel / 2, kernel / 2);

    /// <summary>A square window without padding.</summary>
    public static Window Valid(int kernel, int stride = 1) => new(kernel, kernel, stride, 0, 0);

    public long[] Pads => [PadY, PadX, After ?? PadY, After ?? PadX];

    /// <summary>Edge of the result; 0 when the padded image is smaller than the kernel.</summary>
    public int Side(int side)
    {
        int room = side + PadY + (After ?? PadY) - KernelY;
        return room < 0 ? 0 : (room / Stride) + 1;
    }
}

/// <summary>What convolutional encoders are made of. Batch norms that follow a convolution are folded into it.</summary>
internal static class Convolutions
{
    public const float TorchNormEpsilon = 1e-5f;

    /// <summary>Convolution without bias, then batch norm with the running statistics.</summary>
    /// <param name="conv">Key prefix without the dot.</param>
    /// <param name="outChannels">What its kernel must give; −1 takes what is there.</param>
    /// <exception cref="CheckpointException">A shape differs.</exception>
    public static FeatureMap ConvNorm(
        this OnnxGraph g, FeatureMap x, StateDict w, string conv, string norm, Window window, int outChannels = -1, bool depthwise = false, float epsilon = TorchNormEpsilon)
    {
        Weight kernel = TakeKernel(w, conv, x, window, outChannels, depthwise);
        int channels = (int)kernel.Shape[0];
        BatchNorm statistics = BatchNorm.Take(w, norm, channels, epsilon);
        (Weight folded, Weight bias) = statistics.FoldInto(kernel, w.TryTake($"{conv}.bias", channels));
        return Convolve(g, x, folded, bias, window, depthwise);
    }

    /// <summary>torch.nn.Conv2d, with a bias when the checkpoint has one.</summary>
    public static FeatureMap Conv(this OnnxGraph g, FeatureMap x, StateDict w, string conv, Window window, int outChannels = -1, bool depthwise = false)
    {
        Weight kernel = TakeKernel(w, conv, x, window, outChannels, depthwise);
        return Convolve(g, x, kernel, w.TryTake($"{conv}.bias", kernel.Shape[0]), window, depthwise);
    }

    /// <summary>A batch norm that no convolution precedes.</summary>
    public static FeatureMap BatchNormalise(this OnnxGraph g, FeatureMap x, StateDict w, string norm, float epsilon = TorchNormEpsilon)
    {
        BatchNorm b = BatchNorm.Take(w, norm, x.Channels, epsilon);
        return x with
        {
            Value = g.Node("BatchNormalization", [x.Value, g.Weight(b.Weight), g.Weight(b.Bias), g.Weight(b.Mean), g.Weight(b.Variance)], ("epsilon", epsilon)),
        };
    }

    public static FeatureMap Relu(this OnnxGraph g, FeatureMap x) => x with { Value = g.Relu(x.Value) };

    public static FeatureMap Relu6(this OnnxGraph g, FeatureMap x) => x with { Value = g.Node("Clip", [x.Value, g.Scalar(0), g.Scalar(6)]) };

    public static FeatureMap Silu(this OnnxGraph g, FeatureMap x) => x with { Value = g.Silu(x.Value) };

    public static FeatureMap Add(this OnnxGraph g, FeatureMap a, FeatureMap b) => a with { Value = g.Add(a.Value, b.Value) };

    public static FeatureMap Concat(this OnnxGraph g, params FeatureMap[] parts) =>
        new(g.Concat(1, [.. parts.Select(p => p.Value)]), parts.Sum(p => p.Channels), parts[0].Side);

    public static FeatureMap MaxPool(this OnnxGraph g, FeatureMap x, Window window) => Pool(g, "MaxPool", x, window);

    /// <summary>torch.nn.AvgPool2d: zeros outside of the image count.</summary>
    public static FeatureMap AveragePool(this OnnxGraph g, FeatureMap x, Window window) => Pool(g, "AveragePool", x, window, ("count_include_pad", 1));

    /// <summary>Mean over the image, [N, C].</summary>
    public static GraphValue GlobalAverage(this OnnxGraph g, FeatureMap x) => g.Node("Flatten", [g.Node("GlobalAveragePool", [x.Value])], ("axis", 1));

    private static Weight TakeKernel(StateDict w, string conv, FeatureMap x, Window window, int outChannels, bool depthwise)
    {
        Weight kernel = depthwise
            ? w.Take($"{conv}.weight", x.Channels, 1, window.KernelY, window.KernelX)
            : w.Take($"{conv}.weight", outChannels, x.Channels, window.KernelY, window.KernelX);
        return kernel.Count > 0 ? kernel : throw w.Fail($"key '{kernel.Name}' is empty.");
    }

    private static FeatureMap Convolve(OnnxGraph g, FeatureMap x, Weight kernel, Weight? bias, Window window, bool depthwise) => new(
        g.Conv2d(x.Value, kernel, bias, window.Stride, window.Pads, depthwise ? x.Channels : 1), (int)kernel.Shape[0], Fitting(x, window));

    private static FeatureMap Pool(OnnxGraph g, string type, FeatureMap x, Window window, params OnnxAttribute[] more) => new(
        g.Node(type, [x.Value], [("kernel_shape", [window.KernelY, window.KernelX]), ("strides", [window.Stride, window.Stride]), ("pads", window.Pads), .. more]),
        x.Channels,
        Fitting(x, window));

    private static int Fitting(FeatureMap x, Window window) =>
        window.Side(x.Side) is > 0 and int side ? side : throw new ImportOptionException("The tile is too small for this architecture: nothing of it is left half-way through. Give a larger --tile-size.");
}
