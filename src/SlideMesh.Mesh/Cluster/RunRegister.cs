using SlideMesh.Inference.Engines;
using SlideMesh.Mesh.Redis;
using SlideMesh.Mesh.Runs;
using SlideMesh.Mesh.Telemetry;

namespace SlideMesh.Mesh.Cluster;

/// <summary>The runs that a node has loaded, each once. Those that it has no message of are let go, least recently used first.</summary>
internal sealed class RunRegister(
    ClusterStore store, ModelShelf shelf, IInferenceEngine inference, RedisEngine engine, RunOptions node, MeshTelemetry telemetry) : IDisposable
{
    private const int IdleRuns = 4;

    private readonly SemaphoreSlim _gate = new(1, 1);
    private readonly List<ClusterRun> _runs = [];

    /// <summary>Slides that are open here, as <c>run slide</c>.</summary>
    public IReadOnlyCollection<string> OpenSlides
    {
        get
        {
            ClusterRun[] runs;
            lock (_runs)
            {
                runs = [.. _runs];
            }

            return [.. runs.Reverse().SelectMany(r => r.Final.Handles.OpenNow.Select(slide => r.Specification.Id + " " + slide.Value))];
        }
    }

    /// <summary>Uses a run for as long as the lease lives.</summary>
    public async Task<Lease> OpenAsync(string run, CancellationToken cancellation)
    {
        await _gate.WaitAsync(cancellation).ConfigureAwait(false);
        try
        {
            ClusterRun? known;
            lock (_runs)
            {
                known = _runs.Find(r => r.Specification.Id == run);
            }

            known ??= await ClusterRun.LoadAsync(store.Read(run), store, shelf, inference, engine, node, telemetry, TimeProvider.System, cancellation).ConfigureAwait(false);
            lock (_runs)
            {
                _runs.Remove(known);
                _runs.Add(known);
                known.Users++;
            }

            return new Lease(this, known);
        }
        finally
        {
            _gate.Release();
        }
    }

    /// <summary>Lets go of runs that had no message here for a while, and with them of their output folders.</summary>
    public void Prune(TimeSpan idle)
    {
        ClusterRun[] unused;
        lock (_runs)
        {
            unused = [.. _runs.Where(r => r.Users == 0 && r.SinceUse > idle)];
            _runs.RemoveAll(r => unused.Contains(r));
        }

        foreach (ClusterRun gone in unused)
        {
            gone.Dispose();
        }
    }

    public void Dispose()
    {
        foreach (ClusterRun run in _runs)
        {
            run.Dispose();
        }

        _gate.Dispose();
    }

    private void Return(ClusterRun run)
    {
        ClusterRun[] unused;
        lock (_runs)
        {
            run.Users--;
            run.Touch();
            ClusterRun[] idle = [.. _runs.Where(r => r.Users == 0)];
            unused = [.. idle.Take(Math.Max(0, idle.Length - IdleRuns))];
            _runs.RemoveAll(r => unused.Contains(r));
        }

        foreach (ClusterRun gone in unused)
        {
            gone.Dispose();
        }
    }

    internal sealed class Lease(RunRegister owner, ClusterRun run) : IDisposable
    {
        private int _returned;

        public ClusterRun Run => run;

        public void Dispose()
        {
            if (Interlocked.Exchange(ref _returned, 1) == 0)
            {
                owner.Return(run);
            }
        }
    }
}
