using System.Collections.Concurrent;
using SlideMesh.Inference.Batching;
using SlideMesh.Inference.Engines;
using SlideMesh.Inference.Packages;
using SlideMesh.Mesh.Runs;

namespace SlideMesh.Mesh.Stages;

/// <summary>
/// The batchers of one device: one per model that takes pixels, shared by every stream, shard and slide. Made when the first
/// shard asks, so that a run that finds everything done in the store neither loads a model nor tries batch sizes.
/// </summary>
public sealed class DeviceBatchers : IDisposable
{
    private readonly Dictionary<string, Lazy<TileBatcher>> _byStream = new(StringComparer.Ordinal);
    private readonly ConcurrentBag<TileBatcher> _batchers = [];
    private readonly ConcurrentBag<IInferenceSession> _sessions = [];

    public DeviceBatchers(ResolvedPipeline pipeline, IInferenceEngine engine, RunOptions options)
    {
        ArgumentNullException.ThrowIfNull(pipeline);
        ArgumentNullException.ThrowIfNull(engine);
        ArgumentNullException.ThrowIfNull(options);

        // Streams that differ only in their view of the slide share a batcher: the same graph, the same tile size.
        foreach (IGrouping<(string Package, int SizePx), FeatureStream> model in pipeline.Streams.GroupBy(s => (s.Package, s.View.SizePx)))
        {
            Lazy<TileBatcher> batcher = new(() => Make(pipeline, engine, model.First(), options));
            foreach (FeatureStream stream in model)
            {
                _byStream[stream.Id] = batcher;
            }
        }
    }

    /// <summary>What the batchers that are in use have done so far.</summary>
    public IEnumerable<BatcherStatistics> Statistics => _batchers.Select(b => b.Statistics);

    /// <summary>Share of the device's time that it spent in runs, 0 to 1; 0 before it has run.</summary>
    public double BusyShare
    {
        get
        {
            (double busy, double total) = Statistics.Aggregate(
                (Busy: 0.0, Total: 0.0), (sum, s) => (sum.Busy + s.Busy.TotalSeconds, sum.Total + s.Busy.TotalSeconds + s.Wait.TotalSeconds));
            return total > 0 ? busy / total : 0;
        }
    }

    public TileBatcher For(FeatureStream stream)
    {
        ArgumentNullException.ThrowIfNull(stream);
        return _byStream[stream.Id].Value;
    }

    public void Dispose()
    {
        foreach (TileBatcher batcher in _batchers)
        {
            batcher.Dispose();
        }

        foreach (IInferenceSession session in _sessions)
        {
            session.Dispose();
        }
    }

    private TileBatcher Make(ResolvedPipeline pipeline, IInferenceEngine engine, FeatureStream stream, RunOptions options)
    {
        int threads = options.DeviceThreads ?? Environment.ProcessorCount;
        ModelPackage producer = pipeline.Producer(stream);
        TileGraph graph = TileGraph.Of(producer, stream);
        // One thread a run and as many runs at a time as threads: measured faster than one run on all threads, and the
        // order of every sum stays the same whatever the number of threads.
        IInferenceSession session = engine.Load(producer.GraphPath(GraphRole.Tile), threads: 1);
        _sessions.Add(session);
        TileBatcher batcher = TileBatcher.Create(graph, session, new TileBatcherOptions
        {
            BatchSize = options.BatchSize,
            Parallelism = threads,
            MemoryLimitBytes = options.BatchMemoryBytes,
        });
        _batchers.Add(batcher);
        return batcher;
    }
}
