namespace SlideMesh.Inference.Batching;

/// <summary>How a <see cref="TileBatcher"/> works.</summary>
public sealed record TileBatcherOptions
{
    /// <summary>Tiles a run; lowered when <see cref="MemoryLimitBytes"/> asks for it. See <see cref="BatchSizeFinder"/>.</summary>
    public int BatchSize { get; init; } = 8;

    /// <summary>Runs at the same time, each on a thread of its own. On a CPU: one per core, with sessions of one thread.</summary>
    public int Parallelism { get; init; } = 1;

    /// <summary>Bound on the memory of all batch buffers together (pixels and results; not the engine's own).</summary>
    public long MemoryLimitBytes { get; init; } = 512L << 20;

    /// <summary>How long an incomplete batch waits for a further tile while the device is idle.</summary>
    public TimeSpan Linger { get; init; } = TimeSpan.FromMilliseconds(4);
}
