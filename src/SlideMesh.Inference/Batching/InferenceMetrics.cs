using System.Diagnostics;
using System.Diagnostics.Metrics;

namespace SlideMesh.Inference.Batching;

/// <summary>
/// Instruments of the batchers, each with the tag <c>model</c>, those of the device's time and memory also with <c>slidemesh.device</c>
/// (docs/cluster.md). One set a process: instruments are shared by design of the API.
/// </summary>
public static class InferenceMetrics
{
    public const string MeterName = "SlideMesh.Inference";

    private static readonly Meter Meter = new(MeterName);

    internal static Counter<long> Batches { get; } = Meter.CreateCounter<long>("slidemesh.inference.batches", "{batch}", "Runs of a tile graph.");

    internal static Counter<long> Tiles { get; } = Meter.CreateCounter<long>("slidemesh.inference.tiles", "{tile}", "Tiles with a result.");

    internal static Counter<long> FailedTiles { get; } = Meter.CreateCounter<long>("slidemesh.inference.tiles.failed", "{tile}", "Tiles whose run failed.");

    internal static Counter<long> NonFiniteTiles { get; } = Meter.CreateCounter<long>("slidemesh.inference.tiles.non_finite", "{tile}", "Tiles whose row holds NaN or infinity.");

    internal static Histogram<double> RunDuration { get; } = Meter.CreateHistogram<double>("slidemesh.inference.run.duration", "s", "Duration of one run.");

    internal static Histogram<double> CopyInDuration { get; } = Meter.CreateHistogram<double>("slidemesh.inference.copy_in.duration", "s", "Copy of one batch's bytes to the device.");

    internal static Histogram<double> ComputeDuration { get; } = Meter.CreateHistogram<double>("slidemesh.inference.compute.duration", "s", "Computation of one batch on the device.");

    internal static Histogram<double> CopyOutDuration { get; } = Meter.CreateHistogram<double>("slidemesh.inference.copy_out.duration", "s", "Copy of one batch's results from the device.");

    internal static Counter<double> DeviceBusy { get; } = Meter.CreateCounter<double>("slidemesh.inference.device.busy", "s", "Time in runs, over all device loops.");

    internal static Counter<double> DeviceWait { get; } = Meter.CreateCounter<double>("slidemesh.inference.device.wait", "s", "Time without a batch to run, over all device loops.");

    internal static UpDownCounter<long> QueueDepth { get; } = Meter.CreateUpDownCounter<long>("slidemesh.inference.queue.depth", "{tile}", "Tiles handed over and not yet done.");

    internal static Counter<long> OutOfMemory { get; } = Meter.CreateCounter<long>("slidemesh.inference.out_of_memory", "{event}", "Runs halved because the device had no memory.");

    internal static KeyValuePair<string, object?> Tag(string model) => new("model", model);

    /// <param name="device">E.g. <c>cuda:1</c>.</param>
    public static KeyValuePair<string, object?> DeviceTag(string device) => new("slidemesh.device", device);
}
