namespace SlideMesh.Models.Graphs;

/// <summary>The operators that architectures are made of, with PyTorch's meaning.</summary>
public static class OnnxOperators
{
    public static GraphValue Add(this OnnxGraph g, GraphValue a, GraphValue b) => g.Node("Add", [a, b]);

    public static GraphValue Sub(this OnnxGraph g, GraphValue a, GraphValue b) => g.Node("Sub", [a, b]);

    public static GraphValue Mul(this OnnxGraph g, GraphValue a, GraphValue b) => g.Node("Mul", [a, b]);

    public static GraphValue Div(this OnnxGraph g, GraphValue a, GraphValue b) => g.Node("Div", [a, b]);

    public static GraphValue MatMul(this OnnxGraph g, GraphValue a, GraphValue b) => g.Node("MatMul", [a, b]);

    public static GraphValue Relu(this OnnxGraph g, GraphValue x) => g.Node("Relu", [x]);

    public static GraphValue Tanh(this OnnxGraph g, GraphValue x) => g.Node("Tanh", [x]);

    public static GraphValue Sigmoid(this OnnxGraph g, GraphValue x) => g.Node("Sigmoid", [x]);

    public static GraphValue Elu(this OnnxGraph g, GraphValue x) => g.Node("Elu", [x]);

    public static GraphValue Softmax(this OnnxGraph g, GraphValue x, int axis = -1) => g.Node("Softmax", [x], ("axis", axis));

    /// <summary>x·σ(x).</summary>
    public static GraphValue Silu(this OnnxGraph g, GraphValue x) => g.Mul(x, g.Sigmoid(x));

    /// <summary>The exact one, by the error function (torch.nn.GELU's default). In this form ONNX Runtime fuses it into one kernel.</summary>
    public static GraphValue Gelu(this OnnxGraph g, GraphValue x)
    {
        GraphValue inner = g.Node("Erf", [g.Div(x, g.Scalar(MathF.Sqrt(2)))]);
        return g.Mul(g.Mul(x, g.Add(inner, g.Scalar(1))), g.Scalar(0.5f));
    }

    /// <summary>torch.nn.Linear on the last dimension of a tensor of any rank.</summary>
    /// <param name="weight">[out, in] as PyTorch keeps it; it is transposed here.</param>
    public static GraphValue Linear(this OnnxGraph g, GraphValue x, Weight weight, Weight? bias)
    {
        GraphValue product = g.MatMul(x, g.Weight(weight.Transpose()));
        return bias is null ? product : g.Add(product, g.Weight(bias));
    }

    /// <summary>torch.nn.LayerNorm over the last dimension.</summary>
    public static GraphValue LayerNorm(this OnnxGraph g, GraphValue x, Weight weight, Weight bias, float epsilon = 1e-5f) =>
        g.Node("LayerNormalization", [x, g.Weight(weight), g.Weight(bias)], ("axis", -1), ("epsilon", epsilon));

    public static GraphValue Reshape(this OnnxGraph g, GraphValue x, params long[] shape) => g.Node("Reshape", [x, g.Integers(shape)]);

    public static GraphValue Transpose(this OnnxGraph g, GraphValue x, params long[] permutation) => g.Node("Transpose", [x], ("perm", permutation));

    public static GraphValue Concat(this OnnxGraph g, int axis, params GraphValue[] parts) => g.Node("Concat", parts, ("axis", axis));

    /// <summary>Entries start … end − 1 of one dimension; negative numbers count from the end.</summary>
    public static GraphValue Slice(this OnnxGraph g, GraphValue x, int axis, long start, long end) =>
        g.Node("Slice", [x, g.Integers(start), g.Integers(end), g.Integers(axis)]);

    public static GraphValue Mean(this OnnxGraph g, GraphValue x, bool keepDimensions, params long[] axes) =>
        g.Node("ReduceMean", [x], ("axes", axes), ("keepdims", keepDimensions ? 1 : 0));

    public static GraphValue Sum(this OnnxGraph g, GraphValue x, bool keepDimensions, params long[] axes) =>
        g.Node("ReduceSum", [x, g.Integers(axes)], ("keepdims", keepDimensions ? 1 : 0));

    /// <summary>A recurrent layer with ReLU in one direction from a zero state: h = ReLU(W x + R h + b). Gives the last state, [1, batch, H].</summary>
    /// <param name="x">[steps, batch, D].</param>
    /// <param name="w">[1, H, D].</param>
    /// <param name="r">[1, H, H].</param>
    /// <param name="b">[1, 2 H]: the bias of W, then of R.</param>
    public static GraphValue Rnn(this OnnxGraph g, GraphValue x, Weight w, Weight r, Weight b, long hidden) =>
        g.Node("RNN", [x, g.Weight(w), g.Weight(r), g.Weight(b)], 2, ("hidden_size", hidden), ("activations", ["Relu"]))[1];

    /// <summary>torch.nn.Conv2d.</summary>
    /// <param name="pads">Top, left, bottom, right.</param>
    public static GraphValue Conv2d(this OnnxGraph g, GraphValue x, Weight weight, Weight? bias, int stride = 1, long[]? pads = null, int groups = 1)
    {
        GraphValue[] inputs = bias is null ? [x, g.Weight(weight)] : [x, g.Weight(weight), g.Weight(bias)];
        return g.Node(
            "Conv", inputs, ("strides", [stride, stride]), ("pads", pads ?? [0, 0, 0, 0]), ("group", groups),
            ("kernel_shape", [weight.Shape[2], weight.Shape[3]]));
    }
}
