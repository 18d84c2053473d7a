using System.Text.Json;
using SlideMesh.Inference.Engines;
using SlideMesh.Inference.OnnxRuntime;
using SlideMesh.Slides.Native;

namespace SlideMesh.Inference.Tests.OnnxRuntime;

public sealed class OnnxRuntimeEngineTests : IDisposable
{
    private readonly OnnxRuntimeEngine _engine = new();

    public void Dispose() => _engine.Dispose();

    [Fact]
    public void Description_names_engine_and_version() => Assert.Matches(@"^onnxruntime 1\.\d+\.\d+", _engine.Description);

    [Fact]
    public void Session_lists_tensors_with_free_dimensions_and_element_type()
    {
        using IInferenceSession session = Load("ref-encoder", "tile.onnx");

        TensorInfo input = Assert.Single(session.Inputs);
        Assert.Equal(("pixels", "float"), (input.Name, input.ElementType));
        Assert.Equal([-1, 3, 32, 32], input.Shape);
        TensorInfo output = Assert.Single(session.Outputs);
        Assert.Equal("features", output.Name);
        Assert.Equal([-1, 16], output.Shape);
    }

    [Fact]
    public void Encoder_on_pixels_equals_pytorch()
    {
        using IInferenceSession session = Load("ref-encoder", "tile.onnx");
        foreach (JsonElement expected in ReferencePackages.Expected("ref-encoder").GetProperty("cases").EnumerateArray())
        {
            int n = expected.GetProperty("n").GetInt32();
            float[] pixels = [.. Enumerable.Range(0, n).SelectMany(i => Normalised(ReferencePackages.Tile(i, 32)))];

            Tensor features = session.Run([new TensorView("pixels", pixels, [n, 3, 32, 32])], ["features"])[0];

            Assert.Equal([n, 16], features.Shape);
            AssertClose(ReferencePackages.Floats(expected.GetProperty("features")), features.Data, 1e-5);
        }
    }

    [Fact]
    public void Graph_of_two_inputs_and_two_outputs_equals_pytorch()
    {
        using IInferenceSession session = Load("ref-whole", "whole.onnx");
        foreach (JsonElement expected in ReferencePackages.Expected("ref-whole").GetProperty("cases").EnumerateArray())
        {
            int n = expected.GetProperty("n").GetInt32();
            TensorView[] inputs =
                [new("covariates", new float[] { 1 }, [1, 1]), new("features", ReferencePackages.Features(n, 16), [n, 16])];

            IReadOnlyList<Tensor> outputs = session.Run(inputs, ["attention", "origin_logits"]);

            AssertClose(ReferencePackages.Floats(expected.GetProperty("attention")), outputs[0].Data, 1e-5);
            AssertClose(ReferencePackages.Floats(expected.GetProperty("origin_logits")), outputs[1].Data, 1e-5);
        }
    }

    [Fact]
    public void RunInto_writes_the_same_bits_as_Run()
    {
        using IInferenceSession session = Load("ref-streamed", "instance.onnx");
        TensorView[] input = [new("features", ReferencePackages.Features(7, 16), [7, 16])];
        float[] hidden = new float[7 * 8];
        float[] attention = new float[7 * 2];

        session.RunInto(input, [new("attention", attention, [7, 2]), new("hidden", hidden, [7, 8])]);

        IReadOnlyList<Tensor> copied = session.Run(input, ["hidden", "attention"]);
        Assert.Equal(copied[0].Data, hidden);
        Assert.Equal(copied[1].Data, attention);
        Assert.NotEqual(0, hidden.Sum());
    }

    [Fact]
    public void Run_with_a_wrong_shape_carries_the_engines_text()
    {
        using IInferenceSession session = Load("ref-tiles", "tile.onnx");

        InferenceException e = Assert.Throws<InferenceException>(
            () => session.Run([new TensorView("features", new float[15], [1, 15])], ["scores"]));

        Assert.StartsWith("ref-tiles/tile.onnx failed: ", e.Message, StringComparison.Ordinal);
        Assert.DoesNotContain(ReferencePackages.Root, e.ToString().Split("   at ")[0], StringComparison.Ordinal);
        Assert.Contains("Got: 15 Expected: 16", e.Message, StringComparison.Ordinal);
        Assert.False(e.IsOutOfMemory);
    }

    [Fact]
    public void Run_with_data_that_does_not_fill_its_shape_is_refused()
    {
        using IInferenceSession session = Load("ref-tiles", "tile.onnx");

        InferenceException e = Assert.Throws<InferenceException>(
            () => session.Run([new TensorView("features", new float[31], [2, 16])], ["scores"]));

        Assert.Contains("31 values", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Run_with_an_unknown_tensor_names_the_known_ones()
    {
        using IInferenceSession session = Load("ref-tiles", "tile.onnx");

        InferenceException e = Assert.Throws<InferenceException>(
            () => session.Run([new TensorView("features", new float[16], [1, 16])], ["logits"]));

        Assert.DoesNotContain(ReferencePackages.Root, e.Message, StringComparison.Ordinal);
        Assert.Contains("'logits'", e.Message, StringComparison.Ordinal);
        Assert.Contains("scores", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Load_of_a_file_that_is_no_graph_names_package_and_file_and_no_path()
    {
        using ScratchFolder scratch = new();
        string path = Path.Combine(scratch.Path, "broken.onnx");
        File.WriteAllText(path, "not a graph");

        InferenceException e = Assert.Throws<InferenceException>(() => _engine.Load(path, threads: 1));

        Assert.StartsWith($"{Path.GetFileName(scratch.Path)}/broken.onnx cannot be loaded: ", e.Message, StringComparison.Ordinal);
        Assert.DoesNotContain(scratch.Path, e.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void Session_outlives_its_engine()
    {
        OnnxRuntimeEngine engine = new();
        using IInferenceSession session = engine.Load(Path.Combine(ReferencePackages.Folder("ref-tiles"), "tile.onnx"), threads: 2);
        engine.Dispose();

        Assert.Equal(3, session.Run([new TensorView("features", new float[16], [1, 16])], ["scores"])[0].Data.Length);
    }

    [Fact]
    public async Task Run_under_way_ends_at_cancellation()
    {
        using IInferenceSession session = _engine.Load(SlowGraph, threads: 1);
        using CancellationTokenSource cancellation = new();
        Task running = Task.Run(() => session.RunInto(
            [new("pixels", new float[2 * 3 * 4], [2, 3, 2, 2])], [new("features", new float[2], [2, 1])], cancellation.Token));
        cancellation.CancelAfter(TimeSpan.FromMilliseconds(50));

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => running.WaitAsync(TimeSpan.FromMinutes(2)));
    }

    [Fact]
    public void Missing_library_says_how_to_get_it()
    {
        NativeLibraryUnavailableException e = Assert.Throws<NativeLibraryUnavailableException>(
            () => OnnxRuntimeLibrary.Open("SLIDEMESH_TEST_NO_SUCH_VARIABLE", ["libno-such-onnxruntime.so.1"]));

        Assert.Contains("tools/setup.sh", e.Message, StringComparison.Ordinal);
        Assert.Contains("SLIDEMESH_TEST_NO_SUCH_VARIABLE", e.Message, StringComparison.Ordinal);
    }

    /// <summary>A loop of 10^12 rounds: some hours.</summary>
    internal static string SlowGraph => Path.Combine(ReferencePackages.Root, "tests", "SlideMesh.Inference.Tests", "Graphs", "slow.onnx");

    internal static void AssertClose(ReadOnlySpan<float> expected, ReadOnlySpan<float> actual, double tolerance)
    {
        Assert.Equal(expected.Length, actual.Length);
        for (int i = 0; i < expected.Length; i++)
        {
            Assert.True(Math.Abs(expected[i] - actual[i]) <= tolerance, $"Element {i}: {expected[i]} expected, {actual[i]} found.");
        }
    }

    // Written out with the reference packages' own constants, in the order in which PyTorch does it.
    private static IEnumerable<float> Normalised(byte[] rgb)
    {
        float[] mean = [0.5f, 0.4f, 0.6f];
        float[] std = [0.25f, 0.2f, 0.3f];
        return Enumerable.Range(0, 3).SelectMany(c => Enumerable.Range(0, rgb.Length / 3).Select(i => ((rgb[(3 * i) + c] / 255f) - mean[c]) / std[c]));
    }

    private IInferenceSession Load(string package, string graph) => _engine.Load(Path.Combine(ReferencePackages.Folder(package), graph), threads: 1);
}
