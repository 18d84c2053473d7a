using SlideMesh.Inference.LibTorch.Onnx;
using static SlideMesh.Inference.LibTorch.TorchScript.ScriptText;

namespace SlideMesh.Inference.LibTorch.TorchScript;

/// <summary>Operators on shapes and places of elements. Sizes stay on the host as numbers: on a GPU nothing waits for them.</summary>
internal static class ShapeOperators
{
    public static void AddTo(Dictionary<string, Action<NodeReader>> operators)
    {
        operators.Add("Constant", Constant);
        operators.Add("ConstantOfShape", ConstantOfShape);
        operators.Add("Shape", Shape);
        operators.Add("Size", node => node.Give(new NumbersValue($"{node.Tensor(0)}.numel()", IsScalar: true)));
        operators.Add("Reshape", Reshape);
        operators.Add("Flatten", Flatten);
        operators.Add("Transpose", Transpose);
        operators.Add("Squeeze", Squeeze);
        operators.Add("Unsqueeze", Unsqueeze);
        operators.Add("Concat", Concat);
        operators.Add("Split", Split);
        operators.Add("Slice", Slice);
        operators.Add("Gather", Gather);
        operators.Add("GatherElements", node => node.Give($"torch.gather({node.Tensor(0)}, {Of(node.Int("axis", 0))}, {node.Tensor(1)})"));
        operators.Add("Expand", Expand);
        operators.Add("Tile", node => node.Give($"{node.Tensor(0)}.repeat({node.List(1)})"));
        operators.Add("Range", Range);
        operators.Add("Pad", Pad);
        operators.Add("Trilu", node => node.Give(
            $"torch.{(node.Int("upper", 1) != 0 ? "triu" : "tril")}({node.Tensor(0)}, {(node.Has(1) ? Of(node.Constants(1)[0]) : "0")})"));
    }

    private static void Constant(NodeReader node)
    {
        OnnxTensor? tensor = node.Attribute("value")?.Tensor;
        if (node.HasAttribute("value_float"))
        {
            tensor = new OnnxTensor(OnnxType.Float, [], BitConverter.GetBytes((float)node.Float("value_float", 0)));
        }
        else if (node.HasAttribute("value_int"))
        {
            tensor = new OnnxTensor(OnnxType.Int64, [], BitConverter.GetBytes(node.Int("value_int", 0)));
        }
        else if (node.Ints("value_ints") is { Count: > 0 } ints)
        {
            tensor = new OnnxTensor(OnnxType.Int64, [ints.Count], ints.SelectMany(BitConverter.GetBytes).ToArray());
        }
        else if (node.Attribute("value_floats")?.Floats is { Count: > 0 } floats)
        {
            tensor = new OnnxTensor(OnnxType.Float, [floats.Count], floats.SelectMany(BitConverter.GetBytes).ToArray());
        }

        node.Give(new ConstantValue(tensor ?? throw node.Fail("of this kind of value is not covered")));
    }

    private static void ConstantOfShape(NodeReader node)
    {
        OnnxTensor? value = node.Attribute("value")?.Tensor;
        if (value is { IsFloating: false } && node.Known(0) is [long length and >= 0 and <= 64])
        {
            node.Give(NumbersValue.List([.. Enumerable.Repeat(value.ToInt64()[0], (int)length)]));
            return;
        }

        double number = value?.ToDouble() ?? 0;
        string text = value is { IsFloating: false } ? Of((long)number) : Of(number);
        node.Give($"torch.full({node.List(0)}, {text}, dtype={Dtype(value?.Type ?? OnnxType.Float, node.Writer.Precision)}, device={node.Writer.Device})");
    }

    private static void Shape(NodeReader node)
    {
        string start = Of(node.Int("start", 0));
        string end = node.HasAttribute("end") ? Of(node.Int("end", 0)) : "";
        string all = $"{node.Tensor(0)}.size()";
        bool whole = start == "0" && end.Length == 0;
        node.Give(new NumbersValue(node.Writer.List(whole ? all : $"{all}[{start}:{end}]"), IsScalar: false));
    }

    private static void Reshape(NodeReader node)
    {
        string x = node.Tensor(0);
        bool keepsZero = node.Int("allowzero", 0) != 0;
        if (node.Known(1) is { } known)
        {
            IEnumerable<string> extents = known.Select((extent, i) => extent == 0 && !keepsZero ? $"{x}.size({i})" : Of(extent));
            node.Give($"torch.reshape({x}, [{string.Join(", ", extents)}])");
        }
        else
        {
            node.Give($"torch.reshape({x}, {node.List(1)})");
        }
    }

    private static void Flatten(NodeReader node)
    {
        string x = node.Tensor(0);
        long axis = node.Int("axis", 1);
        node.Give(axis switch
        {
            0 => $"torch.reshape({x}, [1, -1])",
            1 => $"torch.reshape({x}, [{x}.size(0), -1])",
            _ => $"torch.reshape(torch.flatten({x}, 0, {Of(axis - 1)}), [torch.flatten({x}, 0, {Of(axis - 1)}).size(0), -1])",
        });
    }

    private static void Transpose(NodeReader node)
    {
        string x = node.Tensor(0);
        node.Give(node.Ints("perm") is { Count: > 0 } order ? $"{x}.permute({Of(order)})" : $"{x}.permute({node.Writer.List($"torch.arange({x}.dim() - 1, -1, -1).tolist()")})");
    }

    private static void Squeeze(NodeReader node)
    {
        IReadOnlyList<long>? axes = node.Axes(1);
        if (node.Value(0) is NumbersValue { IsScalar: false } list && axes is (null or [0 or -1]))
        {
            node.Give(new NumbersValue($"{list.Expression}[0]", IsScalar: true, list.Constant is [long first] ? [first] : null));
            return;
        }

        if (axes is null)
        {
            node.Give($"torch.squeeze({node.Tensor(0)})");
            return;
        }

        if (axes.Any(a => a < 0) && axes.Any(a => a >= 0))
        {
            throw node.Fail("with axes from both ends is not covered");
        }

        // What is removed must not shift the rest: from the end when counted from the start, and the other way round.
        string x = node.Tensor(0);
        foreach (long axis in axes[0] < 0 ? axes.Order() : axes.OrderDescending())
        {
            x = $"torch.squeeze({x}, {Of(axis)})";
        }

        node.Give(x);
    }

    private static void Unsqueeze(NodeReader node)
    {
        IReadOnlyList<long> axes = node.Axes(1) ?? throw node.Fail("has no axes");
        if (axes is [0 or -1])
        {
            if (node.Value(0) is NumbersValue { IsScalar: true } scalar)
            {
                node.Give(new NumbersValue($"[{scalar.Expression}]", IsScalar: false, scalar.Constant));
                return;
            }

            if (node.Value(0) is ConstantValue { Tensor: { IsFloating: false, Shape.Count: 0 } constant })
            {
                node.Give(NumbersValue.List(constant.ToInt64()));
                return;
            }
        }

        if (axes.Any(a => a < 0) && axes.Count > 1)
        {
            throw node.Fail("with several axes counted from the end is not covered");
        }

        string x = node.Tensor(0);
        foreach (long axis in axes.Order())
        {
            x = $"torch.unsqueeze({x}, {Of(axis)})";
        }

        node.Give(x);
    }

    private static void Concat(NodeReader node)
    {
        ScriptValue[] values = [.. Enumerable.Range(0, node.InputCount).Select(node.Value)];
        bool sizes = values.Any(v => v is NumbersValue) && values.All(v => v is NumbersValue or ConstantValue { Tensor.IsFloating: false });
        if (sizes)
        {
            IReadOnlyList<long>?[] known = [.. values.Select(ScriptWriter.Known)];
            string expression = string.Join(" + ", values.Select(node.Writer.AsList));
            node.Give(new NumbersValue(
                values.Length == 1 ? expression : $"({expression})", IsScalar: false, known.All(k => k is not null) ? [.. known.SelectMany(k => k!)] : null));
            return;
        }

        node.Give($"torch.cat([{string.Join(", ", values.Select(node.Writer.AsTensor))}], {Of(node.Int("axis", 0))})");
    }

    private static void Split(NodeReader node)
    {
        string x = node.Tensor(0);
        string axis = Of(node.Int("axis", 0));
        int parts = node.OutputCount;
        string[] outputs = [.. Enumerable.Range(0, parts).Select(_ => node.Writer.Fresh())];
        string sizes = node.Ints("split") is { Count: > 0 } attribute ? Of(attribute)
            : node.Has(1) ? node.List(1)
            : "";
        string list = node.Writer.Fresh();
        node.Writer.Line(sizes.Length > 0
            ? $"{list} = torch.split_with_sizes({x}, {sizes}, {axis})"
            : $"{list} = torch.split({x}, ({x}.size({axis}) + {Of(parts - 1L)}) // {Of((long)parts)}, {axis})");
        for (int i = 0; i < parts; i++)
        {
            node.Writer.Line($"{outputs[i]} = {list}[{Of((long)i)}]");
            node.Give(new TensorValue(outputs[i]), i);
        }
    }

    private static void Slice(NodeReader node)
    {
        IReadOnlyList<long> axes = node.Has(3) ? node.Constants(3) : [.. Enumerable.Range(0, node.Constants(1).Count).Select(i => (long)i)];
        IReadOnlyList<long> steps = node.Has(4) ? node.Constants(4) : [.. axes.Select(_ => 1L)];
        if (node.Value(0) is NumbersValue { IsScalar: false } numbers && steps is [1])
        {
            long from = node.Constants(1)[0];
            long to = node.Constants(2)[0];
            string end = to >= int.MaxValue ? "" : Of(to);
            node.Give(new NumbersValue(node.Writer.List($"{numbers.Expression}[{Of(from)}:{end}]"), IsScalar: false, numbers.Constant is { } known ? Cut(known, from, to) : null));
            return;
        }

        string starts = node.List(1);
        string ends = node.List(2);
        string x = node.Tensor(0);
        for (int i = 0; i < axes.Count; i++)
        {
            if (steps[i] < 0)
            {
                // A whole axis turned round is the one form that exporters write.
                if (steps[i] != -1 || node.Known(1)?[i] != -1 || node.Known(2)?[i] > -int.MaxValue)
                {
                    throw node.Fail("with a step below zero is not covered");
                }

                x = $"torch.flip({x}, [{Of(axes[i])}])";
                continue;
            }

            string start = node.Known(1) is { } s ? Of(s[i]) : $"{starts}[{i}]";
            string end = node.Known(2) is { } e ? Of(e[i]) : $"{ends}[{i}]";
            x = $"torch.slice({x}, {Of(axes[i])}, {start}, {end}, {Of(steps[i])})";
        }

        node.Give(x);
    }

    private static long[] Cut(IReadOnlyList<long> values, long from, long to)
    {
        int start = (int)Math.Clamp(from < 0 ? from + values.Count : from, 0, values.Count);
        int end = (int)Math.Clamp(to < 0 ? to + values.Count : to, start, values.Count);
        return [.. values.Skip(start).Take(end - start)];
    }

    private static void Gather(NodeReader node)
    {
        long axis = node.Int("axis", 0);
        IReadOnlyList<long>? known = node.Known(1);
        bool scalar = node.Value(1) is NumbersValue { IsScalar: true } or ConstantValue { Tensor.Shape.Count: 0 };
        if (node.Value(0) is NumbersValue { IsScalar: false } sizes && known is not null)
        {
            long[]? numbers = sizes.Constant is { } all && known.All(i => i >= -all.Count && i < all.Count) ? [.. known.Select(i => all[(int)(i < 0 ? i + all.Count : i)])] : null;
            node.Give(scalar
                ? new NumbersValue($"{sizes.Expression}[{Of(known[0])}]", IsScalar: true, numbers)
                : new NumbersValue($"[{string.Join(", ", known.Select(i => $"{sizes.Expression}[{Of(i)}]"))}]", IsScalar: false, numbers));
            return;
        }

        string x = node.Tensor(0);
        if (scalar)
        {
            string index = node.Value(1) is NumbersValue number ? number.Expression : Of(known![0]);
            node.Give($"torch.select({x}, {Of(axis)}, {index})");
            return;
        }

        // Below zero, indices count from the end, which index_select does not know.
        string indices = node.Writer.Tensor($"{node.Tensor(1)}.to(4)");
        string extent = $"{x}.size({Of(axis)})";
        string positive = node.Writer.Tensor($"torch.where(torch.lt({indices}, 0), torch.add({indices}, {extent}), {indices}).to({x}.device)");
        string rows = node.Writer.Tensor($"torch.index_select({x}, {Of(axis)}, torch.reshape({positive}, [-1]))");
        string from = axis >= 0 ? Of(axis) : $"({x}.dim() + {Of(axis)})";
        node.Give($"torch.reshape({rows}, {x}.size()[:{from}] + {positive}.size() + {x}.size()[({from} + 1):])");
    }

    /// <summary>Broadcasts both ways: an extent of 1 in the shape leaves the tensor's own.</summary>
    private static void Expand(NodeReader node)
    {
        string x = node.Tensor(0);
        node.Give($"torch.broadcast_tensors([{x}, torch.expand(torch.reshape({x}.new_zeros([1]), [1]), {node.List(1)})])[0]");
    }

    private static void Range(NodeReader node)
    {
        if (Enumerable.Range(0, 3).All(i => node.Value(i) is NumbersValue or ConstantValue { Tensor.IsFloating: false }))
        {
            string[] numbers = [.. Enumerable.Range(0, 3).Select(i => node.Value(i) is NumbersValue n ? n.Expression : Of(node.Known(i)![0]))];
            node.Give($"torch.arange({string.Join(", ", numbers)}, dtype=4, device={node.Writer.Device})");
            return;
        }

        node.Give($"torch.arange({Of(node.Number(0))}, {Of(node.Number(1))}, {Of(node.Number(2))}, dtype={Dtype(OnnxType.Float, node.Writer.Precision)}, device={node.Writer.Device})");
    }

    private static void Pad(NodeReader node)
    {
        if (node.Has(3))
        {
            throw node.Fail("over chosen axes is not covered");
        }

        string mode = node.Text("mode", "constant");
        if (node.Known(1) is not { } pads)
        {
            // All begins, then all ends, becomes pairs from the last dimension on.
            string pairs = node.Writer.List($"torch.reshape(torch.flip(torch.reshape(torch.tensor({node.List(1)}, dtype=4), [2, -1]), [1]).t(), [-1]).tolist()");
            node.Give(mode == "constant"
                ? $"torch.constant_pad_nd({node.Tensor(0)}, {pairs}, {(node.Has(2) ? Of(node.Number(2)) : "0.0")})"
                : throw node.Fail("in this mode is covered only with constant pads"));
            return;
        }

        int rank = pads.Count / 2;
        List<long> reversed = [.. Enumerable.Range(0, rank).Reverse().SelectMany(i => (long[])[pads[i], pads[i + rank]])];
        if (mode == "constant")
        {
            string value = node.Has(2) ? Of(node.Number(2)) : "0.0";
            node.Give($"torch.constant_pad_nd({node.Tensor(0)}, {Of(reversed)}, {value})");
            return;
        }

        while (reversed.Count > 2 && reversed[^1] == 0 && reversed[^2] == 0)
        {
            reversed.RemoveRange(reversed.Count - 2, 2);
        }

        node.Give(mode is "reflect" or "edge"
            ? $"torch.pad({node.Tensor(0)}, {Of(reversed)}, \"{(mode == "edge" ? "replicate" : "reflect")}\")"
            : throw node.Fail("in this mode is not covered"));
    }
}
