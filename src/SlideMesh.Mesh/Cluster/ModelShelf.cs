using SlideMesh.Inference.Engines;
using SlideMesh.Inference.Packages;
using SlideMesh.Mesh.Runs;
using SlideMesh.Mesh.Stages;
using SlideMesh.Prediction;

namespace SlideMesh.Mesh.Cluster;

/// <summary>
/// The models that a node has loaded: one set of graphs and batchers for all runs that use the same packages. Sets that no run uses are
/// unloaded, least recently used first, when there are more than a few.
/// </summary>
internal sealed class ModelShelf(ClusterStore store, IReadOnlyList<IInferenceEngine> engines, RunOptions node, string cache, Action<string> notes) : IDisposable
{
    /// <summary>Sets kept although no run uses them at the moment.</summary>
    private const int IdleSets = 2;

    private readonly SemaphoreSlim _gate = new(1, 1);
    private readonly List<Loaded> _sets = [];

    /// <exception cref="ModelPackageException">A package cannot be fetched, or they do not fit together.</exception>
    public async Task<Loaded> TakeAsync(IReadOnlyList<ModelReference> models, CancellationToken cancellation)
    {
        string key = string.Join(' ', models.Select(m => m.Sha256).Order(StringComparer.Ordinal));
        await _gate.WaitAsync(cancellation).ConfigureAwait(false);
        try
        {
            Loaded? loaded = _sets.Find(s => s.Key == key);
            if (loaded is null)
            {
                // Loading takes seconds of computing: not on the thread that keeps claims alive.
                loaded = await Task.Run(() => Load(key, models), cancellation).ConfigureAwait(false);
            }
            else
            {
                _sets.Remove(loaded);
            }

            _sets.Add(loaded);
            loaded.Users++;
            return loaded;
        }
        finally
        {
            _gate.Release();
        }
    }

    public void Return(Loaded set)
    {
        Loaded[] unloaded;
        _gate.Wait();
        try
        {
            set.Users--;
            Loaded[] idle = [.. _sets.Where(s => s.Users == 0)];
            unloaded = [.. idle.Take(Math.Max(0, idle.Length - IdleSets))];
            _sets.RemoveAll(s => unloaded.Contains(s));
        }
        finally
        {
            _gate.Release();
        }

        foreach (Loaded gone in unloaded)
        {
            gone.Dispose();
        }
    }

    /// <summary>The devices under the models that were used last.</summary>
    public IReadOnlyList<DeviceBatchers> Devices => _sets.ToArray() is [.., var last] ? last.Device.Devices : [];

    public double BusyShare => _sets.ToArray() is [.., var last] ? last.Device.BusyShare : 0;

    public IReadOnlyList<string> Names => [.. _sets.ToArray().SelectMany(s => s.Pipeline.Packages).Select(p => p.Name).Distinct(StringComparer.Ordinal)];

    public void Dispose()
    {
        foreach (Loaded set in _sets)
        {
            set.Dispose();
        }

        _gate.Dispose();
    }

    private Loaded Load(string key, IReadOnlyList<ModelReference> models)
    {
        ResolvedPipeline pipeline = PipelineResolver.Resolve(models.Select(m => store.Fetch(m, cache)), engines[0]);
        return new Loaded(key, pipeline, new SlidePredictor(pipeline, engines[0]), new DeviceFleet(pipeline, engines, node, notes));
    }

    internal sealed class Loaded(string key, ResolvedPipeline pipeline, SlidePredictor predictor, DeviceFleet device) : IDisposable
    {
        public string Key => key;

        public ResolvedPipeline Pipeline => pipeline;

        public SlidePredictor Predictor => predictor;

        public DeviceFleet Device => device;

        public int Users { get; set; }

        public void Dispose()
        {
            device.Dispose();
            predictor.Dispose();
        }
    }
}
