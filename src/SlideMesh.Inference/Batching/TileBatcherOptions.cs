namespace SlideMesh.Inference.Batching;

/// <summary>How a <see cref="TileBatcher"/> works.</summary>
public sealed record TileBatcherOptions
{
    /// <summary>
    /// Tiles a run, at least <see cref="TileBatcher.MinimumRows"/>; lowered when <see cref="MemoryLimitBytes"/> asks for it. Null: <see cref="TileBatcher.Create"/> measures
    /// (see <see cref="BatchSizeFinder"/>); otherwise 8.
    /// </summary>
    public int? BatchSize { get; init; }

    /// <summary>Every run has one tile, for graphs whose results depend on the batch; set by <see cref="TileBatcher.Create"/>.</summary>
    public bool OneTileRuns { get; init; }

    /// <summary>
    /// Every run has the batch's size, filled up with padding: for devices whose kernels differ with the number of rows, where a row's last bits
    /// then depend on that one size. Always so for an <see cref="Engines.ITileSession"/>.
    /// </summary>
    public bool EqualRuns { get; init; }

    /// <summary>Runs at the same time at most, each on a thread of its own; lowered when <see cref="MemoryLimitBytes"/> asks for it. The default is for a CPU: one per core, on a session of one thread.</summary>
    /// <remarks>
    /// Measured with ONNX Runtime 1.30 beside other work on 2 cores, tiles per second of CPU time: demonstration encoder 644 with two
    /// loops of one thread, 595 with one loop of two threads, 346 with two threads that spin; ResNet-50 27, 21 and 19 (batches of 8).
    /// </remarks>
    public int Parallelism { get; init; } = Environment.ProcessorCount;

    /// <summary>The device that runs, for the metrics: <see cref="Engines.IInferenceEngine.Device"/>.</summary>
    public string Device { get; init; } = "cpu";

    /// <summary>Told, in one line, what a user should know: a batch that was too large for the device, what was chosen to make it faster. Must be quick.</summary>
    public Action<string>? Notes { get; init; }

    /// <summary>Bound on the memory of all batch buffers together (pixels and results; not the engine's own).</summary>
    public long MemoryLimitBytes { get; init; } = 512L << 20;

    /// <summary>How long an incomplete batch waits for a further tile while the device is idle.</summary>
    public TimeSpan Linger { get; init; } = TimeSpan.FromMilliseconds(4);
}
