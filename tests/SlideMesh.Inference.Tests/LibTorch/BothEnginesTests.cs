using SlideMesh.Inference.Engines;
using SlideMesh.Inference.LibTorch;
using SlideMesh.Inference.OnnxRuntime;
using SlideMesh.Inference.Packages;

namespace SlideMesh.Inference.Tests.LibTorch;

/// <summary>Every graph of the demonstration and reference packages through both engines.</summary>
public sealed class BothEnginesTests : IDisposable
{
    private const double Tolerance = 1e-4;

    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(3);

    private readonly IInferenceEngine _onnx = new OnnxRuntimeEngine();
    private readonly IInferenceEngine _torch = new LibTorchEngine();

    public void Dispose()
    {
        _onnx.Dispose();
        _torch.Dispose();
    }

    [TorchFact]
    public void Every_graph_of_every_package_gives_the_same_numbers() => Bounded.Run(Patience, () =>
    {
        string[] folders = [.. Directory.EnumerateDirectories(ReferencePackages.DemoFolder("")), .. Directory.EnumerateDirectories(ReferencePackages.Folder(""))];
        int graphs = 0;
        foreach (ModelPackage package in folders.Order(StringComparer.Ordinal).Select(ModelPackage.Load))
        {
            foreach ((string role, GraphSpec spec) in package.Manifest.Graphs)
            {
                Compare(package, role, spec);
                graphs++;
            }
        }

        Assert.True(graphs >= 20, $"Only {graphs} graphs were compared.");
    });

    [TorchFact]
    public void Graphs_of_a_transformer_and_a_residual_network_give_the_same_numbers() => Bounded.Run(Patience, () =>
    {
        foreach (string graph in (string[])["tiny-vit.onnx", "tiny-resnet.onnx", "computed-weights.onnx"])
        {
            string path = Path.Combine(ReferencePackages.Root, "tests", "SlideMesh.Inference.Tests", "Graphs", graph);
            using IInferenceSession a = _onnx.Load(path, threads: 1);
            using IInferenceSession b = _torch.Load(path, threads: 1);
            Compare(a, b, [Noise("pixels", [3, 3, 32, 32], 7)], ["features"]);
        }
    });

    private void Compare(ModelPackage package, string role, GraphSpec spec)
    {
        using IInferenceSession a = _onnx.Load(package, role, threads: 1);
        using IInferenceSession b = _torch.Load(package, role, threads: 1);
        Assert.Equal(a.Inputs.Select(i => i.Name), b.Inputs.Select(i => i.Name));
        Assert.Equal(a.Outputs.Select(i => i.Name), b.Outputs.Select(i => i.Name));
        foreach (long rows in (long[])[1, 5])
        {
            TensorView[] inputs = [.. spec.Inputs.Select((input, i) => Noise(input.Name, [.. input.Shape.Select((e, at) => e > 0 ? e : at == 0 ? rows : 64)], i))];
            Compare(a, b, inputs, [.. spec.Outputs.Select(o => o.Name)]);
        }
    }

    private static void Compare(IInferenceSession a, IInferenceSession b, TensorView[] inputs, string[] outputs)
    {
        IReadOnlyList<Tensor> expected = a.Run(inputs, outputs);
        IReadOnlyList<Tensor> found = b.Run(inputs, outputs);
        for (int i = 0; i < outputs.Length; i++)
        {
            Assert.Equal(expected[i].Shape, found[i].Shape);
            Assert.Contains(expected[i].Data, value => value != 0);
            OnnxRuntime.OnnxRuntimeEngineTests.AssertClose(expected[i].Data, found[i].Data, Tolerance);
        }
    }

    private static TensorView Noise(string name, long[] shape, int seed)
    {
        Random random = new(seed);
        float[] values = new float[shape.Aggregate(1L, (product, extent) => product * extent)];
        for (int i = 0; i < values.Length; i++)
        {
            values[i] = (random.NextSingle() * 2) - 1;
        }

        return new TensorView(name, values, shape);
    }
}
