using SlideMesh.Inference.Batching;
using SlideMesh.Inference.Engines;
using SlideMesh.Inference.Packages;
using SlideMesh.Mesh.Runs;

namespace SlideMesh.Mesh.Stages;

/// <summary>The batchers of one device: one per model that takes pixels, shared by every stream, shard and slide.</summary>
public sealed class DeviceBatchers : IDisposable
{
    private readonly Dictionary<string, TileBatcher> _byStream = new(StringComparer.Ordinal);
    private readonly List<TileBatcher> _batchers = [];
    private readonly List<IInferenceSession> _sessions = [];

    public DeviceBatchers(ResolvedPipeline pipeline, IInferenceEngine engine, RunOptions options, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(pipeline);
        ArgumentNullException.ThrowIfNull(engine);
        ArgumentNullException.ThrowIfNull(options);
        int threads = options.DeviceThreads ?? Environment.ProcessorCount;
        try
        {
            // Streams that differ only in their view of the slide share a batcher: the same graph, the same tile size.
            foreach (IGrouping<(string Package, int SizePx), FeatureStream> model in pipeline.Streams.GroupBy(s => (s.Package, s.View.SizePx)))
            {
                TileBatcher batcher = Make(pipeline, engine, model.First(), options, threads, cancellation);
                foreach (FeatureStream stream in model)
                {
                    _byStream[stream.Id] = batcher;
                }
            }
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>Model name and batch size of each batcher.</summary>
    public IEnumerable<(string Model, int BatchSize)> BatchSizes { get; private set; } = [];

    public TileBatcher For(FeatureStream stream)
    {
        ArgumentNullException.ThrowIfNull(stream);
        return _byStream[stream.Id];
    }

    public IEnumerable<BatcherStatistics> Statistics => _batchers.Select(b => b.Statistics);

    public void Dispose()
    {
        _batchers.ForEach(b => b.Dispose());
        _sessions.ForEach(s => s.Dispose());
        _batchers.Clear();
        _sessions.Clear();
    }

    private TileBatcher Make(
        ResolvedPipeline pipeline, IInferenceEngine engine, FeatureStream stream, RunOptions options, int threads, CancellationToken cancellation)
    {
        ModelPackage producer = pipeline.Producer(stream);
        TileGraph graph = TileGraph.Of(producer, stream);
        // One thread a run and as many runs at a time as threads: measured faster than one run on all threads, and the
        // order of every sum stays the same whatever the number of threads.
        IInferenceSession session = engine.Load(producer.GraphPath(GraphRole.Tile), threads: 1);
        _sessions.Add(session);
        long memory = options.BatchMemoryBytes;
        cancellation.ThrowIfCancellationRequested();
        int batch = options.BatchSize ?? BatchSizeFinder.Find(graph, session, threads, memory).BatchSize;
        TileBatcher batcher = new(graph, session, new TileBatcherOptions { BatchSize = batch, Parallelism = threads, MemoryLimitBytes = memory });
        _batchers.Add(batcher);
        BatchSizes = [.. BatchSizes, (producer.Name, batch)];
        return batcher;
    }
}
