using SlideMesh.Inference.LibTorch.Onnx;
using static SlideMesh.Inference.LibTorch.TorchScript.ScriptText;

namespace SlideMesh.Inference.LibTorch.TorchScript;

/// <summary>
/// softmax(s · Q Kᵀ) V, as exporters spell it: MatMul, Mul or Div by one number where the scale is not in Q and K already, Softmax over
/// the last axis, MatMul. As one operator it never writes the matrix of all pairs of tokens to the device's memory.
/// </summary>
/// <param name="Within">The nodes that <paramref name="End"/> stands for as well; nothing else reads what they give.</param>
/// <param name="End">The second MatMul.</param>
/// <param name="Queries">Name of Q [..., tokens, d].</param>
/// <param name="KeysTransposed">Name of Kᵀ [..., d, tokens].</param>
/// <param name="Values">Name of V [..., tokens, dV].</param>
/// <param name="Scale">s where the file has it, else 1.</param>
/// <param name="Scaling">A Mul or Div by a number that is computed (from the model's width, say): it is done to Q.</param>
internal sealed record AttentionPattern(
    IReadOnlyList<OnnxNode> Within, OnnxNode End, string Queries, string KeysTransposed, string Values, double Scale, OnnxNode? Scaling = null)
{
    public static IEnumerable<AttentionPattern> FindAll(OnnxGraph graph)
    {
        Dictionary<string, OnnxNode> makers = new(StringComparer.Ordinal);
        Dictionary<string, int> readers = new(StringComparer.Ordinal);
        foreach (OnnxNode node in graph.Nodes)
        {
            foreach (string output in node.Outputs)
            {
                makers[output] = node;
            }

            foreach (string input in node.Inputs)
            {
                readers[input] = readers.GetValueOrDefault(input) + 1;
            }
        }

        foreach (OnnxValueInfo output in graph.Outputs)
        {
            readers[output.Name] = readers.GetValueOrDefault(output.Name) + 1;
        }

        // What only the next node of the pattern reads.
        OnnxNode? Maker(string name) => readers.GetValueOrDefault(name) == 1 ? makers.GetValueOrDefault(name) : null;

        foreach (OnnxNode end in graph.Nodes.Where(IsMatMul))
        {
            if (Maker(end.Inputs[0]) is not { Operator: "Softmax", Domain: "" } softmax || softmax.Attributes.GetValueOrDefault("axis") is { Int: not -1 }
                || Maker(softmax.Inputs[0]) is not { } scores)
            {
                continue;
            }

            if (IsMatMul(scores))
            {
                yield return new AttentionPattern([scores, softmax], end, scores.Inputs[0], scores.Inputs[1], end.Inputs[1], 1);
            }
            else if (scores is { Operator: "Mul" or "Div", Domain: "", Inputs.Count: 2 } && Maker(scores.Inputs[0]) is { } product && IsMatMul(product)
                && IsNumber(scores.Inputs[1], 0))
            {
                double? number = InFile(scores.Inputs[1]) is { IsFloating: true } tensor && tensor.ToDouble() is var value && double.IsNormal(value) ? value : null;
                double scale = number is null ? 1 : scores.Operator == "Mul" ? number.Value : 1 / number.Value;
                yield return new AttentionPattern(
                    [product, scores, softmax], end, product.Inputs[0], product.Inputs[1], end.Inputs[1], scale, number is null ? scores : null);
            }
        }

        OnnxTensor? InFile(string name) => graph.Initializers.TryGetValue(name, out OnnxTensor? initializer) ? initializer
            : makers.GetValueOrDefault(name) is { Operator: "Constant", Domain: "" } constant ? constant.Attributes.GetValueOrDefault("value")?.Tensor
            : null;

        // Without dimensions, as far as the nodes that make it tell: a tensor of more would be a mask, or a scale for each head.
        bool IsNumber(string name, int depth)
        {
            const int Deepest = 16;
            if (InFile(name) is { } tensor)
            {
                return tensor.Shape.Count == 0;
            }

            return depth < Deepest && makers.GetValueOrDefault(name) is { Domain: "" } maker && maker.Operator switch
            {
                "Cast" or "Sqrt" or "Reciprocal" or "Identity" or "Mul" or "Div" or "Pow" => maker.Inputs.All(input => IsNumber(input, depth + 1)),
                "Gather" => makers.GetValueOrDefault(maker.Inputs[0]) is { Operator: "Shape" } && InFile(maker.Inputs[1]) is { Shape.Count: 0 },
                _ => false,
            };
        }
    }

    public void Write(ScriptWriter writer)
    {
        string queries = writer.AsTensor(writer.Value(Queries));
        if (Scaling is not null)
        {
            queries = writer.Tensor($"torch.{(Scaling.Operator == "Mul" ? "mul" : "div")}({queries}, {writer.AsTensor(writer.Value(Scaling.Inputs[1]))})");
        }

        string keys = writer.Tensor($"torch.transpose({writer.AsTensor(writer.Value(KeysTransposed))}, -2, -1)");
        string values = writer.AsTensor(writer.Value(Values));
        writer.Set(End.Outputs[0], new TensorValue(writer.Tensor(
            $"torch.scaled_dot_product_attention({queries}, {keys}, {values}, None, 0.0, False, scale={Of(Scale)})")));
    }

    private static bool IsMatMul(OnnxNode node) => node is { Operator: "MatMul", Domain: "", Inputs.Count: 2, Outputs.Count: 1 };
}
