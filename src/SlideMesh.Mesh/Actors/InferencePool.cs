using SlideMesh.Mesh.Engine;
using SlideMesh.Mesh.Messages;
using SlideMesh.Mesh.Runs;
using SlideMesh.Mesh.Stages;

namespace SlideMesh.Mesh.Actors;

/// <summary>One inference actor a device; a shard goes to the one that has the fewest. Which device it was does not change its rows beyond what the engine's kind does.</summary>
public sealed class InferencePool : IDisposable
{
    private readonly TileInference[] _actors;
    private readonly int[] _inHand;
    private readonly Lock _gate = new();

    /// <param name="decoders">Threads that read tiles, shared out between the devices.</param>
    public InferencePool(RunContext run, IMeshEngine engine, DeviceFleet fleet, int decoders)
    {
        ArgumentNullException.ThrowIfNull(fleet);
        int devices = fleet.Devices.Count;
        _inHand = new int[devices];
        _actors = [.. fleet.Devices.Select((device, i) => new TileInference(run, engine, device, Math.Max(1, (decoders + devices - 1 - i) / devices)))];
    }

    public async Task PerformAsync(EmbedShard shard, CancellationToken cancellation)
    {
        int device;
        lock (_gate)
        {
            device = Array.IndexOf(_inHand, _inHand.Min());
            _inHand[device]++;
        }

        try
        {
            await _actors[device].PerformAsync(shard, cancellation).ConfigureAwait(false);
        }
        finally
        {
            lock (_gate)
            {
                _inHand[device]--;
            }
        }
    }

    public void Dispose()
    {
        foreach (TileInference actor in _actors)
        {
            actor.Dispose();
        }
    }
}
