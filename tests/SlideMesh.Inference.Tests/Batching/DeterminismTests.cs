using SlideMesh.Inference.Batching;
using SlideMesh.Inference.Engines;
using SlideMesh.Inference.OnnxRuntime;
using SlideMesh.Inference.Packages;

namespace SlideMesh.Inference.Tests.Batching;

/// <summary>A tile's row has the same bits whatever the batch size, its place, its neighbours, the threads and the order of arrival.</summary>
public sealed class DeterminismTests : IDisposable
{
    private const int Tiles = 33;

    // Far beyond what any of this takes, also on a machine that stood still for half a minute.
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

    private static readonly Normalisation Half = new([0.5f, 0.5f, 0.5f], [0.5f, 0.5f, 0.5f]);

    private readonly OnnxRuntimeEngine _engine = new();

    public void Dispose() => _engine.Dispose();

    [Theory]
    [InlineData("tiny-vit.onnx", 10)]
    [InlineData("tiny-resnet.onnx", 7)]
    [InlineData("computed-weights.onnx", 1)]
    public async Task Rows_of_a_small_graph_do_not_depend_on_the_batch(string file, int dimension)
    {
        string path = Path.Combine(ReferencePackages.Root, "tests", "SlideMesh.Inference.Tests", "Graphs", file);
        await AssertIndependentAsync(path, new TileGraph(file, "pixels", "features", 32, dimension, Half), Tiles, [1, 2, 3, 8, 32]);
    }

    [Fact]
    public async Task Rows_of_the_demonstration_encoder_do_not_depend_on_the_batch()
    {
        ModelPackage encoder = ModelPackage.Load(ReferencePackages.DemoFolder("demo-encoder"));
        FeatureStream stream = Assert.Single(PipelineResolver.Resolve([encoder], _engine).Streams);
        await AssertIndependentAsync(encoder.GraphPath(GraphRole.Tile), TileGraph.Of(encoder, stream), 17, [1, 5, 16]);
    }

    [Fact]
    public void Graph_whose_rounding_depends_on_the_batch_is_found_out()
    {
        string path = Path.Combine(ReferencePackages.Root, "tests", "SlideMesh.Inference.Tests", "Graphs", "computed-weights.onnx");
        using IInferenceSession session = _engine.Load(path, threads: 1);
        TileGraph graph = new("computed", "pixels", "features", 32, 1, Half);
        using TileBatcher batcher = TileBatcher.Create(graph, session, new TileBatcherOptions { BatchSize = 8, Parallelism = 1 });

        Assert.All([1, 2, 4], parallelism => Assert.False(RowIndependence.Holds(graph, session, parallelism)));
        Assert.Equal(1, batcher.Statistics.BatchSize);
    }

    [Fact]
    public async Task Probes_run_beside_each_other()
    {
        using StubSession session = new(held: true);
        TileGraph graph = new("stub", "pixels", "value", 2, 1, Half);
        Task<bool> verdict = Task.Run(() => RowIndependence.Holds(graph, session, parallelism: 2));

        // Both have begun although neither may end.
        await session.RunStartedAsync().WaitAsync(Patience);
        await session.RunStartedAsync().WaitAsync(Patience);
        session.LetRun(4);

        Assert.True(await verdict.WaitAsync(Patience));
        Assert.Equal([2, 2, 3, 7], session.Runs.Order());
    }

    [Fact]
    public async Task Batcher_over_the_reference_encoder_equals_pytorch()
    {
        ModelPackage encoder = ModelPackage.Load(ReferencePackages.Folder("ref-encoder"));
        FeatureStream stream = Assert.Single(PipelineResolver.Resolve([encoder], _engine).Streams);
        using IInferenceSession session = _engine.Load(encoder.GraphPath(GraphRole.Tile), threads: 1);

        float[] rows = await EmbedAsync(session, TileGraph.Of(encoder, stream), 3, batchSize: 2, parallelism: 1);

        float[] expected = ReferencePackages.Floats(ReferencePackages.Expected("ref-encoder").GetProperty("cases")[1].GetProperty("features"));
        OnnxRuntime.OnnxRuntimeEngineTests.AssertClose(expected, rows, 1e-5);
    }

    private async Task AssertIndependentAsync(string path, TileGraph graph, int tiles, int[] batchSizes)
    {
        float[]? expected = null;
        foreach (int threads in new[] { 1, 2 })
        {
            using IInferenceSession session = _engine.Load(path, threads);
            foreach (int batchSize in batchSizes)
            {
                float[] rows = await EmbedAsync(session, graph, tiles, batchSize, parallelism: 2);
                expected ??= rows;
                int different = Enumerable.Range(0, rows.Length).Count(i => BitConverter.SingleToInt32Bits(rows[i]) != BitConverter.SingleToInt32Bits(expected[i]));
                Assert.True(different == 0, $"{different} of {rows.Length} values differ with {threads} threads and batches of {batchSize}.");
            }
        }

        Assert.True(expected!.Distinct().Count() > tiles / 2, "The graph gives different tiles different rows.");
    }

    /// <summary>Three decode threads race for slots, so that place and neighbours differ from call to call.</summary>
    private static async Task<float[]> EmbedAsync(IInferenceSession session, TileGraph graph, int tiles, int batchSize, int parallelism)
    {
        float[] rows = new float[tiles * graph.Dimension];
        TileGroup group = new();
        using TileBatcher batcher = TileBatcher.Create(
            graph, session, new TileBatcherOptions { BatchSize = batchSize, Parallelism = parallelism, Linger = TimeSpan.FromMilliseconds(1) });
        Task feeding = Parallel.ForAsync(0, tiles, new ParallelOptions { MaxDegreeOfParallelism = 3 }, async (i, cancellationToken) =>
        {
            BatchSlot slot = await batcher.AcquireAsync(cancellationToken);
            slot.Fill(ReferencePackages.Tile(i, graph.SizePx));
            slot.Commit(rows.AsMemory(i * graph.Dimension, graph.Dimension), group);
        });
        await feeding.WaitAsync(Patience);
        group.Seal();
        await group.Completion.WaitAsync(Patience);
        return rows;
    }
}
