using static SlideMesh.Inference.LibTorch.TorchScript.ScriptText;

namespace SlideMesh.Inference.LibTorch.TorchScript;

/// <summary>Convolutions, pooling, matrix products and normalisation.</summary>
internal static class LayerOperators
{
    public static void AddTo(Dictionary<string, Action<NodeReader>> operators)
    {
        operators.Add("Conv", Conv);
        operators.Add("MaxPool", MaxPool);
        operators.Add("AveragePool", AveragePool);
        operators.Add("GlobalAveragePool", node => node.Give($"torch.adaptive_avg_pool2d({node.Tensor(0)}, [1, 1])"));
        operators.Add("GlobalMaxPool", node => node.Give($"torch.amax({node.Tensor(0)}, [2, 3], True)"));
        operators.Add("Gemm", Gemm);
        operators.Add("MatMul", node => node.Give($"torch.matmul({node.Tensor(0)}, {node.Tensor(1)})"));
        operators.Add("Einsum", Einsum);
        operators.Add("Softmax", node => node.Give($"torch.softmax({node.Tensor(0)}, {Of(node.Int("axis", -1))})"));
        operators.Add("LogSoftmax", node => node.Give($"torch.log_softmax({node.Tensor(0)}, {Of(node.Int("axis", -1))})"));
        operators.Add("BatchNormalization", BatchNormalization);
        operators.Add("LayerNormalization", LayerNormalization);
        operators.Add("RMSNormalization", RmsNormalization);
        operators.Add("GroupNormalization", GroupNormalization);
        operators.Add("InstanceNormalization", node => node.Give(
            $"torch.instance_norm({node.Tensor(0)}, {node.Tensor(1)}, {node.Tensor(2)}, None, None, True, 0.0, {Of(node.Float("epsilon", 1e-5))}, False)"));
        operators.Add("LpNormalization", LpNormalization);
        operators.Add("Resize", Resize);
    }

    private static void Conv(NodeReader node)
    {
        (string x, IReadOnlyList<long> pads, int dims) = Padded(node, "0.0");
        string bias = node.Has(2) ? node.Tensor(2) : "None";
        node.Give(
            $"torch.conv{dims}d({x}, {node.Tensor(1)}, {bias}, {Of(Each(node, "strides", dims))}, {Of(pads)}, {Of(Each(node, "dilations", dims))}, {Of(node.Int("group", 1))})");
    }

    private static void MaxPool(NodeReader node)
    {
        if (node.OutputCount > 1 || node.Int("storage_order", 0) != 0)
        {
            throw node.Fail("with indices is not covered");
        }

        (string x, IReadOnlyList<long> pads, int dims) = Padded(node, "float('-inf')");
        node.Give(
            $"torch.max_pool{dims}d({x}, {Of(node.Ints("kernel_shape")!)}, {Of(Each(node, "strides", dims))}, {Of(pads)}, {Of(Each(node, "dilations", dims))}, {Of(node.Int("ceil_mode", 0) != 0)})");
    }

    private static void AveragePool(NodeReader node)
    {
        IReadOnlyList<long> all = node.Ints("pads") ?? [];
        bool counted = node.Int("count_include_pad", 0) != 0;
        (string x, IReadOnlyList<long> pads, int dims) = Padded(node, "0.0");
        if (!counted && all.Count > 0 && pads.All(p => p == 0) && all.Any(p => p != 0))
        {
            throw node.Fail("with uneven padding is not covered");
        }

        if (Each(node, "dilations", dims).Any(d => d != 1))
        {
            throw node.Fail("with dilations is not covered");
        }

        node.Give($"torch.avg_pool{dims}d({x}, {Of(node.Ints("kernel_shape")!)}, {Of(Each(node, "strides", dims))}, {Of(pads)}, {Of(node.Int("ceil_mode", 0) != 0)}, {Of(counted)})");
    }

    /// <summary>The input of a window operator and the padding that its PyTorch function does itself: uneven padding is written before it.</summary>
    private static (string X, IReadOnlyList<long> Pads, int Dimensions) Padded(NodeReader node, string value)
    {
        if (node.Text("auto_pad", "NOTSET") is not ("NOTSET" or "VALID" or ""))
        {
            throw node.Fail($"with auto_pad {(node.Text("auto_pad", "").StartsWith("SAME", StringComparison.Ordinal) ? "SAME" : "of an unknown kind")} is not covered; export it with explicit pads");
        }

        IReadOnlyList<long> pads = node.Ints("pads") ?? [];
        int dims = (node.Ints("kernel_shape") ?? node.Ints("strides") ?? node.Ints("dilations"))?.Count ?? (pads.Count > 0 ? pads.Count / 2 : 2);
        if (dims is < 1 or > 3 || (pads.Count != 0 && pads.Count != 2 * dims) || pads.Any(p => p < 0))
        {
            throw node.Fail($"over {dims} dimensions with {pads.Count} pads is not covered");
        }

        string x = node.Tensor(0);
        if (pads.Count == 0)
        {
            return (x, [.. Enumerable.Repeat(0L, dims)], dims);
        }

        if (Enumerable.Range(0, dims).All(i => pads[i] == pads[i + dims]))
        {
            return (x, [.. pads.Take(dims)], dims);
        }

        // PyTorch names the last dimension first, begin and end in turn.
        IEnumerable<long> reversed = Enumerable.Range(0, dims).Reverse().SelectMany(i => (long[])[pads[i], pads[i + dims]]);
        return (node.Writer.Tensor($"torch.constant_pad_nd({x}, {Of(reversed)}, {value})"), [.. Enumerable.Repeat(0L, dims)], dims);
    }

    private static IReadOnlyList<long> Each(NodeReader node, string attribute, int dims) =>
        node.Ints(attribute) is { Count: > 0 } given ? given : [.. Enumerable.Repeat(1L, dims)];

    private static void Gemm(NodeReader node)
    {
        double alpha = node.Float("alpha", 1);
        double beta = node.Float("beta", 1);
        string a = node.Int("transA", 0) != 0 ? $"{node.Tensor(0)}.t()" : node.Tensor(0);
        bool transposed = node.Int("transB", 0) != 0;
        bool plain = alpha == 1 && (beta == 1 || !node.Has(2));
        bool vector = !node.Has(2) || node.Value(2) is ConstantValue { Tensor.Shape.Count: 1 };
        if (plain && vector)
        {
            string b = transposed ? node.Tensor(1) : $"{node.Tensor(1)}.t()";
            node.Give($"torch.linear({a}, {b}, {(node.Has(2) ? node.Tensor(2) : "None")})");
            return;
        }

        string product = $"torch.mul(torch.matmul({a}, {node.Tensor(1)}{(transposed ? ".t()" : "")}), {Of(alpha)})";
        node.Give(node.Has(2) ? $"torch.add({product}, torch.mul({node.Tensor(2)}, {Of(beta)}))" : product);
    }

    private static void Einsum(NodeReader node)
    {
        string equation = node.Text("equation", "");
        if (equation.Length is 0 or > 200 || equation.Any(c => !(char.IsAsciiLetter(c) || c is ',' or '-' or '>' or '.' or ' ')))
        {
            throw node.Fail("has an equation that is not covered");
        }

        node.Give($"torch.einsum(\"{equation}\", [{string.Join(", ", Enumerable.Range(0, node.InputCount).Select(node.Tensor))}])");
    }

    private static void BatchNormalization(NodeReader node)
    {
        if (node.Int("training_mode", 0) != 0)
        {
            throw node.Fail("in training mode is not covered; export the model in evaluation mode");
        }

        node.Give(
            $"torch.batch_norm({node.Tensor(0)}, {node.Tensor(1)}, {node.Tensor(2)}, {node.Tensor(3)}, {node.Tensor(4)}, False, 0.0, {Of(node.Float("epsilon", 1e-5))}, False)");
    }

    private static void LayerNormalization(NodeReader node)
    {
        if (node.OutputCount > 1)
        {
            throw node.Fail("with mean and deviation as outputs is not covered");
        }

        string x = node.Tensor(0);
        string bias = node.Has(2) ? node.Tensor(2) : "None";
        string shape = node.Writer.List($"{x}.size()[{Of(node.Int("axis", -1))}:]");
        node.Give($"torch.layer_norm({x}, {shape}, {node.Tensor(1)}, {bias}, {Of(node.Float("epsilon", 1e-5))}, False)");
    }

    private static void RmsNormalization(NodeReader node)
    {
        if (node.Int("axis", -1) != -1)
        {
            throw node.Fail("over several axes is not covered");
        }

        string x = node.Tensor(0);
        string mean = $"torch.mean(torch.mul({x}.to(6), {x}.to(6)), [-1], True)";
        node.Give($"torch.mul(torch.mul({x}.to(6), torch.rsqrt(torch.add({mean}, {Of(node.Float("epsilon", 1e-5))}))).type_as({x}), {node.Tensor(1)})");
    }

    private static void GroupNormalization(NodeReader node)
    {
        if (node.Writer.Opset < 21)
        {
            throw node.Fail("before opset 21, with weights per group, is not covered");
        }

        node.Give($"torch.group_norm({node.Tensor(0)}, {Of(node.Int("num_groups", 1))}, {node.Tensor(1)}, {node.Tensor(2)}, {Of(node.Float("epsilon", 1e-5))}, False)");
    }

    private static void LpNormalization(NodeReader node)
    {
        long p = node.Int("p", 2);
        string x = node.Tensor(0);
        string axis = Of([node.Int("axis", -1)]);
        string norm = p == 1 ? $"torch.sum(torch.abs({x}), {axis}, True)" : $"torch.sqrt(torch.sum(torch.mul({x}, {x}), {axis}, True))";
        node.Give($"torch.div({x}, {norm})");
    }

    /// <summary>Pictures [N, C, H, W]: nearest (rounded down), linear and cubic as PyTorch has them.</summary>
    private static void Resize(NodeReader node)
    {
        string mode = node.Text("mode", "nearest");
        string place = node.Text("coordinate_transformation_mode", "half_pixel");
        bool aligned = place == "align_corners";
        bool antialias = node.Int("antialias", 0) != 0;
        string x = node.Tensor(0);
        string size = node.Has(3) ? node.Writer.List($"{node.List(3)}[2:]") : ScaledSize(node, x);
        node.Give((mode, place) switch
        {
            ("nearest", "asymmetric") when node.Text("nearest_mode", "round_prefer_floor") == "floor" => $"torch.upsample_nearest2d({x}, {size})",
            ("linear", "half_pixel" or "pytorch_half_pixel" or "align_corners") => $"torch.{(antialias ? "_upsample_bilinear2d_aa" : "upsample_bilinear2d")}({x}, {size}, {Of(aligned)})",
            ("cubic", "half_pixel" or "pytorch_half_pixel" or "align_corners") when Math.Abs(node.Float("cubic_coeff_a", -0.75) - (antialias ? -0.5 : -0.75)) < 1e-6 =>
                $"torch.{(antialias ? "_upsample_bicubic2d_aa" : "upsample_bicubic2d")}({x}, {size}, {Of(aligned)})",
            _ => throw node.Fail("in this mode is not covered (nearest asymmetric floor, linear and cubic are)"),
        });
    }

    private static string ScaledSize(NodeReader node, string x)
    {
        if (node.Value(2) is not ConstantValue { Tensor: { Type: Onnx.OnnxType.Float, Shape: [4] } scales })
        {
            throw node.Fail("with computed scales is not covered");
        }

        ReadOnlySpan<byte> data = scales.Data.Span;
        string height = Of((double)BitConverter.ToSingle(data[8..]));
        string width = Of((double)BitConverter.ToSingle(data[12..]));
        return node.Writer.List($"[int({x}.size(2) * {height}), int({x}.size(3) * {width})]");
    }
}
