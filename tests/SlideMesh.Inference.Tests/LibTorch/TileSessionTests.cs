using SlideMesh.Inference.Batching;
using SlideMesh.Inference.Engines;
using SlideMesh.Inference.LibTorch;
using SlideMesh.Inference.Packages;

namespace SlideMesh.Inference.Tests.LibTorch;

/// <summary>Tiles as bytes through libtorch, alone and behind a batcher.</summary>
public sealed class TileSessionTests : IDisposable
{
    private readonly IInferenceEngine _torch = new LibTorchEngine();
    private readonly ModelPackage _encoder = ModelPackage.Load(ReferencePackages.Folder("ref-encoder"));

    public void Dispose() => _torch.Dispose();

    [TorchFact]
    public void Tiles_of_bytes_give_what_pytorch_gives()
    {
        using ITileSession session = Load();
        foreach (System.Text.Json.JsonElement expected in ReferencePackages.Expected("ref-encoder").GetProperty("cases").EnumerateArray())
        {
            int n = expected.GetProperty("n").GetInt32();
            byte[] pixels = [.. Enumerable.Range(0, n).SelectMany(i => ReferencePackages.Tile(i, 32))];
            float[] rows = new float[n * 16];

            TileRunTimings timings = session.RunTiles(Run(pixels, rows, n, 32));

            OnnxRuntime.OnnxRuntimeEngineTests.AssertClose(ReferencePackages.Floats(expected.GetProperty("features")), rows, 1e-5);
            Assert.True(timings.Compute > 0, "No time was told.");
        }
    }

    [TorchFact]
    public async Task Batcher_runs_full_batches_and_delivers_every_row()
    {
        using ITileSession session = Load();
        float[] expected = new float[37 * 16];
        byte[] pixels = [.. Enumerable.Range(0, 37).SelectMany(i => ReferencePackages.Tile(i, 32))];
        session.RunTiles(Run(pixels, expected, 37, 32));
        TileGraph graph = TileGraph.Of(_encoder, new FeatureStream("ref-encoder", "ref-encoder", _encoder.Manifest.Tile!, 16));
        using TileBatcher batcher = TileBatcher.Create(graph, session, new TileBatcherOptions { BatchSize = 8, Parallelism = 2 });
        float[] rows = new float[37 * 16];
        TileGroup group = new();
        for (int i = 0; i < 37; i++)
        {
            BatchSlot slot = batcher.Acquire(CancellationToken.None);
            slot.Fill(pixels.AsSpan(i * 32 * 32 * 3, 32 * 32 * 3));
            slot.Commit(rows.AsMemory(i * 16, 16), group);
        }

        group.Seal();
        batcher.Flush();
        await group.Completion.WaitAsync(TimeSpan.FromSeconds(20));

        OnnxRuntime.OnnxRuntimeEngineTests.AssertClose(expected, rows, 1e-5);
        Assert.Equal((8, true), (batcher.Statistics.BatchSize, batcher.Graph.TakesBytes));
        Assert.True(batcher.Statistics.Device.Compute > 0, "No time was counted.");
    }

    [TorchFact]
    public void Tile_of_another_size_than_the_graph_s_is_resized_as_pytorch_does()
    {
        // tests/SlideMesh.Inference.Tests/LibTorch/Reference/make_reference.py
        System.Text.Json.JsonElement expected = TorchReference.Read().GetProperty("resized48");
        using ITileSession session = Load();
        float[] rows = new float[2 * 16];

        session.RunTiles(Run([.. ReferencePackages.Tile(0, 48), .. ReferencePackages.Tile(1, 48)], rows, 2, 48));

        OnnxRuntime.OnnxRuntimeEngineTests.AssertClose(ReferencePackages.Floats(expected), rows, 1e-5);
    }

    [TorchFact]
    public void Run_that_does_not_fit_its_memory_is_refused()
    {
        using ITileSession session = Load();

        InferenceException e = Assert.Throws<InferenceException>(() => session.RunTiles(Run(new byte[100], new float[16], 1, 32)));

        Assert.Contains("100 bytes", e.Message, StringComparison.Ordinal);
    }

    private ITileSession Load() => Assert.IsAssignableFrom<ITileSession>(_torch.Load(_encoder, GraphRole.Tile, 1));

    private TileRun Run(byte[] pixels, float[] rows, int count, int edge) => new(pixels, rows, count, edge, "features", 16, _encoder.Manifest.Normalisation!);
}
