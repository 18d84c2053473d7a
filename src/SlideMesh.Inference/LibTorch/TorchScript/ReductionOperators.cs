using static SlideMesh.Inference.LibTorch.TorchScript.ScriptText;

namespace SlideMesh.Inference.LibTorch.TorchScript;

/// <summary>Operators that make one number of several.</summary>
internal static class ReductionOperators
{
    public static void AddTo(Dictionary<string, Action<NodeReader>> operators)
    {
        operators.Add("ReduceMean", node => Reduce(node, (x, axes, keep) => $"torch.mean({x}, {axes}, {keep})"));
        operators.Add("ReduceSum", node => Reduce(node, (x, axes, keep) => $"torch.sum({x}, {axes}, {keep})"));
        operators.Add("ReduceMax", node => Reduce(node, (x, axes, keep) => $"torch.amax({x}, {axes}, {keep})"));
        operators.Add("ReduceMin", node => Reduce(node, (x, axes, keep) => $"torch.amin({x}, {axes}, {keep})"));
        operators.Add("ReduceL1", node => Reduce(node, (x, axes, keep) => $"torch.sum(torch.abs({x}), {axes}, {keep})"));
        operators.Add("ReduceL2", node => Reduce(node, (x, axes, keep) => $"torch.sqrt(torch.sum(torch.mul({x}, {x}), {axes}, {keep}))"));
        operators.Add("ReduceSumSquare", node => Reduce(node, (x, axes, keep) => $"torch.sum(torch.mul({x}, {x}), {axes}, {keep})"));
        operators.Add("ReduceLogSumExp", node => Reduce(node, (x, axes, keep) => $"torch.logsumexp({x}, {axes}, {keep})"));
        operators.Add("ReduceLogSum", node => Reduce(node, (x, axes, keep) => $"torch.log(torch.sum({x}, {axes}, {keep}))"));
        operators.Add("ArgMax", node => Arg(node, "argmax"));
        operators.Add("ArgMin", node => Arg(node, "argmin"));
        operators.Add("CumSum", CumSum);
        operators.Add("TopK", TopK);
    }

    private static void Reduce(NodeReader node, Func<string, string, string, string> function)
    {
        IReadOnlyList<long>? axes = node.Axes(1);
        if (axes is null or { Count: 0 } && node.Int("noop_with_empty_axes", 0) != 0)
        {
            node.Give(node.Value(0));
            return;
        }

        string x = node.Tensor(0);
        string over = axes is { Count: > 0 } ? Of(axes) : node.Writer.List($"torch.arange({x}.dim()).tolist()");
        node.Give(function(x, over, Of(node.Int("keepdims", 1) != 0)));
    }

    private static void Arg(NodeReader node, string function)
    {
        if (node.Int("select_last_index", 0) != 0)
        {
            throw node.Fail("that selects the last index is not covered");
        }

        node.Give($"torch.{function}({node.Tensor(0)}, {Of(node.Int("axis", 0))}, {Of(node.Int("keepdims", 1) != 0)})");
    }

    private static void CumSum(NodeReader node)
    {
        if (node.Int("exclusive", 0) != 0 || node.Int("reverse", 0) != 0)
        {
            throw node.Fail("exclusive or reversed is not covered");
        }

        node.Give($"torch.cumsum({node.Tensor(0)}, {Of(node.Constants(1)[0])})");
    }

    private static void TopK(NodeReader node)
    {
        string count = node.Known(1) is [long known] ? Of(known) : $"{node.List(1)}[0]";
        string values = node.Writer.Fresh();
        string indices = node.Writer.Fresh();
        node.Writer.Line(
            $"{values}, {indices} = torch.topk({node.Tensor(0)}, {count}, {Of(node.Int("axis", -1))}, {Of(node.Int("largest", 1) != 0)}, {Of(node.Int("sorted", 1) != 0)})");
        node.Give(new TensorValue(values));
        if (node.OutputCount > 1)
        {
            node.Give(new TensorValue(indices), output: 1);
        }
    }
}
