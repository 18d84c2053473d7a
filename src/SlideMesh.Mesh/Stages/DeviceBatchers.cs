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
    private readonly ConcurrentBag<Task> _warming = [];
    private readonly CancellationTokenSource _stop = new();
    private readonly Action<string>? _notes;
    private int _preparing;

    public DeviceBatchers(ResolvedPipeline pipeline, IInferenceEngine engine, RunOptions options, Action<string>? notes = null)
    {
        ArgumentNullException.ThrowIfNull(pipeline);
        ArgumentNullException.ThrowIfNull(engine);
        ArgumentNullException.ThrowIfNull(options);
        Device = engine.Device;
        _notes = notes;

        // Streams that differ only in their view of the slide share a batcher: the same graph, the same tile size.
        var models = pipeline.Streams.GroupBy(s => (s.Package, s.View.SizePx)).ToList();
        foreach (var model in models)
        {
            Lazy<TileBatcher> batcher = new(() => Prepare(pipeline, engine, model.First(), options, options.BatchMemoryBytes / models.Count));
            foreach (FeatureStream stream in model)
            {
                _byStream[stream.Id] = batcher;
            }
        }
    }

    /// <summary>E.g. <c>cpu</c>, <c>cuda:1</c>.</summary>
    public string Device { get; }

    /// <summary>Memory of the device; null where it is the process's own, and before the first batcher.</summary>
    public DeviceMemory? Memory => _sessions.OfType<ITileSession>().FirstOrDefault()?.Memory;

    /// <summary>Whether a model is being loaded, or batch sizes are tried with it. Large models take minutes.</summary>
    public bool IsPreparing => Volatile.Read(ref _preparing) > 0;

    /// <summary>What the batchers that are in use have done so far.</summary>
    public IEnumerable<BatcherStatistics> Statistics => _batchers.Select(b => b.Statistics);

    /// <summary>The device's time since its first run, for all models together.</summary>
    public DeviceUse Use => DeviceUse.OfOneDevice(Statistics.Select(s => s.Use));

    /// <summary>Starts making the batchers on other threads, while slides are still being planned. What fails is thrown by <see cref="For"/>.</summary>
    public void Warm()
    {
        foreach (Lazy<TileBatcher> batcher in _byStream.Values.Distinct().Where(b => !b.IsValueCreated))
        {
            _warming.Add(Task.Run(() => batcher.Value).ContinueWith(static made => _ = made.Exception, TaskScheduler.Default));
        }
    }

    public TileBatcher For(FeatureStream stream)
    {
        ArgumentNullException.ThrowIfNull(stream);
        return _byStream[stream.Id].Value;
    }

    public void Dispose()
    {
        // What is being made uses the engine, which the caller disposes next.
        _stop.Cancel();
        Task.WaitAll([.. _warming]);
        foreach (TileBatcher batcher in _batchers)
        {
            batcher.Dispose();
        }

        foreach (IInferenceSession session in _sessions)
        {
            session.Dispose();
        }

        _stop.Dispose();
    }

    private TileBatcher Prepare(ResolvedPipeline pipeline, IInferenceEngine engine, FeatureStream stream, RunOptions options, long memoryBytes)
    {
        Interlocked.Increment(ref _preparing);
        try
        {
            return Make(pipeline, engine, stream, options, memoryBytes);
        }
        finally
        {
            Interlocked.Decrement(ref _preparing);
        }
    }

    private TileBatcher Make(ResolvedPipeline pipeline, IInferenceEngine engine, FeatureStream stream, RunOptions options, long memoryBytes)
    {
        int threads = options.DeviceThreads ?? Environment.ProcessorCount;
        ModelPackage producer = pipeline.Producer(stream);
        TileGraph graph = TileGraph.Of(producer, stream);
        // One thread a run and as many runs at a time as threads: measured faster than one run on all threads, and the
        // order of every sum stays the same whatever the number of threads.
        IInferenceSession session = engine.Load(producer, GraphRole.Tile, threads: 1);
        _sessions.Add(session);
        TileBatcher batcher = TileBatcher.Create(graph, session, new TileBatcherOptions
        {
            BatchSize = options.BatchSize,
            Parallelism = threads,
            EqualRuns = engine.Device != "cpu",
            MemoryLimitBytes = memoryBytes,
            Device = Device,
            Notes = _notes is null ? null : note => _notes($"{Device}: {note}"),
        }, cancellationToken: _stop.Token);
        _batchers.Add(batcher);
        return batcher;
    }
}
