using System.Text.RegularExpressions;
using SlideMesh.Inference.LibTorch;
using SlideMesh.Inference.LibTorch.Onnx;
using SlideMesh.Inference.LibTorch.TorchScript;

namespace SlideMesh.Inference.Tests.LibTorch;

/// <summary>Which chains of operators are written as one attention; none of this needs libtorch. What a chain computes: <see cref="BothEnginesTests"/>.</summary>
public sealed class AttentionPatternTests
{
    private static readonly OnnxAttribute LastAxis = new() { Int = -1 };

    [Fact]
    public void Blocks_of_an_exported_transformer_become_one_operator_each()
    {
        using OnnxReader reader = new(Path.Combine(ReferencePackages.Root, "tests", "SlideMesh.Inference.Tests", "Graphs", "tiny-vit.onnx"));

        string fused = ScriptProgram.Write(reader.Graph, Inference.LibTorch.Precision.Fp32, fusesAttention: true).Source;
        string plain = ScriptProgram.Write(reader.Graph, Inference.LibTorch.Precision.Fp32).Source;

        // PyTorch 1.13 computes the scale from the width of the tokens: it is done to the queries.
        Assert.Equal(2, Regex.Count(fused, @"  (v\d+) = torch\.mul\(v\d+, v\d+\)\n  (v\d+) = torch\.transpose\(v\d+, -2, -1\)\n  v\d+ = torch\.scaled_dot_product_attention\(\1, \2, v\d+, None, 0\.0, False, scale=1\.0\)\n"));
        Assert.DoesNotContain("softmax", fused, StringComparison.Ordinal);
        Assert.Equal(2, Regex.Count(plain, @"= torch\.softmax\("));
        Assert.DoesNotContain("scaled_dot_product_attention", plain, StringComparison.Ordinal);
    }

    [Fact]
    public void Chain_without_a_scale_of_its_own_has_scale_one()
    {
        AttentionPattern found = Assert.Single(AttentionPattern.FindAll(Graph([
            Node("MatMul", ["q", "k"], "scores"), Node("Softmax", ["scores"], "weights", LastAxis), Node("MatMul", ["weights", "v"], "out")])));

        Assert.Equal(("q", "k", "v", 1.0), (found.Queries, found.KeysTransposed, found.Values, found.Scale));
    }

    [Fact]
    public void Division_is_the_inverse_scale()
    {
        AttentionPattern found = Assert.Single(AttentionPattern.FindAll(Graph([
            Node("MatMul", ["q", "k"], "scores"), Node("Div", ["scores", "eight"], "scaled"), Node("Softmax", ["scaled"], "weights", LastAxis),
            Node("MatMul", ["weights", "v"], "out")])));

        Assert.Equal(0.125, found.Scale);
        Assert.Equal(["MatMul", "Div", "Softmax"], found.Within.Select(n => n.Operator));
    }

    [Theory]
    [InlineData("weights")]
    [InlineData("scores")]
    public void What_is_read_elsewhere_stays(string output) => Assert.Empty(AttentionPattern.FindAll(Graph(
        [Node("MatMul", ["q", "k"], "scores"), Node("Softmax", ["scores"], "weights", LastAxis), Node("MatMul", ["weights", "v"], "out")], output)));

    [Fact]
    public void Other_axis_or_mask_or_scale_of_each_head_stays()
    {
        Assert.Empty(AttentionPattern.FindAll(Graph([
            Node("MatMul", ["q", "k"], "scores"), Node("Softmax", ["scores"], "weights", new OnnxAttribute { Int = 1 }), Node("MatMul", ["weights", "v"], "out")])));
        foreach ((string name, string operand) in ((string, string)[])[("Add", "eight"), ("Mul", "v")])
        {
            Assert.Empty(AttentionPattern.FindAll(Graph([
                Node("MatMul", ["q", "k"], "scores"), Node(name, ["scores", operand], "changed"), Node("Softmax", ["changed"], "weights", LastAxis),
                Node("MatMul", ["weights", "v"], "out")])));
        }
    }

    [Theory]
    [InlineData("1.13.1", false)]
    [InlineData("2.0.1", false)]
    [InlineData("2.1.0+cu121", true)]
    [InlineData("2.11.0", true)]
    [InlineData("unknown", false)]
    public void One_operator_is_written_where_the_library_has_it(string running, bool fuses) => Assert.Equal(fuses, TorchLibrary.FusesAttention(running));

    private static OnnxNode Node(string name, string[] inputs, string output, OnnxAttribute? axis = null) =>
        new(name, "", inputs, [output], axis is null ? new Dictionary<string, OnnxAttribute>() : new Dictionary<string, OnnxAttribute> { ["axis"] = axis });

    private static OnnxGraph Graph(OnnxNode[] nodes, string? second = null)
    {
        OnnxValueInfo[] inputs = [.. new[] { "q", "k", "v" }.Select(name => new OnnxValueInfo(name, OnnxType.Float, [-1, 3, -1, -1]))];
        OnnxTensor eight = new(OnnxType.Float, [], BitConverter.GetBytes(8f));
        OnnxValueInfo[] outputs = [.. new[] { "out", second }.OfType<string>().Select(name => new OnnxValueInfo(name, OnnxType.Float, null))];
        return new OnnxGraph(17, inputs, outputs, new Dictionary<string, OnnxTensor> { ["eight"] = eight }, nodes);
    }
}
