namespace SlideMesh.Inference.OnnxRuntime;

/// <summary>How ONNX Runtime runs graphs on the CPU.</summary>
public sealed record OnnxRuntimeOptions
{
    /// <summary>
    /// Pool threads wait in a busy loop. False: they sleep, which leaves the cores to the decoders (see docs on throughput);
    /// of no effect with one thread.
    /// </summary>
    public bool AllowSpinning { get; init; }

    /// <summary>Keeps freed blocks for the next run: faster; memory stays at the largest batch seen.</summary>
    public bool MemoryArena { get; init; } = true;
}
