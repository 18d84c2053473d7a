using SlideMesh.Inference.LibTorch.Onnx;

namespace SlideMesh.Inference.LibTorch.TorchScript;

/// <summary>The ONNX operators that can be written as TorchScript, opset 13 to 25.</summary>
internal static class OperatorTable
{
    private static readonly Dictionary<string, Action<NodeReader>> Operators = Make();

    /// <summary>Names, for messages and docs.</summary>
    public static IEnumerable<string> Covered => Operators.Keys.Order(StringComparer.Ordinal);

    /// <exception cref="OnnxException">The operator is not covered, or not in this form.</exception>
    public static void Write(ScriptWriter writer, OnnxNode node)
    {
        if (node.Domain.Length > 0 && !(node.Domain == "com.microsoft" && node.Operator == "Gelu"))
        {
            throw new OnnxException($"uses operator {node.Domain}::{node.Operator}, which the libtorch engine does not cover");
        }

        if (!Operators.TryGetValue(node.Operator, out Action<NodeReader>? write) || node.Attributes.Values.Any(a => a.IsGraph))
        {
            throw new OnnxException($"uses operator {node.Operator}, which the libtorch engine does not cover");
        }

        if (node.Outputs.Count == 0)
        {
            throw new OnnxException($"has a node {node.Operator} without an output");
        }

        write(new NodeReader(writer, node));
    }

    private static Dictionary<string, Action<NodeReader>> Make()
    {
        Dictionary<string, Action<NodeReader>> operators = new(StringComparer.Ordinal);
        ElementOperators.AddTo(operators);
        LayerOperators.AddTo(operators);
        ReductionOperators.AddTo(operators);
        ShapeOperators.AddTo(operators);
        return operators;
    }
}
