using System.Security.Cryptography;
using SlideMesh.Inference.Engines;
using SlideMesh.Inference.OnnxRuntime;
using SlideMesh.Models.Graphs;

namespace SlideMesh.Models.Tests.Graphs;

public sealed class OnnxWriterTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly OnnxRuntimeEngine _engine = new();

    [Fact]
    public void A_graph_computes_what_its_nodes_say()
    {
        OnnxWriter.Save(Example(), _folder.Path, "tile.onnx");

        Assert.Equal(Expected(), Run("tile.onnx"));
    }

    [Fact]
    public void The_same_calls_give_the_same_bytes()
    {
        OnnxWriter.Save(Example(), _folder.Path, "a.onnx");
        OnnxWriter.Save(Example(), _folder.Path, "b.onnx");

        Assert.Equal(Hash("a.onnx"), Hash("b.onnx"));
    }

    [Fact]
    public void Weights_over_the_limit_lie_in_a_file_of_their_own()
    {
        IReadOnlyList<string> files = OnnxWriter.Save(Example(rows: 300), _folder.Path, "tile.onnx", inlineLimit: 1000);

        Assert.Equal(["tile.onnx", "tile.weights"], files);
        Assert.True(new FileInfo(_folder.File("tile.onnx")).Length < 1024);
        Assert.Equal(Expected(), Run("tile.onnx"));
    }

    public void Dispose()
    {
        _engine.Dispose();
        _folder.Dispose();
    }

    // y = gelu(x Wᵀ + b), W[r, c] = r + 10 c in its first three rows.
    private static OnnxGraph Example(int rows = 3)
    {
        OnnxGraph g = new("example");
        GraphValue x = g.Input("features", -1, 2);
        float[] w = [.. Enumerable.Range(0, rows).SelectMany(r => new float[] { r, r + 10 })];
        GraphValue y = g.Linear(x, Weight.Of("fc.weight", [rows, 2], w), Weight.Of("fc.bias", [rows], new float[rows]));
        g.Output("hidden", g.Gelu(y), -1, rows);
        return g;
    }

    private static float[] Expected() => [1 * 0 + 2 * 10f, 1 + 2 * 11f, 2 + 2 * 12f];

    private float[] Run(string file)
    {
        using IInferenceSession session = _engine.Load(_folder.File(file), 1);
        return session.Run([new TensorView("features", new float[] { 1, 2 }, [1, 2])], ["hidden"])[0].Data[..3];
    }

    private string Hash(string file) => Convert.ToHexString(SHA256.HashData(File.ReadAllBytes(_folder.File(file))));
}
