using System.Diagnostics;
using SlideMesh.Inference.Engines;
using SlideMesh.Inference.LibTorch;
using SlideMesh.Inference.OnnxRuntime;
using SlideMesh.Models.Tests.Heads;
using SlideMesh.Prediction.Bags;
using SlideMesh.Prediction.Heads;
using Xunit.Abstractions;

namespace SlideMesh.Models.Tests.LibTorch;

/// <summary>CLAM in its published size on a slide of 100,000 tiles, through both engines.</summary>
[Collection(Alone)]
public sealed class LargeBagTests(ITestOutputHelper output)
{
    /// <summary>Memory of the process is measured: no other test runs meanwhile.</summary>
    internal const string Alone = "alone";

    private const int Tiles = 100_000;

    // The features are 391 MiB, the hidden rows 195 MiB: were they to lie in memory whole, the second half of the slide would add 293 MiB. Allocators keep some of what was freed: a third of that.
    private const long MostGrowth = (Tiles / 2) * (1024L + 512) * sizeof(float) / 3;

    [TorchTheory]
    [InlineData("clam-sb-small")]
    public void Head_on_libtorch_gives_what_onnx_runtime_gives_in_bounded_memory(string name)
    {
        HeadCase reference = HeadCase.Load(name);
        using OnnxRuntimeEngine onnx = new();
        using LibTorchEngine torch = new();

        HeadResult expected = Evaluate(reference, onnx);
        HeadResult found = Evaluate(reference, torch);

        Assert.Equal(Tiles, expected.Tiles!.Values.Length);
        // An attention that tells tiles apart: a mean would not.
        Assert.True(expected.Tiles.Values.Max() - expected.Tiles.Values.Min() > 0.1f, "The attention is the same for every tile.");
        AssertClose("attention", expected.Tiles.Values, found.Tiles!.Values);
        AssertClose("pooled", expected.Find("pooled")!, found.Find("pooled")!);
        foreach (string tensor in expected.Outputs.Keys)
        {
            AssertClose(tensor, expected.Outputs[tensor].Data, found.Outputs[tensor].Data);
        }
    }

    private HeadResult Evaluate(HeadCase reference, IInferenceEngine engine)
    {
        using ImportedHead head = new(reference, engine: engine);
        // Half the slide: what engines set up for a shape, and what allocators keep, is there before the measurement.
        head.Evaluate(new HashedBag(Tiles / 2, reference.Width));
        GC.Collect();
        long before = Environment.WorkingSet;
        HashedBag bag = new(Tiles, reference.Width);
        Stopwatch clock = Stopwatch.StartNew();

        HeadResult result = head.Evaluate(bag);

        long growth = Math.Max(bag.LargestWorkingSet, Environment.WorkingSet) - before;
        output.WriteLine(FormattableString.Invariant($"{engine.Description}: {clock.Elapsed.TotalSeconds:0.0} s, {growth / 1048576.0:0.0} MiB more at most, {MostGrowth >> 20} allowed"));
        Assert.True(growth < MostGrowth, $"{engine.Description}: {growth >> 20} MiB more, {MostGrowth >> 20} allowed.");
        return result;
    }

    private static void AssertClose(string tensor, float[] expected, float[] found)
    {
        Assert.Equal(expected.Length, found.Length);
        for (int i = 0; i < expected.Length; i++)
        {
            Assert.True(
                Math.Abs(expected[i] - found[i]) <= 1e-4 * Math.Max(1, Math.Abs(expected[i])), $"{tensor}[{i}]: {expected[i]} on ONNX Runtime, {found[i]} on libtorch");
        }
    }

    /// <summary>Features in [0, 1) that are made where they are read, so that the bag takes no memory; tells the largest resident memory at a read.</summary>
    private sealed class HashedBag(int count, int width) : IFeatureBag
    {
        public int Count => count;

        public int Dimension => width;

        public ReadOnlySpan<long> Coordinates => [];

        public (int Width, int Height) TileSizeLevel0 => (256, 256);

        public long LargestWorkingSet { get; private set; }

        public void Read(int start, int count, Span<float> destination)
        {
            LargestWorkingSet = Math.Max(LargestWorkingSet, Environment.WorkingSet);
            for (int i = 0; i < destination.Length; i++)
            {
                ulong z = unchecked((((ulong)start * (ulong)width) + (ulong)i + 1) * 0x9E3779B97F4A7C15UL);
                z = unchecked((z ^ (z >> 32)) * 0xBF58476D1CE4E5B9UL);
                destination[i] = (z >> 40) / 16777216f;
            }
        }
    }
}

[CollectionDefinition(LargeBagTests.Alone, DisableParallelization = true)]
public sealed class AloneCollection;
