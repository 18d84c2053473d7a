using SlideMesh.Inference.Batching;
using SlideMesh.Inference.Engines;
using SlideMesh.Inference.Packages;
using SlideMesh.Mesh.Runs;

namespace SlideMesh.Mesh.Stages;

/// <summary>The devices of this process, each with batchers of its own. The engines stay the caller's.</summary>
public sealed class DeviceFleet : IDisposable
{
    /// <param name="engines">One a device.</param>
    /// <param name="notes">Told in one line what a user should know.</param>
    public DeviceFleet(ResolvedPipeline pipeline, IReadOnlyList<IInferenceEngine> engines, RunOptions options, Action<string>? notes = null)
    {
        ArgumentNullException.ThrowIfNull(engines);
        ArgumentNullException.ThrowIfNull(options);
        ArgumentOutOfRangeException.ThrowIfZero(engines.Count);
        RunOptions each = options with { BatchMemoryBytes = options.BatchMemoryBytes / engines.Count };
        Devices = [.. engines.Select(engine => new DeviceBatchers(pipeline, engine, each, notes))];
    }

    public IReadOnlyList<DeviceBatchers> Devices { get; }

    /// <summary>What the batchers that are in use have done so far.</summary>
    public IEnumerable<BatcherStatistics> Statistics => Devices.SelectMany(d => d.Statistics);

    /// <summary>Share of the devices' time in runs since the first one of each, 0 to 1; the mean over the devices.</summary>
    public double BusyShare => Devices.Average(d => d.Use.Share);

    /// <inheritdoc cref="DeviceBatchers.Warm"/>
    public void Warm()
    {
        foreach (DeviceBatchers device in Devices)
        {
            device.Warm();
        }
    }

    public void Dispose()
    {
        foreach (DeviceBatchers device in Devices)
        {
            device.Dispose();
        }
    }
}
