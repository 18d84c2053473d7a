using SlideMesh.Inference.Engines;
using SlideMesh.Inference.LibTorch.Onnx;
using SlideMesh.Inference.LibTorch.TorchScript;

namespace SlideMesh.Inference.Tests.LibTorch;

/// <summary>Our reader of ONNX files and the program made of them; none of this needs libtorch.</summary>
public sealed class OnnxReaderTests
{
    private static string Graphs { get; } = Path.Combine(ReferencePackages.Root, "tests", "SlideMesh.Inference.Tests", "Graphs");

    [Fact]
    public void Weights_beside_the_graph_are_read()
    {
        using OnnxReader reader = new(Path.Combine(Graphs, "external", "tile.onnx"));

        OnnxTensor weights = Assert.Single(reader.Graph.Initializers).Value;
        Assert.Equal([768, 1], weights.Shape);
        Assert.Equal(767f / 768, BitConverter.ToSingle(weights.Data.Span[(4 * 767)..]));
        Assert.Equal([-1, 3, 16, 16], Assert.Single(reader.Graph.Inputs).Shape);
    }

    [Fact]
    public void Operator_that_is_not_covered_is_named()
    {
        using OnnxReader reader = new(Path.Combine(Graphs, "slow.onnx"));

        OnnxException e = Assert.Throws<OnnxException>(() => ScriptProgram.Write(reader.Graph, Inference.LibTorch.Precision.Fp32));

        Assert.Equal("uses operator Loop, which the libtorch engine does not cover", e.Message);
    }

    [Fact]
    public void Names_of_the_file_do_not_enter_the_program()
    {
        using OnnxReader reader = new(Path.Combine(Graphs, "tiny-vit.onnx"));

        ScriptProgram program = ScriptProgram.Write(reader.Graph, Inference.LibTorch.Precision.Fp32);

        Assert.All(reader.Graph.Initializers.Keys.Where(name => name.Length > 3), name => Assert.DoesNotContain(name, program.Source, StringComparison.Ordinal));
        Assert.StartsWith("def forward(self, i0: Tensor) -> Tuple[Tensor]:\n", program.Source, StringComparison.Ordinal);
    }

    [Fact]
    public void Weights_outside_of_the_folder_are_refused()
    {
        byte[] graph = File.ReadAllBytes(Path.Combine(Graphs, "external", "tile.onnx"));
        byte[] escaping = [.. graph];
        int at = escaping.AsSpan().IndexOf("LICENSE.weights"u8);
        "../../../weight"u8.CopyTo(escaping.AsSpan(at));
        using ScratchFolder scratch = new();
        string path = Path.Combine(scratch.Path, "tile.onnx");
        File.WriteAllBytes(path, escaping);

        Assert.Contains("leaves its folder", Assert.Throws<OnnxException>(() => new OnnxReader(path)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Damaged_files_end_in_an_error_and_take_no_memory_for_what_they_announce()
    {
        byte[] whole = File.ReadAllBytes(Path.Combine(ReferencePackages.Folder("ref-encoder"), "tile.onnx"));
        using ScratchFolder scratch = new();
        string path = Path.Combine(scratch.Path, "tile.onnx");
        Random random = new(4);
        int refused = 0;
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int round = 0; round < 400; round++)
        {
            byte[] damaged = round < 100 ? whole[..random.Next(whole.Length)] : [.. whole];
            for (int i = 0; i < 4 && round >= 100; i++)
            {
                damaged[random.Next(damaged.Length)] = (byte)random.Next(256);
            }

            File.WriteAllBytes(path, damaged);
            try
            {
                using OnnxReader reader = new(path);
                _ = ScriptProgram.Write(reader.Graph, Inference.LibTorch.Precision.Fp32);
            }
            catch (OnnxException)
            {
                refused++;
            }
        }

        Assert.True(refused > 100, $"{refused} were refused.");
        Assert.True(GC.GetAllocatedBytesForCurrentThread() - before < 256L << 20, "A damaged length was believed.");
    }

    [Fact]
    public void File_that_is_no_graph_is_refused_without_its_path()
    {
        using ScratchFolder scratch = new();
        string path = Path.Combine(scratch.Path, "tile.onnx");
        File.WriteAllText(path, "not a graph");

        Assert.DoesNotContain(scratch.Path, Assert.Throws<OnnxException>(() => new OnnxReader(path)).Message, StringComparison.Ordinal);
    }
}
