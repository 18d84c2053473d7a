using SlideMesh.Inference.LibTorch.Onnx;

namespace SlideMesh.Inference.LibTorch.TorchScript;

/// <summary>An ONNX graph as TorchScript: source of <c>forward</c>, and the weights that it reads as <c>self.w0</c> and so on.</summary>
/// <param name="Weights">Point into the ONNX file, which must stay open until they are copied.</param>
internal sealed record ScriptProgram(string Source, IReadOnlyList<(string Name, OnnxTensor Tensor)> Weights)
{
    /// <summary>
    /// Writes the program. No name of the file enters the source: variables are numbered, so that a graph cannot bring code of its own.
    /// Floating-point casts go to <paramref name="precision"/>.
    /// </summary>
    /// <param name="fusesAttention">Attention is written as one operator, which libtorch has in this form since 2.1.</param>
    /// <returns>A program whose <c>forward</c> takes the graph's inputs in order and gives a tuple of its outputs in order.</returns>
    /// <exception cref="OnnxException">An operator is not covered, which the message names, or the graph contradicts itself.</exception>
    public static ScriptProgram Write(OnnxGraph graph, Precision precision, bool fusesAttention = false)
    {
        ScriptWriter writer = new(graph, precision);
        Dictionary<OnnxNode, AttentionPattern> ends = new(ReferenceEqualityComparer.Instance);
        HashSet<OnnxNode> within = new(ReferenceEqualityComparer.Instance);
        foreach (AttentionPattern attention in fusesAttention ? AttentionPattern.FindAll(graph) : [])
        {
            ends.Add(attention.End, attention);
            within.UnionWith(attention.Within);
        }

        foreach (OnnxNode node in graph.Nodes)
        {
            if (ends.TryGetValue(node, out AttentionPattern? fused))
            {
                fused.Write(writer);
            }
            else if (!within.Contains(node))
            {
                OperatorTable.Write(writer, node);
            }
        }

        return writer.Finish();
    }
}
