using System.Diagnostics.Metrics;
using SlideMesh.Inference.Batching;
using SlideMesh.Inference.Engines;
using SlideMesh.Mesh.Stages;

namespace SlideMesh.Mesh.Telemetry;

/// <summary>
/// Instruments with the tag <c>slidemesh.device</c>: the share of the device's time since its first run that it spent in runs, 0 to 1; and of
/// a device with memory of its own, as its library tells, the bytes in use, by whomever, and the bytes that it has. The CPU has none: its memory is
/// the process's.
/// </summary>
internal static class DeviceInstruments
{
    /// <param name="devices">Asked at every observation.</param>
    public static void Add(Meter meter, Func<IReadOnlyList<DeviceBatchers>> devices)
    {
        meter.CreateObservableGauge(
            "slidemesh.device.utilization", () => devices().Select(d => new Measurement<double>(d.Use.Share, InferenceMetrics.DeviceTag(d.Device))), "1",
            "Share of the device's time since its first run that it spent in runs");
        meter.CreateObservableUpDownCounter(
            "slidemesh.device.memory.usage", () => Memory(devices(), m => m.TotalBytes - m.FreeBytes), "By", "Memory of the device in use, by any program");
        meter.CreateObservableUpDownCounter("slidemesh.device.memory.limit", () => Memory(devices(), m => m.TotalBytes), "By", "Memory that the device has");
    }

    private static IEnumerable<Measurement<long>> Memory(IReadOnlyList<DeviceBatchers> devices, Func<DeviceMemory, long> bytes) =>
        from device in devices
        let memory = device.Memory
        where memory is not null
        select new Measurement<long>(bytes(memory.Value), InferenceMetrics.DeviceTag(device.Device));
}
