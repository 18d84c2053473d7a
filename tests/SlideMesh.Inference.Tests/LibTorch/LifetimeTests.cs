using System.Diagnostics;
using SlideMesh.Inference.Engines;
using SlideMesh.Inference.LibTorch;
using SlideMesh.Slides.Native;

namespace SlideMesh.Inference.Tests.LibTorch;

/// <summary>Loading, unloading, and libraries that do not fit.</summary>
[Collection(Alone)]
public sealed class LifetimeTests
{
    /// <summary>Memory of the process is measured: no other test runs meanwhile.</summary>
    internal const string Alone = "alone";

    [TorchFact]
    public void Thousand_loads_and_unloads_leave_no_handle_and_no_memory() => Bounded.Run(TimeSpan.FromMinutes(4), () =>
    {
        using LibTorchEngine engine = new();
        string graph = Path.Combine(ReferencePackages.Folder("ref-encoder"), "tile.onnx");
        float[] pixels = new float[2 * 3 * 32 * 32];
        void Rounds(int count)
        {
            for (int i = 0; i < count; i++)
            {
                using IInferenceSession session = engine.Load(graph, threads: 1);
                Assert.Equal(32, session.Run([new TensorView("pixels", pixels, [2, 3, 32, 32])], ["features"])[0].Data.Length);
            }
        }

        Rounds(200);
        long before = Resident();
        Rounds(800);
        long grown = Resident() - before;

        Assert.Equal(0, engine.Handles);
        // The file alone is 6 KiB, a module some 100: 800 that stayed would be 80 MiB.
        Assert.True(grown < 16 << 20, $"{grown} bytes more after 800 further loads.");
    });

    [TorchFact]
    public void Session_outlives_its_engine()
    {
        LibTorchEngine engine = new();
        using IInferenceSession session = engine.Load(Path.Combine(ReferencePackages.Folder("ref-tiles"), "tile.onnx"), threads: 1);
        engine.Dispose();

        Assert.Equal(3, session.Run([new TensorView("features", new float[16], [1, 16])], ["scores"])[0].Data.Length);
    }

    [TorchFact]
    public void Device_that_is_not_there_is_named()
    {
        InferenceException e = Assert.Throws<InferenceException>(() => new LibTorchEngine(new LibTorchOptions { Device = TorchDevice.Cuda(7) }));

        Assert.Contains("CUDA device 7", e.Message, StringComparison.Ordinal);
    }

    [TorchFact]
    public void Description_names_version_kind_of_device_and_precision()
    {
        using LibTorchEngine engine = new(new LibTorchOptions { Precision = Precision.Bf16 });

        Assert.Matches(@"^libtorch \d+\.\d+\.\d+, cpu, bf16$", engine.Description);
    }

    [Theory]
    [InlineData("2.4.0", "2.4.0", true)]
    [InlineData("2.4.0", "2.4.0+cu121", true)]
    [InlineData("1.13.0", "1.13.0a0+gitunknown", true)]
    [InlineData("2.4.0", "2.4.1", false)]
    [InlineData("2.4.0", "2.11.0", false)]
    [InlineData("2.4.0", "unknown", false)]
    public void Library_fits_the_release_that_it_was_built_for(string compiled, string running, bool fits) =>
        Assert.Equal(fits, TorchLibrary.Fits(compiled, running));

    [Fact]
    public void Missing_library_says_how_to_build_it()
    {
        NativeLibraryUnavailableException e = Assert.Throws<NativeLibraryUnavailableException>(() => TorchLibrary.Open("/nowhere/libslidemesh_torch.so"));

        Assert.Contains("tools/setup.sh --torch", e.Message, StringComparison.Ordinal);
        Assert.Contains("doctor --build-torch", e.Message, StringComparison.Ordinal);
    }

    private static long Resident()
    {
        GC.Collect();
        GC.WaitForPendingFinalizers();
        using Process self = Process.GetCurrentProcess();
        return self.WorkingSet64;
    }
}

[CollectionDefinition(LifetimeTests.Alone, DisableParallelization = true)]
public sealed class AloneCollection;
