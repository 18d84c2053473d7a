using SlideMesh.Inference.Engines;

namespace SlideMesh.Inference.Batching;

/// <summary>What a batcher has done so far.</summary>
/// <param name="Batches">Runs.</param>
/// <param name="Tiles">Tiles with a result.</param>
/// <param name="FailedTiles">Tiles whose run failed.</param>
/// <param name="QueueDepth">Tiles handed over and not yet done.</param>
/// <param name="BatchSize">Tiles a run at most; sinks when the device runs out of memory.</param>
/// <param name="BufferBytes">Memory of all batch buffers.</param>
/// <param name="OutOfMemoryEvents">Runs that were halved.</param>
/// <param name="Busy">Time in runs, summed over device loops; on a GPU, time in which it computed for this model.</param>
/// <param name="Wait">Time without a batch to run, summed over device loops: large when decoding is the bottleneck. On a GPU, the rest of the time since the first run.</param>
public sealed record BatcherStatistics(
    long Batches, long Tiles, long FailedTiles, long QueueDepth, int BatchSize, long BufferBytes, long OutOfMemoryEvents, TimeSpan Busy, TimeSpan Wait)
{
    /// <summary>Seconds of all runs together, where the session tells them.</summary>
    public TileRunTimings Device { get; init; }

    /// <summary>The device's time for this model.</summary>
    public DeviceUse Use { get; init; }
}
